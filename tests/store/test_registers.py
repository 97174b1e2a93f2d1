"""Registers that lie: a figure over them is unknown, neither smaller nor larger than the truth."""

import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest

from substation.clock import day_start_ms
from substation.readings import Reading
from substation.store.history import History, HistoryReader
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, a_reading

INDIA = zoneinfo.ZoneInfo("Asia/Kolkata")
MIDNIGHT_MS = day_start_ms(BEGIN_MS, INDIA)
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
RATED_VA = 160_000.0
LOAD_VA = 100_000
NEW_METER = 499_016_000
"""Wh by which an exchanged meter may stand higher."""


@pytest.fixture
def history(tmp_path: Path, clock: FakeClock) -> Iterator[History]:
    store = History(tmp_path / "daily_data.db", True, clock, INDIA)
    yield store
    store.close()


@pytest.fixture
def reader(tmp_path: Path, history: History) -> HistoryReader:
    return HistoryReader(tmp_path / "daily_data.db")


def a_register(minute: int, load_va: int = LOAD_VA) -> int:
    return 50_000_000 + minute * load_va // 60


def a_day(history: History, changes: dict[range, int] | None = None, begin: int = -60) -> None:
    """Keep a register each minute under a steady load; in `changes` it stands so much higher (or at 0)."""
    readings: list[Reading] = []
    for minute in range(begin, 25 * 60):
        register = a_register(minute)
        for at, by in (changes or {}).items():
            if minute in at:
                register = register + by if by else 0
        at_ms = MIDNIGHT_MS + minute * MINUTE_MS + 58_000
        readings.append(a_reading(at_ms, wh_received=float(register), vah_received=float(register)))
    history.add(readings)
    history.commit()


def used(reader: HistoryReader, rated_va: float | None = RATED_VA) -> float | None:
    return reader.day_energy(1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, rated_va)["wh_received"]


def demand(reader: HistoryReader, rated_va: float | None = RATED_VA) -> float:
    found = reader.max_demand(1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, rated_va=rated_va)
    assert found is not None
    return found[0]


EXCHANGED_HIGHER = {range(700, 2000): NEW_METER}
ONE_HIGH_QUARTER = {range(704, 705): NEW_METER}
ONE_ZERO_QUARTER = {range(704, 705): 0}
ZERO_AT_MIDNIGHT = {range(-1, 0): 0}
HIGH_AT_MIDNIGHT = {range(-1, 0): NEW_METER}
HIGH_AT_THE_END = {range(1439, 1440): NEW_METER}
ZERO_AT_THE_END = {range(1439, 1440): 0}


@pytest.mark.parametrize("rated_va", [RATED_VA, None])
def test_a_plain_day_is_its_registers_difference(
    history: History, reader: HistoryReader, rated_va: float | None
) -> None:
    a_day(history)
    assert used(reader, rated_va) == 24 * LOAD_VA
    assert demand(reader, rated_va) == pytest.approx(LOAD_VA, rel=1e-3)
    assert reader.energy(1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, rated_va).doubts == {}


@pytest.mark.parametrize(
    "changes",
    [
        EXCHANGED_HIGHER,
        ONE_HIGH_QUARTER,
        ONE_ZERO_QUARTER,
        ZERO_AT_MIDNIGHT,
        HIGH_AT_MIDNIGHT,
        HIGH_AT_THE_END,
        ZERO_AT_THE_END,
    ],
)
def test_a_false_step_makes_energy_unknown_and_leaves_its_blocks_out(
    history: History, reader: HistoryReader, changes: dict[range, int]
) -> None:
    a_day(history, changes)
    assert used(reader) is None
    assert "register" in reader.energy(1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, RATED_VA).doubts["wh_received"]
    assert demand(reader) == pytest.approx(LOAD_VA, rel=1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        ONE_HIGH_QUARTER,
        ONE_ZERO_QUARTER,
        ZERO_AT_MIDNIGHT,
        HIGH_AT_MIDNIGHT,
        HIGH_AT_THE_END,
        ZERO_AT_THE_END,
    ],
)
def test_a_single_false_reading_is_told_by_its_neighbours_even_without_a_rating(
    history: History, reader: HistoryReader, changes: dict[range, int]
) -> None:
    a_day(history, changes)
    assert used(reader, None) is None
    assert demand(reader, None) == pytest.approx(LOAD_VA, rel=1e-3)


def test_a_false_first_register_of_the_day_is_no_begin(history: History, reader: HistoryReader) -> None:
    a_day(history, {range(1): 0}, begin=0)
    assert used(reader) is None


def test_a_false_reading_inside_a_quarter_costs_nothing(history: History, reader: HistoryReader) -> None:
    a_day(history, {range(700, 701): 0, range(800, 801): NEW_METER})
    assert used(reader) == 24 * LOAD_VA


def test_yesterdays_exchange_is_not_todays(history: History, reader: HistoryReader) -> None:
    a_day(history, {range(-60, -16): NEW_METER})
    assert used(reader) == 24 * LOAD_VA


@pytest.mark.parametrize(("hours", "times", "known"), [(1, 2.9, True), (1, 3.1, False), (6, 2.9, True)])
def test_a_hole_may_hold_what_the_circuit_can_carry_in_it(
    history: History, reader: HistoryReader, hours: int, times: float, known: bool
) -> None:
    rise = times * RATED_VA * hours
    history.add(
        [
            a_reading(MIDNIGHT_MS - 2000, wh_received=1e6),
            a_reading(MIDNIGHT_MS - 2000 + hours * HOUR_MS, wh_received=1e6 + rise),
        ]
    )
    history.commit()
    assert used(reader) == (rise if known else None)


def test_one_step_of_a_large_float_register_is_no_jump(history: History, reader: HistoryReader) -> None:
    history.add(
        [
            a_reading(MIDNIGHT_MS + 14 * MINUTE_MS + 59_000, wh_received=2.0**34),
            a_reading(MIDNIGHT_MS + 15 * MINUTE_MS + 1000, wh_received=2.0**34 + 2048),
        ]
    )
    history.commit()
    assert used(reader, 10_000.0) == 2048


def test_other_counters_stay_known(history: History, reader: HistoryReader) -> None:
    history.add(
        a_reading(MIDNIGHT_MS + at * HOUR_MS, wh_received=wh, vah_received=1e6 + at)
        for at, wh in enumerate((1e6, 9e9, 9e9))
    )
    history.commit()
    found = reader.day_energy(1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, RATED_VA)
    assert (found["wh_received"], found["vah_received"]) == (None, 2.0)
