"""What an engineer asks, found by somebody who has never seen the station: from Home, three clicks at most.

The station has had a day: its supply failed this morning, one meter fell silent since, somebody exported, a
copy was taken. Each answer is read where it stands on the page, and held against the simulated site, the
history's reader or the files that the answer is about; never against the page itself.
"""

import dataclasses
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from substation.audit import Audit, keys_of
from substation.clock import day_start_ms, site_time
from substation.commands.demo_events import SupplyChanges
from substation.energy import unbalance
from substation.quantities import BY_KEY
from substation.settings import vault
from substation.settings.model import Backup, Site
from substation.simulator import history, site
from substation.simulator.supply import Failure
from substation.store.copies import report
from substation.store.history import History, HistoryReader
from tests.browser.conftest import Browser, Locator, Page, expect, opened
from tests.browser.stage import SILENT, Stage, zone_at
from tests.dashboard.conftest import demo_settings, no_answer

pytestmark = pytest.mark.browser
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
CLICKS, SECONDS = 3, 15.0
BEFORE_MS = 45_000
"""So long before each five minutes the meters were read: near enough for the blocks of demand."""
ROWS = 2940
"""So many were exported."""
DEAD = 3
"""The meter that fell silent."""


class Day(Stage):
    """A station at noon, with yesterday and this morning behind it."""

    def __init__(self, folder: Any) -> None:
        zone = zone_at(13)  # 06:00 has been, and lies on today
        copies = Backup(folder=str(folder / "stick"))
        super().__init__(folder, demo_settings(site=Site(name="GS Substation", timezone=zone), backup=copies))
        self.zone = ZoneInfo(zone)
        self.now_ms = self.real.now_ms()
        self.today_ms = day_start_ms(self.now_ms, self.zone)
        self.yesterday_ms = day_start_ms(self.now_ms, self.zone, 1)
        self.failed = Failure(self.today_ms + 9 * HOUR_MS, self.today_ms + 9 * HOUR_MS + 25 * MINUTE_MS)
        self.silent_ms = self.now_ms - 40 * MINUTE_MS
        self.site = site.Site(3, epoch_ms=self.yesterday_ms, zone=self.zone, failures=(self.failed,))
        self.values = self.site.at(self.now_ms)

    def live_through(self) -> None:
        """Store what was read, what was noted, what was copied and what was exported."""
        store = History(self.home.history, True, self.real, self.zone)
        changes = SupplyChanges(self.settings)
        begin_ms = self.yesterday_ms - BEFORE_MS
        over_ms = self.failed.over_ms + MINUTE_MS
        again_ms = begin_ms + -((begin_ms - over_ms) // (5 * MINUTE_MS)) * 5 * MINUTE_MS
        for start_ms, end_ms, step_s in (
            (begin_ms, self.failed.start_ms - MINUTE_MS, 300.0),
            (self.failed.start_ms - MINUTE_MS, over_ms, 10.0),
            (again_ms, self.now_ms, 300.0),
        ):
            for rows in history.readings(self.site, start_ms, end_ms, step_s):
                heard = [row for row in rows if row.meter_id != DEAD or row.at_ms <= self.silent_ms]
                store.add(heard)
                for event in changes.of(heard):
                    store.event(**dataclasses.asdict(event))
        store.add([row for row in self.wire(self.site, self.silent_ms) if row.meter_id == DEAD])
        store.commit()
        store.close()
        report.write(
            self.home.copied,
            {
                "at_ms": self.now_ms - 25 * MINUTE_MS, "ok": True, "words": "good", "uid": "", "days": 2,
                "folder": self.settings.backup.folder, "newest_ms": self.now_ms - HOUR_MS, "bytes": 9_000_000,
                "other_medium": True,
            },
        )  # fmt: skip
        keys = keys_of(self.settings, vault.read_key(self.folder))
        Audit(self.home.audit, keys, "dashboard", self.real, self.zone).write(
            "export.done", user="engineer", src="10.0.0.7", rows=ROWS
        )


def noon(stage: Stage, now: int) -> None:
    """Supply is on, the DG set stands, one meter is silent; every round brings the same values."""
    assert isinstance(stage, Day)
    rows = {row.meter_id: replace(row, at_ms=now) for row in stage.wire(stage.site, stage.now_ms)}
    stage.read(*{**rows, DEAD: no_answer(DEAD, now)}.values())
    stage.beat(
        meter_1={"since_ms": stage.failed.end_ms},
        meter_3={**SILENT, "last_good_ms": stage.silent_ms},
        meter_5={"supply": "dead", "status": "DG set Off", "since_ms": stage.failed.over_ms},
    )


def failing(stage: Stage, now: int) -> None:
    """Supply has failed seven minutes ago; the DG set carries the essential load."""
    assert isinstance(stage, Day)
    since = stage.now_ms - 7 * MINUTE_MS
    cut = site.Site(3, epoch_ms=stage.now_ms, zone=stage.zone, failures=(Failure(since, now + HOUR_MS),))
    dark = {"supply": "dead", "since_ms": since, "evidence": "RY 0.0, YB 0.0, BR 0.0 V of 415 V"}
    rows = {row.meter_id: row for row in stage.wire(cut, now)}
    stage.read(*{**rows, DEAD: no_answer(DEAD, now)}.values())
    stage.beat(
        meter_1={**dark, "status": "EB supply Off"},
        meter_3={**SILENT, "last_good_ms": stage.silent_ms},
        meter_4={**dark, "status": "Power failure"},
        meter_5={"status": "DG set On", "since_ms": since + 10_000},
    )


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Day]:
    """The station at noon, serving."""
    made = Day(tmp_path_factory.mktemp("noon"))
    try:
        made.live_through()
        made.play(noon)
        made.serve()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def desk(chromium: Browser, day: Day) -> Iterator[Page]:
    """One window for all questions, logged in."""
    for window in opened(chromium, day):
        yield window.page
        window.clean()


