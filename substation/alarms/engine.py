"""The state machine of the alarms: one step takes what is known now, and says what has changed. Pure.

After ISA-18.2 and IEC 62682. One step, in this order:

1. Alarms that are watched no more (rule, meter or line is gone, or disabled) end, in words if they stood.
2. What people asked for since the last step (`alarms.handling`), each once.
3. Of every alarm: does its shelf end, does a condition suppress it, does its signal say otherwise than
   before, and has it said so for the delay? Then it is raised, or cleared. Shelved, suppressed and out of
   service it is evaluated and written down all the same; only its announcement stops.

What follows from which:

- Raised, it is Unacknowledged (a `journal` alarm: Acknowledged at once); acknowledged, Acknowledged; cleared
  then, Normal; cleared before, RTN-unacknowledged until somebody acknowledges; raised again, Unacknowledged.
- **An unknown signal holds everything.** The standards leave a bad measurement to the alarm philosophy; ours
  is: it neither raises nor clears, an alarm that stands goes on standing, marked with since when it was not
  seen, and that the meter is silent is an alarm of its own. A delay goes on over a blind spot of at most
  `blind_ms`; over a longer one it begins anew, because nobody can say what was meanwhile. What is seen to be
  absent is not unknown: a circuit without voltage has no frequency that could be high.
- **What asks goes on asking until somebody acknowledges it or puts it aside**, by name in the events: one
  that was suppressed meanwhile, or was raised anew while suppressed, asks again when that is over. To shelve
  it, or to take it out of service, stands for the acknowledgement of what is over by the end of that.
- A note is about one raise; the next one begins without.
- A suppression outlasts its condition by the alarm's on-delay, so that a feeder has as much time to come
  back after the incomer as it has to fail. One that stands then, and is not about to clear, is announced.
- A shelf ends by its time, whichever of two clocks says so first; what stands then is announced anew,
  acknowledged or not: nothing hides for ever behind a word of yesterday.
- Delays and shelves count time that passed, not the time of day: a clock that is set raises nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from substation.alarms import handling
from substation.alarms.book import Book
from substation.alarms.plan import Plan, Watch
from substation.alarms.state import Alarm, Alarms, Command, State, Transition
from substation.alarms.vocabulary import CONDITIONS, Condition

STEP_MS = 1000
"""A clock that moves by more than this against the time that passed was set."""
MOST_WAITING = 2000
"""Transitions that wait to be noted; beyond it the oldest are given up, and counted."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What is known of one thing that a rule watches."""

    value: float | bool | None
    """None: not known."""
    at_ms: int
    """UTC, ms: when it was so; of a state, since when it is so."""
    base: float = 0.0
    """What 100 % of it is on this circuit."""
    why: str = ""
    """Evidence of a state; why a value is not known."""
    is_absent: bool = False
    """Seen, and there is nothing that could have this value: no alarm on it can be true."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a step is made."""

    now_ms: int
    passed_ms: int
    """Since the last step, by a clock that never steps."""
    blind_ms: int = 60_000
    """So long may something go unseen and still be said to have lasted."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known in one step, by subject."""

    signals: Mapping[str, Mapping[str, Signal]]
    conditions: Mapping[str, Mapping[Condition, bool | None]]
    """Of a condition that is missing nothing is known."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a step."""

    alarms: Alarms
    transitions: tuple[Transition, ...]
    """Of this step; they stand in the outbox too."""


def step(
    alarms: Alarms, plan: Plan, known: Known, moment: Moment, commands: Sequence[Command] = ()
) -> Result:
    """Return the next state of all alarms, and the transitions that led to it."""
    book = Book(alarms.uid, alarms.seq, moment.now_ms)
    standing = dict(alarms.alarms)
    for key in standing.keys() - plan.by_key.keys():
        _end(standing.pop(key), plan, book)
    answers = handling.obey(commands, standing, plan, book, alarms.answers)
    set_by_ms = moment.now_ms - alarms.last_ms - moment.passed_ms if alarms.last_ms else 0
    turn = _Turn(known, moment, set_by_ms if abs(set_by_ms) >= STEP_MS else 0, book)
    for watch in plan.watches:
        before = standing.get(watch.key)
        after = turn.evaluate(watch, before)
        if after is None:
            standing.pop(watch.key, None)
        elif after is not before:
            standing[watch.key] = after
    outbox = (*alarms.outbox, *book.transitions) if book.transitions else alarms.outbox
    given_up = max(0, len(outbox) - MOST_WAITING)
    changed = replace(
        alarms,
        seq=book.seq,
        last_ms=moment.now_ms,
        alarms=standing,
        outbox=outbox[given_up:],
        given_up=alarms.given_up + given_up,
        answers=answers,
    )
    return Result(changed, tuple(book.transitions))


