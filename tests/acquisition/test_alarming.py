"""The alarms in the poller: from the wire to the events of the history, through kills, each exactly once."""

import functools
import json
import sqlite3
import zoneinfo
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from substation.acquisition import alarming, spine
from substation.acquisition.alarm_health import LOOK_S, AlarmHealth
from substation.acquisition.alarming import Alarming
from substation.acquisition.spine import Poller
from substation.alarms.state import Alarm, Alarms, State
from substation.alarms.vocabulary import STALLED
from substation.bus.plant import Plant
from substation.dashboard import alarm_book
from substation.errors import Full, StoreError
from substation.meters.profile import load
from substation.settings import files
from substation.settings.alarms import AlarmChange
from substation.settings.model import CARD_METERS, Backup, Home, Line, Poll
from substation.simulator.site import Failure, Site
from substation.store import alarm_commands, alarm_file, heartbeat
from substation.store.operator_db import OperatorDb
from tests.acquisition import supply_script as script
from tests.acquisition.conftest import MONDAY_NOON_MS
from tests.fake_clock import FakeClock

BEGIN_S, END_S = 20, 120
KEY = "supply_lost@meter:1"


class Killed(BaseException):
    """SIGKILL."""


class ForAWhile(Poller):
    """A poller that is told to end at a time of the fake clock."""

    until_ms = 0

    @property
    def stopping(self) -> bool:
        return self.clock.now_ms() >= self.until_ms


class Station:
    """A station whose mains fail for a while, on a fake clock; its poller is started and killed by hand."""

    def __init__(self, home: Home, clock: FakeClock) -> None:
        self.home, self.clock = home, clock
        self.operator = OperatorDb(home.operator, simulated=True)

    def run(self, until_s: float, *, stops: bool = False) -> ForAWhile:
        poller = ForAWhile(files.load(self.home.folder), self.clock)
        poller.until_ms = MONDAY_NOON_MS + round(until_s * 1000)
        try:
            poller.run()
        except Killed:
            stops = False
        if stops:
            poller.stop()
        else:
            assert poller.keeper._live and poller.keeper._history
            poller.keeper._live.close()
            poller.keeper._history._db.close()
        return poller

    def ask(self, kind: str, **more: object) -> str:
        rule, _, subject = KEY.partition("@")
        return alarm_commands.ask(
            self.operator, self.clock, kind, rule=rule, subject=subject, by="asha", **more
        )

    @property
    def saved(self) -> Alarms:
        saved = alarm_file.read(self.home.alarms, simulated=True)
        assert saved
        return saved.alarms

    def events(self, like: str = "%") -> list[tuple]:
        with closing(sqlite3.connect(self.home.history)) as db:
            rows = "SELECT kind, meter_id, old, new, at_ms, detail FROM event WHERE kind LIKE 'alarm.%'"
            return db.execute(f"{rows} AND detail LIKE ? ORDER BY id", (like,)).fetchall()


@pytest.fixture
def station(
    home: Home, changed: Callable[..., None], zone: zoneinfo.ZoneInfo, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Station]:
    clock = FakeClock(now_ms=MONDAY_NOON_MS)
    begin_ms, end_ms = (MONDAY_NOON_MS + second * 1000 for second in (BEGIN_S, END_S))
    outage = Failure(begin_ms, end_ms, dg_start_s=6.0, dg_stop_s=6.0)
    happening = script.Happening(
        "outage", begin_ms, end_ms, frozenset({1, 3, 4}), failure=outage, over_ms=end_ms + 900_000
    )
    events = script.Script([happening])
    site = Site(1, epoch_ms=MONDAY_NOON_MS - 3_600_000, zone=zone, failures=events.failures)
    profile = load("elmeasure_lgplus")

    def make(line: Line, ours: FakeClock) -> script.ScriptedWire:
        return script.ScriptedWire(line, ours, site, events, profile)

    monkeypatch.setattr(script, "LOST_REPLIES", 0.0)
    monkeypatch.setattr(spine, "NAP_S", 2.0)
    monkeypatch.setattr(spine, "Plant", functools.partial(Plant, make_line=make))
    own = [meter.model_copy(update={"aux_supply": "own"}) for meter in CARD_METERS if meter.id in script.OWN]
    changed(poll=Poll(interval_s=2.0), meters=(*CARD_METERS[:2], *own, CARD_METERS[4]))
    made = Station(home, clock)
    yield made
    made.operator.close()


