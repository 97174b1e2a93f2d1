"""What the runs of one generator come to in a month: hours, units, litres, kWh per litre. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from substation.alarms.dg_runs import DgRun
from substation.reports import supply_entries
from substation.reports.dg_load import Load


@dataclass(frozen=True, slots=True)
class DgTotal:
    """The total."""

    runs: int = 0
    trials: int = 0
    noted_ms: int | None = 0
    """Time run; None where it is known between bounds only."""
    least_ms: int = 0
    most_ms: int | None = 0
    wh: float | None = None
    """Of the runs whose units are known; None without any."""
    without_units: int = 0
    litres: float | None = None
    """Of the runs whose litres were written; None without any."""
    without_litres: int = 0
    per_litre: float | None = None
    """kWh per litre, of the runs of which the litres and the whole units are known; None without any."""


def total(
    runs: Iterable[DgRun], loads: Mapping[str, Load], texts: Mapping[str, Mapping[str, str]]
) -> DgTotal:
    """Return what some runs come to.

    Args:
        runs: of one generator; a whole run counts in the month in which it began.
        loads: by key of the run.
        texts: what was written about each, by its key.
    """
    known = list(runs)
    noted: int | None = 0
    least, most = 0, 0
    open_end = False
    units, litres, both = [], [], []
    for run in known:
        exact = run.time.noted_ms
        noted = noted + exact if noted is not None and exact is not None else None
        least, most = least + run.time.least_ms, most + (run.time.most_ms or 0)
        open_end = open_end or run.time.most_ms is None
        load, used = loads.get(run.key, Load()), supply_entries.consumed(texts.get(run.key, {}))
        wh = load.whole_wh
        units += [load.wh] if load.wh is not None else []
        litres += [used] if used is not None else []
        both += [(wh, used)] if wh is not None and used is not None else []
    return DgTotal(
        len(known),
        sum(not run.failure for run in known),
        noted,
        least,
        None if open_end else most,
        sum(units) if units else None,
        len(known) - len(units),
        sum(litres) if litres else None,
        len(known) - len(litres),
        supply_entries.per_litre(sum(wh for wh, _ in both), sum(used for _, used in both)),
    )
