"""`export.json`, the second file in the archive: what the first one is, and how whole.

What it says stands in the forms that have a place for it too: in a Parquet file's metadata, on a sheet.
"""

import json
import math
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from substation.clock import iso, site_time
from substation.export import estimate, table
from substation.export.order import WORDS, Order
from substation.export.table import Form, Tallies, Tally
from substation.store.pages import Facts
from substation.store.rollup import period_start


@dataclass(frozen=True, slots=True)
class Occasion:
    """Who asked, when, for which station."""

    site: str
    asked_by: str
    at_ms: int
    version: str
    anchor: tuple[int, str] | None
    """Number and MAC of the audit log's last line: shows later that its end was not cut off."""


def about(
    occasion: Occasion,
    order: Order,
    form: Form,
    facts: Facts | None,
    tallies: Tallies,
    *,
    zone: ZoneInfo,
) -> dict[str, object]:
    """Return what there is to say about the rows.

    Args:
        occasion: who asked, when, for which station.
        order: for what.
        form: of the rows; its zone is that of their local time.
        facts: what the history says; None without one.
        tallies: what was written, by meter.
        zone: the site's, of the settings.
    """
    anchor = occasion.anchor
    return {
        "readings": "SIMULATED: a demo's figures, no meter said them" if form.simulated else "real",
        "rows": total(tallies),
        "station": {
            "name": occasion.site,
            "timezone": zone.key,
            "timezone_of_rows": form.zone.key,
            "timezone_of_history": facts.zone if facts else None,
        },
        "range": _range(order, zone, facts, tallies),
        "resolution": {"name": order.resolution, "words": WORDS[order.resolution], "period_s": form.period_s},
        "energies": {
            "interval_s": form.slow_interval_s or form.interval_s or None,
            "words": _energies_words(form),
        },
        "meters": _meters(order, form, tallies, occasion.at_ms),
        "completeness": _completeness_words(form),
        "columns": [
            {"name": c.name, "unit": c.unit, "what": c.what} for c in table.columns(form, order.form)
        ],
        "exported": {
            "utc": iso(occasion.at_ms),
            "local": _local(occasion.at_ms, zone),
            "by": occasion.asked_by,
            "program": f"Smart Substation Monitoring System {occasion.version}",
        },
        "audit_anchor": anchor and {"seq": anchor[0], "mac": anchor[1]},
    }


def manifest(what: dict[str, object], file: str, size: int, sha256: str) -> bytes:
    """Return the manifest as JSON, to be read by people too: what `about` says, and of which file."""
    document = {"readings": what["readings"], "file": file, "sha256": sha256, "bytes": size, **what}
    return json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def total(tallies: Tallies) -> int:
    """Return how many rows were written."""
    return sum(tally.rows for tally in tallies.values())


def remarks(order: Order, zone: ZoneInfo, facts: Facts | None, tallies: Tallies) -> str:
    """Return in words what the file does not hold though it was asked for, and in which zone; or nothing."""
    if facts is None:
        return "no rows: there is no history yet"
    if not tallies:
        return "no rows: the history holds nothing of this time and these meters"
    first_ms = min(tally.first_ms for tally in tallies.values())
    told = (estimate.begins_later(order, facts, first_ms), estimate.other_zone(order, facts, zone))
    return "; ".join(words for words in told if words)


def _range(order: Order, zone: ZoneInfo, facts: Facts | None, tallies: Tallies) -> dict[str, object]:
    return {
        "from_utc": iso(order.start_ms),
        "to_utc": iso(order.end_ms),
        "from_local": _local(order.start_ms, zone),
        "to_local": _local(order.end_ms, zone),
        "remarks": remarks(order, zone, facts, tallies),
    }


def _meters(order: Order, form: Form, tallies: Tallies, at_ms: int) -> list[dict[str, object]]:
    due = _due(order, form, at_ms)
    ids = set(order.meter_ids or form.names) | set(tallies)
    return [_meter(one, form.names.get(one, ""), tallies.get(one), due) for one in sorted(ids)]


def _meter(meter_id: int, name: str, tally: Tally | None, due: "_Due") -> dict[str, object]:
    polls = tally.polls if tally else 0
    return {
        "id": meter_id,
        "name": name,
        "rows": tally.rows if tally else 0,
        "rows_with_an_answer": tally.answered if tally else 0,
        "rows_due": due.rows,
        "polls_answered": polls,
        "polls_due": due.polls,
        # cut off, not rounded: 0.99996 is not whole; and above 1 it says that more came than were due
        "completeness": polls * 10_000 // due.polls / 10_000 if due.polls else None,
        "first_row_utc": iso(tally.first_ms) if tally else None,
        "last_row_utc": iso(tally.last_ms) if tally else None,
    }


@dataclass(frozen=True, slots=True)
class _Due:
    """What was due of each meter; None: it cannot be told."""

    rows: int | None
    polls: int | None


def _due(order: Order, form: Form, at_ms: int) -> _Due:
    """Return what was due in the time asked for, as far as it has passed; a period as far as it has."""
    start_ms, end_ms = order.start_ms, min(order.end_ms, at_ms)
    rows = None
    if form.period_s is not None:
        start_ms = _first_period(order.table, start_ms, form)
        if start_ms >= end_ms:
            return _Due(0, 0 if form.interval_s else None)
        last_ms = period_start(order.table, end_ms - 1, form.zone)
        rows = round((last_ms - start_ms) / 1000 / form.period_s) + 1  # days of 23 and 25 hours too
        end_ms = min(last_ms + table.length_ms(last_ms, form.period_s, form.zone), at_ms)
    if not form.interval_s:
        return _Due(rows, None)
    polls = math.ceil(max(0, end_ms - start_ms) / 1000 / form.interval_s)
    return _Due(polls if rows is None else rows, polls)


def _first_period(name: str, start_ms: int, form: Form) -> int:
    """Return when the first period begins that does not begin before `start_ms`."""
    begin_ms = period_start(name, start_ms, form.zone)
    if begin_ms == start_ms or form.period_s is None:
        return start_ms
    return begin_ms + table.length_ms(begin_ms, form.period_s, form.zone)


def _energies_words(form: Form) -> str:
    if form.period_s is not None:
        often = f"every {form.slow_interval_s:g} s" if form.slow_interval_s else "in every poll"
        return (
            f"registers read {often} by the settings when exported; a row has the last one of its period, "
            "and none where the period passed without one"
        )
    if not form.slow_interval_s:
        return "registers read in every poll by the settings when exported"
    return f"registers {table.energies_words(form)}. No value is missing for that: completeness counts polls"


def _completeness_words(form: Form) -> str:
    if not form.interval_s:
        return "unknown: the line is polled without pause, so nobody can tell how many polls were due"
    return (
        f"polls_answered / polls_due of each meter. Due is one poll every {form.interval_s:g} s, the "
        "interval set when exported, over the periods that begin in the time asked for, as far as they had "
        "passed. "
        "What was polled at another interval (imported readings, the past of a demo, a time before the "
        "setting was changed) is measured by this one all the same: below 1 it may still be whole, above 1 "
        "it was polled more often"
    )


def _local(ms: int, zone: ZoneInfo) -> str:
    return site_time(ms, zone).isoformat(timespec="seconds")
