"""First light, whole: the demo as a newcomer starts it, in a real browser, from the wire to the screen.

The same number must stand on the screen, in `/api/live`, in `meter_data.csv`, in the database and on
the simulated wire; what is dead must look dead; what was killed must lose nothing.
"""

import csv
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from substation.clock import iso
from substation.commands.doors import PROJECT
from substation.quantities import QUANTITIES
from substation.simulator import kept
from tests.browser.conftest import Browser, Locator, Page, expect
from tests.station_run import StationRun

pytestmark = [pytest.mark.whole, pytest.mark.browser, pytest.mark.timeout(300)]

LOOKS_DEAD_S = 5.0
ZONE = ZoneInfo("Asia/Kolkata")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StationRun]:
    """A running demo."""
    station = StationRun(tmp_path_factory.mktemp("first light") / "demo")
    try:
        done = station.start("--demo", "--port", str(station.port))
        assert done.returncode == 0, done.stdout + done.stderr
        yield station
    finally:
        station.stop()


@pytest.fixture(autouse=True)
def sound_wire(demo: StationRun) -> None:
    """Each test begins with five meters that answer, whatever the one before it ordered."""
    if any(process.name == "poller" and process.runs for process in demo.processes):  # not killed before
        order(demo)
        until(lambda: [meter["freshness"] for meter in demo.live()["meters"]] == ["fresh"] * 5, 15)


@pytest.fixture(scope="module")
def tab(chromium: Browser) -> Iterator[Page]:
    """A page of somebody who logs in."""
    context = chromium.new_context(
        http_credentials={"username": "admin", "password": "password123"},
        viewport={"width": 1440, "height": 900},
        locale="en-GB",
    )
    yield context.new_page()
    context.close()


@pytest.fixture
def page(tab: Page, demo: StationRun) -> Iterator[Page]:
    """The same, which may talk to the station only, and must not complain."""
    station = f"http://127.0.0.1:{demo.port}/"
    foreign: list[str] = []
    complaints: list[str] = []

    def asks(request: Any) -> None:
        if not request.url.startswith(station):
            foreign.append(request.url)

    def says(message: Any) -> None:
        if message.type == "error":
            complaints.append(message.text)

    def fails(error: Any) -> None:
        complaints.append(str(error))

    watch = {"request": asks, "console": says, "pageerror": fails}
    for event, heard in watch.items():
        tab.on(event, heard)
    yield tab
    assert foreign == []
    assert complaints == []
    for event, heard in watch.items():
        tab.remove_listener(event, heard)
    tab.goto("about:blank")


def rows_of(demo: StationRun, quality: str = "good") -> list[dict[str, str]]:
    """Return the whole lines of the live file; those of one quality ("" = all)."""
    text = (demo.home / "meter_data.csv").read_text()
    rows = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
    return [row for row in rows if row["quality"] == quality or not quality]


def until(found: Callable[[], bool], seconds: float) -> float:
    """Return how long it took until `found`, s; fail when it takes longer than `seconds`."""
    begun = time.monotonic()
    while not found():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - begun


def order(demo: StationRun, *faults: dict[str, object]) -> None:
    """Order faults on the simulated wire."""
    (demo.home / "state" / "simulator.json").write_text(json.dumps({"faults": faults}))


def branch(page: Page, meter_id: int) -> Locator:
    """Return a meter's branch of the diagram, with its card."""
    return page.locator(f'.ss-branch:has(a[href="/meter/{meter_id}"])')


def test_five_live_meters_are_on_the_screen(page: Page, demo: StationRun) -> None:
    page.goto(f"http://127.0.0.1:{demo.port}/")
    expect(page.locator(".ss-branch")).to_have_count(5)
    expect(page.locator(".ss-branch.ss-q-fresh")).to_have_count(5)
    expect(page.get_by_text("SIMULATED").first).to_be_visible()
    for name in ("Transformer", "EssentialLoad", "NonEssentialLoad", "ColonyLoad", "DGSetLoad"):
        expect(page.locator(".ss-branch").filter(has_text=name).first).to_be_visible()


def test_the_number_on_screen_is_the_number_in_the_live_file(page: Page, demo: StationRun) -> None:
    page.goto(f"http://127.0.0.1:{demo.port}/")
    kw = branch(page, 1).locator('.ss-kw [data-q="watts_total"] .ss-n')
    expect(kw).to_be_visible()
    for _ in range(5):  # the wire does not wait for us: what is on screen is one of the last rounds
        page.wait_for_timeout(700)
        shown = kw.inner_text().replace(" ", "")
        recent = [float(row["Watts Total"]) for row in rows_of(demo) if row["Meter_ID"] == "1"][-3:]
        assert shown in {f"{watts / 1000:.1f}" for watts in recent}, (shown, recent)


def numbers_of(row: dict[str, str]) -> dict[str, float]:
    """Return the values that were asked for in this round."""
    return {one.key: float(row[one.label]) for one in QUANTITIES if row[one.label]}


def test_the_interface_says_what_the_live_file_says(demo: StationRun) -> None:
    for _ in range(5):
        said = {meter["id"]: meter for meter in demo.live()["meters"]}
        rows = rows_of(demo)
        for meter_id, meter in said.items():
            values = {key: value["value"] for key, value in meter["values"].items()}
            known: dict[str, float] = {}  # energies come in one row a minute, and stand until the next
            kept_rows = []
            for row in rows:
                if row["Meter_ID"] == str(meter_id):
                    known = known | numbers_of(row)
                    kept_rows.append(known)
            assert values in kept_rows[-3:]
        time.sleep(0.5)


