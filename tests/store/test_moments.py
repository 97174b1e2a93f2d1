"""The reading at an hour is a reading, not a mean; and the power factor of a day is one of energies."""

import zoneinfo

import pytest

from substation.quantities import COUNTERS
from substation.readings import Quality, missing
from substation.store import digest, moments, schema
from substation.store.history import History, HistoryReader
from tests.store.readings import BEGIN_MS, a_reading

HOUR_MS = 3_600_000
NOON_MS = BEGIN_MS - BEGIN_MS % HOUR_MS + HOUR_MS


@pytest.fixture
def path(tmp_path):
    return tmp_path / "daily_data.db"


@pytest.fixture
def history(path, clock, zone):
    ours = History(path, True, clock, zone)
    yield ours
    ours.close()


@pytest.fixture
def reader(path):
    return HistoryReader(path)


def keep(history, *readings):
    history.add(readings)
    history.commit()


def at(reader, moment_ms=NOON_MS, keys=("v_r",)):
    return reader.readings_at(1, [moment_ms], keys)[moment_ms]


def gone_by_retention(history, until_ms):
    """Take readings away as retention does."""
    with schema.transaction(history._db):
        history._db.execute("DELETE FROM reading WHERE key < ?", (until_ms << 8,))
        history._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (schema.RAW_FROM, str(until_ms)))


def test_it_is_the_nearest_reading_before_or_after(history, reader):
    keep(
        history,
        a_reading(NOON_MS - 2000, v_r=231.0),
        a_reading(NOON_MS + 900, v_r=232.0),
        a_reading(NOON_MS + 2900, v_r=233.0),
    )
    assert at(reader)["v_r"] == moments.At(232.0, NOON_MS + 900)
    assert at(reader, NOON_MS - 1900)["v_r"] == moments.At(231.0, NOON_MS - 2000)


def test_it_is_no_mean_of_the_time_around_it(history, reader):
    keep(history, *(a_reading(NOON_MS + second * 1000, v_r=200.0 + second) for second in range(-30, 31, 2)))
    assert at(reader)["v_r"].value == 200.0


def test_each_quantity_has_its_own_nearest_good_value(history, reader):
    doubted = a_reading(NOON_MS + 100, v_r=999.0, watts_total=500.0)
    doubted = type(doubted)(1, doubted.at_ms, doubted.values, implausible=frozenset({"v_r"}))
    only_fast = {"v_r": 230.0, "watts_total": 400.0}
    keep(
        history,
        doubted,
        type(doubted)(1, NOON_MS + 2100, only_fast),
        a_reading(NOON_MS + 40_000, v_r=229.0, wh_received=77.0),
    )
    found = at(reader, keys=("v_r", "watts_total", "wh_received"))
    assert found["v_r"] == moments.At(230.0, NOON_MS + 2100)
    assert found["watts_total"] == moments.At(500.0, NOON_MS + 100)
    assert found["wh_received"] == moments.At(100.0, NOON_MS + 100)


@pytest.mark.parametrize("off_ms", [-60_000, 60_000])
def test_within_a_minute_is_near_enough(history, reader, off_ms):
    keep(history, a_reading(NOON_MS + off_ms, v_r=230.0))
    assert at(reader)["v_r"].value == 230.0


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        ([], "not polled within a minute"),
        ([a_reading(NOON_MS - 60_001)], "not polled within a minute"),
        ([a_reading(NOON_MS + 60_001)], "not polled within a minute"),
        ([missing(1, NOON_MS, Quality.NO_ANSWER, "timeout")], "no answer: timeout"),
        ([missing(1, NOON_MS, Quality.REFUSED, "exception_4")], "refused: exception_4"),
        ([a_reading(NOON_MS, v_r=None)], "implausible"),
        ([a_reading(NOON_MS, meter_id=2)], "not polled within a minute"),
    ],
)
def test_without_a_good_value_it_is_none_and_says_why(history, reader, kept, why):
    keep(history, *kept)
    assert at(reader)["v_r"] == moments.At(None, None, why)


def test_a_quantity_that_was_not_asked_says_so(history, reader):
    keep(history, type(a_reading())(1, NOON_MS, {"v_r": 230.0}))
    assert at(reader, keys=("wh_received",))["wh_received"].why == "not asked within a minute"


def test_a_reading_of_a_time_that_nobody_vouched_for_answers_nothing(history, reader):
    plain = a_reading(NOON_MS, v_r=230.0)
    keep(history, type(plain)(1, NOON_MS, plain.values, reason="clock 1"))
    assert at(reader)["v_r"] == moments.At(None, None, moments.UNTRUSTED)


