"""Rows of the history as cells of CSV, written by SQLite itself.

A year of minutes is 100 million numbers. Made into objects of Python, and those into text, they take more
time than reading, packing and sealing together; `printf` in the query makes digits of whole steps without
either. It counts in whole numbers alone: its digits are those of `written` on every machine and in every
version of SQLite (whose `%f` is quick on one and slow on another).

`printf` writes a missing value as 0. So it writes a row only where a test in the same query finds that just
the values of a pattern are there, and each in the range in which the arithmetic is exact. Other rows come
back without cells and are written from their values; which patterns a station's rows have (energies in one
poll of thirty, a meter on one phase) is learnt from those.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from substation.quantities import INSTANTS, QUANTITIES, Quantity
from substation.store import schema

BETWEEN = "\t"
"""Between the values of a row and its least and greatest ones."""
MOST_PATTERNS = 6
_SHARE = 20
"""A pattern that one row in so many of a page has is worth a place in the query."""
_EXACT = 2**51
"""Sums below this: a mean by SQLite's division of floats rounds as one of whole numbers does."""
_ARGUMENTS = 120
"""Of one `printf`; SQLite takes 127 of a function."""

Pattern = tuple[bool, ...]
"""Of each value in turn: is it there?"""


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a row."""

    column: str
    quantity: Quantity
    mean: bool = False
    """Whether the column is a sum, to be divided by the count of good values."""

    @property
    def digits(self) -> int:
        """Digits after the point: those of the step in which readings are stored."""
        return len(str(self.quantity.steps_per_unit)) - 1

    @property
    def signed(self) -> bool:
        """Whether a value below 0 is usual; others below 0 are written by `written`."""
        return self.quantity.low < 0


def cells_of(table: str, *, extremes: bool) -> tuple[tuple[Cell, ...], tuple[Cell, ...]]:
    """Return the values of a row of `table`, and, where asked for, least and greatest of each instant."""
    if table == "reading":
        return tuple(Cell(q.key, q) for q in QUANTITIES), ()
    values = tuple(
        Cell(f"last_{q.key}", q) if q.kind == "counter" else Cell(f"sum_{q.key}", q, mean=True)
        for q in QUANTITIES
    )
    instants = [q for q in QUANTITIES if q.key in INSTANTS] if extremes else []
    return values, tuple(Cell(f"{what}_{q.key}", q) for q in instants for what in ("min", "max"))


class Writer:
    """The expression that writes the rows of one table, and what it has learnt about them."""

    def __init__(self, table: str, *, extremes: bool) -> None:
        """Know nothing yet: rows are expected whole."""
        self._rollup = table != "reading"
        self._values, self._extremes = cells_of(table, extremes=extremes)
        self._cells = (*self._values, *self._extremes)
        self._patterns: list[Pattern] = [(True,) * len(self._cells)]
        self.expression = self._expression()
        """Of a row's cells; NULL where `write` must."""

    def write(self, rows: Iterable[Sequence[float | None]], of: int) -> list[str]:
        """Return the cells of rows that the expression did not write, among `of` that it was asked for."""
        digits = tuple(cell.digits for cell in self._values)
        more = tuple(cell.digits for cell in self._extremes)
        found: Counter[Pattern] = Counter()
        texts = []
        for row in rows:
            found[tuple([value is not None for value in row])] += 1
            text = written(digits, tuple(row[: len(digits)]))
            texts.append(f"{text}{BETWEEN}{written(more, tuple(row[len(digits) :]))}" if more else text)
        self._learn([pattern for pattern, count in found.most_common() if count * _SHARE >= of])
        return texts

    def _learn(self, patterns: list[Pattern]) -> None:
        new = [one for one in patterns if one not in self._patterns][: MOST_PATTERNS - len(self._patterns)]
        if new:
            self._patterns += new
            self.expression = self._expression()

    def _expression(self) -> str:
        odd = "WHEN " + _names_others() + " THEN NULL " if self._rollup else ""
        each = " ".join(f"WHEN {self._is(one)} THEN {self._text(one)}" for one in self._patterns)
        return f"CASE {odd}{each} END"

    def _is(self, pattern: Pattern) -> str:
        """Return the test that a row's values are those of the pattern, all in range.

        A NULL or a negative number makes the whole of an OR one, and a great one makes it great.
        """
        shifted = [
            f"({cell.column} + {_EXACT // 2})" if cell.signed else cell.column
            for cell in itertools.compress(self._cells, pattern)
        ]
        missing = [
            f"{cell.column} IS NULL" for cell, there in zip(self._cells, pattern, strict=True) if not there
        ]
        ranges = [f"({' | '.join(shifted)}) BETWEEN 0 AND {_EXACT - 1}"] if shifted else []
        return " AND ".join(ranges + missing)

    def _text(self, pattern: Pattern) -> str:
        count = len(self._values)
        text = _printed(self._values, pattern[:count])
        if self._extremes:
            text += f" || char({ord(BETWEEN)}) || " + _printed(self._extremes, pattern[count:])
        return text


