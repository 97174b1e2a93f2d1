"""From what was identified to a configuration: lines and meters as `config.json` takes them. Pure.

What stands in the configuration stays: names, roles, ratings, other lines. A meter's profile is changed
only where the configured map does not fit and another does. New ids get a name to be replaced by a
better one. Nothing is proposed for an id whose model is unknown.
"""

from collections.abc import Sequence
from typing import Any

from substation.settings.model import Line, Meter, Settings

FREE_NUMBERS = range(1, 248)


def propose(settings: Settings | None, line: Line, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return `lines`, `meters` and `changes` (in words).

    Args:
        settings: the station as it is; None where there is none yet.
        line: the line that was identified.
        rows: the rows of `commission.identify`.
    """
    lines = list(settings.lines) if settings else [line]
    meters = list(settings.meters) if settings else []
    changes: list[str] = []
    for row in rows:
        name, modbus_id = row["profile"], row["id"]
        if not name or row["verdict"] == "unknown":
            if row["meter"] is None and row["there"]:
                changes.append(f"id {modbus_id}: left out, its model is unknown; add it by hand")
            continue
        at = next(
            (at for at, one in enumerate(meters) if one.line == line.name and one.modbus_id == modbus_id),
            None,
        )
        if at is None:
            meter = _new(meters, line, modbus_id, name)
            meters.append(meter)
            changes.append(
                f"id {modbus_id}: new, {name} ({row['verdict']}); give it a better name than {meter.name}"
            )
        elif meters[at].profile != name and row["agrees"] is False:
            changes.append(
                f"id {modbus_id}: {meters[at].name}: {meters[at].profile} -> {name} ({row['verdict']})"
            )
            meters[at] = meters[at].model_copy(update={"profile": name})
    return {
        "lines": [_line(one) for one in lines],
        "meters": [_plain(one) for one in meters],
        "changes": changes,
    }


def _new(meters: Sequence[Meter], line: Line, modbus_id: int, profile: str) -> Meter:
    """Return a meter under its own id where that number is free, else under the next free one."""
    taken = {meter.id for meter in meters}
    number = next((one for one in (modbus_id, *FREE_NUMBERS) if one not in taken), modbus_id)
    names = {meter.name for meter in meters}
    name = next(
        one
        for one in (f"Meter {number}", f"Meter {number} new", f"{line.name} id {modbus_id}")
        if one not in names
    )
    return Meter(
        id=number,
        name=name,
        profile=profile,
        line=line.name,
        device_id=None if number == modbus_id else modbus_id,
    )


def _line(line: Line) -> dict[str, Any]:
    """Return a line with what a person looks for, and its kind where it is no serial one."""
    kind = {} if line.kind == "serial" else {"kind": line.kind}
    return {"name": line.name, **kind, "port": line.port, "baud": line.baud, "format": line.format}


def _plain(meter: Meter) -> dict[str, Any]:
    """Return a meter with what differs from the defaults, and with what a person looks for."""
    shown = meter.model_dump(mode="json", exclude_defaults=True)
    always = {
        "id": meter.id,
        "name": meter.name,
        "role": meter.role,
        "profile": meter.profile,
        "line": meter.line,
    }
    return {**always, **shown}
