"""The register of interruptions and the DG log: golden days of a station, and what never counts."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from substation.alarms import interruptions, reliability
from substation.alarms.interruptions import Stretch
from substation.alarms.spans import Blind, Change, Run, timeline
from substation.clock import iso
from substation.readings import Reading
from substation.reports import supply_record
from substation.reports.supply_record import Record
from substation.settings.model import CARD_METERS, Settings, Site, Transformers
from substation.store.event_pages import Noted, Wanted
from substation.store.events import Event
from substation.store.reader import Energy, Extremes, HistoryReader

ZONE = ZoneInfo("Asia/Kolkata")
S, MIN, HOUR = 1000, 60_000, 3_600_000
T0 = round(dt.datetime(2026, 11, 22, 9, 0, tzinfo=ZONE).timestamp() * 1000)
MONTH = supply_record.month_ms("2026-11", ZONE)
ON, OFF, RUN, STOP = "EB supply On", "EB supply Off", "DG set On", "DG set Off"
OK, DEAD, LOST = "OK", "Power failure", "Phase lost"
STATION = Settings(site=Site(name="GS"), meters=CARD_METERS)


class Past(HistoryReader):
    """A history of events alone, polled every two seconds by a poller that still runs."""

    def __init__(self, events: list[Event], poll_ms: int = 0, newest_ms: int = 0) -> None:
        super().__init__(Path("nowhere"))
        self._events = [Noted(n, one) for n, one in enumerate(events, 1)]
        self._poll_ms, self._newest_ms = poll_ms, newest_ms

    def noted(self, wanted: Wanted, limit: int, *, oldest_first: bool = False) -> list[Noted]:
        kept = [
            one
            for one in sorted(self._events, key=lambda one: one.key, reverse=not oldest_first)
            if one.event.kind in wanted.kinds
            and wanted.start_ms <= one.event.at_ms < (wanted.end_ms or 1 << 50)
            and (not wanted.meters or one.event.meter_id in wanted.meters)
        ]
        return kept[:limit]

    def sights(self, meter_id, moments_ms, *, answered=True):
        return {at: at - self._poll_ms if self._poll_ms else None for at in moments_ms}

    def extremes(self, meter_id, keys, start_ms, end_ms):
        assert start_ms % 900_000 == 0  # whole quarters of an hour
        return dict.fromkeys(keys, Extremes(0.0, 61_000.0))

    def latest(self, *, answered=True):
        return {1: Reading(1, self._newest_ms, {})} if self._newest_ms else {}

    def energy(self, meter_id, start_ms, end_ms, rated_va=None, *, moduli=None, changed=()):
        return Energy({"wh_received": 8_200.0}, {})


def at(seconds: float, meter: int, old: str, new: str, kind: str = "supply", detail: str = "") -> Event:
    return Event(T0 + round(seconds * S), kind, meter, old, new, detail or f"evidence of {meter}")


def began() -> list[Event]:
    """All meters seen in good order, a day before."""
    return [
        at(-86_400, 1, "Unknown", ON),
        *(at(-86_400, feeder, "Unknown", OK) for feeder in (2, 3, 4)),
        at(-86_400, 5, "Unknown", STOP),
    ]


def outage(start: float = 0.0) -> list[Event]:
    """Supply off for nine minutes; the set carries the essential load after 10 s, and stops 30 s after."""
    return [
        at(start, 1, ON, OFF, detail="RY 0.0, YB 0.0, BR 0.0 V of 415 V"),
        *(at(start, feeder, OK, DEAD) for feeder in (2, 3, 4)),
        at(start + 10, 5, STOP, RUN),
        at(start + 12, 2, DEAD, OK),
        at(start + 540, 1, OFF, ON),
        *(at(start + 540, feeder, DEAD, OK) for feeder in (3, 4)),
        at(start + 570, 5, RUN, STOP),
    ]


def record(events: list[Event], until: float = 3600, month: tuple[int, int] = MONTH, **how) -> Record:
    return supply_record.of_time(STATION, Past(events, **how), *month, T0 + round(until * S), loads=False)


def told(known: Record) -> list[tuple[str, int | None, int | None, bool]]:
    return [(o.kind, o.meter_id, o.time.noted_ms, bool(o.part_of)) for o in known.interruptions]


def test_an_outage_with_its_change_over() -> None:
    known = record(began() + outage(), poll_ms=2 * S)
    assert told(known) == [
        ("supply", 1, 540 * S, False), ("feeder", 2, 12 * S, True), ("feeder", 3, 540 * S, True),
        ("feeder", 4, 540 * S, True),
    ]  # fmt: skip
    (failure,) = known.supply()
    assert failure.evidence == "RY 0.0, YB 0.0, BR 0.0 V of 415 V"
    assert (failure.time.least_ms, failure.time.most_ms) == (538 * S, 542 * S)
    assert failure.time.length(5 * MIN) == "sustained"
    (run,) = known.runs
    assert (run.failure, run.time.noted_ms) == (failure.key, 560 * S)
    steps = known.change_over(failure)
    assert [(s.what, s.at_ms - T0, s.at_ms - s.after_ms) for s in steps] == [
        ("supply_off", 0, 2 * S), ("set_on", 10 * S, 2 * S), ("feeder_on", 12 * S, 2 * S),
        ("supply_on", 540 * S, 2 * S), ("set_off", 570 * S, 2 * S),
    ]  # fmt: skip
    total = known.total(known.supply())
    assert (total.count, total.sustained, total.momentary, total.noted_ms) == (1, 1, 0, 540 * S)
    assert known.total(known.of(2)).momentary == 1


def test_a_set_stands_before_the_feeder_that_it_took_over_where_one_round_saw_the_feeder_first() -> None:
    events = outage()
    events[4:6] = [at(10, 2, DEAD, OK), at(10.6, 5, STOP, RUN)]
    known = record([*began(), *events], poll_ms=2 * S)
    assert [step.what for step in known.change_over(known.supply()[0])][:3] == [
        "supply_off", "set_on", "feeder_on"
    ]  # fmt: skip


def test_a_feeder_that_was_back_before_a_failure_was_seen_had_a_fault_of_its_own() -> None:
    blind = [at(0, 1, ON, "Unknown"), at(600, 2, OK, DEAD), at(1200, 2, DEAD, OK)]
    found = [at(9000, 1, "Unknown", OFF), at(9300, 1, OFF, ON)]
    assert told(record([*began(), *blind, *found], until=20_000))[0] == ("feeder", 2, 600 * S, False)
    carried = [at(1199, 5, STOP, RUN), at(9400, 5, RUN, STOP)]  # the failure began before it was seen
    assert told(record([*began(), *blind, *carried, *found], until=20_000))[0] == ("feeder", 2, 600 * S, True)


def test_a_poller_that_starts_anew_within_an_outage_leaves_its_end_between_bounds() -> None:
    gap = Event(T0 + 60 * S, "station.gap", None, iso(T0 + 60 * S), iso(T0 + 600 * S), "killed")
    known = record([*began(), at(0, 1, ON, OFF), gap, at(600, 1, "Unknown", ON)])
    (failure,) = known.supply()
    assert (failure.time.least_ms, failure.time.most_ms) == (60 * S, 600 * S)
    assert failure.time.noted_ms is None
    assert failure.time.length(5 * MIN) == "either"
    assert (known.total(known.supply()).least_ms, known.total(known.supply()).most_ms) == (60 * S, 600 * S)
    assert known.total(known.supply()).noted_ms is None
    short = Event(T0 + 60 * S, "station.gap", None, iso(T0 + 60 * S), iso(T0 + 100 * S), "restart")
    (through,) = record([*began(), *outage()[:1], short, at(540, 1, OFF, ON)]).supply()
    assert (through.time.least_ms, through.time.most_ms) == (500 * S, 540 * S)


def test_neither_adapter_nor_meter_nor_station_that_fails_is_an_interruption() -> None:
    line = Event(T0, "comm.line_down", None, "line 1: up", "line 1: down", "the adapter is gone")
    unseen = [at(n, meter, was, "Unknown") for n, (meter, was) in enumerate([(1, ON), (2, OK), (4, OK)])]
    back = [at(300 + n, meter, "Unknown", was) for n, (meter, was) in enumerate([(1, ON), (2, OK), (4, OK)])]
    lost = at(0, 4, "OK", "Communication failed", "comm.lost")
    gap = Event(T0 + 900 * S, "station.gap", None, iso(T0 + 900 * S), iso(T0 + 1800 * S), "killed")
    known = record([*began(), line, lost, *unseen, *back, gap])
    assert known.interruptions == ()
    assert known.blind_ms == 900 * S


def test_a_lost_phase_stands_in_the_register_and_is_no_time_without_supply() -> None:
    known = record([*began(), at(0, 3, OK, LOST), at(600, 3, LOST, OK)])
    (one,) = known.interruptions
    assert (one.kind, one.meter_id, one.time.noted_ms) == ("phase_lost", 3, 600 * S)
    assert (known.total(known.of(3)).phase_losses, known.total(known.of(3)).count) == (1, 0)
    assert known.total(known.of(3)).noted_ms == 0


def test_a_trial_of_the_set_is_a_run_of_no_failure() -> None:
    known = record([*began(), at(0, 5, STOP, RUN), at(1200, 5, RUN, STOP)])
    assert known.interruptions == ()
    (run,) = known.runs
    assert (run.failure, run.time.noted_ms) == ("", 1200 * S)


def test_what_was_found_dead_and_what_still_lasts_say_so() -> None:
    (one,) = record([at(0, 1, "Unknown", OFF)], until=400).supply()
    assert (one.time.begun_after_ms, one.time.lasts, one.time.most_ms) == (None, True, None)
    assert one.time.least_ms == 400 * S
    assert one.time.length(5 * MIN) == "sustained"
    (two,) = record([*began(), at(0, 1, ON, OFF), at(30, 1, OFF, "Unknown")], until=400).supply()
    assert (two.time.lasts, two.time.ended_ms, two.time.least_ms, two.time.most_ms) == (
        False,
        None,
        30 * S,
        None,
    )


def test_what_was_corrected_afterwards_was_no_interruption() -> None:
    wrong = at(0, 3, OK, DEAD), at(90, 3, DEAD, OK), at(0, 3, DEAD, OK, "supply.corrected")
    assert record([*began(), *wrong]).interruptions == ()


def test_while_nobody_polls_nothing_is_said_to_last() -> None:
    known = record([*began(), at(0, 1, ON, OFF)], until=3600, newest_ms=T0 + 60 * S)
    (failure,) = known.supply()
    assert (failure.time.lasts, failure.time.least_ms, failure.time.most_ms) == (False, 60 * S, None)
    assert known.total(known.supply()).most_ms is None


def test_over_the_edge_of_a_month_it_is_counted_where_it_began_and_timed_where_it_was() -> None:
    edge = MONTH[1]
    off = (edge - 10 * MIN - T0) / S
    events = [*began(), at(off, 1, ON, OFF), at(off + 1800, 1, OFF, ON)]
    december = (edge, supply_record.month_ms("2026-12", ZONE)[1])
    for month, count, minutes in ((MONTH, 1, 10), (december, 0, 20)):
        known = record(events, until=off + 7200, month=month)
        (failure,) = known.supply()
        assert failure.time.noted_ms == 30 * MIN
        total = known.total(known.supply())
        assert (total.count, total.noted_ms, total.most_ms) == (count, minutes * MIN, minutes * MIN)


@pytest.mark.parametrize(("dropouts", "whole"), [(30, True), (3100, False)])
def test_one_outage_has_one_name_however_often_its_meter_falls_silent(dropouts: int, whole: bool) -> None:
    off = (MONTH[1] - T0) / S - 2 * dropouts - 60
    silent = [
        at(off + n, 2, *(("Unknown", DEAD) if n % 2 else (DEAD, "Unknown"))) for n in range(2, 2 * dropouts)
    ]
    events = [*began(), at(off, 2, OK, DEAD), *silent, at(off + 2 * dropouts + 999, 2, DEAD, OK)]
    december = supply_record.month_ms("2026-12", ZONE)
    november, after = (record(events, until=off + 1e5, month=month) for month in (MONTH, december))
    (one,), (two,) = november.of(2), after.of(2)
    assert (one.key == two.key, after.whole, november.whole) == (whole, whole, True)
    assert one.time.begun_ms == T0 + off * S


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25)])
def test_on_the_days_when_clocks_change_an_hour_is_an_hour(day: tuple[int, int, int], hours: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = round(dt.datetime(*day, tzinfo=zone).timestamp() * 1000)
    end = round((dt.datetime(*day) + dt.timedelta(days=1)).replace(tzinfo=zone).timestamp() * 1000)
    assert end - start == hours * HOUR
    off = (start - T0) / S
    known = record([at(off - 9, 1, "Unknown", ON), at(off, 1, ON, OFF), at(off + hours * 3600, 1, OFF, ON)],
                   until=off + 1e6, month=(start, end))  # fmt: skip
    assert known.total(known.supply()).noted_ms == hours * HOUR
    assert (
        supply_record.month_ms("2026-10", zone)[1] - supply_record.month_ms("2026-10", zone)[0] == 745 * HOUR
    )


def test_supply_of_two_incomers_fails_when_both_are_dead() -> None:
    two = [m.model_copy(update={"role": "incomer"}) if m.id == 2 else m for m in CARD_METERS]
    station = STATION.model_copy(update={"meters": tuple(two)})
    events = [at(-99, 1, "Unknown", ON), at(-99, 2, "Unknown", ON), at(0, 1, ON, OFF), at(60, 2, ON, OFF),
              at(120, 2, OFF, ON), at(600, 1, OFF, ON)]  # fmt: skip
    known = supply_record.of_time(station, Past(events), *MONTH, T0 + HOUR, loads=False)
    assert [(o.kind, o.meter_id, o.time.noted_ms) for o in known.interruptions] == [
        ("incomer", 1, 600 * S), ("supply", None, 60 * S), ("incomer", 2, 60 * S)
    ]  # fmt: skip


def test_units_load_and_hours_of_a_run() -> None:
    known = supply_record.of_time(STATION, Past(began() + outage()), *MONTH, T0 + HOUR)
    (run,) = known.runs
    load = known.loads[run.key]
    assert load.wh == 8_200.0
    assert load.mean_w == (8_200 * 3600 / 560,) * 2
    assert load.highest_w == 61_000.0  # of the quarters: means of minutes may be less than the mean load
    apart = supply_record.of_time(STATION, Past(began() + outage(), poll_ms=60 * S), *MONTH, T0 + HOUR)
    (run,) = apart.runs
    assert run.time.noted_ms is None  # 9 min, seen by the minute: 8 to 10 of them
    assert apart.loads[run.key].mean_w == (8_200 * 3600 / 620, 8_200 * 3600 / 500)


def test_the_indices_of_the_domain_file() -> None:
    found = reliability.indices([(45, 400), (12, 630), (3, 630)], 630, 30 * 24 * 60)
    assert round(found.asifi, 4) == 1.6349
    assert round(found.asidi_min, 4) == 40.5714
    assert round(found.mean_min or 0, 4) == 24.8155
    assert found.momentary == 1.0
    assert round(found.asai, 6) == 0.999061


def test_indices_of_a_station_are_of_its_feeders_and_only_where_ratings_were_set() -> None:
    known = record(began() + outage())
    found = supply_record.indices(STATION, known)
    assert found is not None
    assert (round(found.asifi, 4), round(found.momentary, 4)) == (round(2 / 3, 4), round(1 / 3, 4))
    bare = STATION.model_copy(update={"meters": tuple(
        type(m)(id=m.id, name=m.name, role=m.role) for m in CARD_METERS)})  # fmt: skip
    assert supply_record.indices(bare, known) is None


def test_what_lasts_over_a_month_takes_from_each_month_its_own_time() -> None:
    dead = (MONTH[1] - 6 * HOUR - T0) / S
    events = [*began(), at(dead, 2, OK, DEAD)]
    december = supply_record.month_ms("2026-12", ZONE)
    later = Transformers(since="2026-12-01", rated_kva=9_999.0)  # no rating of November
    meters = tuple(m.model_copy(update={"transformers": (later,)} if m.id == 2 else {}) for m in CARD_METERS)
    known = record(events, until=100 * 86_400, month=MONTH)
    station = STATION.model_copy(update={"meters": meters})
    assert supply_record.indices(station, known) == supply_record.indices(STATION, known)
    for month, asifi, minutes, served in (
        (MONTH, 1 / 3, 120.0, 1 - 2 / 720),
        (december, 0.0, 14880.0, 2 / 3),
    ):
        found = supply_record.indices(STATION, record(events, until=100 * 86_400, month=month))
        assert found is not None
        assert (found.asifi, found.asidi_min) == (pytest.approx(asifi), pytest.approx(minutes))
        assert found.asai == pytest.approx(served)


@pytest.mark.parametrize(("standard", "minutes", "length"), [
    ("IEEE 1366", 5, "momentary"), ("EN 50160", 3, "sustained"), ("IEEE 1159", 1, "sustained")
])  # fmt: skip
def test_what_is_momentary_is_a_setting(standard, minutes, length) -> None:
    station = STATION.model_copy(update={"site": Site(momentary=standard)})
    events = [*began(), at(0, 1, ON, OFF), at(240, 1, OFF, ON)]
    known = supply_record.of_time(station, Past(events), *MONTH, T0 + HOUR, loads=False)
    assert station.site.momentary_minutes == minutes
    assert known.supply()[0].time.length(known.momentary_ms) == length


END = 400


@st.composite
def days(draw):
    """A truth, a state a tick, and two sets of blind spots, the second with one more."""
    parts = st.lists(
        st.tuples(st.sampled_from(["live", "dead", "phase_lost"]), st.integers(1, 60)),
        min_size=1,
        max_size=12,
    )
    truth = ["live", *(state for state, length in draw(parts) for _ in range(length))][:END]
    edges = sorted(draw(st.lists(st.integers(0, len(truth) - 1), max_size=6, unique=True)))
    return truth, [Blind(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False) if b - a > 1]


def noted(truth, spots, lasting):
    """Return what a poller notes, as `tests.alarms.test_spans`."""
    changes, known, last = [], "unknown", None
    for tick, state in enumerate(truth):
        if any(spot.start_ms < tick < spot.end_ms for spot in spots):
            continue
        if last is not None and tick - last > 1:
            if not (tick - last <= lasting and state == known):
                changes.append(Change(tick, "unknown", state))
        elif state != known:
            changes.append(Change(tick, known, state))
        known, last = state, tick
    return changes


@limits(max_examples=60, deadline=None)
@given(days(), st.sampled_from([0, 20]))
def test_nothing_blind_lengthens_the_least_or_shortens_the_most(story, lasting) -> None:
    truth, spots = story
    end = len(truth)
    row = timeline(noted(truth, spots, lasting), spots, until_ms=end, lasting_ms=lasting)
    every = interruptions.found({2: row}, {2: "feeder"}, spots, end, lasting_ms=lasting)
    for one in every:
        state, time = "phase_lost" if one.kind == "phase_lost" else "dead", one.time
        begin, last = time.begun_after_ms or 0, end if time.ended_ms is None else time.ended_ms
        assert time.least_ms <= sum(found == state for found in truth[begin:last])
        if time.most_ms is not None:
            first = time.begun_ms
            while first and truth[first - 1] == state:
                first -= 1
            after = time.begun_ms
            while after < end and truth[after] == state:
                after += 1
            assert time.most_ms >= after - first
    blind_all = [Blind(0, end + 1)]
    assert (
        interruptions.found(
            {2: timeline([], blind_all, until_ms=end)}, {2: "feeder"}, blind_all, end, lasting_ms=0
        )
        == []
    )


NOISE = ("comm.lost", "comm.back", "comm.line_down", "comm.line_up", "comm.refused", "station.start",
         "station.stop", "station.gap", "supply.confirmed", "meter.frozen")  # fmt: skip


@limits(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NOISE), st.integers(0, 3000), st.sampled_from([None, 1, 2, 5]))))
def test_failures_of_communication_adapter_and_station_never_count(noise) -> None:
    events = [
        Event(T0 + s * S, kind, meter, iso(T0 + s * S), iso(T0 + (s + 90) * S)) for kind, s, meter in noise
    ]
    assert record([*began(), *events]).interruptions == ()
    assert record([*began(), *events]).runs == ()


def test_a_stretch_with_polls_around_it_is_as_wide_as_they_are() -> None:
    time = Stretch(Run(100, 100, 200, 200, False, 0), 0, 90, 195)
    assert (time.least_ms, time.most_ms, time.noted_ms) == (95, 110, 100)
