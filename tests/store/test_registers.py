"""R11: registers that lie: a figure over them is the truth, marked as less, or unknown; never more."""

import contextlib
import sqlite3
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest

from substation.clock import day_start_ms
from substation.energy.registers import Register
from substation.readings import Reading
from substation.store.history import History, HistoryReader
from substation.store.registers import Energy, last_registers
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


def a_day(
    history: History,
    changes: dict[range, int | None] | None = None,
    begin: int = -60,
    end: int = 25 * 60,
    begin_at: int = 50_000_000,
    modulus: int = 10**15,
) -> None:
    """Keep a register each minute under a steady load.

    In `changes` it stands so much higher, or at 0; None: nobody read it.
    """
    readings: list[Reading] = []
    for minute in range(begin, end):
        register = (a_register(minute) - 50_000_000 + begin_at) % modulus
        found = [by for at, by in (changes or {}).items() if minute in at]
        if None in found:
            continue
        for by in found:
            register = register + by if by else 0
        at_ms = MIDNIGHT_MS + minute * MINUTE_MS + 58_000
        readings.append(a_reading(at_ms, wh_received=float(register), vah_received=float(register)))
    history.add(readings)
    history.commit()


def used(reader: HistoryReader, rated_va: float | None = RATED_VA) -> float | None:
    return reader.day_energy(1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, rated_va)["wh_received"]


def demand(reader: HistoryReader, rated_va: float | None = RATED_VA) -> float:
    span = (1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)
    found = reader.max_demand(*span, 30, rated_va=rated_va)
    assert found is not None
    both = reader.energy_and_demand(*span, 30, rated_va=rated_va)
    assert both == (reader.energy(*span, rated_va), found), "asked for together they tell the same"
    return found[0]


ONE_HIGH_QUARTER = {range(704, 705): NEW_METER}
ONE_ZERO_QUARTER = {range(704, 705): 0}
ZERO_AT_MIDNIGHT = {range(-1, 0): 0}
HIGH_AT_MIDNIGHT = {range(-1, 0): NEW_METER}
HIGH_AT_THE_END = {range(1439, 1440): NEW_METER}
ZERO_AT_THE_END = {range(1439, 1440): 0}
ONE_MINUTE = LOAD_VA / 60 + 1


def day(reader: HistoryReader, rated_va: float | None = RATED_VA) -> Energy:
    return reader.energy(1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, rated_va)


@pytest.mark.parametrize("rated_va", [RATED_VA, None])
def test_a_plain_day_is_its_registers_difference(
    history: History, reader: HistoryReader, rated_va: float | None
) -> None:
    a_day(history)
    assert used(reader, rated_va) == 24 * LOAD_VA
    assert demand(reader, rated_va) == pytest.approx(LOAD_VA, rel=1e-3)
    assert (day(reader, rated_va).doubts, day(reader, rated_va).marks) == ({}, {})


@pytest.mark.parametrize("by", [NEW_METER, -49_000_000])
def test_over_an_exchanged_meter_the_day_is_what_both_measured_and_says_what_it_lacks(
    history: History, reader: HistoryReader, by: int
) -> None:
    a_day(history, {range(700, 2000): by})
    found = day(reader)
    assert found.used["wh_received"] == pytest.approx(24 * LOAD_VA - LOAD_VA / 60, abs=1)
    words = "without what flowed while the meter was exchanged (between 11:39 and 11:40)"
    assert found.marks == {"wh_received": words, "vah_received": words}
    assert found.doubts == {}
    assert demand(reader) == pytest.approx(LOAD_VA, rel=1e-3)


def test_what_was_measured_before_and_after_a_reset_is_added(history: History, reader: HistoryReader) -> None:
    a_day(history, {range(700, 2000): -a_register(700)})
    found = day(reader)
    assert found.used["wh_received"] == pytest.approx(24 * LOAD_VA - LOAD_VA / 60, abs=1)
    assert "the meter was reset (between 11:39 and 11:40)" in found.marks["wh_received"]
    assert found.used["varh_ind_received"] == 0.0
    assert demand(reader) == pytest.approx(LOAD_VA, rel=1e-3)


