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
FAR = "far.station.example"
"""This machine by another name, as a tunnel has one. No other name leads anywhere, nor any other address."""
FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    f"--host-resolver-rules=MAP {FAR} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
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
    expect.set_options(timeout=20_000)  # for what has to happen, not how fast: others use the processor too
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def theatre(tmp_path_factory: pytest.TempPathFactory, chromium: "Browser") -> Iterator[Stage]:
    """A dashboard that serves a made-up station with two days behind it."""
    with staged(tmp_path_factory.mktemp("stage"), frozen) as made:
        yield made


@pytest.fixture(scope="module")
def stage(theatre: Stage) -> Stage:
    """The same for each module, as it was made: all is well, and nobody has changed the configuration."""
    theatre.as_made()
    theatre.play(frozen)
    return theatre


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
        self.page.locator("#react-entry-point main [class*=ss-p-]").first.wait_for()  # no picture of it
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
    """Give a window; nothing leaves the station from it.

    The windows of one kind are one page of one browser profile, which costs half of a new one each time.
    What a test did to it is taken back: log-in, settings, routes, media; `window.page` is asked for nothing.
    """
    settings = {"viewport": DESKTOP, "color_scheme": "light", "timezone_id": "Asia/Kolkata", **how}
    settings = {"http_credentials": LOGIN, **settings}
    kept = stage.windows.setdefault(repr(settings), [])
    window = kept.pop() if kept else new_window(chromium.new_context(**settings), stage)
    try:
        yield window
        window.page.unroute_all()
        window.page.goto(stage.address + "healthz", wait_until="commit")
        window.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        window.page.emulate_media(media="null", color_scheme=settings["color_scheme"])
        window.page.set_viewport_size(settings["viewport"])
        window.context.clear_cookies()
    except BaseException:
        window.context.close()
        raise
    window.errors.clear()
    window.foreign.clear()
    kept.append(window)


def new_window(context: "BrowserContext", stage: Stage) -> Window:
    """Return a window with its watch."""
    window = Window(context.new_page(), context, stage.address)

    def watch(request: Any) -> None:
        if not request.url.removeprefix("blob:").startswith(stage.address):
            window.foreign.append(request.url)

    def hear(said: Any) -> None:
        # the bare page between two tests has no icon, and Chromium asks for one when it likes
        if said.type == "error" and not said.location["url"].endswith("/favicon.ico"):
            window.errors.append(said.text)

    context.on("request", watch)
    window.page.on("console", hear)
    window.page.on("pageerror", lambda error: window.errors.append(str(error)))
    return window


def shot(page: "Page", name: str) -> None:
    """Keep a picture when SCREENSHOTS names a folder."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png")