def noted(alarms: Alarms, ids: frozenset[str]) -> Alarms:
    """Return the alarms without what is noted in the outbox."""
    if not ids:
        return alarms
    return replace(alarms, outbox=tuple(one for one in alarms.outbox if one.id not in ids))


def _end(one: Alarm, plan: Plan, book: Book) -> None:
    if one.shown is not State.NORMAL:
        why = plan.gone(one.rule, one.subject)
        book.note("alarm.ended", one, one, f"watched no more: {why}", watch=None, to=State.NORMAL)


class _Turn:
    """One step, for one alarm after the other."""

    def __init__(self, known: Known, moment: Moment, set_by_ms: int, book: Book) -> None:
        self._known, self._moment, self._set_by_ms, self._book = known, moment, set_by_ms, book

    def evaluate(self, watch: Watch, before: Alarm | None) -> Alarm | None:
        """Return an alarm after this step; None where there is nothing to remember of it."""
        signal = self._known.signals.get(watch.subject, {}).get(watch.rule.signal)
        truth = truth_of(watch, signal, active=before is not None and before.active)
        if before is None:
            if not truth:
                return None
            before = Alarm(watch.rule.key, watch.subject)
        elif before.at_rest and not truth:
            return _at_rest(before)
        one = self._unshelved(watch, before) if before.shelf else before
        if self._set_by_ms:
            one = _moved(one, self._set_by_ms)
        if truth is None:
            one = self._unseen(one, signal)
        else:
            one = self._seen(watch, one, truth=truth, at_ms=signal.at_ms if signal else self._moment.now_ms)
        if watch.rule.suppressed_by:
            one = self._suppression(watch, one)
        elif one.suppressed:  # the rule has changed
            one = self._released(watch, one)
        if one.turning_ms is not None and truth is not None:
            if not one.active and one.held_ms >= watch.on_ms:
                return self._raised(watch, one, signal)
            if one.active and one.held_ms >= watch.off_ms:
                return self._cleared(watch, one, signal)
        return one

    def _unshelved(self, watch: Watch, one: Alarm) -> Alarm:
        shelf, moment = one.shelf, self._moment
        if shelf is None:
            return one
        left_ms = shelf.left_ms - moment.passed_ms
        if left_ms > 0 and (shelf.until_ms is None or moment.now_ms < shelf.until_ms):
            return replace(one, shelf=replace(shelf, left_ms=left_ms)) if moment.passed_ms else one
        after = handling.back(replace(one, shelf=None), watch)
        return self._book.note("alarm.unshelved", one, after, "its time is over", watch=watch)

    def _unseen(self, one: Alarm, signal: Signal | None) -> Alarm:
        why = signal.why if signal and signal.why else "nothing is known of it"
        if one.unseen_ms is None:
            since_ms = signal.at_ms if signal else self._moment.now_ms
            return replace(one, unseen_ms=min(since_ms, self._moment.now_ms), unseen_for_ms=0, unseen_why=why)
        for_ms = one.unseen_for_ms + self._moment.passed_ms
        if one.turning_ms is not None and for_ms > self._moment.blind_ms:
            one = replace(one, turning_ms=None, held_ms=0)
        return replace(one, unseen_for_ms=for_ms, unseen_why=why)

    def _seen(self, watch: Watch, one: Alarm, *, truth: bool, at_ms: int) -> Alarm:
        blind_for_ms = self._moment.passed_ms + one.unseen_for_ms
        if one.unseen_ms is not None:
            one = replace(one, unseen_ms=None, unseen_for_ms=0, unseen_why="")
        if truth == one.active:
            return one if one.turning_ms is None else replace(one, turning_ms=None, held_ms=0)
        if one.turning_ms is None or blind_for_ms > self._moment.blind_ms:
            return replace(one, turning_ms=min(at_ms, self._moment.now_ms), held_ms=0)
        return replace(one, held_ms=one.held_ms + blind_for_ms)

    def _suppression(self, watch: Watch, one: Alarm) -> Alarm:
        found = self._known.conditions.get(watch.subject, {})
        cause: Condition | None = next((name for name in watch.rule.suppressed_by if found.get(name)), None)
        if cause is not None:
            if one.suppressed == cause and one.lingers_ms is None:
                return one
            after = replace(one, suppressed=cause, lingers_ms=None)
            if one.active and not one.suppressed:
                after = self._book.note("alarm.suppressed", one, after, CONDITIONS[cause], watch=watch)
            return after
        if not one.suppressed or any(found.get(name) is None for name in watch.rule.suppressed_by):
            return one
        lingers_ms = 0 if one.lingers_ms is None else one.lingers_ms + self._moment.passed_ms
        if lingers_ms < watch.on_ms or (one.active and one.turning_ms is not None):
            return replace(one, lingers_ms=lingers_ms)
        return self._released(watch, one)

    def _released(self, watch: Watch, one: Alarm) -> Alarm:
        """Return an alarm that nothing suppresses any more; one that stands is announced."""
        after = replace(one, suppressed="", lingers_ms=None)
        if not one.active:
            return after
        after = replace(after, told=True)
        why = f"still stands: {one.why}" if one.why else "still stands"
        return self._book.note("alarm.unsuppressed", one, after, why, watch=watch)

    def _raised(self, watch: Watch, one: Alarm, signal: Signal | None) -> Alarm:
        why = words_of(watch, signal)
        owes = one.told and not one.acked  # of the raise before: a suppression takes nobody's question away
        after = replace(
            one,
            active=True,
            acked=watch.priority == "journal",
            told=not (one.shelf or one.out) and (owes or not one.suppressed),
            occurrence=self._book.next_id(),
            since_ms=one.turning_ms,
            raised_ms=self._moment.now_ms,
            cleared_ms=None,
            why=why,
            turning_ms=None,
            held_ms=0,
            acked_by="",
            acked_ms=None,
            note="",
            note_ms=None,
            announced=None,
        )
        lasted = f"{why}; for {watch.on_ms / 1000:g} s" if watch.on_ms else why
        return self._book.note("alarm.raised", one, after, lasted, watch=watch, at_ms=one.turning_ms)

    def _cleared(self, watch: Watch, one: Alarm, signal: Signal | None) -> Alarm:
        waits = one.told and not one.acked and not (one.shelf or one.out)
        after = replace(
            one,
            active=False,
            acked=not waits,
            cleared_ms=one.turning_ms,
            turning_ms=None,
            held_ms=0,
        )
        if after.at_rest:
            after = replace(after, suppressed="", lingers_ms=None)
        words = words_of(watch, signal)
        return self._book.note("alarm.cleared", one, after, words, watch=watch, at_ms=one.turning_ms)


