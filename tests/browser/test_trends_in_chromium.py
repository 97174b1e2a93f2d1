"""The trends in a real browser: the address is the state, the keys move, gaps stay gaps, files come out."""

import re
from urllib.parse import parse_qs, urlsplit

from tests.browser.conftest import Window, expect, shot

WEEK = "/trends?m=1,4&q=watts_total,v_r&range=7d&with=day"


def said(window: Window) -> dict[str, str]:
    """Return what the address says."""
    return {name: values[0] for name, values in parse_qs(urlsplit(window.page.url).query).items()}


def test_the_address_is_the_state_and_the_keys_move_in_it(window: Window) -> None:
    page = window.open(WEEK)
    charts = page.locator(".ss-t-charts .ss-days")
    expect(charts).to_have_count(2)
    first = page.url
    assert said(window).keys() == {"m", "q", "from", "to", "with"}  # the named range has become times
    pressed = page.locator("[aria-pressed=true]").all_inner_texts()
    assert pressed[:2] == ["7 d", "Day before"]
    expect(page.locator(".ss-days .ss-gap").first).to_contain_text("no data")
    for path in page.locator(".ss-td-line").all():
        assert re.fullmatch(r"(M[\d.]+ [-\d.]+(L[\d.]+ [-\d.]+)*)+", path.get_attribute("d") or "")
    page.locator("[data-t=charts]").focus()
    with page.expect_response(re.compile("/api/trend")):
        page.keyboard.press("+")
    expect(page.locator('[data-value="own"][aria-pressed=true]')).to_have_count(1)
    shot(page, "trends")
    inside = page.url
    page.reload()
    expect(charts).to_have_count(2)
    assert page.url == inside
    page.go_back()
    expect(page.locator('[data-value="7d"][aria-pressed=true]')).to_have_count(1)
    assert page.url == first
    page.get_by_role("button", name="Remove: 4 ColonyLoad").click()
    expect(page.locator("[data-t=table] tbody tr")).to_have_count(2)
    assert said(window)["m"] == "1"
    expect(
        page.locator("[data-t=table] .ss-v.ss-is-fresh").first
    ).to_be_visible()  # painted as all live values
    window.clean()


def test_what_an_address_says_wrongly_is_told_and_a_lost_station_leaves_an_old_picture(
    window: Window,
) -> None:
    page = window.open("/trends?m=77")
    alert = page.locator("[data-t=error]")
    expect(alert).to_contain_text("No such meter: '77'")
    expect(page.locator(".ss-days")).to_have_count(0)
    window.errors.clear()  # the browser notes the refusal
    alert.get_by_role("link").click()
    expect(page.locator(".ss-days")).to_have_count(1)
    later = {"status": 429, "headers": {"Retry-After": "1"}, "json": {"error": "It goes on in 1 s."}}
    page.route("**/api/trend?*", lambda route: route.fulfill(**later), times=1)
    page.get_by_role("button", name="7 d").click()
    expect(alert).to_have_text("It goes on in 1 s.")
    expect(alert).to_be_hidden()  # it asked again by itself
    expect(page.locator(".ss-t-charts:not(.ss-t-old) .ss-days")).to_have_count(1)
    page.route("**/api/trend?*", lambda route: route.abort())
    page.get_by_role("button", name="30 d").click()
    expect(alert).to_contain_text("No connection")
    expect(page.locator(".ss-t-charts.ss-t-old .ss-days")).to_have_count(1)
    assert window.foreign == []


def test_the_picture_and_its_figures_come_out_as_files(window: Window) -> None:
    page = window.open("/trends?range=yesterday")
    expect(page.locator(".ss-days")).to_have_count(1)
    with page.expect_download() as picture:
        page.get_by_role("button", name="PNG").click()
    assert picture.value.path().read_bytes().startswith(b"\x89PNG")
    with page.expect_download() as figures:
        page.get_by_role("button", name="CSV").click()
    assert re.fullmatch(r"trends-\d{4}-\d\d-\d\d\.csv", figures.value.suggested_filename)
    assert ",Watts Total,W," in figures.value.path().read_text(encoding="utf-8")
    window.clean()