@dataclass
class Visitor:
    """Somebody before the screen: sees what is visible, clicks what has a name, and is counted."""

    page: Page
    begun: float = field(default_factory=time.monotonic)
    clicks: int = 0

    def link(self, name: str, within: Locator | None = None) -> None:
        self._click((within or self.page).get_by_role("link", name=name, exact=True))

    def opens(self, name: str) -> None:
        """Open a menu."""
        self._click(self.page.locator("summary:visible").filter(has_text=re.compile(f"^{name}")).first)

    def _click(self, what: Locator) -> None:
        assert self.clicks < CLICKS, "that takes more than three clicks"
        self.clicks += 1
        what.click()

    def sees(self, name: str, role: Any = "definition") -> str:
        """Return the visible words beside a name: a term's definition, or a named part of the page."""
        if role == "definition":
            term = self.page.locator("main dt:visible").filter(has_text=re.compile(rf"^{re.escape(name)}$"))
            found = term.locator("xpath=following-sibling::dd").first
        else:
            found = self.page.get_by_role(role, name=name, exact=True).first
        found.wait_for()
        return plain(found.inner_text())

    def row(self, first: str) -> str:
        """Return the visible words of the first row of a table that begins so."""
        row = self.page.get_by_role("row").filter(has_text=re.compile(rf"^\s*{first}")).first
        row.wait_for()
        return plain(row.inner_text())


@pytest.fixture
def visitor(desk: Page, day: Day) -> Iterator[Visitor]:
    """Somebody before Home."""
    if desk.url == "about:blank":
        desk.goto(day.address)
    elif desk.url != day.address:  # the one before him has left it
        desk.get_by_role("navigation", name="Pages", exact=True).get_by_role("link", name="Home").click()
    desk.locator("#react-entry-point .ss-p-home").wait_for()
    expect(desk.locator("html")).to_have_attribute("data-link", "up", timeout=20_000)
    made = Visitor(desk)
    yield made
    assert time.monotonic() - made.begun < SECONDS


def plain(words: str) -> str:
    """Return words with simple spaces, as somebody reads them out."""
    return re.sub(r"\s+", " ", words).replace("\u2212", "-").strip()


def figure(words: str, unit: str) -> float:
    """Return the number that stands before a unit."""
    found = re.search(rf"(-?[\d ]*\d(?:\.\d+)?) ?{re.escape(unit)}(?!\w)", words)
    assert found, f"no {unit} in: {words}"
    return float(found[1].replace(" ", ""))


def clock(day: Day, ms: int, seconds: bool = False) -> str:
    return f"{site_time(ms, day.zone):{'%H:%M:%S' if seconds else '%H:%M'}}"


def test_is_supply_on(visitor: Visitor, day: Day) -> None:
    assert day.values[1]["v_r"] > 200
    assert "EB supply On" in visitor.sees("Transformer", "article")


def test_is_the_dg_set_running_and_since_when(visitor: Visitor, day: Day) -> None:
    assert day.values[5]["v_r"] < 50
    assert f"DG set Off since {clock(day, day.failed.over_ms)}" in visitor.sees("DGSetLoad", "article")
    day.play(failing)
    try:
        set_ = visitor.page.get_by_role("article", name="DGSetLoad")
        since = clock(day, day.now_ms - 7 * MINUTE_MS + 10_000)
        expect(set_).to_contain_text(f"DG set On since {since}")
        expect(visitor.page.get_by_role("article", name="Transformer")).to_contain_text("EB supply Off")
    finally:
        day.play(noon)
        expect(set_).to_contain_text("DG set Off")


def test_what_does_the_transformer_carry_now(visitor: Visitor, day: Day) -> None:
    kw = figure(visitor.sees("Transformer", "article"), "kW")
    assert kw == pytest.approx(day.values[1]["watts_total"] / 1000, abs=0.06)


