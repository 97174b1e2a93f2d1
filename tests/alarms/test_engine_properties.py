"""Whatever happens: nothing is raised twice without clearing, nothing is lost, nothing is noted twice."""

from dataclasses import dataclass, field, replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from substation.alarms import engine
from substation.alarms.state import Alarms, Command, Transition, from_json, to_json
from substation.settings.alarms import AlarmChange
from substation.settings.model import CARD_METERS, Settings
from tests.alarms.desk import CARD, RULES, Desk

SUBJECT = "meter:3"
WATCHED = tuple(rule for rule in RULES if rule.key in ("voltage_low", "feeder_dead"))
KEYS = tuple(f"{rule.key}@{SUBJECT}" for rule in WATCHED)
PLANS = [
    Desk(changed, WATCHED).plan
    for changed in (
        CARD,
        CARD.model_copy(update={"alarms": (AlarmChange(rule="voltage_low", limit=85.0, off_delay_s=0.0),)}),
        CARD.model_copy(update={"alarms": (AlarmChange(rule="feeder_dead", priority="journal"),)}),
        CARD.model_copy(update={"alarms": (AlarmChange(rule="voltage_low", disabled=True),)}),
        Settings(meters=CARD_METERS[:2]),
    )
]
ASKS, ASKS_NOBODY = ("Unacknowledged", "RTN-unacknowledged"), ("Normal", "Acknowledged")
SEEN = ("alarm.acknowledged", "alarm.shelved", "alarm.out_of_service", "alarm.ended")
"""What takes an alarm's question away: somebody by his name, or a changed configuration."""
KINDS = ("acknowledge", "shelve", "unshelve", "out_of_service", "in_service", "note")

lines = st.one_of(
    st.tuples(st.just("volts"), st.sampled_from([100.0, 91.5, 90.5, 88.0, None])),
    st.tuples(st.just("dead"), st.sampled_from([True, False, None])),
    st.tuples(st.just("incomer"), st.sampled_from([True, False, None])),
    st.tuples(st.just("wait"), st.sampled_from([0, 1, 5, 11, 30, 400])),
    st.tuples(st.just("wait"), st.sampled_from([5, 11, 30])),
    st.tuples(st.just("clock"), st.sampled_from([-3600, 3600])),
    st.tuples(st.just("plan"), st.sampled_from(range(len(PLANS)))),
    st.tuples(st.just("do"), st.tuples(st.sampled_from(KINDS), st.sampled_from(KEYS))),
)
scripts = st.lists(lines, min_size=4, max_size=24)


@dataclass
class Played:
    """A desk that plays a script, and knows what it has shown."""

    desk: Desk = field(default_factory=lambda: Desk(rules=WATCHED))
    is_unknown: bool = False

    def play(self, line: tuple) -> engine.Result | None:
        """Return what a line led to, where it let time pass."""
        what, value = line
        desk = self.desk
        match what:
            case "volts":
                desk.say("voltage_lowest", SUBJECT, value)
                self.is_unknown = value is None
            case "dead":
                desk.say("supply_dead", SUBJECT, value)
                desk.hold("circuit_dead", SUBJECT, value)
            case "incomer":
                desk.hold("incomer_dead", SUBJECT, value)
            case "wait":
                return desk.step(float(value))
            case "clock":
                return desk.step(1.0, clock_s=float(value))
            case "plan":
                desk.plan = PLANS[value]
            case "do":
                rule, _, subject = value[1].partition("@")
                uid = f"c{len(desk.alarms.answers)}"
                ask = Command(uid, desk.now_ms, value[0], rule, subject, "asha", "why", 5)
                return desk.step(1.0, ask, ask)
        return None


