"""Every page in a real browser: nothing foreign, nothing broken, nothing sideways, by day and by night."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import DESKTOP, PHONE, Window, expect, opened, shot
from tests.browser.stage import Stage

pytestmark = pytest.mark.browser
BACKGROUNDS = {"light": "rgb(236, 238, 239)", "dark": "rgb(39, 44, 49)"}
PAGES = ["/", "/meter/1", "/meter/5", "/reports", "/patterns"]
TABLET, SMALL = {"width": 768, "height": 1024}, {"width": 360, "height": 740}
VIEWS = {"desk": DESKTOP, "phone": PHONE, "tablet": TABLET, "small": SMALL}


@pytest.mark.parametrize(
    ("begun", "seen"),
    [
        (("desk", "light"), [("desk", "light"), ("desk", "dark"), ("tablet", "light")]),
        (("phone", "dark"), [("phone", "dark"), ("phone", "light"), ("small", "dark")]),
    ],
)
@pytest.mark.parametrize("path", PAGES)
def test_pages_are_whole_and_fit_and_say_simulated(
    chromium: Any, stage: Stage, begun: tuple[str, str], seen: list[tuple[str, str]], path: str
) -> None:
    """A page is loaded as the first of its views, and turned and lit as the others."""
    for window in opened(chromium, stage, viewport=VIEWS[begun[0]], color_scheme=begun[1]):
        page = window.open(path)
        assert page.title().startswith("SIMULATED")
        for view, theme in seen:
            page.set_viewport_size(VIEWS[view])
            page.emulate_media(color_scheme=theme)
            page.wait_for_timeout(400)
            assert background(page) == BACKGROUNDS[theme]
            wide, fits = page.evaluate(
                "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
            )
            assert wide <= fits, f"{path} scrolls sideways at {view}: {wide} > {fits}"
            expect(page.locator(".ss-sim").first).to_be_visible()
            expect(page.locator(".ss-sim").first).to_contain_text("SIMULATED")
            shot(page, f"page{path.replace('/', '-')}-{view}-{theme}")
        window.clean()


def background(page: Any) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def line_colour(page: Any) -> str:
    line = page.locator(".tracetoday .js-line").first
    line.wait_for(state="attached")
    return str(line.evaluate("el => getComputedStyle(el).stroke"))


def test_day_and_night_are_switched_remembered_and_worn_by_the_charts(window: Window) -> None:
    page = window.open("/")
    by_day = background(page), line_colour(page)
    page.locator(".ss-tools [data-do=theme]").click()
    by_night = background(page), line_colour(page)
    assert by_day[0] == BACKGROUNDS["light"]
    assert by_night[0] == BACKGROUNDS["dark"]
    assert by_day[1] != by_night[1]
    page.reload()
    page.locator("#react-entry-point .ss-p-home").wait_for()
    assert background(page) == by_night[0]
    page.locator(".ss-tools [data-do=theme]").click()
    assert background(page) == by_day[0]
    window.clean()


@pytest.fixture
def phone(chromium: Any, stage: Stage) -> Iterator[Window]:
    """A phone in the yard, by night."""
    yield from opened(chromium, stage, viewport=PHONE, color_scheme="dark", has_touch=True)


def test_a_phone_has_a_tab_bar_with_targets_for_a_finger(phone: Window) -> None:
    page = phone.open("/")
    assert background(page) == BACKGROUNDS["dark"]
    for tab in page.locator(".ss-tabs > *").all():
        box = tab.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["width"] >= 44
    page.locator(".ss-tabs a", has_text="Meters").click()
    page.locator(".ss-p-meter").wait_for()
    assert page.locator(".ss-tabs [aria-current=page]").text_content() == "Meters"


def test_the_way_leads_from_the_menu_to_a_meter_and_back(window: Window) -> None:
    page = window.open("/")
    assert page.locator(".ss-nav [aria-current=page]").text_content() == "Home"
    page.locator(".ss-nav summary").click()
    page.locator(".ss-nav .ss-menu a", has_text="ColonyLoad").click()
    expect(page.locator("h1")).to_have_text("4 ColonyLoad")
    expect(page.locator(".ss-nav details")).not_to_have_attribute("open", "")
    expect(page.locator(".ss-nav summary")).to_have_attribute("aria-current", "page")
    page.locator(".ss-menu-h1 summary").click()
    page.locator(".ss-menu-h1 a[href='/meter/2']").click()
    expect(page.locator("h1")).to_have_text("2 EssentialLoad")
    expect(page.locator(".ss-big [data-m]")).to_have_attribute("data-m", "2")
    page.go_back()
    expect(page.locator("h1")).to_have_text("4 ColonyLoad")
    window.clean()


def test_a_menu_closes_with_escape_and_gives_the_focus_back(window: Window) -> None:
    page = window.open("/")
    page.locator(".ss-nav summary").click()
    page.locator(".ss-nav .ss-menu a").first.focus()
    page.keyboard.press("Escape")
    expect(page.locator(".ss-nav details")).not_to_have_attribute("open", "")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_the_first_tab_leads_to_the_values(window: Window) -> None:
    page = window.open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "ss-skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_the_picker_shows_the_charts_of_another_meter(window: Window) -> None:
    page = window.open("/")
    page.locator(".ss-pick button", has_text="2 EssentialLoad").click()
    expect(page.locator(".ss-pick [aria-pressed=true]")).to_have_text("2 EssentialLoad")
    expect(page.locator(".ss-charts [data-q]").first).to_have_attribute("data-m", "2")
    expect(page.locator(".ss-charts .tracetoday")).to_have_count(4)
    window.clean()


def test_the_charts_have_their_figures_as_a_table(window: Window) -> None:
    page = window.open("/")
    page.locator(".ss-astable").click()
    table = page.locator("#charts-table table")
    expect(table.locator("tbody tr")).to_have_count(24)
    expect(table.locator("caption")).to_contain_text("Transformer")
    assert re.search(r"\d", table.locator("tbody tr").first.text_content() or "")
    page.locator(".ss-astable").click()
    expect(table).to_have_count(0)
    window.clean()


def test_charts_are_drawn_with_a_line_at_now(window: Window) -> None:
    page = window.open("/meter/1")
    expect(page.locator(".ss-chart .tracetoday")).to_have_count(12)
    expect(page.locator(".ss-chart .tracepast")).to_have_count(12)
    expect(page.locator(".ss-chart .ss-now")).to_have_count(12)
    assert page.locator("canvas, .modebar").count() == 0


def test_an_address_that_leads_nowhere_says_so_and_shows_the_ways(window: Window) -> None:
    page = window.open("/meter/77")
    expect(page.locator("h1")).to_contain_text("404")
    page.locator("main a", has_text="Transformer").click()
    expect(page.locator("h1")).to_have_text("1 Transformer")
    assert window.foreign == []


NARROWEST = """() => Math.min(...[
  ['ss-alarms', 'al', ['what', 'state', 'at', 'do', 'ways']],
  ['ss-events-past', 'ev', ['at', 'kind', 'what', 'where', 'for', 'how']],
].flatMap(([look, of, names]) => {
  const table = document.createElement('table');
  table.className = `ss-table ss-events ${look}`;
  const cells = names.map((name) => `<th class="ss-${of}-${name}">${name}</th>`);
  table.innerHTML = `<thead><tr>${cells.join('')}</tr></thead>`;
  document.querySelector('.ss-p-events > .ss-sec').append(table);
  return [...table.querySelectorAll('th')].map((cell) => cell.getBoundingClientRect().width);
}))"""


def test_events_on_a_phone_fit_and_the_last_tab_opens_the_rest(phone: Window) -> None:
    page = phone.open("/events?kind=station")
    expect(page.locator(".ss-p-events .ss-on").last).to_have_text("Station, chosen")
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= seen
    page.locator(".ss-more > summary").click()
    page.locator(".ss-more a", has_text="Health").click()
    page.locator(".ss-p-health").wait_for()
    expect(page.locator(".ss-more > summary")).to_have_attribute("aria-current", "page")
    phone.clean()
    page = phone.open("/events")
    for width in (700, 768, 900, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(NARROWEST) > 75, "a column with no room is written one letter a line"


def test_a_wall_fills_its_screen_and_loads_itself_anew_for_another_program(
    chromium: Any, stage: Stage
) -> None:
    for window in opened(chromium, stage, viewport={"width": 1366, "height": 768}):
        page = window.open("/wall")
        high, seen, headline, bar = page.evaluate(
            "[document.documentElement.scrollHeight, innerHeight,"
            " parseFloat(getComputedStyle(document.querySelector('.ss-headline strong')).fontSize),"
            " getComputedStyle(document.querySelector('.ss-top')).display]"
        )
        assert high <= seen
        assert headline > 40
        assert bar == "none"
        page.evaluate("document.documentElement.dataset.before = '1'")
        page.locator("html[data-program]").wait_for(state="attached")
        # a copy of its own: the next live answer would put the true mark back before anybody looked
        page.locator(".ss-wall-made").evaluate(
            "el => { const other = el.cloneNode(); other.removeAttribute('data-p');"
            " other.textContent = 'another program'; el.replaceWith(other); }"
        )
        expect(page.locator("html[data-before]")).to_have_count(0)
        page.locator("html[data-link=up]").wait_for(state="attached")
        window.clean()
