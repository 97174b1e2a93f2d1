"""One row of a meter model: where a value stands, and how often it is read."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from substation.meters.decode import Coding, Encoding, WordOrder

Function = Literal[3, 4]
Group = Literal["fast", "slow", "once", "asked"]
"""How often a register is read: every round; every `poll.slow_interval_s`; once after each start; only
when somebody asks for it (`dmf_reader.py read`)."""
Certainty = Literal["high", "medium", "low"]
"""How far the sources of a register can be trusted: they agree; one good source; disputed or by analogy."""
CERTAINTIES: tuple[Certainty, ...] = ("low", "medium", "high")


class Part(BaseModel):
    """A part of a profile: what is not known is refused."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Register(Part):
    """Where one value stands. What is not said follows from the head of the file."""

    printed: int = Field(alias="register", description="The number printed in the manual.")
    encoding: Encoding | None = Field(None, description="Where it differs from the head.")
    word_order: WordOrder | None = Field(None, description="Where it differs from the head.")
    scale: float = Field(
        1.0, gt=0, allow_inf_nan=False, description="Value = what the registers hold x scale, in the unit."
    )
    function: Function | None = Field(None, description="Where it differs from the head.")
    coding: Coding = Field(
        "plain",
        description="four_quadrant: a power factor above 1 means 2 - x (leading), below -1 means -2 - x.",
    )
    group: Group | None = Field(
        None, description="How often it is read; default fast for what flows now, slow for energies."
    )
    certainty: Certainty | None = Field(None, description="Where it is less sure than the map as a whole.")
    counter_modulus: float | None = Field(
        None,
        gt=0,
        description="Where a counter begins again at 0, in its unit, where the encoding does not say.",
    )


class Extra(Register):
    """A value beyond the 38 of `quantities`: it can be read and shown, but is not kept in the history."""

    label: str = Field(min_length=1, description="What it is, as in the manual.")
    unit: str = Field("", description="V, A, W, var, VA, Wh, varh, VAh, %, deg, s, h ... or none.")


def plain_number(row: object) -> object:
    """Return the table that a row of a register alone stands for: `frequency = 40157`."""
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
    certainty: Certainty
