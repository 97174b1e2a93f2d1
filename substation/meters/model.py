"""A meter model: where each of its values stands, and how to ask for it.

Registers are named **as printed in the manual** (40101); here is the one place where that becomes an
address on the wire (100).
"""

import functools
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from substation.meters.decode import Encoding, Layout, Row, WordOrder, words_in
from substation.meters.profile_faults import Fault, near, raised
from substation.meters.register import (
    CERTAINTIES,
    Certainty,
    Extra,
    Function,
    Group,
    Part,
    Place,
    Register,
    plain_number,
)
from substation.quantities import BY_KEY, Quantity

REFERENCE = {3: 40001, 4: 30001}
"""The number that most manuals print for wire address 0, by function code."""
_MADE_READY = ("places", "_layouts", "units")
"""What is computed once from the rows, and not carried over into a changed copy."""


class Profile(Part):
    """A meter model: where each quantity stands and how to ask for it."""

    model: str = Field(min_length=1, description="Maker and model, as on the front of the meter.")
    source: str = Field(description="Manual, page and date, so that a doubt can be looked up.")
    verified: bool = Field(description="Whether it was read from a real meter of this model.")
    certainty: Certainty = Field(
        "high",
        description="How sure the sources are of the map as a whole; a row may be less sure, not more.",
    )
    notes: str = Field("", description="What to look at on the meter itself.")
    base: str | None = Field(
        None, description="The model whose rows and head hold where this file is silent."
    )
    without: tuple[str, ...] = Field(
        (), description='Rows of the base that this model lacks; "extras" for all of its extras.'
    )
    function: Function = Field(3, description="3 reads holding registers, 4 input registers.")
    printed_from: int | None = Field(
        None,
        ge=0,
        description="The number that the manual prints for wire address 0; default 40001 or 30001.",
    )
    encoding: Encoding = Field("float32", description="How a number lies in its registers.")
    word_order: WordOrder = Field(
        "ABCD", description="ABCD: high word first; CDAB: low word first; BADC, DCBA: bytes swapped as well."
    )
    phases: Literal[1, 3] = Field(3, description="1: values of the circuit as totals and R phase.")
    max_registers: int = Field(125, ge=1, le=125, description="The longest block the meter answers.")
    barriers: tuple[int, ...] = Field((), description="Registers, as printed, before which a request ends.")
    extras_group: Group = Field("slow", description="How often extras are read whose row does not say.")
    registers: dict[str, Annotated[Register, BeforeValidator(plain_number)]] = Field(
        description="Table: a row a quantity, its register as printed or a table."
    )
    extras: dict[str, Extra] = Field(
        default_factory=dict, description="Table: what is beyond the 38 quantities, each with its label."
    )

    @model_validator(mode="before")
    @classmethod
    def _lists_are_fine(cls, data: Any) -> Any:
        if isinstance(data, dict):
            lists = {
                key: tuple(data[key]) for key in ("barriers", "without") if isinstance(data.get(key), list)
            }
            data = {**data, **lists}
        return data

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        faults = list(self._faults())
        if faults:
            raise raised(faults)
        return self

    def _faults(self) -> Iterator[Fault]:
        if not self.registers:
            yield Fault(("registers",), "none; name at least one quantity")
        for key in self.registers:
            if key not in BY_KEY:
                yield Fault(
                    ("registers", key),
                    f"no such quantity{near(key, BY_KEY)}; the names stand in docs/reference/quantities.md; "
                    "what is none of them is written under [extras]",
                )
        for key in self.extras:
            if key in BY_KEY:
                yield Fault(("extras", key), "is one of the 38 quantities; write it under [registers]")
        taken: dict[tuple[int, int], str] = {}
        for key, place in self.places.items():
            path = (self._table(key), key)
            fault = self._misplaced(place, taken)
            if fault:
                yield Fault(path, fault)
            if place.coding == "four_quadrant" and self.units.get(key) not in ("1", ""):
                yield Fault((*path, "coding"), "four_quadrant is for power factors only; leave it out")

    def _misplaced(self, place: Place, taken: dict[tuple[int, int], str]) -> str:
        """Return what is wrong with where a value stands; note its registers in `taken`."""
        printed = self._rows[place.key].printed
        if not 0 <= place.address <= 65536 - place.words:
            return (
                f"{printed} is no register of function {place.function:02d}; "
                f"write it as printed, from {self._first(place.function)}"
            )
        if place.words > self.max_registers:
            return (
                f"{place.encoding} has {place.words} registers, but max_registers is {self.max_registers}; "
                "correct one of them"
            )
        for barrier in self.barrier_addresses(place.function):
            if place.address < barrier < place.address + place.words:
                return f"{printed} is cut by a barrier inside it; a barrier stands before a value"
        for word in range(place.address, place.address + place.words):
            other = taken.setdefault((place.function, word), place.key)
            if other != place.key:
                remedy = "correct one of them"
                if self.base:
                    remedy += (
                        f', or write without = ["{other}"] where this model lacks that row of {self.base}'
                    )
                return (
                    f"{printed} overlaps {other} ({self._rows[other].printed}); each {place.encoding} has "
                    f"{place.words} register{'s' if place.words > 1 else ''}: {remedy}"
                )
        return ""

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
            f"the register map of {self.model} is not sure (certainty {self.certainty}; source: "
            f"{self.source}): compare every value with the meter's own display before you rely on it"
        )

    @property
    def keys(self) -> tuple[str, ...]:
        """Every value of the model: quantities, then extras."""
        return (*self.registers, *self.extras)

    @functools.cached_property
    def units(self) -> Mapping[str, str]:
        """The unit of every value, by key."""
        found = {key: BY_KEY[key].unit for key in self.registers if key in BY_KEY}
        return found | {key: row.unit for key, row in self.extras.items()}

    @functools.cached_property
    def places(self) -> Mapping[str, Place]:
        """Where every value stands on the wire, by key."""
        return {key: self._placed(key, row) for key, row in self._rows.items()}

    def _placed(self, key: str, row: Register) -> Place:
        function = row.function or self.function
        encoding = row.encoding or self.encoding
        usual = _group(BY_KEY[key]) if key in BY_KEY else self.extras_group
        return Place(
            key,
            function,
            row.printed - self._first(function),
            words_in(encoding),
            encoding,
            row.word_order or self.word_order,
            row.scale,
            row.coding,
            row.group or usual,
            min(row.certainty or self.certainty, self.certainty, key=CERTAINTIES.index),
        )

    def place(self, key: str) -> Place:
        """Return where the value stands on the wire. Raises KeyError for one that the model lacks."""
        return self.places[key]

    def address(self, key: str) -> int:
        """Return the value's first address on the wire, 0-based."""
        return self.places[key].address

    def printed(self, key: str) -> int:
        """Return the value's register as printed in the manual."""
        return self._rows[key].printed

    def barrier_addresses(self, function: int) -> tuple[int, ...]:
        """Return the barriers as addresses on the wire."""
        return tuple(barrier - self._first(function) for barrier in self.barriers)

    def group(self, *groups: Group) -> tuple[str, ...]:
        """Return the values that are read so often."""
        return tuple(key for key, place in self.places.items() if place.group in groups)

    def layout(self, address: int, count: int, keys: tuple[str, ...]) -> Layout:
        """Return how to read these values from the answer to a block; made once, then kept."""
        wanted = (address, count, keys)
        found = self._layouts.get(wanted)
        if found is None:
            rows = [
                Row(key, place.address - address, place.encoding, place.word_order, place.scale, place.coding)
                for key, place in ((key, self.places[key]) for key in keys)
            ]
            found = self._layouts[wanted] = Layout(count, rows)
        return found

    @functools.cached_property
    def _layouts(self) -> dict[tuple[int, int, tuple[str, ...]], Layout]:
        return {}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with the values in `update`; what was made ready from the old ones stays behind."""
        copied = super().model_copy(update=update, deep=deep)
        for name in _MADE_READY:
            copied.__dict__.pop(name, None)
        return copied


def _group(quantity: Quantity) -> Group:
    """Return how often a quantity is read where its row does not say: what flows now, every round."""
    return "fast" if quantity.kind == "instant" else "slow"