def kept(key: str, value: float) -> float:
    """Return a value as it is stored: a small unbalance is made of the last digits."""
    steps = BY_KEY[key].to_steps(value)
    return BY_KEY[key].from_steps(steps) or 0.0


def test_which_circuit_is_least_balanced_now(visitor: Visitor, day: Day) -> None:
    names = {meter.id: meter.name for meter in day.settings.meters}
    heard = {m: {key: kept(key, day.values[m][key]) for key in ("v_ry", "v_yb", "v_br")} for m in (1, 2, 4)}
    volts = {m: unbalance.iec_u2(v["v_ry"], v["v_yb"], v["v_br"]) or 0 for m, v in heard.items()}
    said = visitor.sees("Worst voltage unbalance")
    worst = max(volts, key=lambda meter: volts[meter])
    assert said.startswith(names[worst])
    assert figure(said, "%") == pytest.approx(volts[worst], abs=0.006)
    assert "NonEssentialLoad missing" in said


def test_how_much_energy_did_the_non_essential_load_take_yesterday(visitor: Visitor, day: Day) -> None:
    said = visitor.sees("NonEssentialLoad", "article").partition("Yesterday")[2]
    truth = HistoryReader(day.home.history).energy(3, day.yesterday_ms, day.today_ms).used["wh_received"]
    assert truth is not None
    assert figure(said, "kWh") == pytest.approx(truth / 1000, abs=0.6)


def test_which_meter_is_dead_and_since_when(visitor: Visitor, day: Day) -> None:
    visitor.link("Events", visitor.page.get_by_role("navigation", name="Pages", exact=True))
    table = visitor.page.get_by_role("table", name="What is not normal now")
    row = table.get_by_role("row").filter(has_text="No answer")
    expect(row).to_have_count(1)
    words = plain(row.inner_text())
    assert "3 NonEssentialLoad" in words
    assert clock(day, day.silent_ms, seconds=True) in words


def test_what_was_the_highest_demand_of_the_essential_load_yesterday(visitor: Visitor, day: Day) -> None:
    visitor.link("EssentialLoad", visitor.page.get_by_role("article", name="EssentialLoad"))
    said = visitor.sees("Highest 30 min yesterday")
    truth = HistoryReader(day.home.history).max_demand(2, day.yesterday_ms, day.today_ms, 30)
    assert truth is not None
    assert figure(said, "kVA") == pytest.approx(truth[0] / 1000, abs=0.06)
    assert said.endswith(clock(day, truth[1]))


def test_what_is_the_voltage_between_r_and_y_of_the_colony(visitor: Visitor, day: Day) -> None:
    visitor.link("ColonyLoad", visitor.page.get_by_role("article", name="ColonyLoad"))
    row = visitor.row("Line to line")
    volts = re.search(r"RY ?([\d.]+)", row)
    assert volts, row
    assert float(volts[1]) == pytest.approx(day.values[4]["v_ry"], abs=0.06)


def test_when_did_supply_last_fail_and_for_how_long(visitor: Visitor, day: Day) -> None:
    visitor.link("Events", visitor.page.get_by_role("navigation", name="Pages", exact=True))
    said = visitor.sees("Last supply failure")
    begun = re.match(r"\(?(?:between )?[\d:]+(?: and ([\d:]+))?", said)
    assert begun, said
    assert clock(day, day.failed.start_ms) in said
    assert clock(day, day.failed.end_ms) in said
    assert "25 min" in said


def test_what_did_the_register_of_the_transformer_read_at_six(visitor: Visitor, day: Day) -> None:
    visitor.link("Transformer", visitor.page.get_by_role("article", name="Transformer"))
    said = visitor.sees("06:00")
    truth = day.site.at(day.today_ms + 6 * HOUR_MS - BEFORE_MS)[1]["wh_received"]
    assert figure(said, "kWh") == pytest.approx(truth / 1000, abs=0.6)


def test_is_the_store_copied_and_when_last(visitor: Visitor, day: Day) -> None:
    visitor.link("Health", visitor.page.get_by_role("navigation", name="Pages", exact=True))
    said = visitor.sees("Last copy")
    copied_ms = report.read(day.home.copied)["at_ms"]
    minutes = (day.real.now_ms() - copied_ms) / MINUTE_MS
    assert figure(said, "min") == pytest.approx(minutes, abs=1.1)
    assert said.endswith("ago")
    assert visitor.sees("Second medium") == day.settings.backup.folder


def test_who_exported_last(visitor: Visitor, day: Day) -> None:
    visitor.link("Reports", visitor.page.get_by_role("navigation", name="Pages", exact=True))
    said = visitor.sees("Last export")
    (line,) = day.audit_lines("export.done")
    assert said.startswith(f"{line['user']}, ")
    assert clock(day, day.now_ms)[:4] in said
    assert line["src"] == "10.0.0.7"
    assert f"{ROWS // 1000} {ROWS % 1000} rows" in said