def test_an_exchange_beside_a_long_silence_is_marked_with_both_ends(
    history: History, reader: HistoryReader
) -> None:
    a_day(history, {range(620, 700): None, range(700, 2000): NEW_METER})
    found = day(reader)
    assert found.used["wh_received"] == pytest.approx(24 * LOAD_VA - 81 * LOAD_VA / 60, abs=2)
    assert "(between 10:19 and 11:40)" in found.marks["wh_received"]


@pytest.mark.parametrize("modulus", [10**8, 2**32, 10**9])
def test_through_a_rollover_the_figures_are_right(
    history: History, reader: HistoryReader, modulus: int
) -> None:
    a_day(history, begin_at=modulus - 11 * LOAD_VA, modulus=modulus)
    found = day(reader)
    assert (found.used["wh_received"], found.marks, found.doubts) == (24 * LOAD_VA, {}, {})
    peak = reader.max_demand(1, MIDNIGHT_MS + 10 * HOUR_MS, MIDNIGHT_MS + 12 * HOUR_MS, 30, rated_va=RATED_VA)
    assert peak is not None
    assert peak[0] == pytest.approx(LOAD_VA, rel=1e-3)


def test_an_odd_modulus_has_to_be_known(history: History, reader: HistoryReader) -> None:
    a_day(history, begin_at=77_777_777 - 11 * LOAD_VA, modulus=77_777_777)
    assert "the meter was reset" in day(reader).marks["wh_received"]
    asked = (1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, RATED_VA)
    moduli = dict.fromkeys(("wh_received", "vah_received"), 77_777_777.0)
    found = reader.energy(*asked, moduli=moduli)
    assert (found.used["wh_received"], found.marks) == (24 * LOAD_VA, {})


def test_a_counter_that_falls_to_zero_beside_others_was_reset_however_near_its_modulus(
    history: History, reader: HistoryReader
) -> None:
    rows = []
    for minute in range(180):
        wh = 99_999_000 + minute * 100 if minute < 5 else (minute - 5) * 100
        vah = 40_000_000 + minute * 100 if minute < 5 else (minute - 5) * 100
        rows.append(
            a_reading(
                MIDNIGHT_MS + minute * MINUTE_MS + 58_000, wh_received=float(wh), vah_received=float(vah)
            )
        )
    history.add(rows)
    history.commit()
    found = day(reader)
    assert found.used["wh_received"] == found.used["vah_received"] == 400 + 17_400
    assert "reset" in found.marks["wh_received"]


FALSE_READINGS = [
    ONE_HIGH_QUARTER,
    ONE_ZERO_QUARTER,
    ZERO_AT_MIDNIGHT,
    HIGH_AT_MIDNIGHT,
    HIGH_AT_THE_END,
    ZERO_AT_THE_END,
]


@pytest.mark.parametrize("changes", FALSE_READINGS)
def test_a_false_reading_is_left_out(
    history: History, reader: HistoryReader, changes: dict[range, int | None]
) -> None:
    a_day(history, changes)
    found = day(reader)
    assert found.used["wh_received"] == pytest.approx(24 * LOAD_VA, abs=ONE_MINUTE)
    assert (found.marks, found.doubts) == ({}, {})
    assert found.off_ms("wh_received", MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS) <= 62_000
    assert demand(reader) == pytest.approx(LOAD_VA, rel=1e-3)


@pytest.mark.parametrize("changes", FALSE_READINGS)
def test_a_false_reading_is_told_by_its_neighbours_even_without_a_rating(
    history: History, reader: HistoryReader, changes: dict[range, int | None]
) -> None:
    a_day(history, changes)
    assert used(reader, None) == pytest.approx(24 * LOAD_VA, abs=ONE_MINUTE)
    assert demand(reader, None) == pytest.approx(LOAD_VA, rel=1e-3)