def test_when_readings_have_gone_an_hour_is_still_answered_by_a_reading(history, reader):
    keep(
        history,
        *(
            a_reading(NOON_MS + ms, v_r=200.0 + ms / 1000, wh_received=5000.0 + ms, frequency=hertz)
            for ms, hertz in ((-4000, 49.9), (-2000, 0.0), (500, 49.95))
        ),
    )
    hour = NOON_MS - HOUR_MS, NOON_MS
    dead = moments.At(None, NOON_MS - 2000, "no voltage")
    assert at(reader, NOON_MS - 2000, ("frequency",))["frequency"] == dead
    assert reader.reached(1, ("frequency",), *hour)["frequency"].low == 49.9
    gone_by_retention(history, NOON_MS + HOUR_MS)
    assert at(reader, keys=("frequency",))["frequency"] == dead
    assert "frequency" not in reader.reached(1, ("frequency",), *hour)  # how low it was is not known any more
    found = at(reader, keys=("v_r", "wh_received"))
    assert found["v_r"] == moments.At(198.0, NOON_MS - 2000)
    assert found["wh_received"] == moments.At(3000.0, NOON_MS - 2000)
    other = at(reader, NOON_MS + 60_000)["v_r"]
    assert (other.value, other.why) == (
        None,
        "of that time only the readings at quarters of an hour are kept",
    )
    assert at(reader, NOON_MS - HOUR_MS)["v_r"].why == "not polled within a minute"


def test_an_old_hour_whose_last_reading_came_too_early_has_none(history, reader):
    keep(history, a_reading(NOON_MS - 60_001, v_r=230.0))
    gone_by_retention(history, NOON_MS + HOUR_MS)
    assert at(reader)["v_r"] == moments.At(None, None, "no good value within the minute before")


def test_many_hours_are_one_question(history, reader):
    hours = [NOON_MS + number * HOUR_MS for number in range(24)]
    keep(history, *(a_reading(hour + 1000, v_r=200.0 + number) for number, hour in enumerate(hours)))
    found = reader.readings_at(1, hours, ("v_r",))
    assert [found[hour]["v_r"].value for hour in hours] == [200.0 + number for number in range(24)]


def test_a_station_without_a_history_says_so(tmp_path):
    found = HistoryReader(tmp_path / "none.db").readings_at(1, [NOON_MS], ("v_r",))
    assert found[NOON_MS]["v_r"].why == "there is no history yet"


def test_both_hours_of_the_night_that_has_one_twice_have_their_own_reading(path, clock):
    """Europe/London, 2026-10-25: 01:30 comes twice; moments are UTC, so neither hides the other."""
    first_ms, second_ms = 1_792_888_200_000, 1_792_891_800_000
    ours = History(path, True, clock, zoneinfo.ZoneInfo("Europe/London"))
    keep(ours, a_reading(first_ms, v_r=231.0), a_reading(second_ms, v_r=232.0))
    ours.close()
    found = HistoryReader(path).readings_at(1, [first_ms, second_ms], ("v_r",))
    assert [found[ms]["v_r"].value for ms in (first_ms, second_ms)] == [231.0, 232.0]


def a_day_of(history, step_ms=HOUR_MS // 4):
    """An idle half day at 0.30 and a loaded one at 0.95, with registers that count both."""
    wh = vah = 1_000_000.0
    for number in range(97):
        loaded = number >= 48
        watts, va = (95_000.0, 100_000.0) if loaded else (300.0, 1000.0)
        values = dict.fromkeys(COUNTERS, 0.0) | {"wh_received": wh, "vah_received": vah}
        factor = watts / va
        keep(
            history,
            a_reading(
                NOON_MS + number * step_ms, watts_total=watts, va_total=va, pf_average=factor, **values
            ),
        )
        wh, vah = wh + watts / 4, vah + va / 4


def test_the_power_factor_of_a_day_is_that_of_its_energies_not_the_mean_of_its_readings(history, reader):
    a_day_of(history)
    found = reader.power_factor(1, NOON_MS, NOON_MS + 24 * HOUR_MS + 60_000)
    assert found.basis == "kWh/kVAh"
    assert found.value == pytest.approx((300 + 95_000) / (1000 + 100_000), abs=2e-3)
    mean = reader.series(1, ("pf_average",), NOON_MS, NOON_MS + 24 * HOUR_MS, 1)
    assert mean.values["pf_average"][0] < 0.7, "the mean of readings says something else"


def test_a_meter_without_energy_registers_has_a_power_factor_of_mean_powers(history, reader):
    keep(history, type(a_reading())(1, NOON_MS, {"watts_total": 450.0, "va_total": 500.0}))
    found = reader.power_factor(1, NOON_MS, NOON_MS + HOUR_MS)
    assert (found.value, found.basis) == (0.9, "means of W and VA")


def test_on_a_day_of_which_readings_are_lost_the_quarter_answers_or_the_loss_is_named(history, reader):
    last_ms = NOON_MS - 2000
    keep(history, a_reading(last_ms, v_r=231.0), a_reading(NOON_MS + HOUR_MS, v_r=233.0))
    with schema.transaction(history._db):
        history._db.execute("DELETE FROM reading WHERE key < ?", (NOON_MS << 8,))
        digest.note_lost(history._db, [NOON_MS // digest.DAY_MS], NOON_MS)
    assert at(reader)["v_r"] == moments.At(231.0, last_ms)
    assert at(reader, NOON_MS - 5000)["v_r"] == moments.At(None, None, moments.LOST)
    assert at(reader, NOON_MS + HOUR_MS)["v_r"] == moments.At(233.0, NOON_MS + HOUR_MS)
