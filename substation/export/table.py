"""Rows of the history to lines of CSV.

RFC 4180: UTF-8, CRLF, one header row. The original's columns come first and under their own names, so
whoever read the original's files finds them; their units are those of the manifest and, but for V, A and
Hz, stand in the names. Numbers have the digits of the resolution in which readings are stored; a missing
value is an empty cell. Periods are named by their beginning.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from substation.clock import day_start_ms, site_time, utc
from substation.export.order import FileForm
from substation.quantities import INSTANTS, KEYS, QUANTITIES, Quantity
from substation.readings import Quality
from substation.store.cells import BETWEEN
from substation.store.pages import Facts, Pages, Row
from substation.store.rows import QUALITY_OF_CODE, keys_in
from substation.store.schema import ROLLUPS

FIRST = ("Date", "Time", "DateTime", "Meter_ID")
_LABELS = tuple(q.label for q in QUANTITIES)
_INSTANTS = tuple(q for q in QUANTITIES if q.key in INSTANTS)
_WORDS = {code: quality.value for code, quality in QUALITY_OF_CODE.items()}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_QUOTED = (",", '"', "\r", "\n")


MEAN = "mean over all answered polls, also those with the circuit off"
LAST = "last value of the period; empty: not read in it"
_OF_ENERGIES = (
    "; the period's own factor is that of energies: what Wh Received rose by / what VAh Received rose by"
)
_DILUTED = "; pulled towards 0 where it was off for a part of the period: see max, or every poll"


@dataclass(frozen=True, slots=True)
class Form:
    """What the lines depend on besides the rows."""

    resolution: str
    zone: ZoneInfo
    names: Mapping[int, str]
    """Of the meters, as configured now."""
    interval_s: float
    """A poll was due so often; 0: as often as it could be."""
    simulated: bool
    period_s: int | None = None
    extremes: bool = False
    slow_interval_s: float = 0.0
    """Energies were read so often; 0: in every poll."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column, as the manifest explains it."""

    name: str
    unit: str
    what: str


@dataclass(slots=True)
class Tally:
    """What was written of one meter."""

    first_ms: int
    last_ms: int = 0
    rows: int = 0
    answered: int = 0
    """Rows with at least one answered poll."""
    polls: int = 0
    """Answered polls."""

    def add(self, at_ms: int, polls: int) -> None:
        """Count one more row."""
        self.rows += 1
        self.answered += polls > 0
        self.polls += polls
        self.last_ms = at_ms


Tallies = Mapping[int, Tally]
"""By meter."""


def columns(form: Form, file_form: FileForm = "csv") -> list[Column]:
    """Return the columns in their order.

    CSV has the original's, with the local time twice; the typed forms have it once.
    """
    begin = "of the poll" if form.period_s is None else "at which the period begins"
    mean, last = (MEAN, LAST) if form.period_s is not None else ("", energies_words(form))
    found = [
        Column("Date", "", f"site date {begin}"),
        Column("Time", "", f"site time {begin}"),
        Column("DateTime", "", f"site date and time {begin}"),
        Column("Meter_ID", "", "Modbus device id"),
        *(Column(q.label, q.unit, last if q.kind == "counter" else _mean_of(q, mean)) for q in QUANTITIES),
        Column("UTC", "", f"time {begin}, ISO 8601; never twice, also where clocks are set back"),
        Column("Meter_Name", "", "as configured when exported"),
    ]
    if form.period_s is None:
        found.append(Column("quality", "", "good, or why there is no value, or which values are doubted"))
    else:
        found += [
            Column("quality", "", "the worst of the period's polls; means hold good values only"),
            Column("rows_found", "polls", "polls of the period that were answered"),
            Column("rows_due", "polls", due_words(form.interval_s)),
        ]
    found.append(Column("simulated", "", "yes: a demo's figures, no meter said them"))
    if form.extremes:
        for q in _INSTANTS:
            found.append(Column(f"{q.label} min", q.unit, "least value of the period"))
            found.append(Column(f"{q.label} max", q.unit, "greatest value of the period"))
    return found if file_form == "csv" else [c for c in found if c.name not in ("Date", "Time")]


def energies_words(form: Form) -> str:
    """Return how often a poll holds the energies; nothing where every poll does."""
    if not form.slow_interval_s:
        return ""
    return (
        f"read every {form.slow_interval_s:g} s, the setting when exported: empty in the polls between, "
        "which did not ask for it"
    )


def _mean_of(quantity: Quantity, words: str) -> str:
    """Return what a mean is: of frequency and power factor, with what a circuit that was off does to it."""
    if not words or not (quantity.key == "frequency" or quantity.key.startswith("pf_")):
        return words
    return words + _DILUTED + (_OF_ENERGIES if quantity.key == "pf_average" else "")


def due_words(interval_s: float) -> str:
    """Return how it is known how many polls were due."""
    if not interval_s:
        return "unknown: the line is polled without pause"
    return (
        f"polls due in the whole period at one every {interval_s:g} s, the interval set when exported; "
        "a time with another interval shows more or fewer found"
    )


def header(form: Form) -> bytes:
    """Return the header row."""
    return ",".join(column.name for column in columns(form)).encode("ascii") + b"\r\n"


