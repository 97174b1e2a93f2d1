"""A rule of `rules.toml`: what it watches, from which limit on, for how long, and what to do then.

An alarm is what somebody has to act on (ISA-18.2, IEC 62682): a rule without a remedy is not taken, and each
brings an example, which is its test. Facts stand in the file; here are their types, and what is refused.
"""

import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from substation.alarms.vocabulary import CONDITIONS, SIGNALS, Condition, Per, Relative, SignalKind
from substation.errors import SettingsError
from substation.settings.alarms import LONGEST_DELAY_S, RULE, Priority
from substation.settings.model import Role

FILE = Path(__file__).parent / "rules.toml"
UNKNOWN = "unknown"
ROLES: tuple[Role, ...] = ("incomer", "feeder", "generator")
_REMEDY = "Remedy: correct it there; docs/how-to/alarms.md says what each setting means"


def _to_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


Sample = tuple[float, bool | float | Literal["unknown"]]
"""From this second on the signal says this; a number is in the unit of the limit."""


def _samples(value: object) -> object:
    """Take lists as tuples and whole seconds as numbers."""
    if not isinstance(value, list):
        return value
    return tuple(
        (float(pair[0]), float(pair[1]) if type(pair[1]) is int else pair[1])
        if isinstance(pair, list) and len(pair) == 2 and type(pair[0]) in (int, float)
        else pair
        for pair in value
    )


class Example(_Part):
    """A short course of the signal, looked at each second, and what has to come of it."""

    series: Annotated[tuple[Sample, ...], BeforeValidator(_samples), Field(min_length=2)]
    raised_s: float
    cleared_s: float

    def at(self, second: float) -> bool | float | None:
        """Return what the signal says; None while it is unknown."""
        said = next(value for since, value in reversed(self.series) if since <= second)
        return None if isinstance(said, str) else said


class Rule(_Part):
    """One alarm."""

    key: Annotated[str, Field(pattern=RULE, max_length=40)]
    title: Annotated[str, Field(min_length=3, max_length=60)]
    priority: Priority
    action: Annotated[str, Field(min_length=10, max_length=240)]
    """What to do, in one sentence."""
    signal: str
    roles: Annotated[tuple[Role, ...], BeforeValidator(_to_tuple)] = ()
    """Whose circuits; every rule about meters names them."""
    above: float | None = None
    below: float | None = None
    unit: str = ""
    """Of limit and dead band; per cent where they are relative."""
    relative_to: Relative = "absolute"
    dead_band: Annotated[float, Field(ge=0)] = 0.0
    on_delay_s: Annotated[float, Field(ge=0, le=LONGEST_DELAY_S)]
    off_delay_s: Annotated[float, Field(ge=0, le=LONGEST_DELAY_S)]
    suppressed_by: Annotated[tuple[Condition, ...], BeforeValidator(_to_tuple)] = ()
    source: Annotated[str, Field(min_length=3, max_length=160)]
    """Where limit and delays are from; `verify` where station or state has to confirm them."""
    example: Example

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        faults = list(self._faults())
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def kind(self) -> SignalKind:
        """The signal."""
        return SIGNALS[self.signal]

    @property
    def per(self) -> Per:
        """What it watches one by one: meters, lines, or the station."""
        return self.kind.per

    @property
    def limit(self) -> float | None:
        """The limit, above or below; None for a state."""
        return self.below if self.above is None else self.above

    def _faults(self) -> Iterator[str]:
        if self.signal not in SIGNALS:
            yield f"signal: '{self.signal}' is not known; known: {', '.join(SIGNALS)}"
            return
        kind = self.kind
        if kind.per == "meter" and not self.roles:
            yield "roles: name whose circuits it watches: incomer, feeder, generator"
        if kind.per != "meter" and (self.roles or self.suppressed_by):
            yield f"roles, suppressed_by: '{self.signal}' is about a {kind.per}, which has neither"
        given = [name for name in ("above", "below") if getattr(self, name) is not None]
        if kind.is_state:
            if given or self.unit or self.dead_band or self.relative_to != "absolute":
                yield (
                    f"above, below, unit, dead_band, relative_to: '{self.signal}' is true or false; "
                    "leave them out"
                )
        elif len(given) != 1:
            yield f"above, below: '{self.signal}' is a number; give exactly one of the two"
        elif self.relative_to not in ("absolute", kind.base):
            yield f"relative_to: '{self.signal}' can be absolute or relative to {kind.base}"
        else:
            unit = kind.unit if self.relative_to == "absolute" else "%"
            if self.unit != unit:
                yield f"unit: is '{self.unit}', and this limit is in '{unit}'"
        yield from self._faults_of_example()

    def _faults_of_example(self) -> Iterator[str]:
        seconds = [second for second, _ in self.example.series]
        if seconds != sorted(set(seconds)) or seconds[0] != 0:
            yield "example.series: begins at second 0, each later than the one before"
        for _, value in self.example.series:
            if value != UNKNOWN and isinstance(value, bool) is not self.kind.is_state:
                wanted = "true or false" if self.kind.is_state else "a number"
                yield f"example.series: '{self.signal}' is {wanted}, or \"{UNKNOWN}\""
        if not 0 <= self.example.raised_s < self.example.cleared_s:
            yield "example: raised_s comes before cleared_s"


def load(path: Path = FILE) -> tuple[Rule, ...]:
    """Return the rules of a file. Raises SettingsError with every fault: file, rule, setting, remedy."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise SettingsError(f"{path.name}: cannot be read: {exc}\n{_REMEDY}") from exc
    return parse(data, path.name)


def parse(data: dict[str, Any], source: str) -> tuple[Rule, ...]:
    """Return the rules in a file's content; raises as `load` does."""
    faults = [f"{name}: no such table; rules are written as [[rule]]" for name in data if name != "rule"]
    rows = data.get("rule", [])
    rules = []
    for at, row in enumerate(rows if isinstance(rows, list) else [rows]):
        named = row.get("key", f"rule {at + 1}") if isinstance(row, dict) else f"rule {at + 1}"
        try:
            rules.append(Rule.model_validate(row))
        except ValidationError as exc:
            faults += [f"{named}: {words}" for words in _words(exc)]
    counted = Counter(rule.key for rule in rules)
    faults += [
        f"{key}: is there twice; each rule has a key of its own" for key, n in counted.items() if n > 1
    ]
    if not rows:
        faults.append("holds no [[rule]]")
    if faults:
        raise SettingsError("\n".join([*(f"{source}: {fault}" for fault in faults), _REMEDY]))
    return tuple(rules)


def _words(error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        path = ".".join(str(step) for step in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = f"no such setting; known: {', '.join(Rule.model_fields)}"
        elif fault["type"] == "missing":
            message = "is missing"
        elif path.startswith("suppressed_by"):
            message = f"known are {', '.join(CONDITIONS)} (found: {fault['input']!r:.40})"
        elif path:
            message = f"{message} (found: {fault['input']!r:.40})"
        yield f"{path}: {message}" if path else message
