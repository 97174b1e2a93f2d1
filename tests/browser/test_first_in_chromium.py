"""The first picture in a real browser: live before Dash, old by itself, gone when the page stands there."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Window, expect, opened, shot
from tests.browser.stage import Stage

pytestmark = pytest.mark.browser
PICTURE = ".ss-first .ss-p-home"
PAGE = "#react-entry-point main .ss-p-home"


@pytest.fixture
def without_dash(chromium: Any, stage: Stage) -> Iterator[Window]:
    """A window in which the scripts of Dash never arrive."""
    for window in opened(chromium, stage, color_scheme="dark"):
        window.page.route("**/dash_renderer*", lambda route: route.abort())
        yield window
        window.errors.clear()


def test_it_is_live_before_dash_and_leads_to_other_pages(without_dash: Window) -> None:
    page = without_dash.page
    page.goto(without_dash.address)
    page.locator("html[data-link=up]").wait_for(state="attached", timeout=20_000)
    assert page.locator(f"{PICTURE} .ss-v.ss-is-fresh").count() > 40
    expect(page.locator(".ss-first-at")).to_be_hidden()  # it is of now
    expect(page.locator(".ss-first-old")).to_be_hidden()
    assert page.locator(PAGE).count() == 0
    assert page.locator(".ss-first .ss-sketch").first.is_visible()
    shot(page, "first-picture")
    page.locator(f"{PICTURE} .ss-pick button").first.focus()
    assert page.evaluate("document.activeElement === document.body"), "nothing in it can be worked with"
    assert not page.evaluate("!!document.querySelector('.ss-first .ss-line-state').closest('[inert]')")
    page.unroute_all()
    page.locator(".ss-first .ss-nav").get_by_text("Events", exact=True).click()
    page.locator("main .ss-p-events").wait_for()


def test_without_any_script_it_grows_old_by_itself(without_dash: Window) -> None:
    page = without_dash.page
    page.route("**/own.*.js", lambda route: route.abort())
    page.emulate_media(reduced_motion="reduce")
    page.goto(without_dash.address)
    seen = """() => {
      const shown = (what) => getComputedStyle(document.querySelector('.ss-first ' + what)).opacity;
      return [shown('.ss-first-old'), shown('.ss-headline'), shown('.ss-branch .ss-age')];
    }"""
    assert page.evaluate(seen) == ["0", "1", "1"]
    expect(page.locator(".ss-first-note")).to_contain_text("As of ")
    assert page.evaluate("document.querySelector('.ss-first').getAnimations({subtree: true}).length") > 100
    page.evaluate(
        """() => document.querySelector('.ss-first').getAnimations({subtree: true})
          .forEach((one) => { one.currentTime = 12_100; })"""
    )
    assert page.evaluate(seen) == ["1", "0", "0"]
    expect(page.locator(".ss-branch [data-p]").first).to_be_hidden()  # nor is anything said to be OK
    expect(page.locator(".ss-first-starting")).to_be_visible()
    page.evaluate(
        """() => document.querySelector('.ss-first-state').getAnimations({subtree: true})
          .forEach((one) => { one.currentTime = 31_000; })"""
    )
    expect(page.locator(".ss-first-starting")).to_be_hidden()
    expect(page.locator(".ss-first-stuck")).to_be_visible()
    shot(page, "first-picture-old")


def test_without_an_answer_no_script_makes_it_fresh_again(without_dash: Window) -> None:
    page = without_dash.page
    page.route("**/api/live*", lambda route: route.abort())
    page.add_init_script(
        """window.links = new Set();
        new MutationObserver(() => links.add(document.documentElement.dataset.link || ''))
          .observe(document, {attributes: true, subtree: true});"""
    )
    page.goto(without_dash.address)
    page.locator("html[data-link=lost]").wait_for(state="attached")
    assert set(page.evaluate("[...links]")) == {"", "lost"}, "nothing was heard"
    expect(page.locator(".ss-first-at")).to_contain_text(
        re.compile(r"As of \d\d:\d\d:\d\d, \w+ \d+ \w+ \d{4}")
    )
    assert page.locator(f"{PICTURE} .ss-v.ss-is-fresh").count() == 0
    page.unroute("**/api/live*")
    page.locator("html[data-link=up]").wait_for(state="attached")
    assert page.locator(".ss-first-at").count() == 0, "it is of now"


def test_what_is_missing_for_good_is_said(chromium: Any, stage: Stage) -> None:
    for window in opened(chromium, stage):  # own scripts, and the charts'
        page = window.page
        page.route(re.compile(r"/(own|early)\..*\.js|plotly"), lambda route: route.abort())
        page.goto(window.address)
        page.locator(PAGE).wait_for()
        expect(page.locator(PICTURE)).to_be_hidden()
        lines, words = (page.locator(f"{PAGE} .ss-sketch-{name}").first for name in ("today", "gone"))
        expect(lines).to_be_visible()
        expect(words).to_be_hidden()
        page.evaluate(
            """() => document.getAnimations().filter((one) => one.effect.target.closest('.ss-sketch'))
              .forEach((one) => { one.currentTime = 91_000; })"""
        )
        expect(lines).to_be_hidden()
        expect(words).to_contain_text("No curve")
        window.errors.clear()


def test_the_page_takes_its_place_where_it_stood(window: Window) -> None:
    page = window.page
    held: list[Any] = []
    page.route("**/_dash-update-component", lambda route: held.append(route))  # noqa: PLW0108  not a builtin
    page.goto(window.address)
    page.locator("#react-entry-point .ss-page").wait_for(state="attached")
    page.locator("html[data-link=up]").wait_for(state="attached")
    tops = """root => [...document.querySelectorAll(root + ' .ss-branch, ' + root + ' .ss-chart')]
      .map((one) => Math.round(one.getBoundingClientRect().top))"""
    stood = page.evaluate(tops, ".ss-first")
    expect(page.locator("#react-entry-point .ss-top")).to_be_hidden()
    for route in held:
        route.continue_()
    page.unroute_all()
    page.locator(PAGE).wait_for()
    assert page.locator(".ss-first").count() == 0
    assert len(stood) == 9
    assert page.evaluate(tops, "#react-entry-point") == stood
    assert page.locator(PAGE).is_visible()
    assert page.locator("[class*=ss-p-home]").count() == 1
    window.clean()


def test_a_page_that_other_scripts_held_up_does_not_say_that_the_station_is_gone(window: Window) -> None:
    page = window.open("/")
    page.evaluate(
        """() => {
          window.ssLost = 0;
          const title = document.querySelector('.ss-headline');
          new MutationObserver(() => { if (title.textContent.includes('ago')) window.ssLost += 1; })
            .observe(title, {childList: true, characterData: true, subtree: true});
          const html = document.documentElement;
          new MutationObserver(() => { if (html.dataset.link === 'lost') window.ssLost += 1; })
            .observe(html, {attributes: true});
          const now = performance.now.bind(performance);
          performance.now = () => now() + 5000;
        }"""
    )
    for _ in range(3):
        with page.expect_response("**/api/live*"):
            pass
    assert page.evaluate("window.ssLost") == 0
