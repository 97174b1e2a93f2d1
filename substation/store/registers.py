"""Energy and demand from the meters' own counters: differences of registers, never sums of power.

Here they are read from the history; the room `energy` judges them, quarter by quarter, and minute by
minute where they do not follow each other. So a figure depends on the registers alone (and on what is
noted of an exchanged serial number), and is the same after a restart and for an imported history.
"""

import itertools
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from substation.clock import site_time
from substation.energy import demand
from substation.energy.account import ends
from substation.energy.chain import Chain, Cut, judged
from substation.energy.registers import QUARTER_MS, Limits, Register, in_order
from substation.energy.watch import SERIAL
from substation.quantities import COUNTERS
from substation.store import rollup, schema

BREAKS = ("energy.reset", "energy.swap")
"""Events of a meter whose registers began anew: no step over one counts, of the counters it names."""
FALSE = ("energy.false_reading",) * 2
"""A reading that the next one took back: no figure takes a register of it."""
MOST_CUTS = 100
"""So many breaks in the registers are looked at minute by minute."""


@dataclass(frozen=True, slots=True)
class Energy:
    """How far the counters went on, and why that is not known."""

    used: dict[str, float | None]
    """By counter, in its unit; None: unknown."""
    doubts: dict[str, str]
    """In words, for each counter whose registers contradict each other."""
    bounds: dict[str, tuple[int, int]] = field(default_factory=dict)
    """When the first and the last register were read, UTC ms, for each counter in `used` that is known."""
    marks: dict[str, str] = field(default_factory=dict)
    """In words what a known figure lacks: what flowed while the meter was reset or exchanged."""

    def off_ms(self, key: str, start_ms: int, end_ms: int | None = None) -> int:
        """Return by how much the figure covers another time than asked, the greater of both ends, ms."""
        if key not in self.bounds:
            return 0
        first, last = self.bounds[key]
        return max(abs(first - start_ms), 0 if end_ms is None else abs(end_ms - last))


def energy(
    db: sqlite3.Connection,
    meter_id: int,
    start_ms: int,
    end_ms: int,
    rated_va: float | None = None,
    *,
    moduli: Mapping[str, float] | None = None,
    changed: Collection[int] = (),
) -> Energy:
    """Return how far each counter went on between two times; the bounds count in whole minutes.

    From the last register in the quarter of an hour before `start_ms`, or where nobody read it then, from
    the first one after it: the rest is unknown, not guessed. Through a rollover the figure is right; over a
    reset or an exchanged meter it is what was counted before and after, and `marks` says what it lacks.
    None without two registers, and None with a doubt while it is open whether a register is false.

    Args:
        db: the history.
        meter_id: the station's number of the meter.
        start_ms: UTC, ms.
        end_ms: UTC, ms.
        rated_va: three-phase rating of the circuit, VA: a rise that needs more than `MOST_LOAD` times that
            is no rise. None: unknown, then only falls are seen.
        moduli: where counters begin again at 0, in their unit, beyond what `energy.registers` guesses.
        changed: when the factor of the meter's transformers was set to another, UTC ms (`meters.ratio`):
            registers are stored as those of the circuit, so no step over it counts.
    """
    chains = _chains(db, (start_ms, end_ms, meter_id), rated_va, moduli or {}, changed)
    return _energy(db, chains, start_ms, end_ms, changed)


def energy_and_demand(
    db: sqlite3.Connection,
    meter_id: int,
    start_ms: int,
    end_ms: int,
    block_minutes: int,
    *,
    rated_va: float | None = None,
    moduli: Mapping[str, float] | None = None,
    changed: Collection[int] = (),
) -> tuple[Energy, tuple[float, int] | None]:
    """Return both `energy` and `max_demand` of a time: its registers are read and judged once."""
    chains = _chains(db, (start_ms, end_ms, meter_id), rated_va, moduli or {}, changed)
    return _energy(db, chains, start_ms, end_ms, changed), _demand(chains, start_ms, end_ms, block_minutes)


def _energy(
    db: sqlite3.Connection,
    chains: Mapping[str, Chain],
    start_ms: int,
    end_ms: int,
    changed: Collection[int],
) -> Energy:
    zone = ZoneInfo(schema.meta(db, "zone") or "UTC")
    found = Energy(dict.fromkeys(COUNTERS), {})
    for key, counted in chains.items():
        times = [register.at_ms for register in counted.registers]
        first, last = ends(times, start_ms, end_ms)
        if first > last:
            continue
        cuts = counted.cuts_between(counted.registers[first], counted.registers[last])
        doubts = [cut.why for cut in cuts if not cut.sure]
        if doubts:
            found.doubts[key] = doubts[0]
            continue
        found.used[key] = float(counted.totals[last] - counted.totals[first])
        found.bounds[key] = (times[first], times[last])
        loose = [register for register in counted.loose if times[first] < register.at_ms < times[last]]
        if cuts or loose:
            found.marks[key] = _mark(cuts, loose, zone, changed)
    return found


