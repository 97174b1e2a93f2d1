"""The station as one figure: what stands between the sources on Home. Pure, as `words`; group `station`."""

from collections.abc import Mapping, Sequence

from substation.dashboard import format as f
from substation.dashboard import symmetry, words
from substation.dashboard.board import Board, LiveMeter
from substation.dashboard.feed import TodayFigures, YesterdayFigures
from substation.dashboard.tongue import say
from substation.dashboard.words import Parts
from substation.settings.model import Site

ROWS = 7
"""So many rows there are, in every state."""


def parts(
    board: Board,
    today: Mapping[int, TodayFigures],
    yesterday: Mapping[int, YesterdayFigures],
    site: Site,
) -> Parts:
    """Return the rows between the sources: label and figure, hatched where a part is missing.

    Args:
        board: the station now.
        today: the day's sums of each source.
        yesterday: what they are compared with.
        site: its zone, and how long its blocks of demand are.
    """
    feeders = words.total(words.sources(board, "feeder"), "watts_total")
    incomers, generators = words.sources(board, "incomer"), words.sources(board, "generator")
    running = [m for m in generators if words.wire(m) in ("live", "noload", "phase")]
    feeding = running if words.supply_lost(board) else [*incomers, *running]
    power = words.total(feeding, "watts_total")
    written = f.spec("watts_total", max((m.rated_kva for m in board.meters), default=0.0))
    rows: list[tuple[str, str, str]] = [_load_row(feeding)]
    if feeders.value is None:
        rows.append((say("Feeders together"), feeders.words, "ss-hatched"))
    else:
        rows.append((say("Feeders together"), written.words(feeders.value), ""))
    if not feeding:
        rows.append((say("Loss and unmetered"), f.DASH, ""))
    elif feeders.value is None or power.value is None:
        rows.append((say("Loss and unmetered"), say("not known"), "ss-hatched"))
    else:
        loss = power.value - feeders.value
        share = f", {f.percent(loss / power.value, 1)}" if power.value > 0 else ""
        rows.append((say("Loss and unmetered"), f"{written.words(loss)}{share}", ""))
    doubted = board.times_doubted
    rows.append(_energy_row([*incomers, *generators], today, yesterday, is_doubted=doubted))
    rows.append(_demand_row(incomers, today, site, is_doubted=doubted))
    rows.append((say("Worst voltage unbalance"), *symmetry.worst(board, symmetry.voltage_u2)))
    rows.append((say("Worst current unbalance"), *symmetry.worst(board, symmetry.of_currents)))
    told: Parts = {}
    for number, (label, text, looks) in enumerate(rows):
        told |= {f"l{number}": (label, ""), f"v{number}": (text, looks)}
    return told


def _load_row(feeding: list[LiveMeter]) -> tuple[str, str, str]:
    name = say("{meter} load", meter=feeding[0].name) if len(feeding) == 1 else say("Load of all sources")
    apparent = words.total(feeding, "va_total")
    if not feeding:
        return (say("Load"), say("no source"), "")
    if apparent.value is None:
        return (name, apparent.words, "ss-hatched")
    rated = sum(meter.rated_kva for meter in feeding)
    written = f.spec("va_total", rated)
    part = f.percent(apparent.value / (rated * 1000))
    load = f.number(apparent.value / written.divisor, 0 if written.divisor == 1e3 else 2)
    whole = f"{f.number(rated * 1000 / written.divisor, 0)} {written.unit}"
    return (name, say("{load} of {rated}, {share}", load=load, rated=whole, share=part), "")


def _energy_row(
    feeding: list[LiveMeter],
    today: Mapping[int, TodayFigures],
    yesterday: Mapping[int, YesterdayFigures],
    *,
    is_doubted: bool,
) -> tuple[str, str, str]:
    label = say("Energy today, and yesterday by now")
    written = f.spec("wh_received", max((m.rated_kva for m in feeding), default=0.0))
    now = _sum([(today[m.id].kwh_today, today[m.id].about_today) for m in feeding], written)
    then = _sum([(yesterday[m.id].kwh_by_now, yesterday[m.id].about_by_now) for m in feeding], written)
    if not now:
        missing = [m.name for m in feeding if today[m.id].kwh_today is None]
        return (label, words.missing_words(missing, len(feeding)), "ss-hatched")
    told = f.unsure(f"{now} / {then or f.DASH} {written.unit}", is_doubted)
    return (label, told, _day_look(feeding))


def _sum(figures: list[tuple[float | None, bool]], written: f.Spec) -> str:
    """Return a sum of energies as text; empty when one of them is not known."""
    known = [kwh for kwh, _ in figures if kwh is not None]
    if len(known) < len(figures) or not known:
        return ""
    loose = any(loose for _, loose in figures)
    return words.about(loose) + f.number(words.kilo(sum(known), written), written.decimals)


def _day_look(meters: Sequence[LiveMeter]) -> str:
    # what the day has brought so far stands still with a silent meter: it is as old as the meter
    return "ss-hatched" if any(m.freshness in ("stale", "never") for m in meters) else ""


def _demand_row(
    incomers: list[LiveMeter],
    today: Mapping[int, TodayFigures],
    site: Site,
    *,
    is_doubted: bool,
) -> tuple[str, str, str]:
    label = say("Highest {count} min today", count=site.demand_minutes)
    known = [(va, m) for m in incomers if (va := today[m.id].max_demand_va) is not None]
    if not known:
        return (label, f.DASH, "")
    value, meter = max(known, key=lambda pair: pair[0])
    written = f.spec("va_total", meter.rated_kva)
    name = f"{meter.name} " if len(incomers) > 1 else ""
    at = f.unsure(f.time_of_day(today[meter.id].max_demand_at_ms, site.zone), is_doubted)
    demand = f.number(value / written.divisor, 0 if written.divisor == 1e3 else 2)
    return (
        label,
        say("{demand} at {time}", demand=f"{name}{demand} {written.unit}", time=at),
        _day_look(incomers),
    )
