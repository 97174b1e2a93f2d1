"""Every page for whoever cannot see it, or not well: axe-core finds nothing serious, by day and by night.

Also who has no mouse, a narrow telephone, a sheet of paper; and that nothing jumps under one's eyes.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import stage as plays
from tests.browser.conftest import DESKTOP, PHONE, Browser, Page, Window, expect, opened
from tests.browser.stage import Stage

try:
    import axe_playwright_python
except ImportError:  # one of the development packages, as playwright is
    axe_playwright_python = None  # type: ignore[assignment]

pytestmark = pytest.mark.browser
PAGES = ["/", "/meter/1", "/trends", "/events", "/reports", "/health", "/wall", "/patterns", "/users",
         "/audit", "/account", "/commissioning", "/settings", "/nowhere"]  # fmt: skip
ON_A_PHONE = ["/", "/meter/1", "/events", "/wall"]
TURNED_ELSEWHERE = ("/", "/meter/1", "/reports", "/patterns")
"""Pages that `test_pages_in_chromium` looks at in narrow windows."""
MOVING = ("/", "/meter/1", "/wall")
SMALL = {"width": 360, "height": 740}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
STRUCTURE = """async (tags) => (await axe.run({exclude: ['.js-plotly-plot']}, {
  runOnly: {type: 'tag', values: tags}, rules: {'color-contrast': {enabled: false}},
  resultTypes: ['violations'], elementRef: false, preload: false,
})).violations"""
CONTRAST = """async () => (await axe.run({include: ['[data-one-of-its-look]']}, {
  runOnly: {type: 'rule', values: ['color-contrast']},
  resultTypes: ['violations'], elementRef: false, preload: false,
})).violations"""
"""Contrast alone has to do with the theme: looked at in both, in one element of each look."""
MARK = """() => {
  const seen = new Set();
  for (const el of document.querySelectorAll('body :not(.js-plotly-plot, .js-plotly-plot *)')) {
    const says = [...el.childNodes].some(one => one.nodeType === 3 && one.data.trim());
    if (!says || !el.checkVisibility()) continue;
    let look = '';
    let at = el;
    for (let up = 0; at && up < 4; up++, at = at.parentElement) look += `${at.tagName} ${at.className} `;
    if (!seen.has(look)) el.setAttribute('data-one-of-its-look', '');
    seen.add(look);
  }
  return seen.size;
}"""
SHIFTS = """() => new Promise(done => {
  let sum = 0;
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({type: 'layout-shift', buffered: true});
  setTimeout(() => done(sum), 2500);
})"""
"""What has moved since the page was asked for, and in two live refreshes more."""
MOST_SHIFT = 0.02
UNDER_THE_MOUSE = """all => all.map(one => {
  one.scrollIntoView({block: 'center'});
  const box = one.getBoundingClientRect();
  const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return top.closest('a')?.getAttribute('href');
})"""
"""Where a click on each symbol leads."""


@pytest.fixture(scope="module")
def axe() -> str:
    """The script that looks over a page."""
    if axe_playwright_python is None:
        if os.environ.get("CI") == "true":
            pytest.fail("axe-playwright-python is missing; ./test.sh installs it")
        pytest.skip("TESTS OF ACCESSIBILITY SKIPPED: axe-playwright-python is missing; ./test.sh installs it")
    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def desk(chromium: Browser, stage: Stage) -> Iterator[Window]:
    """One window for all pages."""
    yield from opened(chromium, stage)


@pytest.fixture(scope="module")
def phone(chromium: Browser, stage: Stage) -> Iterator[Window]:
    """The same on a telephone."""
    yield from opened(chromium, stage, viewport=PHONE)


@pytest.fixture(scope="module", autouse=True)
def _values_move(stage: Stage) -> Iterator[None]:
    """Every second has other values, as in the yard."""
    stage.play(plays.normal)
    yield
    stage.play(plays.frozen)


def violations(page: Page, script: str, tags: list[str] | None = None) -> list[str]:
    """Return what is seriously or critically wrong."""
    return [
        f"{one['id']}: {' | '.join(node['html'][:160] for node in one['nodes'][:4])}"
        for one in page.evaluate(script, tags)
        if one["impact"] in ("serious", "critical")
    ]


def at_rest(window: Window, path: str) -> Page:
    """Open a page and wait until it has come to rest."""
    page = window.open(path)
    plots = page.locator(".ss-graph")
    if plots.count():
        expect(page.locator(".ss-graph .js-plotly-plot")).to_have_count(plots.count(), timeout=15_000)
    return page


def lies_still(window: Window, path: str) -> bool:
    """Return whether nothing moved while a page loaded and was painted anew; a stall of the machine may."""
    # a value that grows old, because nobody had time to write it, has words that push
    return any(at_rest(window, path).evaluate(SHIFTS) < MOST_SHIFT for _ in range(3))


def fits(page: Page) -> bool:
    """Return whether a page does not scroll sideways, once its charts have taken the new width."""
    for _ in range(30):
        wide, seen = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        if wide <= seen:
            return True
        page.wait_for_timeout(100)
    return False


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_everybody_by_day_and_by_night(desk: Window, axe: str, path: str) -> None:
    desk.page.set_viewport_size(DESKTOP)
    desk.page.emulate_media(color_scheme="light")
    assert path not in MOVING or lies_still(desk, path)
    page = desk.page if path in MOVING else at_rest(desk, path)
    page.evaluate(axe)  # by the debugger's way in: the page's own policy would refuse the script, and stays
    assert violations(page, STRUCTURE, RULES) == []
    assert page.evaluate(MARK) > 10
    assert violations(page, CONTRAST) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, CONTRAST) == []
    for size in () if path in TURNED_ELSEWHERE else (PHONE, SMALL):
        page.set_viewport_size(size)
        assert fits(page), f"{path} scrolls sideways at {size['width']}"
    assert desk.foreign == []


@pytest.mark.parametrize("path", ON_A_PHONE)
def test_a_page_is_for_everybody_on_a_phone(phone: Window, axe: str, path: str) -> None:
    assert path not in MOVING or lies_still(phone, path)
    page = phone.page if path in MOVING else at_rest(phone, path)
    if path != "/wall":
        page.evaluate(axe)
        assert violations(page, STRUCTURE, RULES) == []


def test_the_diagram_leads_to_the_meters_by_mouse_and_by_keyboard(desk: Window) -> None:
    desk.page.set_viewport_size(DESKTOP)
    page = desk.open("/")
    ways = page.locator(".ss-sym-meter").evaluate_all(UNDER_THE_MOUSE)
    assert sorted(ways) == [f"/meter/{number}" for number in range(1, 6)]
    branch = page.get_by_role("article", name="ColonyLoad")
    link = branch.get_by_role("link", name="ColonyLoad")
    page.get_by_role("article", name="NonEssentialLoad").get_by_role("link").focus()
    page.keyboard.press("Tab")
    expect(link).to_be_focused()
    ring = "el => [getComputedStyle(el).outlineStyle, parseFloat(getComputedStyle(el).outlineWidth) >= 2]"
    assert link.evaluate(ring) == ["solid", True]
    assert link.get_attribute("href") == "/meter/4"


def test_a_sheet_of_paper_is_light_and_has_no_navigation_even_by_night(desk: Window) -> None:
    page = desk.page
    page.emulate_media(media="print", color_scheme="dark")
    try:
        for navigation in page.get_by_role("navigation").all():
            expect(navigation).to_be_hidden()
        paper, ink = page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        assert paper == "rgb(255, 255, 255)"
        assert max(int(part) for part in ink[4:-1].split(",")) < 80
    finally:
        page.emulate_media(media="screen", color_scheme="light")