def _names_others() -> str:
    """Return the test whether a rollup row names more as odd than the one instant that usually is."""
    usual = f"odd LIKE '{{\"{schema.WITH_COUNTERS}\":[%' AND instr(odd, '],\"') = 0"
    return f"odd >= '{{' AND NOT ({usual})"


def _printed(cells: Sequence[Cell], there: Pattern) -> str:
    """Return the expression of the cells' text, in as many calls as their arguments need."""
    calls: list[tuple[list[str], list[str]]] = [([], [])]
    for cell, has in zip(cells, there, strict=True):
        form, arguments = _form(cell) if has else ("", ())
        if len(calls[-1][1]) + len(arguments) > _ARGUMENTS:
            calls.append(([], []))
        calls[-1][0].append(form)
        calls[-1][1].extend(arguments)
    return " || ',' || ".join(
        f"printf({', '.join([repr(','.join(forms)), *arguments])})" for forms, arguments in calls
    )


def _form(cell: Cell) -> tuple[str, tuple[str, ...]]:
    """Return how a value is written, and from which whole numbers."""
    steps, per_unit = cell.column, cell.quantity.steps_per_unit
    size = f"abs({steps})" if cell.signed else steps
    below = f"{steps} < 0"
    if cell.mean:  # the nearest whole step; halves away from 0
        n = f"({_count(cell.quantity.key)})"
        size = f"((2 * {size} + {n}) / (2 * {n}))"
        below = f"2 * {steps} <= -{n}"  # what rounds to 0 has no sign
    sign, form = ((f"iif({below}, '-', '')",), "%s") if cell.signed else ((), "")
    if per_unit == 1:
        return f"{form}%d", (*sign, size)
    return f"{form}%d.%0{cell.digits}d", (*sign, f"{size} / {per_unit}", f"{size} % {per_unit}")


def _count(key: str) -> str:
    """Return the expression for the good values of an instant in a row that names no others as odd."""
    if key != schema.WITH_COUNTERS:
        return "n"
    named = f"json_extract(odd, '$.{key}[0]')"
    return f"CASE WHEN odd IS NULL THEN n WHEN odd < '{{' THEN CAST(odd AS INTEGER) ELSE {named} END"


def written(digits: tuple[int, ...], values: tuple[float | None, ...]) -> str:
    """Return values as cells, each with so many digits after the point; a missing one is empty."""
    if None not in values:
        return _template(digits, (True,) * len(digits)) % values
    there = tuple([value is not None for value in values])
    return _template(digits, there) % tuple([value for value in values if value is not None])


@lru_cache(maxsize=256)
def _template(digits: tuple[int, ...], there: Pattern) -> str:
    """Return how a row with these values is written: nearly all rows lack the same ones, or none."""
    return ",".join(f"%.{count}f" if has else "" for count, has in zip(digits, there, strict=True))