@given(scripts)
@settings(max_examples=120, deadline=None)
def test_every_change_is_told_once_and_nothing_changes_untold(script: list) -> None:
    played = Played()
    desk = played.desk
    told = dict.fromkeys(KEYS, "Normal")
    is_raised = dict.fromkeys(KEYS, False)
    asks = dict.fromkeys(KEYS, False)
    ids: list[str] = []
    for line in script:
        desk.alarms = from_json(to_json(desk.alarms))
        shelves = {
            key: one.shelf for key, one in desk.alarms.alarms.items() if one.shelf and key in desk.plan.by_key
        }
        before_ms = desk.now_ms
        result = played.play(line)
        if result is None:
            continue
        for one in result.transitions:
            key = f"{one.rule}@{one.subject}"
            assert one.old == told[key]
            told[key] = one.new
            is_journal = key in desk.plan.by_key and desk.plan.by_key[key].priority == "journal"
            asks[key] &= one.kind not in SEEN and not is_journal
            assert not (asks[key] and one.new in ASKS_NOBODY), "asked, and nobody has seen it"
            asks[key] |= one.new in ASKS
            if one.kind == "alarm.raised":
                assert not is_raised[key], "raised twice without clearing"
                is_raised[key] = True
            if one.kind in ("alarm.cleared", "alarm.ended"):
                assert is_raised[key] or one.kind == "alarm.ended"
                is_raised[key] = False
            if one.kind in ("alarm.raised", "alarm.cleared") and one.rule == "voltage_low":
                assert not played.is_unknown, "what nobody sees neither raises nor clears"
            assert one.at_ms <= desk.now_ms
            ids.append(one.id)
        for key in KEYS:
            assert desk.shown(key) == told[key], "changed without a transition"
            assert is_raised[key] == (key in desk.alarms.alarms and desk.alarms.alarms[key].active)
        for key, shelf in shelves.items():
            is_over = desk.now_ms >= (shelf.until_ms or 0) or line == ("wait", 400)
            if is_over and desk.now_ms != before_ms and line[0] != "do":
                assert desk.shown(key) != "Shelved", "a shelf expires"
    assert ids == [f"uid-{number}" for number in range(1, len(ids) + 1)]


def test_without_a_person_what_asked_asks_at_the_end_whatever_was_suppressed_meanwhile() -> None:
    low, calm, under, free = ("volts", 88.0), ("volts", 100.0), ("incomer", True), ("incomer", False)
    for script in product((low, calm, under, free), repeat=3):
        played = Played()
        desk = played.desk
        for line in (free, ("dead", False), calm, low, *script, calm, free):
            played.play(line)
            for _ in range(4):
                desk.step(11)
        assert desk.shown("voltage_low@meter:3") == "RTN-unacknowledged", script


@dataclass
class Card:
    """What survives a kill: the saved state, and the committed rows; `buffer` does not."""

    saved: bytes
    table: list[str] = field(default_factory=list)


class Killed(Exception):
    """The process is gone."""


class Run:
    """One run of the poller: load, recognise, then step after step, as `acquisition.alarming` does."""

    def __init__(self, card: Card, desk: Desk, kill_at: int) -> None:
        self.card, self.desk, self.left = card, desk, kill_at
        desk.alarms = from_json(card.saved)
        desk.alarms = engine.noted(desk.alarms, frozenset(card.table))
        self.handed: set[str] = set()
        self.buffer: list[str] = []

    def perhaps_killed(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed

    def after_step(self, *, commits: bool) -> None:
        self.perhaps_killed()
        self.card.saved = to_json(self.desk.alarms)
        self.perhaps_killed()
        for one in self.desk.alarms.outbox:
            if one.id not in self.handed:
                self.handed.add(one.id)
                self.buffer.append(one.id)
                self.perhaps_killed()
        if commits:
            self.card.table += self.buffer
            self.buffer.clear()
            self.perhaps_killed()
            self.desk.alarms = engine.noted(self.desk.alarms, frozenset(self.handed))


@given(scripts, st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 4))
@settings(max_examples=80, deadline=None)
def test_a_kill_at_any_point_notes_each_transition_exactly_once(
    script: list, kills: list, every: int
) -> None:
    played = Played()
    desk = played.desk
    card = Card(to_json(desk.alarms))
    saved: dict[str, Transition] = {}
    run = Run(card, desk, kills[0])
    kills = kills[1:]
    for number, line in enumerate(script):
        if played.play(line) is None:
            continue
        try:
            run.after_step(commits=number % every == 0)
        except Killed:
            run = Run(card, desk, kills.pop() if kills else 0)
        saved |= {one.id: one for one in from_json(card.saved).outbox}
    last = Run(card, desk, 0)
    last.after_step(commits=True)
    assert card.table == list(saved), "lost, noted twice, or out of order"
    assert last.desk.alarms.outbox == ()
    is_raised = dict.fromkeys(KEYS, False)
    for one in (saved[key] for key in card.table):
        key = f"{one.rule}@{one.subject}"
        if one.kind == "alarm.raised":
            assert not is_raised[key]
        is_raised[key] = one.kind == "alarm.raised" or (
            is_raised[key] and one.kind not in ("alarm.cleared", "alarm.ended")
        )


def test_a_fresh_start_never_gives_an_id_again() -> None:
    desk = Desk()
    desk.say("supply_dead", "meter:1", True)
    desk.wait(6)
    other = Desk()
    other.alarms = replace(Alarms("another"), last_ms=desk.now_ms)
    other.signals = desk.signals
    other.wait(6)
    assert {one.id for one in desk.noted} & {one.id for one in other.noted} == set()
