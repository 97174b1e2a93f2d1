"""How each meter is doing on the wire, in words: its row on `/health`, and what to look at. Pure.

Counters count since the poller's start. A kind of failure is worth a sentence from its third time on when it
is more than one in two hundred questions, or when the meter does not answer now: below that a line in the
field is as good as any.
"""

import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from substation.dashboard import format as f
from substation.dashboard import phases
from substation.dashboard.heard import told
from substation.dashboard.tongue import later, say
from substation.energy.frozen import frozen_words
from substation.errors import look_at
from substation.meters.profile import Profile
from substation.quantities import BY_KEY
from substation.settings.model import Meter, Settings

WORTH_SAYING, FEWEST = 0.005, 3
KIND_WORDS = {
    "timeout": later("no answer in time"),
    "hung_up": later("connection closed by the gateway"),
    "gateway_path": later("gateway: no path to the meter"),
    "gateway_target": later("gateway: the meter did not answer it"),
    "late": later("late answers recognised, none of them used"),
    "doubtful": later("answers not used, too late to be told apart"),
    "crc": later("check sum wrong"),
    "short": later("answer cut off"),
    "length": later("answer of another length"),
    "wrong_id": later("another meter answered"),
    "wrong_function": later("answer to another function"),
    "wrong_transaction": later("answer to another request"),
    "echo": later("own request came back"),
    "noise": later("noise on the line"),
    "line_down": later("line down"),
}
"""What happened; `errors.look_at` says what to look at."""
COLUMNS = (
    later("Model"),
    later("Communication"),
    later("Asked"),
    later("Answered"),
    later("No answer"),
    later("Check sum"),
    later("Wrong"),
    later("Refused"),
    later("Noise"),
    later("Turnaround median / 95 %"),
)
COMMUNICATION, TURNAROUND = COLUMNS.index("Communication"), len(COLUMNS) - 1
TEXTS = 2
"""So many columns from the left hold words, the others numbers."""


@dataclass(frozen=True, slots=True)
class MeterWords:
    """One meter's row."""

    id: int
    name: str
    where: str
    """Its id on the wire and its line, where they do not go without saying."""
    cells: tuple[str, ...]
    """In the order of `COLUMNS`; `{}` where `age_s` stands."""
    age_s: float | None
    """Since its last good answer."""
    failed: bool
    old: frozenset[int]
    """Cells that tell of the past."""
    findings: tuple[str, ...]
    """Sentences: what goes wrong, how often, and what to look at."""
    asked: bool


def meter_words(
    settings: Settings,
    beat: Mapping[str, Any],
    now_ms: int,
    models: Mapping[int, Profile | None],
    paused: Mapping[str, str],
    *,
    running: bool = True,
) -> list[MeterWords]:
    """Return what is said of each meter, in the order of the configuration.

    Args:
        settings: which meters there are.
        beat: the poller's heartbeat; {} without one.
        now_ms: UTC, ms.
        models: by meter its profile; None where it cannot be used.
        paused: by line for what its polling pauses.
        running: whether the poller runs; if not, nothing is known of now.
    """
    said = {entry.get("id"): entry for entry in entries(beat, "meters")}
    down = frozenset(str(line.get("name")) for line in entries(beat, "lines") if line.get("state") == "down")
    now = _Now(now_ms, settings.site.zone, paused, down, running, len(settings.lines) > 1)
    return [_meter(meter, said.get(meter.id, {}), models.get(meter.id), now) for meter in settings.meters]


@dataclass(frozen=True, slots=True)
class _Now:
    """What is the same for all meters."""

    ms: int
    zone: zoneinfo.ZoneInfo
    paused: Mapping[str, str]
    down: frozenset[str]
    """Lines that are down: what a meter of theirs suffers is said once, with the line."""
    running: bool
    several: bool
    """Whether there are several lines."""


def _meter(meter: Meter, entry: Mapping[str, Any], model: Profile | None, now: _Now) -> MeterWords:
    last_ms, asked = number(entry.get("last_good_ms")), number(entry.get("asked"))
    failed = bool(entry) and entry.get("comm_status") != "OK" and bool(asked or entry.get("fault"))
    where = [f"id {meter.modbus_id}"] if meter.modbus_id != meter.id else []
    where += [meter.line] if now.several else []
    return MeterWords(
        meter.id,
        meter.name,
        ", ".join(where),
        (
            _model(model),
            _communication(meter, entry, now, failed=failed),
            *_counters(entry),
        ),
        None if last_ms is None else (now.ms - last_ms) / 1000,
        failed,
        frozenset({TURNAROUND} if failed else ()),
        tuple(_findings(entry, model, now, mute=failed and meter.line not in now.down)),
        bool(asked),
    )


