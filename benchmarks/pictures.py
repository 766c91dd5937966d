"""Take the pictures of the documentation from the map of a run: the district, a township, a way, and the gaps.

Usage: python benchmarks/pictures.py RUN_DIR DOCS_DIR
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

import lifecircle

#: Size of the window in pixels.
WIDTH_PX, HEIGHT_PX = 1280, 840
FLAGS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--font-render-hinting=none"]


def main(run_directory: Path, docs: Path) -> None:
    """Open the map in a headless browser that reaches no network, and save what it shows."""
    images = docs / "images"
    images.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        context = browser.new_context(viewport={"width": WIDTH_PX, "height": HEIGHT_PX}, locale="zh-CN", offline=True)
        page = context.new_page()
        page.goto((run_directory / "map.html").resolve().as_uri())
        save(page, images / "map.png")
        find(page, worst_township(run_directory))
        save(page, images / "township.png")
        page.keyboard.press("Escape")
        find(page, worst_place(run_directory))
        save(page, images / "map_way.png")
        page.keyboard.press("Escape")
        page.reload()
        page.check("[name=lc-theme][value=gaps]")
        save(page, images / "map_gaps.png")
        browser.close()


def chromium() -> str:
    """Find the browser."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise SystemExit("no chromium on this machine; install the package chromium")
    return found


def worst_township(run_directory: Path) -> str:
    """Name the township with the smallest coverage rate in the first layer."""
    assessment = lifecircle.read_run(run_directory)
    rates = assessment.headline("coverage_rate")
    rates = rates[(rates["class"] == "all") & (rates["township_code"] != assessment.run["district"]["code"])]
    rates = rates[rates["layer"] == assessment.layers[0]]
    return str(rates.sort_values("value")["township"].iloc[0])


def worst_place(run_directory: Path) -> str:
    """Name the place with most people out of time."""
    gaps = lifecircle.read_run(run_directory).gaps
    first = gaps[(gaps["kind"] == "reach") & (gaps["group"] == "all")]
    return str(first.sort_values("people_out")["place"].iloc[-1])


def find(page: Page, name: str) -> None:
    """Search for a township as a user does; its popup opens."""
    page.fill(".lc-head input[type=search]", name)
    page.press(".lc-head input[type=search]", "Enter")
    page.wait_for_selector(".leaflet-popup-content")
    page.evaluate("document.activeElement.blur()")


def save(page: Page, path: Path) -> None:
    """Save what the window shows, once it has come to rest."""
    page.wait_for_timeout(1500)
    page.screenshot(path=path, animations="disabled")
    print(path)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