@pytest.mark.parametrize("by", [NEW_METER, 0])
def test_while_the_last_register_is_in_doubt_the_day_is_unknown(
    history: History, reader: HistoryReader, by: int
) -> None:
    a_day(history, {range(720, 721): by}, end=721)
    assert used(reader) is None
    assert "register" in day(reader).doubts["wh_received"]


def test_a_reading_that_the_next_took_back_is_in_no_demand(history: History, reader: HistoryReader) -> None:
    a_day(history, {range(719, 720): 5000})  # 5 kWh in a minute: the circuit could have used it
    at_ms = MIDNIGHT_MS + 719 * MINUTE_MS + 58_000
    assert demand(reader) == pytest.approx(LOAD_VA + 10_000, rel=1e-3)
    new = "wh_received 1 Wh; vah_received 1 VAh"
    history.event("energy.false_reading", at_ms=at_ms, meter_id=1, new=new)
    history.commit()
    assert used(reader) == 24 * LOAD_VA
    assert demand(reader) == pytest.approx(LOAD_VA, rel=1e-3)


def test_a_false_first_register_of_the_day_is_no_begin(history: History, reader: HistoryReader) -> None:
    a_day(history, {range(1): 0}, begin=0)
    assert used(reader) == pytest.approx(24 * LOAD_VA, abs=3 * ONE_MINUTE)
    assert "between 00:00 and 00:01" in day(reader).marks["wh_received"]


def test_a_false_reading_inside_a_quarter_costs_nothing(history: History, reader: HistoryReader) -> None:
    a_day(history, {range(700, 701): 0, range(800, 801): NEW_METER})
    assert used(reader) == 24 * LOAD_VA


def test_yesterdays_exchange_is_not_todays(history: History, reader: HistoryReader) -> None:
    a_day(history, {range(-60, -16): NEW_METER})
    assert used(reader) == 24 * LOAD_VA
    assert day(reader).marks == {}


def test_a_step_that_the_poller_saw_is_cut_though_a_quarter_of_an_hour_would_hide_it(
    history: History, reader: HistoryReader
) -> None:
    a_day(history, {range(700, 2000): 20_000})
    assert used(reader) == 24 * LOAD_VA + 20_000
    at_ms = MIDNIGHT_MS + 700 * MINUTE_MS + 58_000
    history.event("energy.swap", at_ms=at_ms, meter_id=1, new="wh_received 50 Wh")
    history.commit()
    assert used(reader) == pytest.approx(24 * LOAD_VA - LOAD_VA / 60, abs=1)
    assert "between 11:39 and 11:40" in day(reader).marks["wh_received"]


def test_another_serial_number_cuts_every_counter(history: History, reader: HistoryReader) -> None:
    a_day(history)
    at_ms = MIDNIGHT_MS + 700 * MINUTE_MS + 58_000
    history.event("energy.swap", at_ms=at_ms, meter_id=1, new="serial number 12; wh_received 50 Wh")
    history.event("energy.swap", at_ms=at_ms + HOUR_MS, meter_id=2, new="serial number 13")
    history.commit()
    assert used(reader) == pytest.approx(24 * LOAD_VA - LOAD_VA / 60, abs=1)
    assert day(reader).marks["vah_received"] == day(reader).marks["wh_received"]


def test_a_poller_that_starts_finds_the_last_registers(history: History, tmp_path: Path) -> None:
    a_day(history, end=721)
    with contextlib.closing(sqlite3.connect(tmp_path / "daily_data.db")) as db:
        found = last_registers(db, 1)
        assert last_registers(db, 2) == {}
    assert found["wh_received"] == Register(MIDNIGHT_MS + 720 * MINUTE_MS + 58_000, a_register(720))
    assert found["varh_cap_delivered"].value == 100


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


def test_other_counters_stay_whole(history: History, reader: HistoryReader) -> None:
    history.add(
        a_reading(MIDNIGHT_MS + at * HOUR_MS, wh_received=wh, vah_received=1e6 + at)
        for at, wh in enumerate((1e6, 9e9, 9e9))
    )
    history.commit()
    found = reader.day_energy(1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, RATED_VA)
    assert (found["wh_received"], found["vah_received"]) == (0.0, 2.0)
