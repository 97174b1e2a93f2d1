"""The alarms of the made-up states are those that the engine raises there."""

import dataclasses

from substation.alarms import engine
from substation.alarms.engine import Moment, Signal
from substation.alarms.signals import Circuit, Station, known
from substation.alarms.state import Alarms, State
from substation.alarms.verdict import Verdict
from substation.dashboard import sample_alarms, samples
from substation.dashboard.alarm_book import planned
from substation.energy.unbalance import nema
from substation.meters.ratio import ratings_at

LASTED_S = {"phase lost": 61, "untrusted clock": 900}
TOLD_WITH_PEOPLE = (
    "supply lost, on DG",
    "supply lost, no DG",
    "stopped poller",
    "first round",
    "empty store",
)
"""Some were shelved or acknowledged; or the alarms are not watched, or have not been yet."""
SETTINGS = samples.SETTINGS


def raised(change: samples.Change | None, lasted_s: int) -> set[tuple[str, str]]:
    """Return key and priority of what the engine raises when a state has lasted."""
    reports, readings, beat = samples.parts(change)
    plan, alarms = planned(SETTINGS), Alarms("sample")
    down = {line["name"]: line["detail"] for line in beat["lines"] if line["state"] == "down"}
    is_doubted = "clock" in beat
    for passed_ms in (0, lasted_s * 1000):
        now_ms = samples.NOW_MS + passed_ms
        circuits = []
        for meter in SETTINGS.meters:
            told, reading = reports[meter.id], readings[meter.id]
            newest = reading and dataclasses.replace(reading, at_ms=reading.at_ms + passed_ms)
            verdict = Verdict(told["supply"], told["status"], told["evidence"], told["since_ms"], {}, now_ms)
            ratings = ratings_at(meter, SETTINGS.nominal_v(meter), 3, now_ms, SETTINGS.site.zone)
            circuits.append(Circuit(meter, ratings, newest, verdict, told["comm_status"] != "OK"))
        station = Station(down, {"clock": Signal(is_doubted, now_ms)})
        found = known(SETTINGS, circuits, station, nema, now_ms=now_ms, fresh_ms=10_000)
        alarms = engine.step(alarms, plan, found, Moment(now_ms, passed_ms, 10**9)).alarms
    return {
        (one.key, plan.by_key[one.key].priority)
        for one in alarms.alarms.values()
        if one.shown is State.UNACKNOWLEDGED
    }


def test_the_alarms_of_each_sample_are_those_of_the_engine() -> None:
    for name, change in samples.STATES.items():
        if name in TOLD_WITH_PEOPLE:
            continue
        board = samples.board(change)
        assert board.alarms is not None
        expected = raised(change, LASTED_S.get(name, 700))
        assert set(board.alarms.asks) == expected, name
        assert (board.alarms.unacknowledged, board.alarms.active) == (len(expected),) * 2, name
        assert set(sample_alarms.known(board).alarms) == {key for key, _ in expected}, name