def _model(model: Profile | None) -> str:
    if model is None:
        return say("cannot be used")
    return model.model if model.verified else say("{model} (not verified)", model=model.model)


def _communication(meter: Meter, entry: Mapping[str, Any], now: _Now, *, failed: bool) -> str:
    last_ms = number(entry.get("last_good_ms"))
    if not entry:
        return f.DASH
    if entry.get("fault"):
        return say("not polled")
    never = last_ms is None
    if not now.running:
        return say("not known, never answered") if never else lost_words()
    if failed:
        return say("failed, never answered") if never else say("failed, last answer {age} ago", age="{}")
    if never:
        return say("not asked yet")
    if now.paused.get(meter.line):
        return say("not asked now, last answer {age} ago", age="{}")
    return say("OK, {age} ago", age="{}")


def lost_words() -> str:
    """Return what is said of a meter that answered once, where nobody knows of now."""
    return say("not known, last answer {age} ago", age="{}")


def _counters(entry: Mapping[str, Any]) -> list[str]:
    asked, answered = number(entry.get("asked")), number(entry.get("ok"))
    median, late = number(entry.get("turnaround_p50_ms")), number(entry.get("turnaround_p95_ms"))
    return [
        f.number(asked, 0),
        f.percent(answered / asked, 2) if asked and answered is not None else f.DASH,
        *(f.number(number(entry.get(name)), 0) for name in ("timeout", "crc", "wrong", "refused", "noise")),
        f.DASH if median is None or late is None else f"{f.number(median, 0)} / {f.number(late, 0)} ms",
    ]


def _findings(entry: Mapping[str, Any], model: Profile | None, now: _Now, *, mute: bool) -> list[str]:
    found = [_sentence(told(str(entry[name]))) for name in ("fault", "doubt") if entry.get(name)]
    if isinstance(entry.get("frozen_since_ms"), int):
        found.append(_sentence(told(frozen_words(entry["frozen_since_ms"], now.zone))))
    kinds = _kinds(entry, mute=mute)
    if mute and not kinds and entry.get("comm_detail") and not entry.get("fault"):
        why = told(str(entry["comm_detail"]))
        found.append(_sentence(say("does not answer as it should: {why}", why=why)))
    found += kinds
    disabled = entry.get("disabled")
    if isinstance(disabled, dict):
        found += [
            say("{quantity} is not read: {why}.", quantity=_label(key, model), why=told(str(why)))
            for key, why in disabled.items()
        ]
    if model is not None and model.warning:
        found.append(_sentence(told(model.warning)))
    return found


def _kinds(entry: Mapping[str, Any], *, mute: bool) -> list[str]:
    found, asked, kinds = [], number(entry.get("asked")) or 0.0, entry.get("kinds")
    counts = {key: many for key, many in kinds.items() if number(many)} if isinstance(kinds, dict) else {}
    if late := number(entry.get("late")):  # beside the failures: each of these was counted as one before
        counts["late"] = late
    for kind, count in sorted(counts.items(), key=lambda item: -item[1]):
        if asked and (mute or (count >= FEWEST and count / asked > WORTH_SAYING)):
            refused = say("refused, {kind}", kind=kind.replace("_", " "))
            name = told(KIND_WORDS[kind]) if kind in KIND_WORDS else refused
            found.append(
                say(
                    "{what}, {some} of {all} times. Look at {where}.",
                    what=_capital(name),
                    some=f.number(count, 0),
                    all=f.number(asked, 0),
                    where=told(look_at(kind)),
                )
            )
    return found


def entries(beat: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """Return the entries of a list of the heartbeat; damaged ones are left out."""
    said = beat.get(name)
    return [entry for entry in said if isinstance(entry, dict)] if isinstance(said, list) else []


def number(value: object) -> float | None:
    """Return a number of the heartbeat; None for anything else."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _label(key: str, model: Profile | None) -> str:
    if key in BY_KEY:
        return phases.label(key)
    extra = model.extras.get(key) if model else None
    return extra.label if extra else key.replace("_", " ")


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _sentence(words: str) -> str:
    return _capital(words if words.endswith((".", "!", "?", "\u0964")) else f"{words}{say('.')}")
