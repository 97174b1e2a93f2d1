"""Something about a meter's wiring or setting that is wrong, or may be."""

from dataclasses import dataclass
from typing import Literal

Certainty = Literal["sure", "likely", "possible"]
Kind = Literal[
    "ct_reversed",
    "phases_swapped",
    "sequence",
    "fuse",
    "no_voltage",
    "ratio",
    "word_order",
    "connection",
    "neutral",
    "direction",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, or may be."""

    kind: Kind
    what: str
    certainty: Certainty
    evidence: str
    """In numbers."""
    look_at: str
