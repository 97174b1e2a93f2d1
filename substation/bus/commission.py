"""Commissioning: who is on the line, which model is it, what does it say, is it wired right?

One door for the command line and for the poller, which runs it between two rounds while polling
pauses. It reads and never writes: every byte leaves through `bus.line.Line`, which sends reads only.
What comes back is plain JSON, so that a page can show it and a person can keep it.

| kind | arguments |
|---|---|
| `scan` | `ids` ("1-32" when not said), `line` |
| `identify` | `ids` (none = whoever a scan of 1-32 finds), `line` |
| `read` | `meter` (number or name), `register` (as printed, or a key; none = all), `profile` |
| `wiring` | `meter` (none = all of the line), `line` |
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from substation.bus.scan import Wire
from substation.clock import Clock
from substation.errors import RequestError
from substation.settings.model import Line as LineSettings
from substation.settings.model import Meter, Settings

KINDS: dict[str, tuple[str, ...]] = {
    "scan": ("ids", "line"),
    "identify": ("ids", "line"),
    "read": ("meter", "register", "profile", "line"),
    "wiring": ("meter", "line"),
}
"""Every kind, with the arguments it takes."""
FIRST_ID, LAST_ID = 1, 247
DEFAULT_IDS = "1-32"

Tick = Callable[[float, str], bool]
"""Takes progress 0..1 and what is being done; returns True to end early."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    words: str
    """One or two sentences for a person."""
    result: dict[str, Any]
    """Plain JSON; its shape is described by the module of its kind."""


def run(
    kind: str,
    arguments: Mapping[str, Any],
    *,
    settings: Settings | None,
    wire: Wire,
    clock: Clock,
    profiles: Path | None,
    tick: Tick,
) -> Outcome:
    """Do what was asked on one line; opens it when it is closed, and leaves it open.

    Args:
        kind: one of `KINDS`.
        arguments: as the table above says; plain JSON.
        settings: the station; None where there is no configuration yet.
        wire: the line that `line_for` names; nobody else uses it meanwhile.
        clock: for patience and time stamps.
        profiles: the station's own folder of meter profiles (`Home.profiles`).
        tick: told how far it is, at least once a transaction; returns True to end early.

    Raises:
        RequestError: what was asked cannot be done as asked; says what can.
        ProfileError: a meter profile cannot be used.
        LinkError: the line is down, or the one meter that was asked for does not answer.
    """
    check(kind, arguments)
    raise RequestError(f"{kind}: cannot be done yet")


def check(kind: str, arguments: Mapping[str, Any]) -> None:
    """Raise RequestError where kind or names of arguments are unknown."""
    if kind not in KINDS:
        raise RequestError(f"commissioning '{kind}' is not known; known: {', '.join(KINDS)}")
    for name in arguments:
        if name not in KINDS[kind]:
            raise RequestError(f"{kind}: takes no '{name}'; known: {', '.join(KINDS[kind])}")


def line_for(kind: str, arguments: Mapping[str, Any], settings: Settings) -> LineSettings:
    """Return the line on which this is to be done, or raise RequestError.

    The meter's own line where one meter is asked for, else the line that is named, else the only one.
    """
    check(kind, arguments)
    lines = {line.name: line for line in settings.lines}
    named = arguments.get("line")
    if named is not None and named not in lines:
        raise RequestError(f"there is no line '{named}'; known: {', '.join(lines)}")
    if arguments.get("meter") is not None:
        meter = find_meter(settings, arguments["meter"], line=named)
        if meter is not None:
            return lines[meter.line]
    if named is not None:
        return lines[named]
    if len(lines) > 1:
        raise RequestError(f"this station has several lines; name one: {', '.join(lines)}")
    return settings.lines[0]


def find_meter(settings: Settings | None, wanted: object, *, line: str | None = None) -> Meter | None:
    """Return the configured meter of this number or name (in any case of letters), or None."""
    text = str(wanted).strip()
    for meter in settings.meters if settings else ():
        if line is not None and meter.line != line:
            continue
        if text == str(meter.id) or text.casefold() == meter.name.casefold():
            return meter
    return None


def parse_ids(text: object) -> tuple[int, ...]:
    """Return the ids that "1-32" or "3,7,20-25" names, in order, each once; raise RequestError."""
    found: list[int] = []
    for part in str(text).replace(" ", "").split(","):
        match = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", part)
        if not match:
            raise RequestError(f"'{part}' is no id; write 1-32, or 3,7,20-25")
        first, last = int(match[1]), int(match[2] or match[1])
        if not FIRST_ID <= first <= last <= LAST_ID:
            raise RequestError(f"'{part}': a Modbus id lies between {FIRST_ID} and {LAST_ID}")
        found += range(first, last + 1)
    return tuple(dict.fromkeys(found))
