"""One day of the engineer, in a browser, from the morning's first look to the month's statement.

The station has polled since the first of last month; supply failed yesterday. A real poller asks simulated
meters, and supply fails again while the engineer looks on. Each figure that he is shown or carries away is
held against the simulated site or the history's reader, never against another page.
"""

import datetime as dt
import io
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pypdf
import pytest

from substation.clock import SystemClock, day_start_ms, site_time
from substation.commands.demo_events import SupplyChanges
from substation.meters import profile
from substation.quantities import COUNTERS
from substation.readings import Reading
from substation.settings.model import Line, Poll, Site
from substation.simulator import history, site
from substation.simulator.line import SimulatedLine
from substation.simulator.supply import Failure
from substation.store.history import History, HistoryReader
from tests.browser.conftest import Browser, Page, Window, expect, opened
from tests.browser.stage import PROJECT, Stage, zone_at
from tests.dashboard.conftest import demo_settings

pytestmark = pytest.mark.browser
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
BEFORE_MS = 20_000
"""So long before each half hour the meters were read: near enough for log sheets and blocks of demand."""
SOON_MS = 40_000
"""A failure of supply is an alarm after its delay of 5 s; a busy machine takes longer."""
FLOWS = {"wh_received": "watts_total", "vah_received": "va_total", "varh_ind_received": "var_total"}
"""Registers of this station that move, and the power that moves each."""
NOON = 15
"""The hour at which the engineer sits at his desk: the shift 06-14 has ended."""


