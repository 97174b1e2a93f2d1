"""`export.json`, the second file in the archive: what the first one is, and how whole."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from substation.clock import iso, site_time
from substation.export import estimate, table
from substation.export.order import WORDS, Order
from substation.export.seal import CSV_NAME
from substation.export.table import Form, Tally
from substation.store.pages import Facts


@dataclass(frozen=True, slots=True)
class Written:
    """What went into the CSV."""

    tallies: Mapping[int, Tally]
    """By meter."""
    csv_bytes: int
    sha256: str

    @property
    def total(self) -> int:
        """All lines, without the header."""
        return sum(tally.rows for tally in self.tallies.values())


@dataclass(frozen=True, slots=True)
class Occasion:
    """Who asked, when, for which station."""

    site: str
    asked_by: str
    at_ms: int
    version: str
    anchor: tuple[int, str] | None
    """Number and MAC of the audit log's last line: shows later that its end was not cut off."""


def manifest(occasion: Occasion, order: Order, form: Form, facts: Facts | None, written: Written) -> bytes:
    """Return the manifest as JSON, to be read by people too."""
    anchor = occasion.anchor
    document: dict[str, object] = {
        "readings": "SIMULATED: a demo's figures, no meter said them" if form.simulated else "real",
        "file": CSV_NAME,
        "sha256": written.sha256,
        "bytes": written.csv_bytes,
        "rows": written.total,
        "station": {"name": occasion.site, "timezone": form.zone.key},
        "range": _range(order, form.zone, facts, written),
        "resolution": {"name": order.resolution, "words": WORDS[order.resolution], "period_s": form.period_s},
        "meters": _meters(order, form, written, occasion.at_ms),
        "columns": [{"name": c.name, "unit": c.unit, "what": c.what} for c in table.columns(form)],
        "exported": {
            "utc": iso(occasion.at_ms),
            "local": _local(occasion.at_ms, form.zone),
            "by": occasion.asked_by,
            "program": f"Smart Substation Monitoring System {occasion.version}",
        },
        "audit_anchor": anchor and {"seq": anchor[0], "mac": anchor[1]},
    }
    return json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def remarks(order: Order, facts: Facts | None, written: Written) -> str:
    """Return in words what the file does not hold though it was asked for; or nothing."""
    if facts is None:
        return "no rows: there is no history yet"
    if not written.total:
        return "no rows: the history holds nothing of this time and these meters"
    return estimate.begins_later(order, facts, min(tally.first_ms for tally in written.tallies.values()))


def _range(order: Order, zone: ZoneInfo, facts: Facts | None, written: Written) -> dict[str, object]:
    return {
        "from_utc": iso(order.start_ms),
        "to_utc": iso(order.end_ms),
        "from_local": _local(order.start_ms, zone),
        "to_local": _local(order.end_ms, zone),
        "remarks": remarks(order, facts, written),
    }


def _meters(order: Order, form: Form, written: Written, at_ms: int) -> list[dict[str, object]]:
    due = _due(order, form, at_ms)
    ids = set(order.meter_ids or form.names) | set(written.tallies)
    return [_meter(one, form.names.get(one, ""), written.tallies.get(one), due) for one in sorted(ids)]


def _meter(meter_id: int, name: str, tally: Tally | None, due: int | None) -> dict[str, object]:
    answered = tally.answered if tally else 0
    return {
        "id": meter_id,
        "name": name,
        "rows": tally.rows if tally else 0,
        "rows_with_an_answer": answered,
        "rows_due": due,
        "completeness": round(min(1.0, answered / due), 4) if due else None,
        "first_row_utc": iso(tally.first_ms) if tally else None,
        "last_row_utc": iso(tally.last_ms) if tally else None,
    }


def _due(order: Order, form: Form, at_ms: int) -> int | None:
    """Return how many rows of a meter were due in the time asked for, as far as it has passed."""
    span_s = max(0, min(order.end_ms, at_ms) - order.start_ms) / 1000
    each_s = form.period_s or form.interval_s
    return int(span_s / each_s) if each_s else None


def _local(ms: int, zone: ZoneInfo) -> str:
    return site_time(ms, zone).isoformat(timespec="seconds")
