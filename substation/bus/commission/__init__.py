"""Commissioning: who is on the line, which model is it, what does it say, is it wired right?

One door for the command line and for the poller, which runs it between two rounds while polling
pauses. It reads and never writes: every byte leaves through `bus.line.Line`, which sends reads only.
What comes back is plain JSON, so that a page can show it and a person can keep it.

| kind | arguments |
|---|---|
| `scan` | `ids` ("1-32" when not said), `line` |
| `identify` | `ids` (none = whoever a scan of 1-32 finds), `line` |
| `read` | `meter` (number or name), `register` (as printed, or a key; none = all), `only` (keys), `profile` |
| `wiring` | `meter` (none = all of the line), `profile` (of one meter), `line` |
"""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from substation.bus.commission.ask import Asker, Tick
from substation.bus.commission.identify import identify_all, known_profiles
from substation.bus.commission.identify import words_of as identified_words
from substation.bus.commission.proposal import propose
from substation.bus.commission.read import Target, find, model_of, read_meter, read_register
from substation.bus.commission.scan import scan
from substation.bus.commission.scan import words_of as scanned_words
from substation.bus.commission.wiring import check_wiring
from substation.bus.commission.wiring import words_of as wiring_words
from substation.bus.scan import Wire
from substation.clock import Clock
from substation.errors import ProfileError, RequestError
from substation.meters import profile
from substation.meters.profile import Profile
from substation.meters.profile_faults import near
from substation.settings.model import Line as LineSettings
from substation.settings.model import Meter, Settings

KINDS: dict[str, tuple[str, ...]] = {
    "scan": ("ids", "line"),
    "identify": ("ids", "line"),
    "read": ("meter", "register", "profile", "only", "line"),
    "wiring": ("meter", "profile", "line"),
}
"""Every kind, with the arguments it takes."""
FIRST_ID, LAST_ID = 1, 247
DEFAULT_IDS = "1-32"

SCAN_SHARE = 0.4
"""Part of the progress that the scan before an identification makes up."""


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
    job = _Job(settings, wire, clock, profiles, tick)
    match kind:
        case "scan":
            return job.scan(arguments)
        case "identify":
            return job.identify(arguments)
        case "read":
            return job.read(arguments)
        case _:
            return job.wiring(arguments)


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
    named = arguments.get("line") or None
    if named is not None and named not in lines:
        raise RequestError(f"there is no line '{named}'; known: {', '.join(lines)}")
    if arguments.get("meter"):
        meter = find_meter(settings, arguments["meter"], line=named)
        if meter is not None:
            return lines[meter.line]
    if arguments.get("ids"):
        parse_ids(arguments["ids"])
    if named is not None:
        return lines[named]
    if len(lines) > 1:
        if arguments.get("meter"):
            _meter_somewhere(str(arguments["meter"]), settings)
        raise RequestError(f"this station has several lines; name one: {', '.join(lines)}")
    return settings.lines[0]


def find_meter(settings: Settings | None, wanted: object, *, line: str | None = None) -> Meter | None:
    """Return the configured meter of this number or name (in any case of letters), or None."""
    text = str(wanted).strip()
    for meter in settings.meters if settings else ():
        if line is not None and meter.line != line:
            continue
        if text.casefold() in (str(meter.id), meter.name.casefold(), f"{meter.id} {meter.name}".casefold()):
            return meter
    return None


def _meter_somewhere(wanted: str, settings: Settings) -> None:
    """Raise RequestError where this can be no meter of any line: neither one's name nor a Modbus id."""
    if wanted.strip().isdecimal():
        parse_ids(wanted)
        return
    names = [meter.name for meter in settings.meters]
    raise RequestError(
        f"there is no meter '{wanted:.40}' at this station{near(wanted, names)}; known: {', '.join(names)}"
    )


def parse_ids(text: object) -> tuple[int, ...]:
    """Return the ids that "1-32" or "3,7,20-25" names, in order, each once; raise RequestError.

    Nothing written means `DEFAULT_IDS`.
    """
    found: list[int] = []
    for part in (str(text).replace(" ", "") or DEFAULT_IDS).split(","):
        match = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", part)
        if not match:
            raise RequestError(f"'{part}' is no id; write 1-32, or 3,7,20-25")
        first, last = int(match[1]), int(match[2] or match[1])
        if not FIRST_ID <= first <= last <= LAST_ID:
            raise RequestError(f"'{part}': a Modbus id lies between {FIRST_ID} and {LAST_ID}")
        found += range(first, last + 1)
    return tuple(dict.fromkeys(found))


