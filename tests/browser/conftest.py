"""A real Chromium, a real dashboard, and a watch on what must never happen in either."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.browser.stage import Stage, frozen, staged

try:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
except ImportError:  # the wheel is one of the development packages; what becomes of the tests: `chromium`
    Browser = BrowserContext = Locator = Page = Any  # type: ignore[assignment,misc]
    expect = sync_playwright = None  # type: ignore[assignment]

LOGIN = {"username": "admin", "password": "password123"}
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def chromium_path() -> str | None:
    """Return where this machine's Chromium is."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """The browser. Without one these tests are skipped aloud; under CI=true that is a failure."""
    path = chromium_path()
    if sync_playwright is None or path is None:
        missing = "the playwright wheel" if sync_playwright is None else "chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{missing} is missing; ./test.sh installs it")
        pytest.skip(f"BROWSER TESTS SKIPPED: {missing} is missing; ./test.sh installs it")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, chromium: "Browser") -> Iterator[Stage]:
    """A dashboard that serves a made-up station with two days behind it."""
    with staged(tmp_path_factory.mktemp("stage"), frozen) as made:
        yield made


@dataclass
class Window:
    """A page with what went wrong on it."""

    page: "Page"
    context: "BrowserContext"
    address: str
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> "Page":
        """Go to a page of the dashboard and wait until live values have been painted on it."""
        self.page.goto(self.address.rstrip("/") + path)
        self.page.locator("html[data-link=up]").wait_for(state="attached", timeout=20_000)
        self.page.locator("main [class*=ss-p-]").first.wait_for()
        return self.page

    def clean(self) -> None:
        """Fail when anything was refused, foreign or broken."""
        assert self.foreign == []
        assert self.errors == []


@pytest.fixture
def window(chromium: "Browser", stage: Stage) -> Iterator[Window]:
    """A window on the dashboard, as wide as a desk's, by day."""
    yield from opened(chromium, stage)


def opened(chromium: "Browser", stage: Stage, **how: Any) -> Iterator[Window]:
    """Give a window; nothing leaves the station from it."""
    settings = {"viewport": DESKTOP, "color_scheme": "light", "timezone_id": "Asia/Kolkata", **how}
    context = chromium.new_context(**{"http_credentials": LOGIN, **settings})
    window = Window(context.new_page(), context, stage.address)

    def watch(route: Any) -> None:
        if route.request.url.startswith(stage.address):
            route.continue_()
        else:
            window.foreign.append(route.request.url)
            route.abort()

    context.route("**/*", watch)
    window.page.on("console", lambda said: window.errors.append(said.text) if said.type == "error" else None)
    window.page.on("pageerror", lambda error: window.errors.append(str(error)))
    try:
        yield window
    finally:
        context.close()


def shot(page: "Page", name: str) -> None:
    """Keep a picture when SCREENSHOTS names a folder."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png")
