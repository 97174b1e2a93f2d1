"""Values, bars, ages: quality is part of the number."""

import pytest

from substation.dashboard import cards, station, words
from substation.dashboard.board import LiveMeter
from substation.settings.model import Site
from tests.dashboard.boards import NO_FIGURES, ZONE, feed_in, in_state
from tests.dashboard.tree import attribute, classes, find, text


def meter_in(state: str, meter_id: int) -> LiveMeter:
    found = in_state(state).meter(meter_id)
    assert found is not None
    return found


def test_a_fresh_value_is_plain_and_carries_how_to_write_it() -> None:
    shown = cards.value(meter_in("normal", 1), "watts_total", glance=True)
    assert text(shown) == "153.5kW"
    assert classes(shown) == {"ss-v", "ss-is-fresh"}
    assert attribute(shown, "data-q") == "watts_total"
    assert (attribute(shown, "data-scale"), attribute(shown, "data-decimals")) == ("1000", "1")


@pytest.mark.parametrize(
    ("state", "meter_id", "look"),
    [
        ("late", 2, "late"),
        ("dead meter", 4, "stale"),
        ("stopped poller", 1, "stale"),
        ("doubtful value", 2, "bad"),
    ],
)
def test_a_value_that_is_not_good_keeps_its_number_and_looks_so(state: str, meter_id: int, look: str) -> None:
    shown = cards.value(meter_in(state, meter_id), "v_r")
    assert f"ss-is-{look}" in classes(shown)
    assert "ss-is-fresh" not in classes(shown)
    assert any(digit.isdigit() for digit in text(shown))


def test_a_value_never_seen_is_a_dash_and_no_zero() -> None:
    shown = cards.value(meter_in("never-seen meter", 4), "v_r")
    assert text(shown) == "—V"
    assert "ss-is-never" in classes(shown)


def test_a_mean_looks_as_its_worst_part_and_has_no_number_without_all_parts() -> None:
    assert cards.mean(meter_in("normal", 1), ("current_r", "current_y", "current_b"))[0] == pytest.approx(
        226.0
    )
    assert cards.mean(meter_in("doubtful value", 2), ("v_r", "v_y"))[1] == "bad"
    assert cards.mean(meter_in("never-seen meter", 4), ("v_r", "v_y")) == (None, "never")


def test_a_voltage_outside_its_band_is_marked_unless_it_is_old() -> None:
    band = (215.6, 263.5)
    assert "ss-outside" in classes(cards.value(meter_in("voltage outside", 2), "v_r", band=band))
    assert "ss-outside" not in classes(cards.value(meter_in("normal", 2), "v_r", band=band))
    assert "ss-outside" not in classes(cards.value(meter_in("dead meter", 4), "v_r", band=(300, 400)))


def test_a_voltage_bar_points_to_the_middle_at_nominal() -> None:
    shown = cards.bar(meter_in("normal", 1), "vll_average")
    assert classes(shown) == {"ss-bar", "ss-bar-v", "ss-is-fresh"}
    assert shown.style == {"--at": "49.6%"}


@pytest.mark.parametrize(
    ("state", "meter_id", "key", "extra"),
    [
        ("voltage outside", 2, "v_r", "ss-out"),
        ("above 80 %", 2, "current_r", "ss-warn"),
        ("above rating", 2, "current_r", "ss-alarm"),
    ],
)
def test_a_bar_outside_its_limits_says_so(state: str, meter_id: int, key: str, extra: str) -> None:
    assert extra in classes(cards.bar(meter_in(state, meter_id), key))
    assert extra not in classes(cards.bar(meter_in("normal", meter_id), key))


@pytest.mark.parametrize(
    ("state", "meter_id", "look"),
    [
        ("dead meter", 4, "ss-is-stale"),
        ("never-seen meter", 4, "ss-is-none"),
        ("doubtful value", 2, "ss-is-none"),
    ],
)
def test_a_bar_without_a_trusted_value_is_empty(state: str, meter_id: int, look: str) -> None:
    shown = classes(cards.bar(meter_in(state, meter_id), "v_r"))
    assert look in shown
    assert not shown & {"ss-out", "ss-is-fresh"}