class _Job:
    """One request on one line."""

    def __init__(
        self, settings: Settings | None, wire: Wire, clock: Clock, profiles: Path | None, tick: Tick
    ) -> None:
        self._settings = settings
        self._wire = wire
        self._clock = clock
        self._profiles = profiles
        self._tick = tick
        meters = settings.meters if settings else ()
        self._here = {meter.modbus_id: meter for meter in meters if meter.line == wire.settings.name}

    def _asker(self) -> Asker:
        return Asker(self._wire, self._clock, self._tick)

    def _usable(self) -> dict[int, Profile]:
        """Return the models of the meters of this line, by Modbus id, as far as they can be used."""
        found = {}
        for key, meter in self._here.items():
            with contextlib.suppress(ProfileError):
                found[key] = profile.load(meter.profile, self._profiles)
        return found

    def scan(self, arguments: Mapping[str, Any]) -> Outcome:
        ids = parse_ids(arguments.get("ids") or DEFAULT_IDS)
        result = scan(self._asker(), ids, self._here, self._usable())
        return Outcome(scanned_words(result, self._here), result)

    def identify(self, arguments: Mapping[str, Any]) -> Outcome:
        start_s = self._clock.monotonic()
        asker, known, notes, first = self._asker(), known_profiles(self._profiles), list[str](), 0.0
        profiles, wrong = known
        notes += wrong
        if arguments.get("ids"):
            ids = parse_ids(arguments["ids"])
            ended = False
        else:
            first = SCAN_SHARE
            scanned = scan(asker, parse_ids(DEFAULT_IDS), self._here, self._usable(), SCAN_SHARE)
            ids = tuple(row["id"] for row in scanned["found"])
            ended = scanned["ended"]
            notes += scanned["notes"]
        rows, early = (
            ([], True)
            if ended
            else identify_all(asker, ids, self._here, profiles, there=first > 0, first=first)
        )
        line = self._wire.settings
        result = {
            "line": line.name,
            "port": line.port,
            "baud": line.baud,
            "format": line.format,
            "took_s": round(self._clock.monotonic() - start_s, 2),
            "ended": early,
            "meters": rows,
            "proposal": propose(self._settings, line, rows),
            "notes": notes,
        }
        return Outcome(identified_words(result), result)

    def read(self, arguments: Mapping[str, Any]) -> Outcome:
        target, _ = self._target(arguments.get("meter"), arguments.get("profile"))
        register = arguments.get("register")
        if register is None or str(register) == "":
            model_of(target)  # before the port is opened
            result = read_meter(self._asker(), target, arguments.get("only"))
            said = sum(row["value"] is not None for row in result["rows"])
            return Outcome(f"{target.shown}: {said} of {len(result['rows'])} values", result)
        find(target, str(register))
        result = read_register(self._asker(), target, str(register))
        return Outcome(f"{target.shown}, register {register}: {' '.join(result['raw'])}", result)

    def wiring(self, arguments: Mapping[str, Any]) -> Outcome:
        wanted = arguments.get("meter")
        if wanted is None or str(wanted) == "":
            if not self._here:
                raise RequestError(
                    f"{self._wire.settings.name}: no meter is configured on it; identify it first, then "
                    "write the meters into the configuration"
                )
            targets = [self._target(meter.id) for meter in self._here.values()]
        else:
            targets = [self._target(wanted, arguments.get("profile"))]
        result = check_wiring(self._asker(), targets, self._settings)
        return Outcome(wiring_words(result), result)

    def _target(self, wanted: object, named: object = None) -> tuple[Target, Meter | None]:
        """Return which meter is meant; a number that no meter of the station has is a Modbus id."""
        if wanted is None or str(wanted).strip() == "":
            raise RequestError("name a meter: its number, its name, or a Modbus id from 1 to 247")
        meter = find_meter(self._settings, wanted, line=self._wire.settings.name)
        model = str(named) if named else meter.profile if meter else None
        loaded = None
        if model is not None:
            try:
                loaded = profile.load(model, self._profiles)
            except ProfileError as exc:
                if named:
                    raise RequestError(str(exc)) from exc
                raise
        if meter is not None:
            return Target(meter.modbus_id, meter.name, model, loaded), meter
        text = str(wanted).strip()
        if not text.isdecimal():
            names = [one.name for one in self._here.values()]
            raise RequestError(
                f"there is no meter '{text:.40}' on {self._wire.settings.name}{near(text, names)}; "
                f"known: {', '.join(names) or 'none'}"
            )
        return Target(parse_ids(text)[0], "", model, loaded), None