def counted(
    db: sqlite3.Connection,
    meter_id: int,
    start_ms: int,
    end_ms: int,
    also: Mapping[str, Sequence[Register]],
    *,
    rated_va: float | None = None,
    moduli: Mapping[str, float] | None = None,
    changed: Collection[int] = (),
) -> dict[str, Chain]:
    """Return by counter the chain of its registers in [start, end), with those of `also` among them.

    So what was counted between any two readings that somebody wrote down can be told, over rollover and
    exchanged meter as `energy` does. A counter of which nothing is stored has none.
    """
    return _chains(db, (start_ms, end_ms, meter_id), rated_va, moduli or {}, changed, also=also)


def max_demand(
    db: sqlite3.Connection,
    meter_id: int,
    start_ms: int,
    end_ms: int,
    block_minutes: int,
    *,
    rated_va: float | None = None,
    moduli: Mapping[str, float] | None = None,
    changed: Collection[int] = (),
) -> tuple[float, int] | None:
    """Return the greatest mean apparent power of a whole block, VA, and when it began (`energy.demand`)."""
    chains = _chains(db, (start_ms, end_ms, meter_id), rated_va, moduli or {}, changed)
    return _demand(chains, start_ms, end_ms, block_minutes)


def _demand(
    chains: Mapping[str, Chain], start_ms: int, end_ms: int, block_minutes: int
) -> tuple[float, int] | None:
    counted = chains.get("vah_received", Chain((), ()))
    return demand.max_demand(counted, start_ms, end_ms, block_minutes)


def last_registers(db: sqlite3.Connection, meter_id: int) -> dict[str, Register]:
    """Return the last believed register of each counter: where a poller that starts goes on."""
    names = [f"last_{key}" for key in COUNTERS]
    found: dict[str, Register] = {}
    for key, name in zip(COUNTERS, names, strict=True):
        row = db.execute(
            f"SELECT key >> 8, {schema.counters_ms(db)}, odd, {name} FROM day "  # noqa: S608 - names of ours
            f"WHERE key & 255 = ? AND {name} IS NOT NULL ORDER BY key DESC LIMIT 1",
            (meter_id,),
        ).fetchone()
        if row:
            found |= dict(_read(row[0], row[1], row[2], (key,), row[3:]))
    return found


def _chains(
    db: sqlite3.Connection,
    where: tuple[int, int, int],
    rated_va: float | None,
    moduli: Mapping[str, float],
    changed: Collection[int],
    *,
    also: Mapping[str, Sequence[Register]] | None = None,
) -> dict[str, Chain]:
    """Return by counter what its registers around a time tell; `where`: start and end, UTC ms, and meter."""
    start_ms, end_ms, meter_id = where
    read = _lasts(db, "quarter", (start_ms - 2 * QUARTER_MS, end_ms + QUARTER_MS, meter_id))
    _add(read, also or {})
    kept = [key for key in COUNTERS if read[key]]  # few models have all eight
    by_minute = start_ms >= schema.meta_number(db, schema.MINUTE_FROM)
    if by_minute:
        for since, until in ((start_ms - QUARTER_MS, start_ms), (end_ms - end_ms % QUARTER_MS, end_ms)):
            _add(read, _lasts(db, "minute", (since, until, meter_id), kept))
    table = "minute" if by_minute else "quarter"
    later = _registers(db, table, (start_ms << 8, end_ms << 8, meter_id), kept, "ASC")
    _add(read, {key: [register] for key, register in later.items()})
    false = _noted(db, start_ms - 2 * QUARTER_MS, end_ms + QUARTER_MS, meter_id, FALSE)

    def trusted() -> dict[str, list[Register]]:
        return {key: in_order([one for one in read[key] if one.at_ms not in false[key]]) for key in kept}

    limits = {key: Limits(rated_va, moduli.get(key)) for key in kept}
    noted = _noted(db, start_ms - QUARTER_MS, end_ms, meter_id, BREAKS)
    for key in kept:
        if any(register.value for register in read[key]):  # 0 stays 0, whatever it is multiplied by
            noted[key].update(changed)
    chains = judged(trusted(), limits, noted)
    spans = _doubtful(chains.values()) if by_minute else []
    if not spans:
        return chains
    for since, until in spans:
        _add(read, _lasts(db, "minute", (since, until, meter_id), kept))
    return judged(trusted(), limits, noted)


def _doubtful(chains: Iterable[Chain]) -> list[tuple[int, int]]:
    """Return the times, UTC ms, in which registers do not follow each other."""
    spans = set()
    for counted in chains:
        for cut in counted.cuts:
            spans.add((cut.after.at_ms, cut.after.at_ms + 2 * QUARTER_MS))
            spans.add((cut.until.at_ms - 2 * QUARTER_MS, cut.until.at_ms + QUARTER_MS))
        for register in counted.left_out:
            spans.add((register.at_ms - QUARTER_MS, register.at_ms + QUARTER_MS))
    return sorted(spans)[:MOST_CUTS]


