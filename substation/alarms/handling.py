"""What people do with alarms: acknowledge, shelve, take out of service, write a note. Pure.

Each command is obeyed once, known again by its uid, and what cannot be obeyed is declined in words. A command
is stamped when it was asked; one that waited for a poller that did not run is obeyed all the same, as far as
it still means something.
"""

from collections.abc import MutableMapping, Sequence
from dataclasses import replace

from substation.alarms.book import Book
from substation.alarms.plan import Plan, Watch
from substation.alarms.state import Alarm, Answer, Aside, Command, State

LONGEST_SHELF_MIN = 480
"""ISA-18.2 wants a limit; a shift of eight hours is its usual one."""
MOST_SHELVED = 10
"""At the same time: more is no shelf, it is a cupboard."""
KEPT_ANSWERS = 300
LONGEST_WORDS = 300
_MINUTE_MS = 60_000


class _Declined(Exception):
    """Why a command is not obeyed."""


def obey(
    commands: Sequence[Command],
    standing: MutableMapping[str, Alarm],
    plan: Plan,
    book: Book,
    answers: tuple[Answer, ...],
) -> tuple[Answer, ...]:
    """Do what is asked in `standing`; return the answers, the new ones last."""
    if not commands:
        return answers
    known = {answer.uid for answer in answers}
    fresh = []
    for command in commands:
        if command.uid in known:
            continue
        known.add(command.uid)
        try:
            words, done = _obey(command, standing, plan, book), True
        except _Declined as exc:
            words, done = str(exc), False
        fresh.append(Answer(command.uid, done, words, book.now_ms))
    return (*answers, *fresh)[-KEPT_ANSWERS:]


def back(one: Alarm, watch: Watch) -> Alarm:
    """Return an alarm that is put aside no more: one that stands is announced anew, one that is over is not.

    So ISA-18.2 has it: whoever put it aside has seen it, and said so with his name and a reason.
    """
    if one.shelf or one.out:
        return one
    if not one.active:
        return replace(one, acked=True)
    return replace(
        one, acked=watch.priority == "journal", told=not one.suppressed, acked_by="", acked_ms=None
    )


def _obey(command: Command, standing: MutableMapping[str, Alarm], plan: Plan, book: Book) -> str:
    key = f"{command.rule}@{command.subject}"
    watch = plan.by_key.get(key)
    if watch is None:
        raise _Declined(f"there is no such alarm: {plan.gone(command.rule, command.subject)}")
    if not command.by.strip():
        raise _Declined("nobody is named who asks; log in with a name")
    one = standing.get(key) or Alarm(command.rule, command.subject)
    what = _DOES.get(command.kind)
    if what is None:
        raise _Declined(f"'{command.kind:.40}' is not known; known: {', '.join(_DOES)}")
    standing[key], words = what(command, one, watch, book, standing)
    return words


_Done = tuple[Alarm, str]
_Standing = MutableMapping[str, Alarm]


def _acknowledge(command: Command, one: Alarm, watch: Watch, book: Book, _: _Standing) -> _Done:
    if command.occurrence and command.occurrence != one.occurrence:
        if one.shown is State.UNACKNOWLEDGED:
            raise _Declined("it has cleared and been raised anew since; look at it again")
        raise _Declined(f"what you saw is over; it is {one.shown} now")
    if one.shown is State.NORMAL:
        raise _Declined("it is not standing any more: there is nothing to acknowledge")
    if one.acked:
        raise _Declined(f"{one.acked_by or 'the program'} has acknowledged it already")
    if one.shelf or one.out or not one.told:
        raise _Declined(f"it is {one.shown}: it asks nobody to acknowledge it")
    note, acked_ms = _said(command), min(command.at_ms, book.now_ms)
    after = replace(
        one,
        acked=True,
        acked_by=command.by,
        acked_ms=acked_ms,
        note=f"{command.by}: {note}" if note else one.note,
        note_ms=acked_ms if note else one.note_ms,
    )
    words = f"by {command.by}" + (f": {note}" if note else "")
    after = book.note("alarm.acknowledged", one, after, words, watch=watch, at_ms=command.at_ms)
    return after, f"acknowledged; it is {after.shown} now"