def truth_of(watch: Watch, signal: Signal | None, *, active: bool) -> bool | None:
    """Return whether what an alarm warns of is so; None where nobody knows.

    One that stands is over only behind the dead band.
    """
    if signal is None or signal.value is None:
        return False if signal is not None and signal.is_absent else None
    if watch.limit is None:
        return bool(signal.value)
    value: float = signal.value
    if watch.rule.relative_to != "absolute":
        if signal.base <= 0:
            return None
        value = 100 * value / signal.base
    band = watch.dead_band if active else 0.0
    return value < watch.limit + band if watch.rule.above is None else value > watch.limit - band


def words_of(watch: Watch, signal: Signal | None) -> str:
    """Return value and limit, or the evidence of a state, in words."""
    if signal is None or signal.value is None or watch.limit is None:
        return signal.why if signal and signal.why else watch.rule.kind.words
    kind = watch.rule.kind
    unit = "" if kind.unit == "1" else f" {kind.unit}"
    words = f"{kind.words} {signal.value:.{kind.decimals}f}{unit}"
    if watch.rule.relative_to != "absolute" and signal.base:
        words += f" = {100 * signal.value / signal.base:.1f} %"
    return f"{words}, limit {watch.limit_words}"


def _at_rest(one: Alarm) -> Alarm | None:
    """Return what is remembered of an alarm with which nothing is going on; None: nothing."""
    if not (one.occurrence or one.note):
        return None
    if one.suppressed or one.unseen_ms is not None:
        return replace(one, suppressed="", lingers_ms=None, unseen_ms=None, unseen_for_ms=0, unseen_why="")
    return one


def _moved(one: Alarm, by_ms: int) -> Alarm:
    """Return an alarm whose begun delay is stamped by the clock as it goes now."""
    if one.turning_ms is None and one.unseen_ms is None:
        return one
    turning_ms = None if one.turning_ms is None else one.turning_ms + by_ms
    unseen_ms = None if one.unseen_ms is None else one.unseen_ms + by_ms
    return replace(one, turning_ms=turning_ms, unseen_ms=unseen_ms)
