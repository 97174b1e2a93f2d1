"""A form as data: heads, tables and notes, before it becomes a PDF, a workbook, a CSV or a page. Pure.

A number stays one until the very end, with its unit and the decimals of its form, so that every output says
the same digits. What is missing is a dash with its reason; the reasons stand below the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

DASH = "–"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    head: str
    """Such as `RY`."""
    group: str = ""
    """What stands above it and its neighbours of the same group, such as `Line voltage`."""
    unit: str = ""
    is_number: bool = True
    """Numbers stand to the right."""
    width: float = 1.0
    """Its share of the width, beside the others."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: a number, a text, or a dash with its reason."""

    value: float | None = None
    decimals: int = 0
    text: str = ""
    """What is shown, where it is no number; beside one what is added, such as the time of an extreme."""
    why: str = ""
    """Why there is neither value nor text; empty for a cell that is meant to be empty."""
    by_hand: bool = False
    """Somebody typed it."""

    @property
    def shown(self) -> str:
        """Return what stands in the form."""
        if self.value is None:
            return self.text or (DASH if self.why else "")
        number = f"{self.value:.{self.decimals}f}"
        return f"{number} {self.text}" if self.text else number


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a form."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    totals: Sequence[Sequence[Cell]] = ()
    """Rows at its foot, as wide as the others."""
    notes: Sequence[str] = ()
    """Below it: reasons of dashes, what was typed and corrected, completeness."""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole form."""

    title: str
    station: str
    period: str
    """In words, in the site's time."""
    tables: Sequence[Table]
    heads: Sequence[tuple[str, str]] = ()
    """Facts above the tables: name and text."""
    signatures: Sequence[str] = ()
    """Who signs below, such as `Operator 06-14`."""
    simulated: bool = False
    """Says SIMULATED on every page and sheet."""
    made_at: str = ""
    """When and by whom, in words."""
    landscape: bool = True
    facts: Sequence[str] = field(default=())
    """Small print: sources, standards."""
