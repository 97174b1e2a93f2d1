"""A form as data: heads, tables and notes, before it becomes a PDF, a workbook, a CSV or a page. Pure.

A number stays one until the very end, with its unit and the decimals of its form, so that every output says
the same digits. What is missing is a dash with its reason; the reasons stand below the table.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

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
        return f"{self.digits} {self.text}" if self.text else self.digits

    @property
    def digits(self) -> str:
        """Return the number alone, with the form's decimals; empty where there is none."""
        return "" if self.value is None else f"{self.value:z.{self.decimals}f}"


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
    new_page: bool = False
    """On paper it begins a page of its own."""


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


def packed(document: Document) -> bytes:
    """Return a document as JSON, for another process; raises ValueError where a number is none."""
    return json.dumps(asdict(document), allow_nan=False).encode("ascii")


def unpacked(data: bytes) -> Document:
    """Return the document that was `packed`; raises ValueError, KeyError or TypeError for anything else."""
    plain = json.loads(data)
    tables = [_table(**one) for one in plain.pop("tables")]
    heads = [(name, text) for name, text in plain.pop("heads")]
    return Document(tables=tables, heads=heads, **plain)


def _table(columns: list[Any], rows: list[Any], totals: list[Any], **other: Any) -> Table:
    cells, sums = ([[Cell(**cell) for cell in row] for row in some] for some in (rows, totals))
    return Table(columns=[Column(**one) for one in columns], rows=cells, totals=sums, **other)


def reasons(table: Table) -> list[str]:
    """Return why cells of the table hold a dash, each reason once, in the order of their cells."""
    every = (cell.why for row in (*table.rows, *table.totals) for cell in row if cell.shown == DASH)
    return [why for why in dict.fromkeys(every) if why]


def hours_between(least_ms: float, most_ms: float | None) -> str:
    """Return hours that are known between bounds, as text; one figure where both read alike."""
    least = f"{least_ms / 3_600_000:.2f}"
    if most_ms is None:
        return f"at least {least}"
    most = f"{most_ms / 3_600_000:.2f}"
    return least if most == least else f"{least} to {most}"
