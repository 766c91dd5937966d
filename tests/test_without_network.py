"""Every view opens where there is no network at all: behind a closed one nothing is missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lifecircle
from tinytown import write_town


def test_every_view_opens_without_a_network(tmp_path: Path) -> None:
    closed = ["unshare", "--map-root-user", "--net", "--", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if not shutil.which("unshare") or subprocess.run([*closed, "true"], capture_output=True, check=False).returncode:
        assert not os.environ.get("CI"), "CI can make a network namespace"
        pytest.skip("this machine gives no network namespace")
    run = lifecircle.write_run(lifecircle.assess(write_town(tmp_path / "town")), tmp_path / "town" / "out")
    (tmp_path / "pictures").mkdir()
    script = Path(__file__).with_name("views_without_network.py")
    done = subprocess.run([*closed, sys.executable, str(script), str(run), str(tmp_path / "pictures")],
                          capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout)
    assert seen["interfaces"] == ["lo"]
    assert set(seen["views"]) == {"map", "planner", "docs"}
    for name, view in seen["views"].items():
        own = ("data:", "blob:", "file:" if name == "map" else seen["address"])
        assert [url for url in view["requests"] if not url.startswith(own)] == [], name
        assert view["complaints"] == [], name
        assert len(view["serious"]) > 0
        assert not any(view["serious"].values()), (name, view["serious"])
    assert len(list((tmp_path / "pictures").glob("*.png"))) == sum(len(view["serious"])
                                                                  for view in seen["views"].values())
