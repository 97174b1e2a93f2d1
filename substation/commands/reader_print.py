"""What commissioning found, as a person reads it in a terminal."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from substation.bus.commission import Outcome
from substation.quantities import BY_KEY


def as_json(result: Mapping[str, Any]) -> None:
    """Print the result for a program."""
    print(json.dumps(result, ensure_ascii=False, indent=1))


def shown(kind: str, outcome: Outcome) -> None:
    """Print the result for a person."""
    result = outcome.result
    lines = {"scan": _scan, "identify": _identify, "wiring": _wiring}.get(kind)
    if lines is None:
        lines = _register if "decoded" in result else _meter
    for line in lines(result):
        print(line.rstrip())
    print(outcome.words)


def columns(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Yield a table; numbers to the right."""
    cells = [[("-" if cell is None else str(cell)) for cell in row] for row in rows]
    widths = (
        [max(len(head[at]), *(len(row[at]) for row in cells)) for at in range(len(head))] if cells else []
    )
    right = [all(isinstance(row[at], int | float | None) for row in rows) for at in range(len(head))]
    if not cells:
        return
    yield "  ".join(f"{name:<{width}}" for name, width in zip(head, widths, strict=True))
    for row in cells:
        yield "  ".join(
            f"{cell:>{width}}" if to_right else f"{cell:<{width}}"
            for cell, width, to_right in zip(row, widths, right, strict=True)
        )


def number(value: float | None) -> str:
    """Return a value with seven digits, as many as a float32 holds."""
    return "-" if value is None else f"{value:.7g}"


def plain(value: float | None) -> str:
    """Return a measured value as it is read out: without an exponent, unless it is beyond all measure."""
    return f"{value:.0f}" if value is not None and 1e6 <= abs(value) < 1e15 else number(value)


def _measured(key: str, value: float | None) -> str:
    quantity = BY_KEY[key]
    return f"{quantity.label} {plain(value)} {quantity.unit}".rstrip()


def _scan(result: Mapping[str, Any]) -> Iterator[str]:
    yield f"{result['line']}: {result['port']}, {result['baud']} {result['format']}"
    rows = [
        (row["id"], row["meter"] or "", row["state"], row["answers"], row["turnaround_ms"], row["words"])
        for row in result["found"]
    ]
    yield from columns(("id", "meter", "state", "answers", "ms", ""), rows)
    for row in result["absent"]:
        yield f"configured, but silent: {row['meter']} (id {row['id']})"
    yield from (f"note: {note}" for note in result["notes"])


def _identify(result: Mapping[str, Any]) -> Iterator[str]:
    yield f"{result['line']}: {result['port']}, {result['baud']} {result['format']}"
    for row in result["meters"]:
        name = f" ({row['meter']})" if row["meter"] else ""
        yield f"id {row['id']}{name}: {row['verdict']}: {row['words']}"
        if row["agrees"] is False:
            yield f"    configured is {row['configured']}, which does not fit"
        values = [_measured(key, value) for key, value in row["values"].items()]
        if values:
            yield f"    {', '.join(values)}"
        yield from (f"    against it: {words}" for words in row["failed"][:3])
    yield from (f"note: {note}" for note in result["notes"])
    proposal = result["proposal"]
    yield "proposed configuration (python3 encrypt_config.py edit):"
    yield json.dumps({name: proposal[name] for name in ("lines", "meters")}, ensure_ascii=False, indent=2)
    yield from (f"change: {words}" for words in proposal["changes"])


def _meter(result: Mapping[str, Any]) -> Iterator[str]:
    name = f"{result['meter']}, " if result["meter"] else ""
    yield f"{name}id {result['id']}, {result['model']} ({result['profile']})"
    rows = [
        (
            row["label"],
            plain(row["value"]),
            row["unit"],
            row["register"],
            row["address"],
            " ".join(row["raw"]),
            row["group"],
            ("extra " if row["extra"] else "") + row["why"],
        )
        for row in result["rows"]
    ]
    yield from columns(("quantity", "value", "unit", "register", "address", "raw", "read", ""), rows)
    if result["refused"]:
        yield f"not in this meter: {', '.join(result['refused'])}"
    if result["doubt"]:
        yield f"word order: {result['doubt']}"


def _register(result: Mapping[str, Any]) -> Iterator[str]:
    own = result["own"]
    yield f"function {result['function']:02d}, address {result['address']}, raw {' '.join(result['raw'])}"
    if own:
        yield (
            f"{result['key']} ({own['label']}): {plain(own['value'])} {own['unit']}".rstrip()
            + f"   as {own['encoding']} {own['word_order']} x {own['scale']:g}"
        )
    rows = [
        (
            row["order"],
            number(row["float32"]),
            "-" if row["int32"] is None else row["int32"],
            "-" if row["uint32"] is None else row["uint32"],
            "<- the profile's" if row["own"] else "",
        )
        for row in result["decoded"]
    ]
    yield from columns(("order", "float32", "int32", "uint32", ""), rows)
    yield f"first register alone: int16 {result['single']['int16']}, uint16 {result['single']['uint16']}"


def _wiring(result: Mapping[str, Any]) -> Iterator[str]:
    for row in result["meters"]:
        yield f"id {row['id']} {row['meter'] or ''}: {row['words']}"
        yield from _findings(row["findings"])
        yield from (f"    note: {note}" for note in row["notes"])
    if result["site"]:
        yield "incomer and feeders together:"
        yield from _findings(result["site"])
    yield from (f"note: {note}" for note in result["notes"])


def _findings(findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for one in findings:
        yield f"    {one['certainty']}: {one['what']}"
        yield f"        {one['evidence']}"
        yield f"        look at {one['look_at']}"
