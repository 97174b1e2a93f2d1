"""Units and load of a run of a generator are its own, and say what they lack."""

from substation.meters import ratio
from substation.reports import dg_total, supply_record
from substation.reports.dg_load import BESIDE, SAME_QUARTER, Load
from substation.settings.model import Transformers
from substation.store.reader import Energy
from tests.reports.test_supply_record import HOUR, MIN, MONTH, RUN, STATION, STOP, T0, Past, S, at, began


class Counted(Past):
    """A history whose register was read at certain times, seconds after T0, and counts a Wh a second."""

    def __init__(self, events: list, *read_s: int) -> None:
        super().__init__(events)
        self._read = [T0 + one * S for one in read_s]

    def energy(self, meter_id, start_ms, end_ms, rated_va=None, *, moduli=None, changed=()):
        self.changed = changed
        first = max((one for one in self._read if start_ms - 15 * MIN <= one < start_ms), default=None)
        first = first or min((one for one in self._read if one >= start_ms), default=end_ms)
        last = max((one for one in self._read if one < end_ms), default=0)
        if first >= last:
            return Energy({"wh_received": None}, {})
        return Energy({"wh_received": (last - first) / S}, {}, {"wh_received": (first, last)})


def ran(*ends_s: int) -> list:
    """Return the events of a set that starts and stops in turn."""
    states = (STOP, RUN)
    return began() + [at(one, 5, states[n % 2], states[1 - n % 2]) for n, one in enumerate(ends_s)]


def loads(history: Past) -> list[Load]:
    known = supply_record.of_time(STATION, history, *MONTH, T0 + HOUR)
    return [known.loads[run.key] for run in known.runs]


def test_of_two_runs_in_one_quarter_of_an_hour_none_gets_what_the_other_gave() -> None:
    two = ran(60, 240, 480, 660)
    kept = [(one.wh, one.highest_w) for one in loads(Counted(two, -10, 50, 290, 410, 710))]
    assert kept == [(360.0, None), (300.0, None)]  # by the minute: between them it stands still
    for one in loads(Counted(two, -10, 890)):  # quarters of an hour alone are left
        assert (one.wh, one.why, one.mean_w) == (None, BESIDE, None)
        assert (one.highest_w, one.why_highest) == (None, SAME_QUARTER)
    apart = loads(Counted(ran(60, 240, 1000, 1200), -10, 890, 1790))
    assert [(one.wh, one.highest_w, one.why) for one in apart] == [(900.0, 61_000.0, "")] * 2


def test_a_run_of_the_month_before_in_the_same_quarter_counts_as_well() -> None:
    edge = (MONTH[1] - T0) // S
    events = ran(edge - 800, edge - 600, edge - 300, edge + 300)
    december = supply_record.month_ms("2026-12", STATION.site.zone)
    history = Counted(events, edge - 910, edge - 10, edge + 890)
    known = supply_record.of_time(STATION, history, *december, MONTH[1] + HOUR)
    assert [one.why for one in known.loads.values()] == [BESIDE]


def test_units_that_lack_the_ends_of_a_run_say_so_and_make_no_mean() -> None:
    (one,) = loads(Counted(ran(0, 360), 50, 110, 350))
    assert (one.wh, one.mean_w, one.whole_wh) == (300.0, None, None)
    assert one.why == "counted only between 09:00:50 and 09:05:50"
    (little,) = loads(Counted(ran(0, 3600), 20, 3580))  # 20 s at each end of an hour
    assert (little.why, little.whole_wh) == ("", 3560.0)
    (lasts,) = loads(Counted(ran(0), 50, 3590))
    assert lasts.whole_wh == 3540.0


def test_units_of_half_a_run_make_no_kwh_per_litre() -> None:
    known = supply_record.of_time(STATION, Counted(ran(0, 360), 50, 110, 350), *MONTH, T0 + HOUR)
    (run,) = known.runs
    total = dg_total.total(known.runs, known.loads, {run.key: {"consumed": "2.0"}})
    assert (total.wh, total.litres, total.per_litre) == (300.0, 2.0, None)


def test_units_of_a_run_take_no_step_over_a_change_of_the_factor() -> None:
    since = Transformers(since="2026-11-12", current_factor=40.0)
    meters = tuple(one.model_copy(update={"transformers": (since,)}) for one in STATION.meters)
    history = Counted(ran(0, 360), 50, 110, 350)
    changed = STATION.model_copy(update={"meters": meters})
    supply_record.of_time(changed, history, *MONTH, T0 + HOUR)
    assert history.changed == ratio.changed_ms(meters[0], STATION.site.zone) != ()
