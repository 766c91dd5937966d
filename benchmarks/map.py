"""Measure the map of a run in chromium: its size, how long it takes to open, and each step of the zoom, per theme.

Usage: python benchmarks/map.py RUN_DIR [--out FILE]

Prints JSON. Goals: at most 8 MB, open within 3 s, a step of the zoom within 300 ms.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from pictures import FLAGS, chromium
from playwright.sync_api import Page, sync_playwright

#: How often it is opened, and how far it is zoomed in and out again.
OPENED, STEPS = 5, 4
#: Zoom one step without an animation and wait until that is on the screen; milliseconds.
ZOOM = """(by) => new Promise((done) => {
  const map = window[Object.keys(window).find((key) => key.startsWith("map_"))];
  const begin = performance.now();
  map.setZoom(map.getZoom() + by, {animate: false});
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin), 0));
})"""
OPEN = "performance.getEntriesByType('navigation')[0].loadEventEnd"


def main() -> None:
    """Open the map and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_directory", type=Path)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    text = json.dumps(measure(asked.run_directory / "map.html"), ensure_ascii=False, indent=1)
    print(text)
    if asked.out:
        asked.out.write_text(text + "\n", encoding="utf-8")


def measure(path: Path) -> dict[str, Any]:
    """Give megabytes, milliseconds to open (each time), and milliseconds of each zoom step by theme."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        opened = []
        for _ in range(OPENED):
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.goto(path.resolve().as_uri())
            page.wait_for_timeout(300)
            opened.append(round(page.evaluate(OPEN)))
            page.close()
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(path.resolve().as_uri())
        page.wait_for_timeout(1000)
        zoomed = {str(radio.get_attribute("value")): steps(page, str(radio.get_attribute("value")))
                  for radio in page.locator("[name=lc-theme]").all()}
        browser.close()
    worst = max(max(found) for found in zoomed.values())
    return {"size_mb": round(path.stat().st_size / 1e6, 2), "open_ms": opened,
            "open_ms_median": statistics.median(opened), "zoom_step_ms": zoomed, "zoom_step_ms_worst": worst}


def steps(page: Page, theme: str) -> list[int]:
    """Give the milliseconds of steps in, and out again, under one theme."""
    page.check(f"[name=lc-theme][value={theme}]")
    page.wait_for_timeout(300)
    found = []
    for by in [1] * STEPS + [-1] * STEPS:
        found.append(round(page.evaluate(ZOOM, by)))
        page.wait_for_timeout(150)
    return found


if __name__ == "__main__":
    main()
