"""Open pages in a real, headless chromium that can reach no network, and write down what it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, Route, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


@dataclass
class Visit:
    """A page that is open, with every address it asked for and every complaint of its console."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def outside(self) -> list[str]:
        """List what was asked for beyond the page's own file."""
        return [url for url in self.requests if not url.startswith(("file:", "data:", "about:", "blob:"))]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser; a machine without it fails the test."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, path: Path, *, width_px: int = 1400, height_px: int = 900) -> Iterator[Visit]:
    """Open a file; requests to anywhere else are written down and refused."""
    context = browser.new_context(viewport={"width": width_px, "height": height_px}, locale="zh-CN")
    seen = Visit(context.new_page())

    def answer(route: Route) -> None:
        if route.request.url.startswith(("file:", "data:", "blob:")):
            route.continue_()
        else:
            route.abort()

    context.route("**/*", answer)
    context.on("request", lambda request: seen.requests.append(request.url))
    seen.page.on("console", lambda message: seen.complaints.append(message.text)
                 if message.type in {"error", "warning"} else None)
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    try:
        seen.page.goto(path.resolve().as_uri())
        yield seen
    finally:
        context.close()
