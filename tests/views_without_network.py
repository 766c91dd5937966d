"""Open every view of a run where no network exists, click through it, and say what was asked for and complained of.

Run in a network namespace of its own: python views_without_network.py RUN PICTURES.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx2
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from browser import CHROMIUM, FLAGS


def main(run: Path, pictures: Path) -> None:
    """Print what was seen, as JSON."""
    command = [sys.executable, "-m", "lifecircle", "serve", str(run), "--port", "0"]
    served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert served.stdout is not None
    try:
        address = served.stdout.readline().strip().rstrip("/")
        _ready(address)
        interfaces = sorted(name for _, name in socket.if_nameindex())
        seen: dict[str, Any] = {"interfaces": interfaces, "address": address, "views": {}}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            for name, url, steps in (("map", (run / "map.html").resolve().as_uri(), _map),
                                     ("planner", f"{address}/planner", _planner), ("docs", f"{address}/docs", _docs)):
                page, requests, complaints = browser.new_page(viewport={"width": 1400, "height": 900}), [], []
                page.on("request", lambda request, into=requests: into.append(request.url))
                page.on("console", lambda said, into=complaints: into.append(said.text)
                        if said.type in {"error", "warning"} else None)
                page.on("pageerror", lambda error, into=complaints: into.append(str(error)))
                page.goto(url)
                serious = {}
                for view in steps(page):
                    page.screenshot(path=pictures / f"{name}_{view}.png")
                    found = Axe().run(page).response["violations"]
                    serious[view] = [item["id"] for item in found if item["impact"] in {"serious", "critical"}]
                seen["views"][name] = {"requests": requests, "complaints": complaints, "serious": serious}
                page.close()
            browser.close()
        print(json.dumps(seen))
    finally:
        served.terminate()
        served.wait(20)


def _ready(address: str) -> None:
    for _ in range(600):
        try:
            live = httpx2.get(f"{address}/live").json()
            if live["status"] != "starting":
                assert live["status"] == "ready", live
                return
        except httpx2.TransportError:
            pass
        threading.Event().wait(0.1)
    raise TimeoutError(address)


def _map(page: Page) -> Any:
    """Go through the themes; click a township, a place and a way."""
    page.wait_for_selector(".lc-panel")
    for theme in page.eval_on_selector_all("input[name=lc-theme]", "all => all.map(one => one.value)"):
        page.check(f"input[name=lc-theme][value={theme}]")
        yield theme
    page.check("input[name=lc-theme] >> nth=0")
    page.locator(".lc-head input[type=search]").fill(page.locator("#lc-found option").first.get_attribute("value"))
    page.keyboard.press("Enter")
    page.wait_for_selector(".leaflet-popup h3")
    yield "card"


def _planner(page: Page) -> Any:
    page.wait_for_selector("#result:not([aria-busy=true])")
    yield "start"
    for at, tab in enumerate(page.locator("#tabs [role=tab]").all()):
        tab.click()
        yield f"tab_{at}"


def _docs(page: Page) -> Any:
    yield "docs"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
