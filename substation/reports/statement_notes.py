"""What a statement must say in words: meters exchanged, registers begun again, readings left out. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from substation.clock import site_time
from substation.energy.account import Account
from substation.meters import ratio
from substation.reports.statement import NEAR_MS, MeterMonth, Month, Statement

MOST_TIMES = 3
"""So many times of readings that were left out are told."""


def of_meters(shown: Mapping[int, Mapping[str, str]], month: Month, zone: ZoneInfo) -> list[str]:
    """Return what has to be said of the registers that are shown, by meter; the same of several once."""
    found: dict[str, list[str]] = {}
    for one in month.meters:
        for whose, note in _meter_notes(one, shown[one.meter.id], month, zone):
            found.setdefault(note, []).append(whose)
    every = len(month.meters)
    return [
        f"{'All meters' if len(whose) == every > 1 else ', '.join(whose)}: {note}"
        for note, whose in found.items()
    ]


def _meter_notes(
    one: MeterMonth, registers: Mapping[str, str], month: Month, zone: ZoneInfo
) -> list[tuple[str, str]]:
    """Return of which registers of a meter what has to be said."""
    found: dict[str, list[str]] = {}
    for key, words in registers.items():
        if key not in one.accounts:
            continue
        for note in _of_account(one.accounts[key], one.changes, month, zone):
            found.setdefault(note, []).append(words)
    told = [
        (f"{one.meter.name}{'' if len(words) == len(registers) else ', ' + ', '.join(words)}", note)
        for note, words in found.items()
    ]
    if one.between is not None:
        begin, end = _moment(one.between.begin_ms, zone), _moment(one.between.end_ms, zone)
        wh = one.between.wh
        much = "what flowed is not known and" if wh is None else f"{wh / 1000:.3f} kWh flowed, which"
        words = (
            f"nobody read it between {begin}, the closing reading of the month before, and {end}; {much} is "
            "in neither month."
        )
        told.append((one.meter.name, words))
    return told


def month_notes(found: Statement, zone: ZoneInfo) -> Iterator[str]:
    """Yield what has to be said of both months as a whole."""
    for month in (found.now, found.before):
        for span in month.doubted:
            begin, end = _moment(span.begin_ms, zone), _moment(span.end_ms, zone)
            yield f"Nobody vouched for the machine's clock from {begin} to {end}; these times may be wrong."


def _of_account(
    found: Account, changes: Sequence[ratio.Change], month: Month, zone: ZoneInfo
) -> Iterator[str]:
    for cut in found.cuts:
        span = f"between {_moment(cut.after.at_ms, zone)} and {_moment(cut.until.at_ms, zone)}"
        set_anew = [one for one in changes if cut.after.at_ms < one.at_ms <= cut.until.at_ms]
        if cut.sure and set_anew:
            factors = f"from {set_anew[0].before:g} to {set_anew[-1].after:g}"
            yield (
                f"its multiplying factor was set {factors} {span}; the circuit's readings begin anew there, "
                "and what flowed meanwhile is in no figure."
            )
        elif cut.sure:
            what = "was reset" if cut.reset else "was exchanged"
            yield f"the meter {what} {span}; what flowed meanwhile is in no figure."
        else:
            yield f"{cut.why} {span}; the units are told when the next readings decide."
    for piece in found.pieces:
        if piece.turned:
            at = ", ".join(_moment(register.at_ms, zone) for register in piece.rollovers)
            each = piece.turned / max(1, len(piece.rollovers)) / 1000
            yield f"the register began again at 0 after {each:.3f} (read at {at}); counted through."
    if found.false:
        times = ", ".join(_moment(register.at_ms, zone) for register in found.false[:MOST_TIMES])
        more = " ..." if len(found.false) > MOST_TIMES else ""
        count = len(found.false)
        yield (
            f"{count} reading{'s' if count > 1 else ''} left out, contradicted by those around "
            f"({times}{more})."
        )
    if found.opening.at_ms - month.start_ms > NEAR_MS:
        at = _moment(found.opening.at_ms, zone)
        yield f"not read before {at}; what flowed earlier is not in the units."
    if month.start_ms - found.opening.at_ms > NEAR_MS:
        at = _moment(found.opening.at_ms, zone)
        yield f"opened at {at}; what flowed before midnight is in the units."
    if month.ends_early(found):
        at = _moment(found.closing.at_ms, zone)
        yield f"not read after {at}; what flowed later is not in the units."


def _moment(at_ms: int, zone: ZoneInfo) -> str:
    return f"{site_time(at_ms, zone):%d %b %H:%M:%S}"