class Station(Stage):
    """A station that has polled for weeks, and polls."""

    def __init__(self, folder: Path) -> None:
        zone = zone_at(NOON)
        settings = demo_settings(
            site=Site(name="GS Substation", timezone=zone),
            poll=Poll(interval_s=1.0),
            lines=(Line(port=str(folder / "line"), baud=115_200),),
        )
        super().__init__(folder, settings)
        self.zone = ZoneInfo(zone)
        self.now_ms = self.real.now_ms()
        self.today_ms = day_start_ms(self.now_ms, self.zone)
        self.yesterday_ms = day_start_ms(self.now_ms, self.zone, 1)
        self.failed = Failure(
            self.yesterday_ms + 10 * HOUR_MS, self.yesterday_ms + 10 * HOUR_MS + 25 * MINUTE_MS
        )
        last = site_time(self.today_ms, self.zone).replace(day=1) - dt.timedelta(days=1)
        self.month = f"{last:%Y-%m}"
        self.month_ms = round(dt.datetime(last.year, last.month, 1, tzinfo=self.zone).timestamp() * 1000)
        self.month_end_ms = round(
            site_time(self.today_ms, self.zone)
            .replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            .timestamp()
            * 1000
        )
        self.last_month = Failure(
            self.month_ms + 9 * DAY_MS + 10 * HOUR_MS,
            self.month_ms + 9 * DAY_MS + 10 * HOUR_MS + 40 * MINUTE_MS,
        )
        self.peak_ms = self.month_ms + 11 * DAY_MS + 19 * HOUR_MS
        """The half hour from here on carried a fifth more than the others."""
        self.poller: subprocess.Popen[bytes] | None = None
        self.line: SimulatedLine | None = None

    def site(self, *failures: Failure) -> site.Site:
        """Return the site that is polled; it begins shortly before now."""
        return site.Site(3, epoch_ms=self.now_ms - HOUR_MS, zone=self.zone, failures=failures)

    def live_through(self) -> None:
        """Store what was read since the first of last month: steady loads; their registers lead to now's."""
        middle_ms = self.now_ms - HOUR_MS // 2
        usual, dark = (
            next(history.readings(one, middle_ms, middle_ms + 1000, 60))
            for one in (self.site(), self.site(Failure(middle_ms - MINUTE_MS, middle_ms + MINUTE_MS)))
        )
        begun = next(history.readings(self.site(), self.now_ms - HOUR_MS, self.now_ms - HOUR_MS + 1000, 60))
        self.steady = begun[0], usual[0].values
        store = History(self.home.history, True, self.real, self.zone, site=self.settings.site.name)
        changes = SupplyChanges(self.settings)
        halves = range(self.month_ms - BEFORE_MS, self.now_ms - HOUR_MS, 30 * MINUTE_MS)
        failures = (self.last_month, self.failed)
        failing = [range(one.start_ms - MINUTE_MS, one.end_ms + MINUTE_MS, 10_000) for one in failures]
        for at_ms in sorted({*halves, *itertools.chain(*failing)}):
            is_dark = any(one.start_ms <= at_ms < one.end_ms for one in failures)
            rows = [
                replace(row, at_ms=at_ms, values={**row.values, **self.registers(first, flow.values, at_ms)})
                for row, first, flow in zip(dark if is_dark else usual, begun, usual, strict=True)
            ]
            store.add(rows)
            for event in changes.of(rows):
                store.event(**asdict(event))
        store.commit()
        store.close()

    def registers(self, first: Reading, flow: Mapping[str, float | None], at_ms: int) -> dict[str, float]:
        """Return a meter's registers at a moment, of a load that has been steady but for one half hour."""
        hours = (self.now_ms - HOUR_MS - at_ms) / HOUR_MS
        hours += 0.1 if at_ms < self.peak_ms else 0
        moved = {key: (flow[power] or 0) * hours for key, power in FLOWS.items()}
        return {key: float(round((first.values[key] or 0) - moved.get(key, 0))) for key in COUNTERS}

    def gone_on(self, key: str) -> float:
        """Return what a register of the Transformer was made to go on by in last month."""
        ends = (self.month_end_ms, self.month_ms)
        ended, begun = (self.registers(*self.steady, end - BEFORE_MS)[key] for end in ends)
        return ended - begun

    def polls(self) -> None:
        """Start a poller on a simulated line."""
        self.line = SimulatedLine(
            self.site(), SystemClock(), link=self.folder / "line", baud=115_200, turnaround_ms=1,
            profile=profile.load("elmeasure_lgplus"),
        )  # fmt: skip
        self.line.start()
        self.poller = subprocess.Popen(
            [sys.executable, str(PROJECT / "dmf_reader.py")],
            env={**os.environ, "SUBSTATION_HOME": str(self.folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=PROJECT,
        )

    def fails(self) -> int:
        """Let supply fail now, for half a minute; return when."""
        assert self.line
        now_ms = self.real.now_ms()
        self.line.site = self.site(Failure(now_ms, now_ms + 15_000, dg_start_s=3, dg_stop_s=3))
        return now_ms

    def close(self) -> None:
        super().close()
        if self.poller is not None:
            self.poller.terminate()
            self.poller.wait(30)
        if self.line is not None:
            self.line.stop()

    def reader(self) -> HistoryReader:
        return HistoryReader(self.home.history)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Station]:
    made = Station(tmp_path_factory.mktemp("day"))
    try:
        made.live_through()
        made.polls()
        made.serve()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def desk(chromium: Browser, station: Station) -> Iterator[Window]:
    """One window for the whole day, logged in once."""
    for window in opened(chromium, station):
        window.open("/")
        yield window
        window.clean()


def nav(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Pages", exact=True).get_by_role("link", name=name).click()


def carried_away(page: Page, name: str) -> bytes:
    """Click a button and return the file that comes."""
    with page.expect_download() as caught:
        page.get_by_role("button", name=name, exact=True).click()
    return Path(caught.value.path()).read_bytes()


def words_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def plain(words: str) -> str:
    """Return words with simple spaces."""
    return re.sub(r"\s+", " ", words)


def failed(station: Station) -> dt.datetime:
    """Return when supply failed yesterday, in the site's time."""
    return site_time(station.failed.start_ms, station.zone)


def test_supply_fails_and_he_acknowledges_by_name(desk: Window, station: Station) -> None:
    page = desk.page
    expect(page.get_by_role("article", name="Transformer")).to_contain_text("EB supply On", timeout=SOON_MS)
    station.fails()
    line = page.locator(".ss-al")
    expect(line).to_contain_text("Supply lost", timeout=SOON_MS)
    line.get_by_role("link").first.click()
    row = page.get_by_role("row").filter(has_text="Supply lost")
    row.get_by_role("button", name="Acknowledge").first.click()
    expect(page.locator("main")).to_contain_text("admin", timeout=SOON_MS)
    expect(line).not_to_contain_text("unacknowledged", timeout=SOON_MS)
    (said,) = station.audit_lines("alarm.asked")
    assert said["user"] == "admin"


def test_he_writes_the_cause_of_yesterdays_failure(desk: Window, station: Station) -> None:
    page = desk.page
    nav(page, "Events")
    page.get_by_role("link", name="Interruptions", exact=True).click()
    table = page.get_by_role("table", name="Interruptions")
    at = f"{failed(station):%H:%M:%S}"
    row = table.get_by_role("row").filter(has_text="1 Transformer").filter(has_text=at)
    expect(row).to_contain_text("not written")
    assert "25 min 0 s" in plain(row.inner_text())  # every 10 s somebody looked
    row.get_by_role("link").first.click()
    page.get_by_label("Cause").select_option(label="DISCOM failure")
    page.get_by_label("Remark").fill("Informed the control room.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    expect(row).to_contain_text("DISCOM failure")
    assert [line["user"] for line in station.audit_lines("register.written")] == ["admin", "admin"]


def test_he_writes_the_litres_of_the_set(desk: Window, station: Station) -> None:
    page = desk.page
    page.get_by_role("link", name="DG log", exact=True).click()
    day = f"{failed(station):%a %d %b}"
    row = page.get_by_role("row").filter(has_text=day).filter(has_text="supply failure")
    expect(row).to_contain_text("not written")
    row.get_by_role("link").first.click()
    page.get_by_label(re.compile("^Diesel used|^Diesel, l|consumed")).first.fill("6.5")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    expect(row).to_contain_text("6.5")


def test_he_fills_the_sheet_of_his_shift_and_takes_it_along(desk: Window, station: Station) -> None:
    page = desk.page
    nav(page, "Log sheet")
    oil = page.get_by_label(re.compile("^Transformer, Temperature oil, °C, "))
    for hour in range(6, 15):
        oil.nth(hour).fill(str(50 + hour))
        page.keyboard.press("Enter")
    note = page.get_by_label(re.compile("^Hand-over, Shift 06-14"))
    note.fill("All quiet.")
    note.press("Control+Enter")
    expect(page.locator("#log-said")).to_contain_text("admin")
    said = plain(words_of(carried_away(page, "PDF")))
    at_ms = [station.today_ms + hour * HOUR_MS for hour in range(NOON)]
    read = station.reader().readings_at(1, at_ms, ("wh_received",))
    for at in at_ms:
        value = read[at]["wh_received"].value
        assert value is not None
        assert f"{value / 1000:.0f}" in said
    assert "All quiet." in said
    assert all(str(50 + hour) in said for hour in range(6, 15))
    assert said.count("SIMULATED") >= 1


def test_he_carries_the_months_statement_to_his_superior(desk: Window, station: Station) -> None:
    page = desk.page
    nav(page, "Reports")
    page.get_by_role("link", name="Monthly statement").first.click()
    expect(page).to_have_url(re.compile(f"month={station.month}|/statement"))
    said = plain(words_of(carried_away(page, "PDF")))
    for meter in station.settings.meters:
        energy = station.reader().energy(meter.id, station.month_ms, station.month_end_ms)
        units = energy.used["wh_received"]
        assert units is not None
        assert f" {units / 1000:.3f} " in said, meter.name  # to the last count of the register
    wh, vah = (station.gone_on(f"{key}_received") for key in ("wh", "vah"))
    demand = 1.2 * (station.steady[1]["va_total"] or 0)
    load = vah / demand / ((station.month_end_ms - station.month_ms) / HOUR_MS)
    peak = f"{site_time(station.peak_ms, station.zone):%d %b %H:%M}"
    figures = rf"1 Transformer {demand / 1000:.1f} {peak} – {100 * load:.1f} – {wh / vah:.3f} "
    assert re.search(figures, said), figures
    failures = [one for one in (station.last_month, station.failed) if one.start_ms < station.month_end_ms]
    times, hours = len(failures), sum(one.end_ms - one.start_ms for one in failures) / HOUR_MS
    sustained = f"{times} 0 {times} 0 0 0 {hours:.2f} 0.00"
    assert f"Supply {sustained}" in said
    assert "2 EssentialLoad 0 0 0 0 0 0 0.00 0.00" in said  # the set fed it before anybody looked
    assert f"3 NonEssentialLoad {sustained}" in said
    assert f"5 DGSetLoad {times} 0 {hours:.2f} 0.00" in said
    book = openpyxl.load_workbook(io.BytesIO(carried_away(page, "XLSX")))
    numbers = {cell for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row}
    used = station.reader().energy(1, station.month_ms, station.month_end_ms).used["wh_received"]
    assert used is not None
    assert used / 1000 in numbers
    assert len(station.audit_lines("statement.made")) == 2
