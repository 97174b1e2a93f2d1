"""One line of the live file, written and read.

Cells never hold a comma, a quote or a line end, so a line is its cells and nothing else; a spreadsheet and
`str.split` read it alike.
"""

import math
import re
import zoneinfo
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from substation.clock import site_time
from substation.quantities import BY_KEY, KEYS, QUANTITIES
from substation.readings import Quality, Reading
from substation.store.rows import keys_in, to_row

FIRST_COLUMNS = ("Date", "Time", "DateTime", "Meter_ID", "comm_status", "status")
LAST_COLUMNS = ("ts_ms", "quality", "simulated")
HEADER: tuple[str, ...] = (*FIRST_COLUMNS, *(q.label for q in QUANTITIES), *LAST_COLUMNS)
HEADER_LINE = ",".join(HEADER)
LONGEST_LINE = 8192
"""Bytes; a longer line is damage."""

_KEY_OF_LABEL = {q.label: q.key for q in QUANTITIES}
_DIGITS = tuple(len(str(q.steps_per_unit)) - 1 for q in QUANTITIES)
_STEPS = tuple(q.steps_per_unit for q in QUANTITIES)
_BOM = b"\xef\xbb\xbf"
_UNSAFE = re.compile(r'[,"\x00-\x1f\x7f]+')
_DIGITS_ONLY = re.compile(r"[-.,0-9]*")


@dataclass(frozen=True, slots=True)
class LiveRow:
    """One line of the live file: the reading and what the poller made of it."""

    reading: Reading
    comm_status: str
    status: str
    simulated: bool | None = None
    """As stamped in the file; None before it was written."""


@lru_cache(maxsize=256)
def _site_cells(second: int, zone: zoneinfo.ZoneInfo) -> str:
    local = site_time(second * 1000, zone)
    date, time = local.strftime("%Y-%m-%d"), local.strftime("%H:%M:%S")
    return f"{date},{time},{date} {time}"


def write_row(row: LiveRow, zone: zoneinfo.ZoneInfo, simulated: bool) -> str:
    """Return the line without its end."""
    reading = row.reading
    _, _, _, mask, steps = to_row(reading)
    values = _cells_of(tuple([count is not None for count in steps])) % tuple(
        [count / per_unit for count, per_unit in zip(steps, _STEPS, strict=True) if count is not None]
    )
    doubted = keys_in(mask)
    if doubted:
        quality = "implausible: " + " ".join(key for key in KEYS if key in doubted)
        if reading.reason:
            quality += f"; {_safe(reading.reason)}"
    elif reading.reason:
        quality = f"{reading.quality.value}: {_safe(reading.reason)}"
    else:
        quality = reading.quality.value
    return (
        f"{_site_cells(reading.at_ms // 1000, zone)},{reading.meter_id},{_safe(row.comm_status)},"
        f"{_safe(row.status)},{values},{reading.at_ms},{quality},{'yes' if simulated else 'no'}"
    )


@lru_cache(maxsize=256)
def _cells_of(there: tuple[bool, ...]) -> str:
    """Return the template of a row in which these values are there: most rounds bring the same ones."""
    return ",".join(f"%.{digits}f" if has else "" for digits, has in zip(_DIGITS, there, strict=True))


def _safe(words: str) -> str:
    return _UNSAFE.sub(" ", words)[:120]


