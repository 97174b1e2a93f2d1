"""How wire, poller and clock are doing, in words: what `/health` says, from the poller's heartbeat. Pure.

Counters count since the poller's start. A kind of failure is worth a sentence when it is more than one in two
hundred questions, or when the meter does not answer now: below that a line in the field is as good as any.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from substation.dashboard import format as f
from substation.errors import look_at
from substation.quantities import BY_KEY
from substation.settings.model import Settings

WORTH_SAYING = 0.005
KIND_WORDS = {
    "timeout": "no answer in time",
    "hung_up": "connection closed by the gateway",
    "gateway_path": "gateway: no path to the meter",
    "gateway_target": "gateway: the meter did not answer it",
    "doubtful": "answers not used, too late to be told apart",
    "crc": "check sum wrong",
    "short": "answer cut off",
    "length": "answer of another length",
    "wrong_id": "another meter answered",
    "wrong_function": "answer to another function",
    "wrong_transaction": "answer to another request",
    "echo": "own request came back",
    "noise": "noise on the line",
    "line_down": "line down",
}
"""What happened; `errors.look_at` says what to look at."""
LINE_KINDS = {"serial": "RS-485", "rtu_tcp": "RTU over TCP", "tcp": "Modbus TCP"}


@dataclass(frozen=True, slots=True)
class LineWords:
    """One line."""

    name: str
    kind: str
    port: str
    is_down: bool
    detail: str
    """Why it is down or paused; empty while it polls."""
    facts: tuple[tuple[str, str], ...]
    share: float | None
    """One round as a part of the interval, 0 to 1; None where none is known."""
    limit: float | None
    """The wire's limit likewise."""


@dataclass(frozen=True, slots=True)
class MeterWords:
    """One meter's row: cells in the order of `COLUMNS`."""

    id: int
    name: str
    cells: tuple[str, ...]
    findings: tuple[str, ...]
    """Sentences: what goes wrong, how often, and what to look at."""


COLUMNS = (
    "Communication",
    "Asked",
    "Answered",
    "No answer",
    "Check sum",
    "Wrong",
    "Refused",
    "Noise",
    "Turnaround median / 95 %",
)


def line_words(settings: Settings, beat: Mapping[str, Any]) -> list[LineWords]:
    """Return what is said of each line of the heartbeat."""
    interval_s = _number(beat.get("interval_s")) or 0.0
    formats = {line.name: f"{line.baud} {line.format}" for line in settings.lines}
    return [
        _line(entry, interval_s, formats.get(str(entry.get("name")), "")) for entry in _entries(beat, "lines")
    ]


def _line(entry: Mapping[str, Any], interval_s: float, format_words: str) -> LineWords:
    round_s, limit_s = _number(entry.get("round_s")), _number(entry.get("limit_s"))
    busy, waited = _number(entry.get("busy")), _number(entry.get("waited"))
    facts: list[tuple[str, str]] = []
    if round_s:
        words = f"{round_s:.3f} s"
        if limit_s:
            words += f", {f.percent(min(1.0, limit_s / round_s), 1)} of what the wire allows"
        facts.append(("One round", words))
    facts.append(("A round every", f"{interval_s:g} s" if interval_s else "as soon as the last is over"))
    if busy is not None:
        words = f.percent(busy)
        if waited:
            words += f", of it {f.percent(waited)} waiting for silent meters"
        facts.append(("Line in use", words))
    facts.append(("Speed", format_words or f.DASH))
    down = entry.get("state") == "down"
    detail = str(entry.get("detail") or "") if down else str(entry.get("paused") or "")
    whole = interval_s or round_s
    return LineWords(
        str(entry.get("name", "")),
        LINE_KINDS.get(str(entry.get("kind", "serial")), ""),
        str(entry.get("port", "")),
        down,
        detail,
        tuple(facts),
        min(1.0, round_s / whole) if round_s and whole else None,
        min(1.0, limit_s / whole) if limit_s and whole else None,
    )


def meter_words(settings: Settings, beat: Mapping[str, Any], now_ms: int) -> list[MeterWords]:
    """Return what is said of each meter, in the order of the configuration."""
    said = {entry.get("id"): entry for entry in _entries(beat, "meters")}
    return [
        MeterWords(
            meter.id,
            meter.name,
            _cells(said.get(meter.id, {}), now_ms),
            tuple(_findings(said.get(meter.id, {}))),
        )
        for meter in settings.meters
    ]


def _cells(entry: Mapping[str, Any], now_ms: int) -> tuple[str, ...]:
    asked, answered = _number(entry.get("asked")), _number(entry.get("ok"))
    last_ms = entry.get("last_good_ms")
    if entry.get("comm_status") == "OK":
        state = "OK" if asked else "not asked yet"
    elif not entry:
        state = f.DASH
    else:
        since = f", last answer {f.age((now_ms - last_ms) / 1000)} ago" if isinstance(last_ms, int) else ""
        state = f"failed{since}"
    median, late = entry.get("turnaround_p50_ms"), entry.get("turnaround_p95_ms")
    pair = [_number(value) for value in (median, late)]
    turnaround = f.DASH if None in pair else f"{f.number(pair[0], 0)} / {f.number(pair[1], 0)} ms"
    return (
        state,
        f.number(asked, 0),
        f.percent(answered / asked, 2) if asked and answered is not None else f.DASH,
        *(f.number(_number(entry.get(name)), 0) for name in ("timeout", "crc", "wrong", "refused", "noise")),
        turnaround,
    )


def _findings(entry: Mapping[str, Any]) -> list[str]:
    found = []
    if entry.get("fault"):
        found.append(str(entry["fault"]))
    if entry.get("doubt"):
        found.append(str(entry["doubt"]))
    if isinstance(entry.get("frozen_since_ms"), int):
        found.append(
            "The meter repeats itself to the last digit: its values are not used. Restart the meter."
        )
    asked = _number(entry.get("asked")) or 0.0
    silent = entry.get("comm_status") not in ("OK", None)
    kinds = entry.get("kinds")
    counts = dict(kinds) if isinstance(kinds, dict) else {}
    for kind, count in sorted(counts.items(), key=lambda item: -item[1]):
        if asked and (count / asked > WORTH_SAYING or silent):
            name = KIND_WORDS.get(kind, f"refused, {kind.replace('_', ' ')}")
            share = f"{f.number(count, 0)} of {f.number(asked, 0)}"
            found.append(f"{_capital(name)}, {share} times. Look at {look_at(kind)}.")
    disabled = entry.get("disabled")
    if isinstance(disabled, dict):
        found += [f"{_label(key)} is not read: {why}." for key, why in disabled.items()]
    return found


def summary(beat: Mapping[str, Any] | None, now_ms: int, age_s: float | None) -> str:
    """Return what is said of the poller beside the page's heading."""
    if beat is None:
        return "The poller has not reported yet."
    started = _number(beat.get("started_ms"))
    since = f", started {f.duration((now_ms - started) / 1000)} ago" if started else ""
    return f"Poller's last report {f.age(age_s)} ago, round {f.number(_number(beat.get('round')), 0)}{since}"


def _entries(beat: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    said = beat.get(name)
    return [entry for entry in said if isinstance(entry, dict)] if isinstance(said, list) else []


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _label(key: str) -> str:
    return BY_KEY[key].label if key in BY_KEY else key.replace("_", " ")


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
