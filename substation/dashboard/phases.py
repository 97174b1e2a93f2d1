"""How the phases are called on the screens: R, Y, B or L1, L2, L3 (`display.phase_names`).

Only what a person reads is named here. Keys, registers, CSS classes and exported columns keep R, Y, B.
"""

import contextlib
import re
from collections.abc import Iterator
from contextvars import ContextVar

from substation.dashboard import tongue
from substation.quantities import BY_KEY

LINES = {"R": "L1", "Y": "L2", "B": "L3"}
_numbered: ContextVar[bool] = ContextVar("numbered", default=False)


@contextlib.contextmanager
def named(names: str) -> Iterator[None]:
    """Call the phases so meanwhile, in this thread: `RYB` or `L123`."""
    token = _numbered.set(names == "L123")
    try:
        yield
    finally:
        _numbered.reset(token)


def name(phase: str) -> str:
    """Return how a phase, or a pair of them, is called: `R` or `L1`, `RY` or `L1-L2`."""
    return "-".join(LINES.get(letter, letter) for letter in phase) if _numbered.get() else phase


def label(key: str) -> str:
    """Return how a quantity is called: `Watts R phase` or `Watts L1 phase`, `Vry Phase` or `V L1-L2`."""
    quantity = BY_KEY[key]
    told = tongue.quantity(key)
    if told is not None:
        return told.format(phase=name(quantity.phase))
    if not _numbered.get() or not set(quantity.phase) <= set(LINES):
        return quantity.label
    if len(quantity.phase) == 2:
        return f"V {name(quantity.phase)}"
    return re.sub(rf"\b{quantity.phase}\b", LINES[quantity.phase], quantity.label)