class Columns:
    """Where each cell of a file stands; told by its header, so that a missing column costs only itself."""

    def __init__(self, names: tuple[str, ...] = HEADER) -> None:
        """Take the header's cells. `usable` says whether rows can be read at all."""
        place = {name.strip(): position for position, name in enumerate(names)}
        self.count = len(names)
        self.usable = "Meter_ID" in place and "ts_ms" in place and "quality" in place
        if not self.usable:
            return
        self._meter, self._ts, self._quality = place["Meter_ID"], place["ts_ms"], place["quality"]
        self._comm, self._status = place.get("comm_status"), place.get("status")
        self._simulated = place.get("simulated")
        self._date, self._time, self._both = (place.get(name) for name in FIRST_COLUMNS[:3])
        self._values = tuple((key, place[label]) for label, key in _KEY_OF_LABEL.items() if label in place)

    def meter(self, line: str) -> str:
        """Return the cell that names the meter, unchecked."""
        cells = line.split(",", self._meter + 1)
        return cells[self._meter] if len(cells) > self._meter else ""

    def offers(self, line: str, keys: Collection[str]) -> bool:
        """Return whether the line may tell something of these quantities; a look that costs little."""
        cells = line.split(",")
        if len(cells) != self.count:
            return False
        doubted = cells[self._quality]
        return any(cells[place] or key in doubted for key, place in self._values if key in keys)

    def read(self, line: str) -> LiveRow | None:
        """Return the row, or None when the line is not a whole good row."""
        cells = line.split(",")
        if len(cells) != self.count:
            return None
        meter, ts, quality_cell = cells[self._meter], cells[self._ts], cells[self._quality]
        if not (meter.isdecimal() and ts.isdecimal() and 1 <= len(meter) <= 3 and 1 <= len(ts) <= 15):
            return None
        if not 1 <= int(meter) <= 255 or not self._consistent(cells):
            return None
        simulated = None
        if self._simulated is not None:
            simulated = {"yes": True, "no": False}.get(cells[self._simulated])
            if simulated is None:
                return None
        judged = _judge(quality_cell)
        if judged is None:
            return None
        quality, reason, doubted = judged
        values = self._numbers(cells, doubted) if quality is Quality.GOOD else dict.fromkeys(KEYS)
        if values is None:
            return None
        doubted &= values.keys()
        reading = Reading(int(meter), int(ts), values, quality, reason, doubted)
        return LiveRow(
            reading,
            "" if self._comm is None else cells[self._comm],
            "" if self._status is None else cells[self._status],
            simulated,
        )

    def _numbers(self, cells: list[str], doubted: frozenset[str]) -> dict[str, float | None] | None:
        """Return the values by key; None when a cell is no number, or what only Python calls one."""
        texts = [cells[position] for _, position in self._values]
        if not _DIGITS_ONLY.fullmatch(",".join(texts)):
            return None
        values: dict[str, float | None] = {}
        try:
            for (key, _), text in zip(self._values, texts, strict=True):
                if text:
                    values[key] = float(text)
                elif key in doubted:
                    values[key] = None
        except ValueError:
            return None
        return None if math.inf in values.values() or -math.inf in values.values() else values

    def _consistent(self, cells: list[str]) -> bool:
        if self._date is None or self._time is None or self._both is None:
            return True
        return cells[self._both] == f"{cells[self._date]} {cells[self._time]}"


@lru_cache(maxsize=256)
def _judge(cell: str) -> tuple[Quality, str | None, frozenset[str]] | None:
    """Return quality, reason and doubted keys of a quality cell, or None when it is damaged."""
    word, colon, rest = cell.partition(": ")
    try:
        quality = Quality(word)
    except ValueError:
        return None
    if quality is not Quality.IMPLAUSIBLE:
        return quality, rest if colon else None, frozenset()
    names, also, reason = rest.partition("; ")
    keys = frozenset(names.split())
    return (Quality.GOOD, reason if also else None, keys) if keys and keys <= BY_KEY.keys() else None


def clean(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines that can be rows, as text."""
    for raw in lines:
        line = raw.removeprefix(_BOM).strip(b"\0\r")
        if not line or len(line) > LONGEST_LINE or b"\0" in line:
            continue  # a NUL inside may stand where a digit stood: such a number would look right
        try:
            yield line.decode()
        except UnicodeDecodeError:
            continue


def header(line: str) -> tuple[Columns, bool]:
    """Return the columns that a file's first line tells, and whether it is a header at all."""
    if "Meter_ID" in line:
        return Columns(tuple(line.split(","))), True
    return _OURS, False


_OURS = Columns()
