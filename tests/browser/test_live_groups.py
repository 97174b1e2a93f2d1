"""Energies are read once a minute, some registers never: each value has its own age, or says why not."""

import re
from collections.abc import Iterator

import pytest

from tests.browser import stage as plays
from tests.browser.conftest import Browser, Window, expect, shot
from tests.browser.stage import Stage, staged

pytestmark = pytest.mark.browser
SOON_MS = 6_000


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Stage]:
    """A station whose meters are read in groups."""
    folder = tmp_path_factory.mktemp("groups")
    with staged(folder, plays.groups, plays.grouped_settings(), step_s=900) as made:
        yield made


def test_an_energy_ages_by_itself_while_the_meter_stays_fresh(window: Window) -> None:
    page = window.open("/meter/1")
    energy = page.locator(".ss-params [data-age=wh_received]")
    expect(energy).to_have_text(re.compile(r"^1\d s$"), timeout=15_000)  # and not "late 12 s"
    expect(energy).to_have_class("ss-age ss-is-fresh")
    expect(page.locator(".ss-params [data-q=wh_received]")).to_have_class("ss-v ss-is-fresh", timeout=15_000)
    volts = page.locator(".ss-params [data-age=v_r]")
    expect(volts).to_have_text(re.compile(r"^[01]\.\d s$"))
    shot(page, "meter-groups")
    window.clean()


def test_what_does_not_come_any_more_says_why_and_is_old(window: Window) -> None:
    page = window.open("/meter/4")
    row = page.locator(".ss-params tr", has=page.locator("[data-q=wh_delivered]"))
    expect(row).to_contain_text("disabled: register 40167 refused with exception 2")
    expect(row.locator("[data-q]")).to_have_class("ss-v ss-is-stale")  # what the history knows of it
    expect(row.locator("[data-age]")).to_have_text(re.compile("^stale "))
    more = page.locator("section", has=page.get_by_role("heading", name="More from this meter"))
    expect(more).to_contain_text("THD of voltage, R phase")
    expect(more).to_contain_text("3.210")
    age = more.locator("[data-ago]").first
    before = age.text_content()
    expect(age).not_to_have_text(before or "", timeout=SOON_MS)  # it counts on between two readings
    shot(page, "meter-more")
    window.clean()


def test_a_meter_of_one_phase_shows_one_phase(window: Window) -> None:
    page = window.open("/meter/3")
    expect(page.locator(".ss-ryb thead th")).to_have_count(1)
    expect(page.locator(".ss-multi figure")).to_have_count(4)
    expect(page.locator("[data-q=v_y]:not(.ss-params *)")).to_have_count(0)
    lacking = page.locator(".ss-params tr", has=page.locator("[data-q=v_y]"))
    expect(lacking).to_contain_text("not in this meter")
    expect(lacking.locator("[data-q] .ss-n")).to_have_text("\u2014")  # and not 0
    expect(lacking.locator("[data-age]")).to_have_text("")
    shot(page, "meter-one-phase")
    window.clean()


def test_a_frozen_meter_is_old_and_says_since_when(window: Window) -> None:
    page = window.open("/")
    card = page.locator(".ss-branch[aria-label=EssentialLoad]")
    expect(card).to_contain_text(re.compile(r"Frozen since \d\d:\d\d: the meter repeats itself"))
    expect(card).to_have_class(re.compile("ss-w-unknown ss-q-stale"))
    assert card.locator(".ss-is-fresh").count() == 0
    expect(page.locator(".ss-headline")).to_contain_text("A meter repeats itself")
    expect(page.locator(".ss-readings")).to_contain_text("the meter repeats itself")
    shot(page, "home-frozen")
    window.clean()


def test_a_stopped_poller_makes_energies_old_too(window: Window, stage: Stage) -> None:
    page = window.open("/meter/1")
    stage.play(None)
    expect(page.locator(".ss-line-state")).to_have_class(re.compile("ss-s-blind"), timeout=SOON_MS)
    energy = page.locator(".ss-params [data-q=wh_received]")
    expect(energy).to_have_class("ss-v ss-is-stale")
    expect(page.locator(".ss-params [data-age=wh_received]")).to_have_text(re.compile("^stale "))
    assert page.locator("main .ss-is-fresh").count() == 0
    stage.play(plays.groups)
    expect(energy).to_have_class("ss-v ss-is-fresh", timeout=SOON_MS)
    window.clean()