class Lines:
    """Writes pages of `Pages.lines` as lines, and counts what it wrote."""

    def __init__(self, form: Form) -> None:
        """Prepare the cells that are the same in every row."""
        self._form = form
        self._names = {meter_id: text_cell(name) for meter_id, name in form.names.items()}
        self._simulated = "yes" if form.simulated else "no"
        self._at_ms, self._local, self._utc, self._due = -1, "", "", ""
        self.tallies: dict[int, Tally] = {}

    def pieces(self, pages: Pages, facts: Facts | None) -> Iterator[tuple[bytes, int]]:
        """Yield the file in pieces, each with its number of rows."""
        yield header(self._form), 0
        for page in pages.lines(facts) if facts is not None else ():
            yield self.of(page), len(page)

    def of(self, page: Sequence[Row]) -> bytes:
        """Return the page's lines."""
        lines = self._polls(page) if self._form.period_s is None else self._periods(page)
        return "".join(lines).encode("utf-8", "replace")

    def _polls(self, page: Sequence[Row]) -> Iterator[str]:
        zone, names, simulated = self._form.zone, self._names, self._simulated
        for key, code, reason, mask, cells in page:
            at_ms, meter_id = key >> 8, key & 0xFF
            tally(self.tallies, meter_id, at_ms).add(at_ms, int(code == 0))
            local, utc_text = _times(at_ms, zone)
            name, quality = names.get(meter_id, ""), text_cell(quality_of(code, reason, mask))
            yield f"{local},{meter_id},{cells},{utc_text},{name},{quality},{simulated}\r\n"

    def _periods(self, page: Sequence[Row]) -> Iterator[str]:
        names, simulated, extremes = self._names, self._simulated, ""
        for key, code, _, found, values in page:
            at_ms, meter_id, cells = key >> 8, key & 0xFF, values
            if at_ms != self._at_ms:  # all meters of a period share these cells
                self._at_ms = at_ms
                self._local, self._utc = _times(at_ms, self._form.zone)
                due = due_in(at_ms, self._form)
                self._due = "" if due is None else str(due)
            tally(self.tallies, meter_id, at_ms).add(at_ms, found)
            if self._form.extremes:
                cells, _, extremes = values.replace(BETWEEN, f"{BETWEEN},").partition(BETWEEN)
            yield (
                f"{self._local},{meter_id},{cells},{self._utc},{names.get(meter_id, '')},"
                f"{word_of(code)},{found},{self._due},{simulated}{extremes}\r\n"
            )


def tally(tallies: dict[int, Tally], meter_id: int, at_ms: int) -> Tally:
    """Return the meter's tally; a new one begins at `at_ms`."""
    return tallies.get(meter_id) or tallies.setdefault(meter_id, Tally(first_ms=at_ms))


@lru_cache(maxsize=256)
def text_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet runs as a formula (CWE-1236)."""
    if text.startswith(_FORMULA):
        text = "'" + text
    elif not any(mark in text for mark in _QUOTED):
        return text
    return '"' + text.replace('"', '""') + '"'


@lru_cache(maxsize=64)
def _minute(minute: int, zone: ZoneInfo) -> tuple[str, str, str]:
    local = site_time(minute * 60_000, zone).isoformat(" ", "minutes")
    return local[:10], local[11:16], utc(minute * 60_000).isoformat("T", "minutes")[:16]


def _times(at_ms: int, zone: ZoneInfo) -> tuple[str, str]:
    """Return the cells of Date, Time, DateTime, and that of UTC."""
    minute, ms = divmod(at_ms, 60_000)
    date, time, utc_text = _minute(minute, zone)
    second, ms = divmod(ms, 1000)
    return f"{date},{time}:{second:02d},{date} {time}:{second:02d}", f"{utc_text}:{second:02d}.{ms:03d}Z"


def local_of(at_ms: int, zone: ZoneInfo) -> str:
    """Return the cell of DateTime."""
    return _times(at_ms, zone)[0].rpartition(",")[2]


@lru_cache(maxsize=256)
def quality_of(code: int, reason: str | None, mask: int) -> str:
    """Return the quality of a poll, in the words of the live file."""
    if code == 0 and mask:
        doubted = keys_in(mask)
        return "implausible: " + " ".join(key for key in KEYS if key in doubted)
    return f"{word_of(code)}: {reason}" if reason else word_of(code)


def word_of(code: int) -> str:
    """Return the word for a quality; for a code that a later version may write, as `rows.to_reading` does."""
    return _WORDS.get(code, Quality.IMPLAUSIBLE.value)


def due_in(at_ms: int, form: Form) -> int | None:
    """Return how many polls were due in the period that begins at `at_ms`; None: nobody can tell."""
    if form.period_s is None or not form.interval_s:
        return None
    return int(length_ms(at_ms, form.period_s, form.zone) / 1000 / form.interval_s)


def length_ms(at_ms: int, period_s: int, zone: ZoneInfo) -> int:
    """Return the length of the period that begins at `at_ms`: 23 or 25 hours where clocks are set."""
    if period_s == ROLLUPS["day"]:
        return day_start_ms(at_ms, zone, -1) - at_ms
    return period_s * 1000
