"""Log-out and the prompt for a password in a real browser, whose own memory of passwords is the difficulty.

The prompt cannot be seen here. Where it would come up, Chromium asks the test instead (`Fetch.authRequired`)
and keeps what it is given exactly as if it had been typed.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import DESKTOP, LOGIN, Browser, Page, Window, expect, shot
from tests.browser.stage import Stage
from tests.dashboard.conftest import PASSWORD

pytestmark = pytest.mark.browser
ANY = {"patterns": [{"urlPattern": "*"}], "handleAuthRequests": True}


class Tab:
    """A tab in which passwords are typed only when the test does."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address.rstrip("/")
        self.prompts: list[str] = []
        self._cdp = page.context.new_cdp_session(page)
        self._cdp.on("Fetch.requestPaused", lambda said: self._do("continueRequest", said))
        self._cdp.on("Fetch.authRequired", lambda said: self.prompts.append(said["requestId"]))
        self._cdp.send("Fetch.enable", ANY)

    def _do(self, what: str, said: dict[str, Any]) -> None:
        self._cdp.send(f"Fetch.{what}", {"requestId": said["requestId"]})

    def goes(self, path: str) -> None:
        """Go to a page and do not wait: a prompt may come up before it."""
        self.page.evaluate("(to) => { setTimeout(() => { location.href = to; }, 0); }", self.address + path)
        self.page.wait_for_timeout(300)

    def asked(self) -> bool:
        """Return whether a prompt comes up."""
        for _ in range(20):
            if self.prompts:
                return True
            self.page.wait_for_timeout(100)
        return False

    def types(self, name: str = LOGIN["username"], password: str = LOGIN["password"]) -> None:
        """Answer the prompt, as quickly as a person can."""
        self.page.wait_for_timeout(1200)
        given = {"response": "ProvideCredentials", "username": name, "password": password}
        self._cdp.send(
            "Fetch.continueWithAuth", {"requestId": self.prompts.pop(), "authChallengeResponse": given}
        )

    def cancels(self) -> None:
        """Close the prompt."""
        given = {"response": "CancelAuth"}
        self._cdp.send(
            "Fetch.continueWithAuth", {"requestId": self.prompts.pop(), "authChallengeResponse": given}
        )

    def is_in(self) -> None:
        """Wait for live values."""
        self.page.locator("html[data-link=up]").wait_for(state="attached", timeout=20_000)
        self.page.locator("main [class^=ss-p-]").first.wait_for()

    def logs_out(self) -> None:
        """Log out by the menu."""
        self.page.locator(".ss-who > summary").click()
        self.page.get_by_role("button", name="Log out").click()
        self.page.wait_for_url("**/logged-out")


@pytest.fixture
def tabs(chromium: Browser, stage: Stage) -> Iterator[list[Tab]]:
    context = chromium.new_context(viewport=DESKTOP, timezone_id="Asia/Kolkata")
    made = []
    for _ in range(2):
        page = context.new_page()
        page.goto(stage.address + "logged-out")
        made.append(Tab(page, stage.address))
    try:
        yield made
    finally:
        context.close()


@pytest.mark.parametrize("where", ["/", "/meter/1"])
def test_after_a_log_out_the_browser_asks_for_the_password_again(tabs: list[Tab], where: str) -> None:
    tab, other = tabs
    tab.goes(where)
    assert tab.asked()
    tab.types()
    tab.is_in()
    expect(tab.page.locator(".ss-who > summary")).to_contain_text("administrator")
    other.goes("/")
    other.is_in()
    cookies = tab.page.context.cookies()
    tab.page.context.clear_cookies()
    other.goes(where)
    other.is_in()
    assert not other.prompts  # the browser holds the password: it would send it again and again
    tab.page.context.clear_cookies()
    tab.page.context.add_cookies([{**one, "url": tab.address} for one in _plain(cookies)])

    tab.logs_out()
    again = other.page.get_by_role("link", name="Log in again")
    expect(again).to_be_visible(timeout=10_000)
    expect(other.page.locator(".ss-headline")).to_contain_text("You have logged out")
    expect(other.page.locator(".ss-who")).to_be_hidden()
    assert other.page.locator(".ss-is-fresh").count() == 0
    shot(other.page, f"login-ended-{where.strip('/').replace('/', '-') or 'home'}")
    assert not other.prompts  # its polls bring up none

    again.click(no_wait_after=True)
    assert other.asked()
    other.cancels()
    tab.page.wait_for_timeout(1200)
    tab.goes("/")
    assert tab.asked()  # it has forgotten the password for good
    tab.types("viewer", PASSWORD)
    tab.is_in()
    expect(tab.page.locator(".ss-who > summary")).to_contain_text("viewer")


def test_a_touch_is_told_to_the_station_once(window: Window) -> None:
    page = window.open("/")
    with page.expect_request(lambda asks: "/api/live" in asks.url and "x-touched" not in asks.headers):
        pass
    with page.expect_request(lambda asks: asks.headers.get("x-touched") == "1"):
        page.keyboard.press("Shift")
    with page.expect_request("**/api/live*") as asked:
        page.mouse.move(300, 300)
    assert "x-touched" not in asked.value.headers
    window.clean()


def _plain(cookies: list[Any]) -> list[dict[str, Any]]:
    return [{"name": one["name"], "value": one["value"], "sameSite": one["sameSite"]} for one in cookies]
