"""The audit page in a real browser: its form makes an address, and a value leads to all lines with it."""

import re

import pytest

from tests.browser.conftest import Window, expect, shot

pytestmark = pytest.mark.browser


def test_the_form_makes_an_address_that_holds_only_what_was_asked_for(window: Window) -> None:
    page = window.page
    page.goto(window.address.rstrip("/") + "/audit")
    page.locator(".ss-audit-more > summary").click()
    page.locator("#audit-user").fill("nobody")
    page.locator("#audit-user").press("Enter")
    page.get_by_text("No line of the log is like that.").wait_for()
    assert page.url.endswith("/audit?user=nobody")
    assert page.locator("#audit-user").input_value() == "nobody"
    page.get_by_role("link", name="Show all lines").click()
    page.locator(".ss-audit tbody").get_by_role("link", name="login", exact=True).first.click()
    page.wait_for_url("**/audit?event=login")
    events = page.locator(".ss-audit tbody th[scope=row]")
    expect(events.first).to_be_visible()
    expect(events.filter(has_not_text=re.compile("^login$"))).to_have_count(0)
    shot(page, "audit")
    window.clean()
