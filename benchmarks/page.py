"""Drop facilities on the planner's page in a real browser, and time how soon it shows what they change; JSON out.

    python benchmarks/page.py DIR --runfile FILE [--drops 100] [--layer clinics] [--seed 1] [--chromium PATH]

DIR is a finished run, FILE its run file. Each drop is a drag of the pin by the mouse from the panel to a random place
of the district. *shown* is the time from the release of the mouse until the figures that belong to the place are on
the screen (the frame after they were written); *moving* are the answers shown while the pin was still dragged, each
from its question; *asked* is the part of it that the service says it took.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]
#: Goal of the 95th percentile.
GOAL_MS = 300.0
#: Write down when the mouse is let go, and when an answer stands on the screen.
WATCH = """() => {
  const {asker} = window.lifecircle;
  const answered = asker.answered;
  window.dropped = {released: null, shown: null, moving: [], asked: []};
  addEventListener("pointerup", () => { window.dropped.released = performance.now(); }, true);
  asker.answered = (answer, body, took, more) => {
    const asked = performance.now() - took;
    answered(answer, body, took, more);
    requestAnimationFrame(() => setTimeout(() => {
      const now = performance.now();
      window.dropped.asked.push(answer.milliseconds);
      window.dropped.moving.push(now - asked);
      if (window.dropped.released !== null && !more && !asker.busy) window.dropped.shown = now;
    }));
  };
}"""
#: Give a place of the page that lies over the district.
SPOT = """([x, y]) => {
  const {view, base} = window.lifecircle;
  const bounds = view.townships.getBounds();
  const at = L.latLng(bounds.getSouth() + y * (bounds.getNorth() - bounds.getSouth()),
    bounds.getWest() + x * (bounds.getEast() - bounds.getWest()));
  const inside = base.townships.features.some(({geometry}) => {
    const rings = (geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates).flat();
    return rings.reduce((odd, ring) => ring.reduce((now, [lon, lat], at2) => {
      const [toLon, toLat] = ring[(at2 + 1) % ring.length];
      const hit = (lat > at.lat) !== (toLat > at.lat) && at.lng < lon + (at.lat - lat) / (toLat - lat) * (toLon - lon);
      return hit ? !now : now;
    }, odd), false);
  });
  const point = view.map.latLngToContainerPoint(at);
  const box = view.map.getContainer().getBoundingClientRect();
  return inside ? [point.x + box.x, point.y + box.y] : null;
}"""


@contextmanager
def served(run: Path, runfile: Path) -> Iterator[str]:
    """Serve a run until the block ends; give its address when it is warm."""
    process = subprocess.Popen([sys.executable, "-m", "lifecircle", "serve", str(run), "--runfile", str(runfile),
                                "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip().rstrip("/")
        while True:
            try:
                with urllib.request.urlopen(f"{address}/live") as answer:
                    state = json.load(answer)
            except OSError:
                state = {"status": "starting"}
            if state["status"] == "ready":
                break
            if state["status"] == "unavailable":
                raise SystemExit(state["reason"])
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def drop(page: Page, at: tuple[float, float]) -> dict[str, Any]:
    """Drag the pin to a place, and give what was measured; the facility is taken away again."""
    page.evaluate("() => Object.assign(window.dropped, {released: null, shown: null, moving: [], asked: []})")
    box = page.locator(".palette").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move((at[0] + box["x"]) / 2, (at[1] + box["y"]) / 2, steps=3)
    page.mouse.move(*at, steps=10)
    page.mouse.up()
    page.wait_for_function("() => window.dropped.shown !== null")
    found: dict[str, Any] = page.evaluate("() => window.dropped")
    page.click("#drop-0")
    page.wait_for_function("() => !window.lifecircle.asker.busy")
    return {"shown_ms": found["shown"] - found["released"], "moving_ms": found["moving"][:-1],
            "asked_ms": found["asked"]}


def spread(values: list[float]) -> dict[str, float]:
    """Give count, median, 95th percentile and the most."""
    ordered = sorted(values)
    return {"count": len(ordered), "median": round(statistics.median(ordered), 1),
            "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 1), "most": round(ordered[-1], 1)}


def main() -> None:
    """Run the benchmark and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--runfile", type=Path, required=True)
    parser.add_argument("--drops", type=int, default=100)
    parser.add_argument("--layer", default="clinics")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    given = parser.parse_args()
    rng, drops = random.Random(given.seed), []
    with served(given.run, given.runfile) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        began = time.perf_counter()
        page.goto(f"{address}/planner")
        page.wait_for_selector("#rate-after")
        opened_s = time.perf_counter() - began
        page.select_option("#service", given.layer)
        page.wait_for_function("() => !window.lifecircle.asker.busy")
        page.evaluate(WATCH)
        while len(drops) < given.drops:
            spot = page.evaluate(SPOT, [rng.random(), rng.random()])
            if spot is not None:
                drops.append(drop(page, tuple(spot)))
        browser.close()
    shown = spread([one["shown_ms"] for one in drops])
    print(json.dumps({"layer": given.layer, "drops": given.drops, "seed": given.seed, "opened_s": round(opened_s, 2),
                      "shown_ms": shown, "moving_ms": spread([value for one in drops for value in one["moving_ms"]]),
                      "asked_ms": spread([value for one in drops for value in one["asked_ms"]]),
                      "goal_ms": GOAL_MS, "met": shown["p95"] <= GOAL_MS}, indent=1))


if __name__ == "__main__":
    main()
