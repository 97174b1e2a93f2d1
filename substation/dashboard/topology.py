"""Where everything stands in the single-line diagram: boxes in a grid, from roles and bus sections. Pure.

A section is one bar with its sources above and its feeders below. Several sections stand side by side where
their circuits fit into one row, else one below the other. Where a section has more circuits than a row has
columns, its bar goes on in further stretches, joined at the right edge by a riser: one bar, bent.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from substation.settings.equipment import Role

FEWEST_COLUMNS = 3
MOST_COLUMNS = 4
"""More cards beside one another cannot be read."""


class Circuit(Protocol):
    """What of a meter decides its place."""

    @property
    def id(self) -> int:
        """Number of the meter."""

    @property
    def role(self) -> Role:
        """Sources hang above the bar, feeders below."""

    @property
    def bus_section(self) -> int:
        """Number of the section."""


@dataclass(frozen=True, slots=True)
class Box:
    """A thing in the grid; rows and columns count from 1.

    A riser and a coupler are lines at the right edge of their column: they cover no card.
    """

    kind: Literal["branch", "sums", "bus", "riser", "coupler"]
    section: int
    row: int
    column: int
    rows: int = 1
    columns: int = 1
    meter: int = 0
    """Of a branch."""
    named: bool = False
    """Of a bus: whether this stretch carries the section's name."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole diagram."""

    columns: int
    sections: tuple[int, ...]
    """Their numbers, from left to right or from top to bottom."""
    boxes: tuple[Box, ...]
    beside: bool = False
    """Whether several sections stand side by side."""

    @property
    def tiers(self) -> int:
        """How many rows of cards there are."""
        return len({box.row for box in self.boxes if box.kind in ("branch", "sums")})


def plan(meters: Sequence[Circuit], *, coupled: bool = False) -> Plan:
    """Return the diagram of these circuits.

    Args:
        meters: in the order in which they are drawn.
        coupled: whether couplers join neighbouring sections.
    """
    numbers = tuple(sorted({meter.bus_section for meter in meters})) or (1,)
    parts = [_Section(number, meters, with_sums=number == numbers[0]) for number in numbers]
    widths = [part.width for part in parts]
    beside = len(parts) > 1 and sum(widths) <= MOST_COLUMNS
    whole = sum(widths) if beside else max(widths)
    columns = min(max(FEWEST_COLUMNS, whole), MOST_COLUMNS)
    boxes: list[Box] = []
    row, column = 1, 1
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        wide = columns - column + 1 if last or not beside else widths[at]
        placed = part.placed(row, column, wide, level=beside)
        boxes += placed
        if coupled and not last and beside:
            bus = next(box for box in placed if box.kind == "bus")
            boxes.append(Box("coupler", part.number, bus.row, column + wide - 1))
        if beside:
            column += wide
        else:
            row = max(box.row for box in placed) + 1
    if coupled and not beside:
        boxes += _between(boxes, numbers, columns)
    return Plan(columns, numbers, tuple(boxes), beside)


def _between(boxes: Sequence[Box], numbers: tuple[int, ...], columns: int) -> list[Box]:
    """Return the couplers of sections one below the other: from the last stretch to the next first one."""
    found = []
    for upper, lower in itertools.pairwise(numbers):
        top = max(box.row for box in boxes if box.kind == "bus" and box.section == upper)
        end = min(box.row for box in boxes if box.kind == "bus" and box.section == lower)
        found.append(Box("coupler", upper, top, columns, rows=end - top + 1))
    return found


class _Section:
    def __init__(self, number: int, meters: Sequence[Circuit], *, with_sums: bool) -> None:
        own = [meter for meter in meters if meter.bus_section == number]
        self.number = number
        self._left = [meter.id for meter in own if meter.role == "incomer"]
        self._right = [meter.id for meter in own if meter.role == "generator"]
        self._feeders = [meter.id for meter in own if meter.role == "feeder"]
        self._sums = [0] if with_sums else []

    @property
    def width(self) -> int:
        """How many columns it would like to have."""
        above = len(self._left) + len(self._sums) + len(self._right)
        return max(1, min(max(above, len(self._feeders)), MOST_COLUMNS + 1))

    def placed(self, row: int, column: int, width: int, *, level: bool) -> list[Box]:
        """Return its boxes.

        Args:
            row: where its first row may stand.
            column: its first column.
            width: its columns.
            level: its bar stands in the second row, whether anything is above it or not.
        """
        boxes: list[Box] = []
        above = self._above(width)
        if level and not above:
            row += 1
        for at, tier in enumerate(above):
            boxes += [self._box(meter, row, column + place) for place, meter in enumerate(tier) if meter >= 0]
            row += 1
            if any(meter > 0 for meter in tier) or at == len(above) - 1:
                boxes.append(Box("bus", self.number, row, column, columns=width))
                row += 1
        if not above:
            boxes.append(Box("bus", self.number, row, column, columns=width))
            row += 1
        for start in range(0, len(self._feeders), width):
            if start:
                boxes.append(Box("bus", self.number, row, column, columns=width))
                row += 1
            tier = self._feeders[start : start + width]
            boxes += [self._box(meter, row, column + place) for place, meter in enumerate(tier)]
            row += 1
        return _joined(boxes, self.number)

    def _above(self, width: int) -> list[list[int]]:
        """Return the rows above the bar: incomers from the left, generators at the right; -1 is free."""
        left = [*self._left, *self._sums]
        free = -(len(left) + len(self._right)) % width
        slots = [*left, *[-1] * free, *self._right]
        return [slots[start : start + width] for start in range(0, len(slots), width)]

    def _box(self, meter: int, row: int, column: int) -> Box:
        return Box("branch" if meter else "sums", self.number, row, column, meter=meter)


def _joined(boxes: list[Box], number: int) -> list[Box]:
    """Return the boxes of a section with a name on its first stretch, and a riser where there are several."""
    bars = [box for box in boxes if box.kind == "bus"]
    first, last = bars[0], bars[-1]
    named = Box("bus", number, first.row, first.column, columns=first.columns, named=True)
    whole = [named if box is first else box for box in boxes]
    if first is last:
        return whole
    edge = first.column + first.columns - 1
    return [*whole, Box("riser", number, first.row, edge, rows=last.row - first.row + 1)]
