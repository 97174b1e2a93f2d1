"""What the messages say: plain English, short first, the same on every way. Pure.

A message is read on a telephone at night: what, where, since when, why, what to do. Of a simulated station
it begins with SIMULATED. Times are the site's own, with the day where it is another.
"""

import zoneinfo
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from substation.clock import site_time
from substation.messages import pdu
from substation.messages.occurrence import Occurrence

LONGEST = 3400
"""Characters of a message through a gateway: Telegram takes 4096, and more than one screen is not read."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NOT_RUN = "the messenger did not run"


@dataclass(frozen=True, slots=True)
class Said:
    """One thing to tell: whole, and in short for a text message."""

    long: str
    short: str


@dataclass(frozen=True, slots=True)
class Text:
    """A message as it leaves."""

    title: str
    body: str
    short: str
    """Title and body for a text message of a telephone, not yet cut to its length."""
    first: str = ""
    """The station and the message's number, as the short form begins."""
    shorts: tuple[str, ...] = ()
    """What is told in short, the first thing first."""
    heads: tuple[str, ...] = ()


def moment(at_ms: int, now_ms: int, zone: zoneinfo.ZoneInfo, *, seconds: bool = False) -> str:
    """Return a time of the site's day, such as 03:12, with the day where it is not today."""
    at, now = site_time(at_ms, zone), site_time(now_ms, zone)
    clock = f"{at.hour:02}:{at.minute:02}" + (f":{at.second:02}" if seconds else "")
    return clock if at.date() == now.date() else f"{at.day} {_MONTHS[at.month - 1]} {clock}"


def duration(ms: int) -> str:
    """Return a duration, such as `8 min 6 s`."""
    seconds = max(0, round(ms / 1000))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    hours = seconds // 3600
    return f"{hours} h {seconds % 3600 // 60} min" if hours < 48 else f"{hours // 24} days {hours % 24} h"


def begin(alarm: Occurrence, step: int, now_ms: int, zone: zoneinfo.ZoneInfo) -> Said:
    """Return that an alarm stands, or still does; from the second step on, that nobody has acknowledged."""
    since = moment(alarm.since_ms, now_ms, zone, seconds=True)
    short = f"{alarm.priority.upper()} {alarm.title}, since {since}"
    if alarm.announced_ms is not None:
        short += f"; {alarm.anew} at {moment(alarm.announced_ms, now_ms, zone, seconds=True)}"
    if alarm.announced_ms is not None and not step:
        short = f"Still stands: {short}"
    if step:
        short = f"Not acknowledged for {step} min: {short}"
    long = ". ".join(part.rstrip(".") for part in (short, alarm.why) if part)
    return Said(f"{long}. To do: {alarm.action}" if alarm.action else f"{long}.", short)


def end(alarm: Occurrence, now_ms: int, zone: zoneinfo.ZoneInfo, *, was_told: bool) -> Said:
    """Return that an alarm is over; to who was not told of its begin, that it came and went."""
    over_ms = alarm.over_ms or now_ms
    first, last = (moment(at_ms, now_ms, zone, seconds=True) for at_ms in (alarm.since_ms, over_ms))
    lasted = f"{first} to {last}, {duration(over_ms - alarm.since_ms)}"
    if was_told:
        by = f"; acknowledged by {alarm.by}" if alarm.by else ""
        return Said(f"Over: {alarm.title}: {lasted}{by}.", f"Over: {alarm.title}: {lasted}")
    short = f"Came and went: {alarm.priority.upper()} {alarm.title}: {lasted}"
    why = f". {alarm.why.rstrip('.')}" if alarm.why else ""
    return Said(f"{short}{why}. Nobody has acknowledged it.", short)


def late(of_ms: int, now_ms: int, why: str, zone: zoneinfo.ZoneInfo) -> str:
    """Return how late a message is, and why."""
    return (
        f"Late: of {moment(of_ms, now_ms, zone)}, could not be sent before {moment(now_ms, now_ms, zone)}"
        f": {why or 'why is not known'}."
    )


TWICE = "Perhaps sent twice: whether it went out before is not known."
IN_SHORT = "In short: its gateway did not take the whole message; more on the page Events."


def message(
    number: int, station: str, said: Sequence[Said], *, heads: Sequence[str] = (), simulated: bool
) -> Text:
    """Return a message of one or many things.

    Args:
        number: of the message, so that who gets one twice sees it.
        station: the site's name.
        said: what is told, the first thing first.
        heads: lines before it: late, held back, perhaps twice.
        simulated: whether the station is.
    """
    of = f"SIMULATED {station}" if simulated else station
    what = said[0].short if len(said) == 1 else f"{len(said)} messages"
    lines = [f"- {one.long}" for one in said] if len(said) > 1 else said[0].long.split("\n")
    body = _fitting(
        [of, *heads, *lines], f"(no. {number})", LONGEST, "page Events" if len(said) > 1 else "dashboard"
    )
    first, shorts = f"{of} (no. {number}):", tuple(one.short for one in said)
    short = _in_short(first, shorts, heads, pdu.fits)
    return Text(cut(f"{of}: {what.partition(chr(10))[0]}", 160), body, short, first, shorts, tuple(heads))


def in_short(text: Text) -> Text:
    """Return a message that was refused as it is as one that is as short as a text message."""
    return Text(cut(text.first.rstrip(":"), 60), text.short, text.short, text.first, text.shorts, text.heads)


def fitted(text: Text, fits: Callable[[str], bool]) -> str:
    """Return the body where it fits, else as much in short as does, with how many more there are."""
    if fits(text.body):
        return text.body
    return _in_short(text.first, text.shorts or (text.short,), text.heads, fits)


def cut(words: str, longest: int) -> str:
    """Return words that are too long without their end, and with a mark of that."""
    return words if len(words) <= longest else words[: max(0, longest - len(pdu.CUT))] + pdu.CUT


def _in_short(first: str, said: Sequence[str], heads: Sequence[str], fits: Callable[[str], bool]) -> str:
    """Return a text for a telephone: what is told first, then how late it is; and how many more there are."""
    for count in range(len(said), 0, -1):
        more = _more(len(said) - count)
        for behind in (heads, ()):
            text = "\n".join([first, *said[:count], *more, *behind])
            if fits(text):
                return text
    one, more = said[0], _more(len(said) - 1)
    while one and not fits("\n".join([first, one + pdu.CUT, *more])):
        one = one[:-1]
    return "\n".join([first, one + pdu.CUT, *more])


def _more(count: int) -> list[str]:
    return [f"+{count} more: see Events"] if count else []


def _fitting(lines: Sequence[str], foot: str, longest: int, where: str) -> str:
    """Return as many of the lines as fit, and how many are left out."""
    room = longest - len(foot) - 60
    taken: list[str] = []
    for at, line in enumerate(lines):
        if len(line) > room and taken:
            left = len(lines) - at
            taken.append(f"... and {left} more; all of them stand on the {where}.")
            break
        taken.append(line[: max(room, 80)])
        room -= len(line) + 1
    return "\n".join([*taken, foot])