def test_the_database_holds_the_same_readings_as_the_live_file(demo: StationRun) -> None:
    columns = ", ".join(quantity.key for quantity in QUANTITIES)
    wanted = {(iso(int(row["ts_ms"])), int(row["Meter_ID"])): row for row in rows_of(demo)[-10:]}

    def stored() -> dict[tuple[str, int], tuple[float | None, ...]]:
        connection = sqlite3.connect(f"file:{demo.home / 'daily_data.db'}?mode=ro", uri=True)
        try:
            found = connection.execute(
                f"SELECT at, meter_id, {columns} FROM readings_v WHERE at >= ?",  # noqa: S608  our own names
                (min(wanted)[0],),
            ).fetchall()
        finally:
            connection.close()
        return {(at, meter_id): tuple(values) for at, meter_id, *values in found}

    until(lambda: wanted.keys() <= stored().keys(), 45)
    values = stored()
    for key, row in wanted.items():
        numbers = numbers_of(row)
        assert values[key] == tuple(numbers.get(quantity.key) for quantity in QUANTITIES)


def test_what_was_stored_is_what_the_simulated_site_had(demo: StationRun) -> None:
    site = kept.site_of(demo.home, ZONE, time.time_ns() // 1_000_000)
    rows = rows_of(demo)
    whole = [row for row in rows if len(numbers_of(row)) == len(QUANTITIES)]
    assert whole  # energies came, and in a few rows only
    assert len(whole) < len(rows) / 2
    for row in [*rows[-10:], *whole[-5:]]:
        # the meter took its values when it was asked; the row is stamped when the answer was here
        now, before = (site.at(int(row["ts_ms"]) - back)[int(row["Meter_ID"])] for back in (0, 600))
        numbers = numbers_of(row)
        for quantity in (one for one in QUANTITIES if one.key in numbers):
            low, high = sorted((now[quantity.key], before[quantity.key]))
            slack = 0.002 * max(abs(low), abs(high)) + quantity.resolution
            assert low - slack <= numbers[quantity.key] <= high + slack, quantity.key


def test_a_dead_meter_looks_dead_within_five_seconds_and_comes_back(page: Page, demo: StationRun) -> None:
    page.goto(f"http://127.0.0.1:{demo.port}/")
    colony = branch(page, 4)
    expect(colony).to_have_class(re.compile("ss-q-fresh"))
    looked_dead_s = []
    while not looked_dead_s or (
        min(looked_dead_s) >= LOOKS_DEAD_S and len(looked_dead_s) < 3
    ):  # a busy machine
        order(demo, {"meter": 4, "kind": "dead"})
        looked_dead_s.append(until(lambda: "ss-q-stale" in (colony.get_attribute("class") or ""), 15))
        expect(colony).to_contain_text("No answer", timeout=10_000)
        expect(page.locator(".ss-line-state")).to_contain_text("Communication failed", timeout=10_000)
        expect(page.locator(".ss-branch.ss-q-fresh")).to_have_count(4, timeout=10_000)
        order(demo)
        expect(colony).to_have_class(re.compile("ss-q-fresh"), timeout=15_000)
    assert min(looked_dead_s) < LOOKS_DEAD_S


def test_every_page_of_a_demo_says_simulated(page: Page, demo: StationRun) -> None:
    page.goto(f"http://127.0.0.1:{demo.port}/")
    expect(page.locator("#react-entry-point .ss-branch")).to_have_count(5)  # and no first picture any more
    addresses = {link.get_attribute("href") for link in page.locator("a[href^='/']").all()}
    assert {"/", "/meter/1", "/meter/5"} <= addresses
    for address in sorted(address for address in addresses if address):
        page.goto(f"http://127.0.0.1:{demo.port}{address}")
        expect(page.get_by_text("SIMULATED").first).to_be_visible()
        assert "SIMULATED" in page.title()


def test_a_killed_poller_looks_stopped_within_five_seconds_and_lost_nothing(
    page: Page, demo: StationRun
) -> None:
    page.goto(f"http://127.0.0.1:{demo.port}/")
    expect(page.locator(".ss-branch.ss-q-fresh")).to_have_count(5)
    expect(page.locator(".js-plotly-plot")).to_have_count(4, timeout=15_000)  # the page has come to rest
    poller = next(process for process in demo.processes if process.name == "poller")
    os.kill(poller.pid, signal.SIGKILL)
    taken = until(lambda: page.locator(".ss-branch.ss-q-stale").count() == 5, 15)
    assert taken < LOOKS_DEAD_S
    expect(page.locator(".ss-line-state")).to_contain_text(re.compile("poller", re.I), timeout=10_000)
    journal = {(int(row["ts_ms"]) << 8) | int(row["Meter_ID"]) for row in rows_of(demo, "")}
    assert journal
    again = subprocess.run(
        [demo_python(), str(PROJECT / "dmf_reader.py"), "--rounds", "2"],
        env=demo.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    connection = sqlite3.connect(f"file:{demo.home / 'daily_data.db'}?mode=ro", uri=True)
    try:
        stored = {
            key for (key,) in connection.execute("SELECT key FROM reading WHERE key >= ?", (min(journal),))
        }
    finally:
        connection.close()
    assert journal <= stored


def demo_python() -> str:
    """Return the interpreter that the station runs in."""
    own = PROJECT / "venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def test_stop_leaves_no_process(demo: StationRun) -> None:
    assert demo.every_process() != []
    assert demo.stop().returncode == 0
    assert demo.every_process() == []