def _shelve(command: Command, one: Alarm, watch: Watch, book: Book, standing: _Standing) -> _Done:
    reason = _reason(command)
    if not 1 <= command.minutes <= LONGEST_SHELF_MIN:
        raise _Declined(f"an alarm is shelved for 1 to {LONGEST_SHELF_MIN} minutes, not {command.minutes}")
    if one.out:
        raise _Declined("it is out of service; put it back in service first")
    shelved = sum(other.shelf is not None for other in standing.values() if other.key != one.key)
    if shelved >= MOST_SHELVED:
        raise _Declined(f"{shelved} alarms are shelved already; take one off the shelf first")
    asked_ms = min(command.at_ms, book.now_ms)
    until_ms = asked_ms + command.minutes * _MINUTE_MS
    if until_ms <= book.now_ms:
        raise _Declined("the poller did not run then, and the time it was asked for is over; ask again")
    shelf = Aside(command.by, reason, asked_ms, until_ms, until_ms - book.now_ms)
    words = f"by {command.by} for {command.minutes} min: {reason}"
    after = replace(one, shelf=shelf)
    after = book.note("alarm.shelved", one, after, words, watch=watch, at_ms=asked_ms)
    return after, f"shelved for {command.minutes} min"


def _unshelve(command: Command, one: Alarm, watch: Watch, book: Book, _: _Standing) -> _Done:
    if one.shelf is None:
        raise _Declined("it is not shelved any more")
    after = back(replace(one, shelf=None), watch)
    words = f"by {command.by}{_more(command)}"
    after = book.note("alarm.unshelved", one, after, words, watch=watch, at_ms=command.at_ms)
    return after, f"off the shelf; it is {after.shown} now"


def _take_out(command: Command, one: Alarm, watch: Watch, book: Book, _: _Standing) -> _Done:
    reason = _reason(command)
    if one.out:
        raise _Declined(f"{one.out.by} has taken it out of service already")
    out = Aside(command.by, reason, min(command.at_ms, book.now_ms))
    words = f"by {command.by}: {reason}"
    after = replace(one, out=out, shelf=None)
    after = book.note("alarm.out_of_service", one, after, words, watch=watch, at_ms=command.at_ms)
    return after, "out of service until somebody puts it back"


def _put_back(command: Command, one: Alarm, watch: Watch, book: Book, _: _Standing) -> _Done:
    if one.out is None:
        raise _Declined("it is in service already")
    after = back(replace(one, out=None), watch)
    words = f"by {command.by}{_more(command)}"
    after = book.note("alarm.in_service", one, after, words, watch=watch, at_ms=command.at_ms)
    return after, f"in service; it is {after.shown} now"


def _note(command: Command, one: Alarm, watch: Watch, book: Book, _: _Standing) -> _Done:
    note = _said(command)
    if not note:
        raise _Declined("the note is empty")
    after = replace(one, note=f"{command.by}: {note}", note_ms=min(command.at_ms, book.now_ms))
    words = f"{command.by}: {note}"
    return book.note("alarm.note", one, after, words, watch=watch, at_ms=command.at_ms), "noted"


_DOES = {
    "acknowledge": _acknowledge,
    "shelve": _shelve,
    "unshelve": _unshelve,
    "out_of_service": _take_out,
    "in_service": _put_back,
    "note": _note,
}


def _said(command: Command) -> str:
    return " ".join(command.words.split())[:LONGEST_WORDS]


def _reason(command: Command) -> str:
    reason = _said(command)
    if not reason:
        raise _Declined("say why: whoever comes after you has to know")
    return reason


def _more(command: Command) -> str:
    said = _said(command)
    return f": {said}" if said else ""