def test_a_generator_at_rest_is_no_alarm() -> None:
    board = in_state("normal")
    generator = board.meter(5)
    assert generator is not None
    parts = words.meter_parts(board, generator, NO_FIGURES, ZONE)
    assert "ss-idle" in parts["wire"][1]
    assert parts["tag"] == ("", "ss-none")


@pytest.mark.parametrize(
    ("state", "meter_id", "status"),
    [
        ("normal", 1, "EB supply On"),
        ("normal", 2, "OK"),
        ("normal", 5, "DG set Off"),
        ("supply lost, on DG", 1, "EB supply Off"),
        ("supply lost, on DG", 3, "Power failure"),
        ("supply lost, on DG", 5, "DG set On"),
        ("no current", 3, "OK, no current"),
        ("phase lost", 3, "Phase lost"),
        ("dead meter", 4, "Unknown"),
        ("stopped poller", 1, "Unknown"),
        ("empty store", 1, "Unknown"),
    ],
)
def test_a_status_reads_as_the_role_says_it(state: str, meter_id: int, status: str) -> None:
    assert words.status(meter_in(state, meter_id)) == status


def test_a_sum_with_a_missing_part_says_which_and_has_no_value() -> None:
    board = in_state("dead meter")
    feeders = words.sources(board, "feeder")
    whole = words.total(feeders, "watts_total")
    assert whole.value is None
    assert whole.words == "ColonyLoad missing"
    assert words.total(words.sources(in_state("normal"), "feeder"), "watts_total").value == pytest.approx(
        sum(meter_in("normal", key).values["watts_total"].value or 0 for key in (2, 3, 4))
    )


def test_a_doubted_value_stays_out_of_a_sum() -> None:
    assert words.total([meter_in("doubtful value", 2)], "v_r").value is None


def test_the_station_s_rows_know_what_is_missing() -> None:
    feed = feed_in("dead meter")
    today = {meter.id: feed.today(meter.id) for meter in feed.board().meters}
    past = {meter.id: feed.yesterday(meter.id) for meter in feed.board().meters}
    rows = station.parts(feed.board(), today, past, Site(demand_minutes=15))
    assert rows["v1"] == ("ColonyLoad missing", "ss-hatched")
    assert rows["v2"] == ("not known", "ss-hatched")
    assert rows["v0"][0].endswith("of 500 kVA, 32 %")


def test_the_day_s_energy_of_a_silent_station_is_old() -> None:
    feed = feed_in("stopped poller")
    today = {meter.id: feed.today(meter.id) for meter in feed.board().meters}
    past = {meter.id: feed.yesterday(meter.id) for meter in feed.board().meters}
    rows = station.parts(feed.board(), today, past, Site(demand_minutes=15))
    assert rows["v3"][1] == rows["v4"][1] == "ss-hatched"
    assert rows["l4"][0] == "Highest 15 min today"


def test_one_silent_meter_of_many_is_named_and_the_others_counted() -> None:
    assert words.missing_words(["A"], 3) == "A missing"
    assert words.missing_words(["A", "B"], 3) == "A and 1 more missing"
    assert words.missing_words(["A", "B", "C"], 3) == "not known"
    assert words.missing_words([], 0) == "not known"


def test_the_table_of_readings_has_a_row_a_meter_with_status_and_age() -> None:
    feed = feed_in("dead meter")
    board = feed.board()
    parts = {f"m{m.id}": words.meter_parts(board, m, NO_FIGURES, ZONE) for m in board.meters}
    table = cards.readings_table(board, parts)
    ages = find(table, data_age="1")
    assert [text(age) for age in ages] == ["0.4 s", "0.6 s", "0.8 s", "stale 42 min", "1.2 s"]
    assert "No answer" in text(table)
