"""Through a tunnel a page asks seldom, and what it shows grows old in the meantime."""

import os
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from substation.access import tunnel
from substation.clock import SystemClock
from substation.settings.model import Web
from tests.browser import stage as plays
from tests.browser.conftest import DESKTOP, FAR, PHONE, expect, shot
from tests.browser.stage import Stage
from tests.dashboard.conftest import PASSWORD, own_settings

pytestmark = pytest.mark.browser
EVERY_S = 6.0


@pytest.fixture(scope="module")
def far_stage(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[Stage]:
    """A station with passwords of its own, and a tunnel to it."""
    stage = Stage(tmp_path_factory.mktemp("far"), own_settings(web=Web(tunnel_refresh_s=EVERY_S)))
    handle = tunnel.take_lock(stage.home.tunnel, SystemClock())
    tunnel.write(stage.home.tunnel, tunnel.Record(FAR, f"https://{FAR}", 1, 1, "boot", 1))
    try:
        stage.remember(step_s=900)
        stage.play(plays.frozen)
        stage.serve()
        yield stage
    finally:
        stage.close()
        os.close(handle)


@pytest.fixture(scope="module")
def far_page(chromium: Any) -> Iterator[Any]:
    """A page of the browser's, for which the tunnel's name is this machine."""
    login = {"username": "administrator", "password": PASSWORD}
    context = chromium.new_context(http_credentials=login, viewport=DESKTOP, timezone_id="Asia/Kolkata")
    yield context.new_page()
    context.close()


@pytest.fixture
def tab(far_page: Any) -> Iterator[Any]:
    """The same, logged out and with nothing on it."""
    yield far_page
    far_page.goto("about:blank")
    far_page.context.clear_cookies()
    far_page.set_viewport_size(DESKTOP)


class Visit:
    """A page with what it has asked for."""

    def __init__(self, page: Any, stage: Stage, host: str = FAR, path: str = "/") -> None:
        self.page = page
        self.asked: list[tuple[float, str]] = []
        self.page.on("request", lambda request: self.asked.append((time.monotonic(), request.url)))
        self.page.goto(f"http://{host}:{stage.port}{path}")
        self.page.locator("html[data-link=up]").wait_for(state="attached", timeout=20_000)
        self.page.locator("#react-entry-point .ss-branch.ss-q-fresh").first.wait_for()  # no picture of it

    def asks(self, what: str = "/api/live") -> list[float]:
        return [at for at, url in self.asked if what in url]

    def hide(self, yes: bool) -> None:
        self.page.evaluate(
            """hidden => {
              Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
              document.dispatchEvent(new Event('visibilitychange'));
            }""",
            yes,
        )


@pytest.fixture
def visit(tab: Any, far_stage: Stage) -> Visit:
    return Visit(tab, far_stage)


def test_it_asks_seldom_and_values_grow_old_meanwhile(visit: Visit) -> None:
    page = visit.page
    expect(page.locator(".ss-far")).to_contain_text("Values are asked for every 6 s")
    assert page.locator(".ss-page").get_attribute("data-every") == "6"
    page.wait_for_timeout(round(EVERY_S * 1000))  # the two requests of a page's beginning are over
    visit.asked.clear()
    title = page.locator(".ss-headline strong")
    card = page.locator(".ss-branch[aria-label=ColonyLoad]")
    expect(card).to_have_class(re.compile("ss-q-fresh"))
    expect(title).to_have_text("All normal")
    # Readings of a poll each 2 s are late after 4 s, and nobody has asked again by then; registers are read
    # once a minute and not late yet. All at one moment:
    page.wait_for_function(
        """() => document.querySelector('.ss-branch[aria-label=ColonyLoad]').className.includes('ss-q-late')
          && document.querySelectorAll('main [data-q].ss-is-late').length > 20
          && document.querySelectorAll('main [data-q].ss-is-fresh:not([data-q=wh_received])').length === 0
          && /^late [4-9]/.test(document.querySelector('[aria-label=ColonyLoad] .ss-age').textContent)
          && /^All normal [3-9]\\.\\d s ago$/.test(document.querySelector('.ss-headline strong').textContent)
          && document.querySelector('.ss-line-facts').textContent.includes('meters were fresh')
          && document.documentElement.dataset.link === 'up'""",
        timeout=40_000,
    )
    shot(page, "tunnel-late")
    page.wait_for_timeout(round(2 * EVERY_S * 1000))
    gaps = [later - earlier for earlier, later in zip(visit.asks(), visit.asks()[1:], strict=False)]
    assert gaps
    assert min(gaps) > EVERY_S - 1.5


def test_at_the_station_itself_it_asks_each_second(tab: Any, far_stage: Stage) -> None:
    near = Visit(tab, far_stage, host="127.0.0.1")
    assert near.page.locator(".ss-far").count() == 0
    assert near.page.locator(".ss-page").get_attribute("data-every") == "1"
    near.asked.clear()
    end = time.monotonic() + 20
    while len(near.asks()) < 4 and time.monotonic() < end:
        near.page.wait_for_timeout(500)
    gaps = [later - earlier for earlier, later in zip(near.asks(), near.asks()[1:], strict=False)]
    assert min(gaps) < EVERY_S / 2


def test_a_hidden_tab_asks_for_nothing_at_all(visit: Visit) -> None:
    visit.page.locator(".tracetoday").first.wait_for(state="attached")
    visit.page.evaluate("dash_clientside.set_props('minute', {interval: 700})")  # as if minutes went by
    visit.page.wait_for_timeout(2500)
    assert visit.asks("_dash-update-component")
    visit.hide(True)
    visit.page.wait_for_timeout(800)
    visit.asked.clear()
    visit.page.wait_for_timeout(3000)
    assert visit.asked == []
    assert visit.page.locator(".ss-branch.ss-q-fresh").count() == 0
    visit.hide(False)
    expect(visit.page.locator(".ss-branch.ss-q-fresh")).to_have_count(5, timeout=5000)
    visit.page.wait_for_timeout(1500)
    assert visit.asks("_dash-update-component")
    visit.page.locator(".ss-nav a[href='/events']").click()  # whose list looks for new events
    visit.page.locator("#events-before").wait_for(state="attached")
    visit.page.evaluate("dash_clientside.set_props('events-look', {interval: 300})")
    visit.page.wait_for_timeout(500)
    visit.asked.clear()
    visit.page.wait_for_timeout(900)
    assert visit.asks("_dash-update-component")
    visit.hide(True)
    visit.page.wait_for_timeout(500)
    visit.asked.clear()
    visit.page.wait_for_timeout(1000)
    assert visit.asked == []


def test_without_the_server_it_is_lost_after_three_refreshes_at_most(tab: Any, far_stage: Stage) -> None:
    far_stage.configure(own_settings(web=Web(tunnel_refresh_s=2.0)))
    time.sleep(1)  # the dashboard looks at its configuration twice a second
    tab.set_viewport_size(PHONE)
    visit = Visit(tab, far_stage)
    shot(visit.page, "tunnel-phone")
    far_stage.stop_dashboard()
    try:
        title = visit.page.locator(".ss-headline strong")
        expect(title).to_have_text(re.compile("No connection to the station since"), timeout=15_000)
        expect(visit.page.locator(".ss-headline small")).to_contain_text("Trying again every 2 s.")
        assert visit.page.locator(".ss-is-fresh, .ss-is-late, .ss-q-fresh, .ss-w-live").count() == 0
    finally:
        far_stage.start_dashboard()
    expect(title).to_have_text("All normal", timeout=15_000)