def test_a_failure_of_supply_is_raised_acknowledged_and_cleared_through_kills_each_once(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill_when(place: object, name: str, due: Callable[[Alarming], bool]) -> None:
        """Kill the process when it comes to this place, once, with alarms in this state."""
        real = getattr(place, name)

        def perhaps(self: object, *given: object, **named: object) -> object:
            one = getattr(self, "alarming", self)
            if isinstance(one, Alarming) and due(one):
                monkeypatch.setattr(place, name, real)
                raise Killed
            return real(self, *given, **named)

        monkeypatch.setattr(place, name, perhaps)

    def waits(one: Alarming) -> bool:
        return any(transition.rule == "supply_lost" for transition in one.alarms.outbox)

    kill_when(Alarming, "_note", waits)  # saved, not noted
    station.run(80)
    assert ("alarm.raised", "supply_lost") in [(one.kind, one.rule) for one in station.saved.outbox]
    assert station.events(f"%{KEY} %") == []
    kill_when(Poller, "commit", waits)  # noted, not committed
    station.run(80)
    assert station.events(f"%{KEY} %") == []
    kill_when(Alarming, "_settle", lambda one: waits(one) and not one._keeper.urgent and one._handed)
    station.run(80)
    assert len(station.events(f"%{KEY} %")) == 1
    assert station.saved.outbox  # committed, and still in the outbox
    uid = station.ask(
        "acknowledge", words="supplier says 20 min", occurrence=station.saved.alarms[KEY].occurrence
    )
    poller = station.run(80)
    (answer,) = station.saved.answers
    assert (answer.uid, answer.done) == (uid, True)
    assert station.saved.alarms[KEY].shown is State.ACKNOWLEDGED
    for key in ("feeder_dead@meter:3", "communication_lost@meter:4"):
        assert station.saved.alarms[key].shown is State.SUPPRESSED
    beat = heartbeat.read(station.home.heartbeat)
    assert beat and (beat["alarms"]["unacknowledged"], beat["alarms"]["active"]) == (0, 1)
    assert (beat["alarms"]["highest"], beat["alarms"]["suppressed"] >= 2) == ("high", True)
    assert poller.problems.words == []
    last = station.run(200, stops=True)
    assert last.alarming.alarms.answers == station.saved.answers
    told = [(kind, old, new, at_ms) for kind, _, old, new, at_ms, _ in station.events(f"%{KEY} %")]
    assert [row[:3] for row in told] == [
        ("alarm.raised", "Normal", "Unacknowledged"),
        ("alarm.acknowledged", "Unacknowledged", "Acknowledged"),
        ("alarm.cleared", "Acknowledged", "Normal"),
    ]
    for (*_, at_ms), second in zip((told[0], told[-1]), (BEGIN_S, END_S), strict=True):
        assert 0 <= at_ms - (MONDAY_NOON_MS + second * 1000) <= 4_000, "stamped when it became true"
    ids = [alarming.id_in(row[-1]) for row in station.events()]
    assert len(ids) == len(set(ids)) and "" not in ids
    assert ids == [f"{station.saved.uid}-{number}" for number in range(1, len(ids) + 1)]
    assert not any(one.active for one in station.saved.alarms.values())
    over = Alarm("phase_lost", "meter:3", acked=False, since_ms=1)
    stands = Alarm("supply_lost", "meter:1", active=True, acked=False, told=True, since_ms=2)
    both = {one.key: one for one in (over, stands)}
    last.alarming.alarms = replace(last.alarming.alarms, alarms=both)
    first = alarm_book.Known(both, plan=last.alarming._plan).standing()[0]
    assert last.alarming.beat["top"] == [first.rule, first.subject] == ["supply_lost", "meter:1"]


def test_an_alarm_that_fails_never_stops_the_polling(
    station: Station, changed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise Full("no space left")

    changed(alarms=(AlarmChange(rule="voltage_lo"),))
    monkeypatch.setattr(alarm_file, "write_atomic", lambda *_: fails())
    monkeypatch.setattr(alarming.alarm_file, "write", fails)
    poller = station.run(40)
    assert poller.number > 15
    assert poller.problems.words == ["no space left"]
    assert poller.alarming.alarms.alarms[KEY].shown is State.UNACKNOWLEDGED
    assert station.events() == []  # what is not saved is not noted
    beat = heartbeat.read(station.home.heartbeat)
    assert beat and beat["alarms"]["unacknowledged"] == 1
    assert beat["alarms"]["top"] == KEY.split("@")
    assert beat["alarms"]["asks"] == [[poller.alarming.alarms.alarms[KEY].occurrence, "high"]]
    assert any(words.startswith("config.json: alarms.0: there is no alarm") for words in beat["problems"])
    medium = type(poller.keeper.endurance.medium)
    monkeypatch.setattr(medium, "failing", property(lambda _: True))  # the stores say so already
    with poller.problems.survived("step_alarms"):
        poller.step_alarms()
    assert (poller.problems.words, poller.alarming._handed) == ([], set())
    monkeypatch.undo()
    monkeypatch.setattr(alarming.rule, "load", fails)
    poller.alarming._planned_for = None
    with poller.problems.survived("step_alarms"):
        poller.step_alarms()
    assert (poller.alarming.stalled_s, STALLED in poller.alarming.advice) == (0, False)
    station.clock.sleep(60)
    with poller.problems.survived("step_alarms"):
        poller.step_alarms()
    assert poller.alarming.beat["stalled_s"] >= 60  # the counts beside it are of then
    assert STALLED in poller.alarming.advice
    monkeypatch.undo()
    poller.step_alarms()
    assert "stalled_s" not in poller.alarming.beat
    assert poller.problems.words == ["no space left"]


def test_saved_alarms_that_cannot_be_read_are_begun_anew(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    station.run(30)
    uid = station.saved.uid
    content = json.loads(station.home.alarms.read_text())
    station.home.alarms.write_text(json.dumps(content | {"simulated": False}))
    assert alarm_file.read(station.home.alarms, simulated=True) is None
    for text in ("", "[]", '{"v": 1, "simulated": true}', json.dumps(content | {"v": 9})):
        station.home.alarms.write_text(text)
        with pytest.raises(StoreError, match="the saved alarms cannot be read"):
            alarm_file.read(station.home.alarms, simulated=True)
    with caplog.at_level("WARNING", logger="poller"):
        station.run(32)
    assert "the alarms begin anew, and what stands is raised again" in caplog.text
    assert station.saved.uid != uid


def test_health_tells_medium_copies_clock_and_audit_log(
    station: Station, changed: Callable[..., None]
) -> None:
    poller = station.run(4)
    health = AlarmHealth(station.home, station.clock, poller.keeper)
    settings = poller.settings

    def look() -> dict:
        station.clock.advance(LOOK_S)
        return {key: one.value for key, one in health.look(settings, poller.timekeeper).items()}

    assert look() == {"disk": False, "copies": False, "clock": False}
    words: list[str | None] = [None]
    health.audit = lambda: words[0]
    settings = settings.model_copy(update={"backup": Backup(folder="/media/stick", every_minutes=5)})
    assert look() == {"disk": False, "copies": None, "clock": False, "audit_chain": False}
    began = health.look(settings, poller.timekeeper)["disk"].at_ms
    report = {"at_ms": station.clock.now_ms(), "ok": True, "folder": "/media/stick"}
    station.home.copied.write_text(json.dumps(report))
    assert look()["copies"] is False
    station.home.copied.write_text(json.dumps(report | {"ok": False}))  # one that failed is no fault yet
    assert look()["copies"] is None
    station.clock.advance(901)
    words[0], poller.timekeeper.trusted = "cut", False
    assert look() == {"disk": False, "copies": True, "clock": True, "audit_chain": True}
    assert health.look(settings, poller.timekeeper)["disk"].at_ms == began
    station.home.copied.write_text(json.dumps(report | {"proof": {"ok": False, "words": "a row lacks"}}))
    assert look()["copies"] is True
    assert health.look(settings, poller.timekeeper)["copies"].why.endswith("a row lacks")