def _noted(
    db: sqlite3.Connection, start_ms: int, end_ms: int, meter_id: int, kinds: tuple[str, str]
) -> dict[str, set[int]]:
    """Return by counter when the poller noted such an event of the meter, UTC ms.

    The poller sees each reading, and so a step that a quarter of an hour would hide.
    """
    found: dict[str, set[int]] = {key: set() for key in COUNTERS}
    rows = db.execute(
        "SELECT at_ms, new FROM event WHERE at_ms >= ? AND at_ms < ? AND kind IN (?, ?) AND meter_id = ?",
        (start_ms, end_ms, *kinds, meter_id),
    )
    for at_ms, new in rows:
        for key, times in found.items():
            if key in new or SERIAL in new:
                times.add(at_ms)
    return found


def _add(read: dict[str, list[Register]], more: Mapping[str, Sequence[Register]]) -> None:
    for key, registers in more.items():
        read[key] += registers


def _mark(cuts: Sequence[Cut], loose: Sequence[Register], zone: ZoneInfo, changed: Collection[int]) -> str:
    """Return in words what a figure lacks."""
    days = {site_time(cut.until.at_ms, zone).date() for cut in cuts}
    days |= {site_time(cut.after.at_ms, zone).date() for cut in cuts}
    form = "%H:%M" if len(days) <= 1 else "%d %b %H:%M"

    def at(at_ms: int) -> str:
        return site_time(at_ms, zone).strftime(form)

    def what_of(cut: Cut) -> str:
        if any(cut.after.at_ms < at_ms <= cut.until.at_ms for at_ms in changed):
            return "given another factor"
        return "reset" if cut.reset else "exchanged"

    words = []
    for what, group in itertools.groupby(cuts, key=what_of):
        spans = " and ".join(f"between {at(cut.after.at_ms)} and {at(cut.until.at_ms)}" for cut in group)
        words.append(f"without what flowed while the meter was {what} ({spans})")
    if loose:
        times = ", ".join(at(register.at_ms) for register in loose[:3])
        words.append(f"without a reading that contradicts those around it ({times})")
    return "; ".join(words)


def _registers(
    db: sqlite3.Connection, table: str, where: tuple[int, int, int], keys: Sequence[str], order: str
) -> dict[str, Register]:
    """Return by counter the first register found, going up (ASC) or down (DESC) in time."""
    found: dict[str, Register] = {}
    if not keys:
        return found
    lasts = [f"last_{key}" for key in keys]
    rows = db.execute(
        f"SELECT key >> 8, {schema.counters_ms(db)}, odd, {', '.join(lasts)} FROM {table} "  # noqa: S608
        f"WHERE key >= ? AND key < ? AND key & 255 = ? AND coalesce({', '.join(lasts)}, NULL) IS NOT NULL "
        f"ORDER BY key {order}",
        where,
    )
    for start_ms, read_ms, odd, *values in rows:
        for key, register in _read(start_ms, read_ms, odd, keys, values):
            found.setdefault(key, register)
        if len(found) == len(keys):
            break
    rows.close()
    return found


def _lasts(
    db: sqlite3.Connection, table: str, where: tuple[int, int, int], keys: Sequence[str] = COUNTERS
) -> dict[str, list[Register]]:
    """Return by counter the last register of each period of `table`, oldest first; `where` as `_chains`."""
    found: dict[str, list[Register]] = {key: [] for key in keys}
    if not keys:
        return found
    start_ms, end_ms, meter_id = where
    rows = db.execute(
        f"SELECT key >> 8, {schema.counters_ms(db)}, odd, {', '.join(f'last_{key}' for key in keys)} "  # noqa: S608
        f"FROM {table} WHERE key >= ? AND key < ? AND key & 255 = ? AND n > 0 ORDER BY key",
        (start_ms << 8, end_ms << 8, meter_id),
    )
    for begin_ms, read_ms, odd, *values in rows:
        for key, register in _read(begin_ms, read_ms, odd, keys, values):
            found[key].append(register)
    return found


def _read(
    begin_ms: int, read_ms: int, odd: str | None, keys: Sequence[str], values: Sequence[int | None]
) -> list[tuple[str, Register]]:
    """Return the registers of one row of a rollup, each with the time when it was read.

    `read_ms` is when most of them were, ms after `begin_ms`; `odd` names those that were not.
    """
    own = rollup.odd_of(odd)
    return [
        (key, Register(begin_ms + own.get(key, (0, read_ms))[1], value))
        for key, value in zip(keys, values, strict=True)
        if value is not None
    ]
