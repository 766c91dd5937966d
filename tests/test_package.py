"""What is installed: public names, a fast import, a wheel that is whole, a repository without private traces."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import lifecircle
from lifecircle.cli import model_directory

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def python(code: str, **kwargs: Any) -> str:
    """Run a line of Python in a process of its own and give what it printed."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=120, check=False,
                          **kwargs)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --- Public names ---------------------------------------------------------------------------------------------------

def test_all_names_are_sorted_and_can_be_imported() -> None:
    names = lifecircle.__all__
    assert names == sorted(set(names), key=lambda name: (0 if name.isupper() else 1 if name[0].isupper() else 2, name))
    for name in names:
        assert getattr(lifecircle, name) is not None
    assert dir(lifecircle) == sorted(names)


@pytest.mark.parametrize("name", [name for name in lifecircle.__all__ if name not in {"MODES", "__version__"}])
def test_public_names_are_explained(name: str) -> None:
    value = getattr(lifecircle, name)
    text = inspect.getdoc(value)
    assert text
    assert text.splitlines()[0].endswith((".", "?"))
    members = [member for key, member in inspect.getmembers(value) if not key.startswith("_")
               and inspect.isroutine(member) and getattr(member, "__module__", "").startswith("lifecircle")]
    assert [member.__qualname__ for member in members if not inspect.getdoc(member)] == []


def test_unknown_names_are_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        lifecircle.nosuch  # noqa: B018


def test_import_is_light() -> None:
    loaded = python("import sys, lifecircle; print(*sys.modules)").split()
    assert {"numba", "geopandas", "osmnx", "pandas", "numpy", "pandera"}.isdisjoint(loaded)


def test_the_command_line_is_light() -> None:
    loaded = python("import sys, lifecircle.cli; print(*sys.modules)").split()
    assert {"numba", "geopandas", "osmnx", "pandas", "numpy", "pydantic", "fastapi"}.isdisjoint(loaded)


@pytest.mark.parametrize("first", ["import lifecircle.assess", "from lifecircle.assess import assess",
                                   "import lifecircle.gaps, lifecircle.assess", "import lifecircle.cli"])
def test_assess_stays_the_function(first: str) -> None:
    assert python(f"{first}; import lifecircle; print(type(lifecircle.assess).__name__, lifecircle.assess.__name__)"
                  ) == "function assess"


def test_coverage_py_is_not_shadowed() -> None:
    """The source root is a folder called coverage; Python started beside it must still find coverage.py."""
    assert python("import coverage; print(hasattr(coverage, 'types'))", cwd=ROOT) == "True"


# --- What is installed ----------------------------------------------------------------------------------------------

def test_versions_agree(project: dict[str, Any]) -> None:
    assert project["project"]["version"] == lifecircle.__version__ == version("lifecircle")


def test_model_district_is_found() -> None:
    assert model_directory() == ROOT / "data"
    assert {"bazhou.toml", "policy.toml", "boundaries", "facilities", "roads", "population"} <= {
        path.name for path in model_directory().iterdir()}


def test_settings_of_the_build_name_what_is_there(project: dict[str, Any]) -> None:
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert all((ROOT / package / "__init__.py").is_file() and (ROOT / package / "py.typed").is_file()
               for package in wheel["packages"])
    assert all((ROOT / folder).is_dir() for folder in wheel["force-include"])
    assert not (ROOT / "coverage" / "__init__.py").exists()
    assert not (ROOT / "api" / "__init__.py").exists()
    for target in project["project"]["scripts"].values():
        module, _, name = target.partition(":")
        assert callable(getattr(import_module(module), name))


def test_requirements_are_those_of_the_project(project: dict[str, Any]) -> None:
    lines = (ROOT / "requirements" / "core.in").read_text(encoding="utf-8").splitlines()
    asked = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    assert asked == set(project["project"]["dependencies"]) | set(project["build-system"]["requires"])
    pinned = set(re.findall(r"(?m)^([a-z0-9._-]+)==", (ROOT / "requirements" / "core.txt").read_text(encoding="utf-8")))
    names = {re.split(r"[\[><=]", line)[0].lower().replace("_", "-") for line in asked}
    assert names <= {name.replace("_", "-") for name in pinned}


def test_wheel_is_whole(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], cwd=ROOT,
                   capture_output=True, check=True, timeout=120)
    (wheel,) = tmp_path.glob("lifecircle-*.whl")
    unpacked = tmp_path / "unpacked" / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    assert {path.name for path in unpacked.iterdir() if path.suffix != ".dist-info"} == {"lifecircle", "lifecircle_api"}
    found = python("import lifecircle.cli as cli, lifecircle_api.main; print(cli.model_directory())", cwd=tmp_path,
                   env={"PYTHONPATH": str(unpacked), "PATH": ""})
    assert found == str(unpacked / "lifecircle" / "model")
    for root in (ROOT / "coverage", ROOT / "api"):
        sources = [path for path in root.rglob("*") if path.suffix in {".py", ".js", ".css", ".typed"}]
        assert [path for path in sources if not (unpacked / path.relative_to(root)).is_file()] == []


# --- The repository -------------------------------------------------------------------------------------------------

def repository_files() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True,
                          encoding="utf-8", check=False)
    if done.returncode:
        pytest.skip("needs a git checkout")
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_file_names_a_registry_or_a_machine() -> None:
    """The words are put together here so that this file does not hold them itself."""
    hosts = ("pypi" + r"\.org", "python" + r"hosted\.org", "npm" + r"js\.org", "conda" + r"\.anaconda",
             "tuna" + r"\.tsi", "mirrors" + r"\.", "index" + "-url ")
    paths = (r"(?<![\w.~])/(" + "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers")) + r")/\w",
             r"\b[A-Z]:\\" + "Users")
    wrong = re.compile("|".join((*hosts, *paths)))
    found = []
    for path in repository_files():
        text = path.read_bytes().decode("utf-8", errors="replace") if path.stat().st_size < 5_000_000 else ""
        if "\0" not in text[:1000]:
            found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in wrong.finditer(text)]
    assert found == []
