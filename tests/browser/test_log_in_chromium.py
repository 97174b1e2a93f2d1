"""An operator fills the log sheet by keyboard, corrects a value, and sees what stood there before."""

import re

import pytest

from substation.clock import day_start_ms, site_time
from tests.browser.conftest import Window, expect
from tests.browser.stage import Stage

pytestmark = pytest.mark.browser


def test_a_column_is_typed_downwards_refused_corrected_and_keeps_its_history(
    window: Window, stage: Stage
) -> None:
    zone = stage.settings.site.zone
    yesterday = site_time(day_start_ms(stage.real.now_ms(), zone, 1), zone)
    page = window.open(f"/log?day={yesterday:%Y-%m-%d}&only=hand")
    oil = page.get_by_label(re.compile("^Transformer, Temperature oil, °C, "))
    expect(oil).to_have_count(25)
    page.get_by_role("button", name="To what is due").click()
    expect(oil.nth(0)).to_be_focused()
    said = page.locator("#log-said")
    for keys in ("6", "1", "Enter", "6", "2", "Enter", '"', "Enter", "6", "2", "0", "Enter"):
        page.keyboard.press(keys)
    expect(oil.nth(4)).to_be_focused()
    expect(oil.nth(2)).to_have_value("62")  # what stood above
    expect(oil.nth(3)).to_have_attribute("aria-invalid", "true")
    expect(oil.nth(3)).to_have_value("620")  # nothing that was typed is lost
    with page.expect_response(re.compile("_dash-update-component")):  # drawn anew, as when an hour has come
        page.evaluate("dash_clientside.set_props('log-look', {n_intervals: 99})")
    expect(oil.nth(1)).to_have_value("62")
    expect(oil.nth(3)).to_have_value("620")
    expect(oil.nth(4)).to_be_focused()
    oil.nth(3).focus()
    expect(said).to_contain_text("620 cannot be")
    oil.nth(3).fill("63")
    page.keyboard.press("Enter")
    expect(oil.nth(3)).not_to_have_attribute("aria-invalid", "true")
    oil.nth(1).fill("64")
    page.keyboard.press("Enter")
    oil.nth(1).focus()
    expect(said).to_contain_text("written 2 times")
    page.get_by_role("button", name="History").click()
    expect(page.locator("#log-entries li b")).to_have_text(["64", "62"])
    note = page.get_by_label(re.compile("^Hand-over, Shift 06-14"))
    note.fill("Permit 14 open.")
    note.press("Control+Enter")
    expect(said).to_contain_text("admin")
    window.errors[:] = [one for one in window.errors if "422" not in one]  # the refused one
    window.clean()
