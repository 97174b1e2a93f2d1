"""What stands around every page, in a real browser: legible whatever it says, and always in view."""

from typing import Any

import pytest

from tests.browser.conftest import PHONE, expect, opened, shot
from tests.browser.stage import Play, Stage, frozen

pytestmark = pytest.mark.browser
PORT = (
    "line 1: port missing: /dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A10K4QXZ-if00-port0 is not there; "
    "plug the adapter in, or correct lines.*.port"
)
DISK = "The disk is nearly full: 212 MB are left. Readings go on being stored until 100 MB; make room."
COLLISIONS = """() => {
  const line = document.querySelector('.ss-page > .ss-line-state');
  const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT), texts = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const unseen = '.ss-sr, .ss-none, details:not([open]) > ul';
    if (!node.data.trim() || node.parentElement.closest(unseen)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) if (box.width) texts.push([node.data, node, box]);
  }
  const frame = line.getBoundingClientRect(), found = [];
  for (const [words, node, box] of texts) {
    const high = box.top >= frame.top && box.bottom <= frame.bottom;
    const inside = high && box.left >= 0 && box.right <= innerWidth;
    if (!inside) found.push('outside: ' + words);
    for (const [other, its, that] of texts) {
      const beside = box.right <= that.left + 1 || that.right <= box.left + 1;
      const apart = beside || box.bottom <= that.top + 3 || that.bottom <= box.top + 3;
      if (its !== node && !apart) found.push(words + ' / ' + other);
    }
  }
  return texts.length > 5 ? found : ['the state line is not there'];
}"""


def troubled(stage: Stage, now: int) -> None:
    """The line works, and several things are wrong beside it."""
    stage.read(*stage.wire(stage.normal_site, now))
    stage.beat(problems=[DISK, DISK.replace("disk", "card"), PORT])


def no_adapter(stage: Stage, now: int) -> None:
    """The adapter is missing: the first thing that somebody sees who starts without one."""
    stage.read(*stage.wire(stage.normal_site, now))
    down = {"name": "line 1", "port": "/dev/ttyUSB0", "state": "down", "detail": PORT, "busy": None}
    stage.beat(problems=[PORT, DISK], lines=[down])


@pytest.mark.parametrize(("play", "said"), [(troubled, "3 problems"), (no_adapter, "1 further problem")])
def test_no_two_texts_of_the_state_line_overlap(chromium: Any, stage: Stage, play: Play, said: str) -> None:
    stage.play(play)
    try:
        for window in opened(chromium, stage):
            page = window.open("/reports")
            line = page.locator(".ss-page > .ss-line-state")
            expect(line).to_contain_text(said)
            for width in (360, 390, 700, 1000, 1280, 1440, 1920):
                page.set_viewport_size({"width": width, "height": 900})
                assert page.evaluate(COLLISIONS) == [], width
                assert page.evaluate("document.documentElement.scrollWidth") == width
                expect(line.get_by_text("The disk is nearly full")).to_be_visible()
                expect(line.get_by_text("plug the adapter in").last).to_be_visible()
                shot(page, f"line-{play.__name__}-{width}")
    finally:
        stage.play(frozen)


@pytest.mark.parametrize("view", [{"width": 1440, "height": 900}, PHONE])
def test_the_word_simulated_stays_in_view(chromium: Any, stage: Stage, view: dict[str, int]) -> None:
    for window in opened(chromium, stage, viewport=view):
        page = window.open("/meter/1")
        page.evaluate("scrollTo(0, 600)")
        assert page.evaluate("scrollY") == 600
        strip = page.locator(".ss-page > .ss-sim")
        expect(strip.locator("b")).to_be_in_viewport(ratio=1)
        box = strip.bounding_box()
        assert box
        assert (box["y"], box["height"] <= 28) == (0, True)
        top = page.evaluate("document.elementFromPoint(innerWidth / 2, 12).closest('.ss-sim') !== null")
        assert top, "something lies over the strip"


def test_what_is_focused_does_not_hide_under_the_strip(chromium: Any, stage: Stage) -> None:
    for window in opened(chromium, stage):
        page = window.open("/meter/1")
        page.evaluate("document.querySelectorAll('main summary, main a')[0].id = 'there'")
        page.evaluate("scrollTo(0, 600)")
        page.evaluate("location.hash = 'there'")
        page.wait_for_function("scrollY < 600")
        strip, aim = page.locator(".ss-page > .ss-sim").bounding_box(), page.locator("#there").bounding_box()
        assert strip
        assert aim
        assert aim["y"] >= strip["height"]
        page.keyboard.press("Control+Home")
        page.locator(".ss-skip").focus()
        lies_over = "el => document.elementFromPoint(el.offsetLeft + 5, el.offsetTop + 5) === el"
        assert page.locator(".ss-skip").evaluate(lies_over)


def test_the_role_gives_way_before_the_name(chromium: Any, stage: Stage) -> None:
    for window in opened(chromium, stage, viewport=PHONE):
        page = window.open("/")
        name = page.locator(".ss-who-name")
        assert name.inner_text() == "admin"
        assert name.evaluate("el => el.scrollWidth <= el.clientWidth")


def test_a_mark_stands_on_the_line_of_its_status(chromium: Any, stage: Stage) -> None:
    for window in opened(chromium, stage):
        page = window.open("/")
        lower = page.locator(".ss-readings tbody tr").first.evaluate(
            """(row) => {
              const tag = row.querySelector('.ss-tag');
              tag.className = 'ss-tag ss-tag-alarm';
              tag.lastElementChild.textContent = 'Alarm';
              const foot = (el) => {
                const mark = document.createElement('i');
                mark.style.cssText = 'display: inline-block; width: 0; height: 0';
                el.append(mark);
                const at = mark.getBoundingClientRect().bottom;
                mark.remove();
                return at;
              };
              return foot(row.querySelector('.ss-state').lastElementChild) - foot(tag.lastElementChild);
            }"""
        )
        assert abs(lower) < 1


def test_the_ring_stays_when_the_calendar_button_has_the_focus(chromium: Any, stage: Stage) -> None:
    for window in opened(chromium, stage):
        page = window.open("/reports")
        day = page.locator("main input[type=date]:visible").first
        day.focus()
        for _ in range(3):
            page.keyboard.press("Tab")
        assert day.evaluate("el => [el.matches(':focus-within'), getComputedStyle(el).outlineStyle]") == [
            True,
            "solid",
        ]


def test_each_printed_sheet_says_simulated(chromium: Any, stage: Stage) -> None:
    for window in opened(chromium, stage):
        page = window.open("/")
        page.emulate_media(media="print")
        looks = "el => [getComputedStyle(el).display, getComputedStyle(el).breakInside]"
        # a browser repeats the head of a table that must not be broken on each sheet
        strip = page.locator(".ss-page > .ss-sim")
        assert strip.evaluate(looks) == ["table-header-group", "avoid"]
        assert page.locator(".ss-page").evaluate(looks)[0] == "table"
