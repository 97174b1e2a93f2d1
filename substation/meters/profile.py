"""A meter model, read from `profiles/<name>.toml`: an engineer adds one without Python.

Registers stand in the file **as printed in the manual** (40101); `Profile.place` is the one place
where that becomes an address on the wire (100).
"""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from substation.errors import ProfileError
from substation.meters.decode import Coding, Encoding, WordOrder, words_in
from substation.quantities import BY_KEY, Quantity

FOLDER = Path(__file__).parent / "profiles"
REFERENCE = {3: 40001, 4: 30001}
"""The number that most manuals print for wire address 0, by function code."""
WORDS = 2
"""Registers of one float32."""

Function = Literal[3, 4]
Group = Literal["fast", "slow", "once"]
"""How often a register is read: every round; every `poll.slow_interval_s`; once after each start."""
Certainty = Literal["high", "medium", "low"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Register(_Part):
    """Where one value stands. What is not said follows from the head of the file."""

    printed: int = Field(alias="register", description="As printed in the manual.")
    encoding: Encoding | None = None
    word_order: WordOrder | None = None
    scale: float = Field(1.0, gt=0, description="Value = what the registers hold x scale, in the unit.")
    function: Function | None = None
    coding: Coding = "plain"
    group: Group | None = None
    certainty: Certainty | None = None


class Extra(Register):
    """A value beyond the 38 of `quantities`: it can be read and shown, but is not kept in the history."""

    label: str = Field(min_length=1)
    unit: str = ""


def _plain_number(row: object) -> object:
    return {"register": row} if isinstance(row, int) and not isinstance(row, bool) else row


@dataclass(frozen=True, slots=True)
class Place:
    """Where one value stands on the wire, and how to read it."""

    key: str
    function: Function
    address: int
    """0-based."""
    words: int
    """Registers: 1, 2 or 4."""
    encoding: Encoding
    word_order: WordOrder
    scale: float
    coding: Coding
    group: Group


class Profile(_Part):
    """A meter model: where each quantity stands and how to ask for it."""

    model: str = Field(description="Maker and model, as on the front of the meter.")
    source: str = Field(description="Manual, page and date, so that a doubt can be looked up.")
    verified: bool = Field(description="Whether it was read from a real meter of this model.")
    certainty: Certainty = Field("high", description="How sure the sources are of the map as a whole.")
    notes: str = Field("", description="What to look at on the meter itself.")
    function: Function = 3
    printed_from: int | None = Field(
        None,
        ge=0,
        description="The number that the manual prints for wire address 0; default 40001 or 30001.",
    )
    encoding: Encoding = "float32"
    word_order: WordOrder = "ABCD"
    phases: Literal[1, 3] = 3
    max_registers: int = Field(125, ge=1, le=125, description="The longest block the meter answers.")
    barriers: tuple[int, ...] = Field((), description="Registers, as printed, before which a request ends.")
    registers: dict[str, Annotated[Register, BeforeValidator(_plain_number)]]
    extras: dict[str, Extra] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _lists_are_fine(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("barriers"), list):
            data = {**data, "barriers": tuple(data["barriers"])}
        return data

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.registers:
            raise ValueError("registers: none; name at least one quantity")
        for key in self.registers:
            if key not in BY_KEY:
                raise ValueError(
                    f"registers.{key}: no such quantity; the names stand in docs/reference/quantities.md"
                )
        for key in self.extras:
            if key in BY_KEY:
                raise ValueError(f"extras.{key}: is one of the 38 quantities; write it under [registers]")
        taken: dict[tuple[int, int], str] = {}
        for key, row in self._rows.items():
            place = self.place(key)
            if not 0 <= place.address <= 65536 - place.words:
                raise ValueError(
                    f"{self._table(key)}.{key}: {row.printed} is no register of function "
                    f"{place.function:02d}; write it as printed, from {self._first(place.function)}"
                )
            for word in range(place.address, place.address + place.words):
                other = taken.setdefault((place.function, word), key)
                if other != key:
                    raise ValueError(
                        f"{self._table(key)}.{key}: {row.printed} overlaps {other}; "
                        f"each {place.encoding} has {place.words} registers"
                    )
        return self

    @property
    def _rows(self) -> Mapping[str, Register]:
        return {**self.registers, **self.extras}

    def _table(self, key: str) -> str:
        return "registers" if key in self.registers else "extras"

    def _first(self, function: int) -> int:
        return REFERENCE[function] if self.printed_from is None else self.printed_from

    @property
    def warning(self) -> str:
        """What a station that uses this model should be told, in words; empty when the map is sure."""
        if self.certainty == "high":
            return ""
        return (
            f"the register map of {self.model} was not checked well enough (certainty {self.certainty}; "
            f"source: {self.source}): compare every value with the meter's own display before you rely on it"
        )

    @property
    def units(self) -> Mapping[str, str]:
        """The unit of every value, by key."""
        return {key: BY_KEY[key].unit for key in self.registers} | {
            key: row.unit for key, row in self.extras.items()
        }

    @property
    def keys(self) -> tuple[str, ...]:
        """Every value of the model: quantities, then extras."""
        return (*self.registers, *self.extras)

    def place(self, key: str) -> Place:
        """Return where the value stands on the wire. Raises KeyError for one that the model lacks."""
        row = self.registers.get(key) or self.extras[key]
        function = row.function or self.function
        encoding = row.encoding or self.encoding
        return Place(
            key,
            function,
            row.printed - self._first(function),
            words_in(encoding),
            encoding,
            row.word_order or self.word_order,
            row.scale,
            row.coding,
            row.group or _group(BY_KEY.get(key)),
        )

    def address(self, key: str) -> int:
        """Return the value's first address on the wire, 0-based."""
        return self.place(key).address

    def barrier_addresses(self, function: int) -> tuple[int, ...]:
        """Return the barriers as addresses on the wire."""
        return tuple(barrier - self._first(function) for barrier in self.barriers)

    def group(self, *groups: Group) -> tuple[str, ...]:
        """Return the values that are read so often."""
        return tuple(key for key in self.keys if self.place(key).group in groups)


def _group(quantity: Quantity | None) -> Group:
    """Return how often a value is read where its row does not say: what flows now is read every round."""
    return "fast" if quantity is not None and quantity.kind == "instant" else "slow"


def load_file(path: Path) -> Profile:
    """Return the profile in a TOML file, or raise ProfileError that names file, row and remedy."""
    try:
        with path.open("rb") as file:
            return Profile.model_validate(tomllib.load(file))
    except FileNotFoundError:
        known = ", ".join(names())
        raise ProfileError(f"meter profile '{path.stem}' does not exist; known: {known}") from None
    except tomllib.TOMLDecodeError as exc:
        raise ProfileError(f"{path.name}: not readable as TOML: {exc}; correct that line") from exc
    except ValidationError as exc:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}{': ' if fault['loc'] else ''}"
            f"{fault['msg'].removeprefix('Value error, ')}"
            for fault in exc.errors()
        )
        raise ProfileError(f"{path.name}: {faults}") from exc


def load(name: str, own: Path | None = None) -> Profile:
    """Return the profile of that name, or raise ProfileError.

    `own` is the station's folder of profiles (`Home.profiles`); one there goes before a shipped one, and
    is read anew each time, because an engineer may be at work on it.
    """
    if not name.replace("_", "").isalnum():
        raise ProfileError(
            f"meter profile '{name}': a name has letters, digits and _ only; known: {', '.join(names())}"
        )
    if own is not None and (own / f"{name}.toml").exists():
        return load_file(own / f"{name}.toml")
    return _shipped(name)


@functools.cache
def _shipped(name: str) -> Profile:
    return load_file(FOLDER / f"{name}.toml")


def names() -> list[str]:
    """Return the names of the shipped profiles."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))
