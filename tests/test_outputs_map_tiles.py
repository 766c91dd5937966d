"""A base map of the user's own: which tiles are taken, where the key stands, and what the page may then load."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from browser import chromium
from command import call, inside
from lifecircle import assess
from lifecircle.errors import ConfigError
from lifecircle.outputs.map_shapes import without_smallest
from lifecircle.outputs.maps import DETAILS, draw_map, map_html, thinned
from lifecircle.outputs.rundir import write_run
from lifecircle.tiles import PRESETS, base_map, check_tiles
from sample_assessment import sample
from tinytown import write_town

KEY = "a1b2/c3 d4<e5>"
OWN = "https://tiles.intranet.example:8443/base/{z}/{x}/{y}.png?tk={key}"


@pytest.mark.parametrize(("tiles", "said"), [
    ("https://webrd01.is.autonavi.com/appmaptile?x={x}&y={y}&z={z}", "GCJ-02, shifted by 300-700 m"),
    ("amap", "GCJ-02"), ("高德", "GCJ-02"),
    ("https://maponline0.bdimg.com/tile/?x={x}&y={y}&z={z}", "BD-09, shifted by about 1 km"),
    ("https://t/{z}/{x}/{y}?tk=0123456789", "tiles hold a key"),
    ("https://t/{z}/{x}/{y}?a=1&ACCESS_TOKEN=x", "tiles hold a key"),
    ("https://t/{z}/{x}/{y}?appkey=S3CRET", "tiles hold a key"),
    ("https://t/{z}/{x}/{y}?subscription-key=S3CRET", "tiles hold a key"),
    ("https://t/{z}/{x}/{y}?t%6B=S3CRET", "tiles hold a key"),
    ("https://t/{z}/{x}/{y}?tk={key}S3CRET", "tiles hold a key"),
    ("https://map.geoq.cn/a/{z}/{y}/{x}", "GCJ-02"), ("https://mt1.google.com/vt?x={x}&y={y}&z={z}&gl=cn", "GCJ-02"),
    ("https://{s}.t/{z}/{x}/{y}", "several hosts"), ("https://t/{z}/{x}", "need {z}, {x} and {y}"),
    ("https://t/{z}/{x}/{y}/{style}", "found style"), ("tianditu", "none of tianditu_vec"),
    ("javascript://t/{z}/{x}/{y}", "plain http"), ("https://t/{z}/{x}/{y}\"><script>", "plain http"),
    ("https://t'/{z}/{x}/{y}", "plain http"), ("https://{key}/{z}/{x}/{y}", "plain http"),
    ("file:///etc/{z}/{x}/{y}", "plain http")])
def test_tiles_that_are_refused(tiles: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        check_tiles(tiles)


def test_tiles_that_are_taken() -> None:
    assert check_tiles("http://10.1.2.3/wmts?TILEMATRIX={TileMatrix}&TILEROW={TileRow}&TILECOL={TileCol}") == (
        "http://10.1.2.3/wmts?TILEMATRIX={z}&TILEROW={y}&TILECOL={x}",)
    assert check_tiles("https://t/{z}/{x}/{-y}.png") == ("https://t/{z}/{x}/{-y}.png",)
    assert [re.search(r"LAYER=(\w+)", address)[1] for address in PRESETS["tianditu_img"]] == ["img", "cia"]
    found = base_map("tianditu_vec", "", "k")
    assert (found.origin, found.attribution) == ("https://t0.tianditu.gov.cn", "天地图")
    assert all(address.endswith("tk=k") for address in found.addresses)


def test_the_page_asks_that_host_alone_for_pictures(tmp_path: Path) -> None:
    path = tmp_path / "map.html"
    path.write_text(map_html(sample(), tiles=base_map(OWN, "<b>自有底图</b>", KEY)), encoding="utf-8")
    with chromium() as browser:
        asked = requests_of(browser, path)
    assert asked
    own = re.compile(r"https://tiles\.intranet\.example:8443/base/\d+/\d+/\d+\.png\?tk=a1b2%2Fc3%20d4%3Ce5%3E")
    assert all(own.fullmatch(url) for url in asked)
    text = path.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "img-src data: https://tiles.intranet.example:8443;" in policy
    assert policy.count("https://") == 1
    assert "<b>自有底图" not in text


def requests_of(browser: Browser, path: Path) -> list[str]:
    context = browser.new_context(viewport={"width": 900, "height": 700})
    asked: list[str] = []
    blocked: list[str] = []
    context.on("request", lambda request: asked.append(request.url) if request.url.startswith("http") else None)
    context.on("requestfailed", lambda request: blocked.append(request.url) if request.failure == "csp" else None)
    page = context.new_page()
    page.goto(path.resolve().as_uri())
    page.evaluate("""() => { const image = new Image(); image.src = "https://other.example/x.png";
      fetch("https://other.example/data").catch(() => 0); }""")
    page.wait_for_timeout(800)
    assert "自有底图" in page.inner_text(".lc-foot")
    assert page.locator(".lc-foot b").count() == 0
    context.close()
    assert set(blocked) <= {"https://other.example/x.png", "https://other.example/data"}
    return [url for url in asked if url not in blocked]


def test_the_key_is_in_the_page_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFECIRCLE_TILE_KEY", "s3cretk3y")
    found = assess(write_town(tmp_path / "town", map={"tiles": "tianditu_vec", "key_env": "LIFECIRCLE_TILE_KEY"},
                              surface={"cell_m": 500}))
    write_run(found, tmp_path / "run")
    holding = [path.name for path in (tmp_path / "run").iterdir() if b"s3cretk3y" in path.read_bytes()]
    assert holding == ["map.html"]
    monkeypatch.delenv("LIFECIRCLE_TILE_KEY")
    page = map_html(found)
    assert "tianditu.gov.cn" not in page
    assert "img-src data:;" in page
    assert notes(page) == ["底图未载入：环境变量 LIFECIRCLE_TILE_KEY 没有密钥"]


def test_a_run_file_with_shifted_tiles_is_refused(tmp_path: Path) -> None:
    run = write_town(tmp_path, map={"tiles": "https://webst01.is.autonavi.com/{z}/{x}/{y}"})
    with pytest.raises(ConfigError, match="GCJ-02"):
        assess(run)


def test_a_run_file_may_not_ask_for_other_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    asked = {"tiles": "https://tiles.example/{z}/{x}/{y}?k={key}", "key_env": "AWS_SECRET_ACCESS_KEY"}
    with pytest.raises(ConfigError, match="key_env"):
        assess(write_town(tmp_path, map=asked))
    drawn = sample()
    from_elsewhere = replace(drawn, run={**drawn.run, "runfile": {**drawn.run.get("runfile", {}), "map": asked}})
    assert "s3cr3t" not in map_html(from_elsewhere)


def test_the_verb_draws_over_tiles_and_wants_the_key(tmp_path: Path) -> None:
    write_run(assess(write_town(tmp_path / "town", surface={"cell_m": 500})), tmp_path / "run")
    before = (tmp_path / "run" / "run.json").read_bytes()
    code, _, said = inside("map", tmp_path / "run", "--tiles", "tianditu_vec", "--key-env", "NO_SUCH_KEY")
    assert code == 2
    assert "NO_SUCH_KEY is not set" in said
    right = call("map", tmp_path / "run", "--tiles", "tianditu_vec", "--key-env", "OUR_TILE_KEY",
                 OUR_TILE_KEY="s3cretk3y")
    assert right.returncode == 0
    assert "s3cretk3y" not in right.stdout + right.stderr
    assert b"s3cretk3y" in (tmp_path / "run" / "map.html").read_bytes()
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def test_above_so_many_polygons_the_smallest_go_and_the_page_says_so() -> None:
    """The sample has 3 townships and per layer 2 + 2 + 1 parts of areas: 28; the 30-minute rings are the largest."""
    made = sample()
    assert without_smallest(made)[1] == (28, 0)
    assert without_smallest(made)[0] is made
    thin, left = without_smallest(made, most=10)
    assert left == (28, 18)
    kept = thin.service_areas.geometry.map(lambda shape: 0 if shape.is_empty else len(getattr(shape, "geoms", [shape])))
    assert kept.sum() == 7
    assert list(thin.service_areas.loc[kept > 0, "cutoff"].dropna().unique())[-1] == 30.0
    assert len(thin.townships) == 3


def test_what_is_drawn_more_coarsely_is_said() -> None:
    made = sample()
    assert thinned(made, DETAILS[0])[1] == []
    assert thinned(made, DETAILS[-1])[1] == ["页面过大，图形按 160 米简化"]
    way = made.routes.reindex(range(1))
    assert thinned(replace(made, routes=way), DETAILS[1])[1] == ["页面过大，路线按 24 米简化"]
    assert thinned(replace(made, routes=way), DETAILS[3])[1] == ["页面过大，图形按 40 米简化", "页面过大，未收入路线"]
    assert notes(draw_map(made, detail=DETAILS[-1]).get_root().render()) == ["页面过大，图形按 160 米简化"]


def notes(page: str) -> list[str]:
    """Give what stands at the foot of the page about what it does not show."""
    found: list[str] = json.loads(re.search(r'"notes": (\[[^\]]*\])', page)[1])
    return found
