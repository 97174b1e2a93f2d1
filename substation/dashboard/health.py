"""How lines, meters, poller and stores are doing, in words: what `/health` says. Pure.

Everything comes from the poller's heartbeat, but what is said of the stores, which is asked of them. A page
is drawn from a `Report` once and painted anew from `plain(report)` every few seconds; a text with an age has
`{}` in its place, and the browser counts on. A cell that tells of the past only is named in `old`, so that
it is not taken for the present: those of a line that is down, and all of lines and meters while the poller
does not run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from substation.dashboard import format as f
from substation.dashboard import health_store
from substation.dashboard.board import Board
from substation.dashboard.health_meters import (
    COMMUNICATION,
    MeterWords,
    entries,
    lost_words,
    meter_words,
    number,
)
from substation.dashboard.health_store import Part
from substation.dashboard.heard import told
from substation.dashboard.store_facts import Facts
from substation.dashboard.tongue import later, say
from substation.meters.profile import Profile
from substation.settings.model import Settings

LINE_KINDS = {"serial": "RS-485", "rtu_tcp": "RTU over TCP", "tcp": "Modbus TCP"}
FACTS = (
    later("One round"),
    later("A round every"),
    later("Line in use"),
    later("Waiting for silent meters"),
    later("Speed"),
)
LETTERS = {later("Store"): "s", later("Copies"): "k", later("Messages"): "q"}
"""With which the names of their cells begin."""
NOT_RUNNING = later("What stands here is its last report.")

Sign = Literal["alarm", "warn", "late"]


@dataclass(frozen=True, slots=True)
class LineWords:
    """One line."""

    name: str
    kind: str
    port: str
    notes: tuple[tuple[Sign, str], ...]
    """Why it is down or paused, and what of its adapter somebody should look at."""
    facts: tuple[str, ...]
    """In the order of `FACTS`."""
    share: float | None
    """One round as a part of the interval, 0 to 1; None where none is known."""
    limit: float | None
    """The wire's limit likewise."""
    limit_words: str
    old: bool
    """Whether the facts are of the past."""


@dataclass(frozen=True, slots=True)
class Report:
    """The whole page."""

    running: bool
    banner: str
    """Why nothing here is of now; empty while the poller runs."""
    summary: str
    """Of the poller, `{}` where the age of its report stands."""
    age_s: float | None
    lines: tuple[LineWords, ...]
    meters: tuple[MeterWords, ...]
    problems: tuple[str, ...]
    """What the station says of itself and is not said of a line or a meter here."""
    store: Part
    copies: Part
    messages: Part


def report(
    settings: Settings,
    beat: Mapping[str, Any] | None,
    board: Board,
    models: Mapping[int, Profile | None],
    facts: Facts,
    *,
    messages: Part,
) -> Report:
    """Return the page in words.

    Args:
        settings: which lines and meters there are.
        beat: the poller's heartbeat; None without one.
        board: what is known now, for its judgement of the poller.
        models: by meter its profile; None where it cannot be used.
        facts: of the stores.
        messages: what is said of the messenger.
    """
    running = board.poller.state == "running" and beat is not None
    lines = line_words(settings, beat or {})
    paused = {
        str(entry.get("name")): str(entry.get("paused") or "") for entry in entries(beat or {}, "lines")
    }
    meters = meter_words(settings, beat or {}, board.at_ms, models, paused, running=running)
    said = {words for line in lines for _, words in line.notes}
    said |= {words for meter in meters for words in meter.findings}
    said |= {words for _, words in messages.notes}
    at_ms = number((beat or {}).get("at_ms"))
    banner = "" if running else f"{told(board.poller.words)} {told(NOT_RUNNING) if beat else ''}".strip()
    return Report(
        running,
        banner,
        summary(beat, board.at_ms),
        None if at_ms is None else (board.at_ms - at_ms) / 1000,
        tuple(lines),
        tuple(meters),
        tuple(words for words in map(told, board.problems) if not _said(words, said)),
        health_store.store(settings, facts),
        health_store.copies(settings, facts),
        messages,
    )


def _said(words: str, said: set[str]) -> bool:
    """Return whether a problem stands on the page already; a meter's begins with its name there."""
    end = say(".")
    bare, whole = words.casefold().removesuffix(end), {one.casefold().removesuffix(end) for one in said}
    return any(bare == one or bare.endswith(f": {one}") for one in whole)


def summary(beat: Mapping[str, Any] | None, now_ms: int) -> str:
    """Return what is said of the poller beside the page's heading."""
    if beat is None:
        return say("The poller has not reported yet.")
    started = number(beat.get("started_ms"))
    rounds = f.number(number(beat.get("round")), 0)
    if not started:
        return say("Poller's last report {age} ago, round {number}", age="{}", number=rounds)
    return say(
        "Poller's last report {age} ago, round {number}, started {long} ago",
        age="{}",
        number=rounds,
        long=f.duration((now_ms - started) / 1000),
    )


def line_words(settings: Settings, beat: Mapping[str, Any]) -> list[LineWords]:
    """Return what is said of each line of the heartbeat."""
    interval_s = number(beat.get("interval_s")) or 0.0
    speeds = {
        line.name: f"{line.baud} {line.format}" if line.kind == "serial" else f.DASH
        for line in settings.lines
    }
    return [
        _line(entry, interval_s, speeds.get(str(entry.get("name")), f.DASH))
        for entry in entries(beat, "lines")
    ]


def _line(entry: Mapping[str, Any], interval_s: float, speed: str) -> LineWords:
    round_s, limit_s = number(entry.get("round_s")), number(entry.get("limit_s"))
    one_round, whole = f.DASH, interval_s or round_s
    if round_s:
        one_round = f"{round_s:.3f} s"
        if limit_s:
            share = f.percent(min(1.0, limit_s / round_s), 1)
            one_round = say("{long}, {share} of what the wire allows", long=one_round, share=share)
    waited = number(entry.get("waited"))
    down = entry.get("state") == "down"
    advice = entry.get("advice")
    notes: list[tuple[Sign, str]] = []
    if down:
        notes.append(("alarm", told(str(entry.get("detail") or "its port cannot be opened"))))
    if entry.get("paused"):
        notes.append(("late", say("Polling pauses: {why}", why=told(str(entry["paused"]))) + say(".")))
    notes += [("warn", told(str(words))) for words in advice] if isinstance(advice, list) else []
    return LineWords(
        str(entry.get("name", "")),
        LINE_KINDS.get(str(entry.get("kind", "serial")), ""),
        str(entry.get("port", "")),
        tuple(dict.fromkeys(notes)),
        (
            one_round,
            f"{interval_s:g} s" if interval_s else say("as soon as the last is over"),
            f.percent(number(entry.get("busy"))),
            f.DASH if waited is None else say("{share} of its use since the start", share=f.percent(waited)),
            speed,
        ),
        min(1.0, round_s / whole) if round_s and whole else None,
        min(1.0, limit_s / whole) if limit_s and whole else None,
        say("wire's limit {long}", long=f"{limit_s:.3f} s") if limit_s else "",
        down,
    )


def plain(said: Report) -> dict[str, Any]:
    """Return the page as its script paints it: every cell by name, lists whole."""
    cells, ages, old = {"poller": said.summary}, {"poller": said.age_s}, list[str]()
    for place, line in enumerate(said.lines):
        names = [f"l{place}f{n}" for n in range(len(FACTS))]
        cells |= dict(zip(names, line.facts, strict=True))
        old += names if line.old or not said.running else []
    for meter in said.meters:
        cells |= {f"m{meter.id}c{n}": words for n, words in enumerate(meter.cells)}
        ages[f"m{meter.id}c1"] = meter.age_s
        old += [f"m{meter.id}c{n}" for n in range(len(meter.cells)) if n in meter.old or not said.running]
    bad = [f"m{meter.id}c1" for meter in said.meters if meter.failed]
    for letter, part in zip(LETTERS.values(), (said.store, said.copies, said.messages), strict=True):
        for place, row in enumerate(part.rows):
            cells[f"{letter}{place}"] = row.words
            ages |= {} if row.age_s is None else {f"{letter}{place}": row.age_s}
            bad += [f"{letter}{place}"] if row.is_bad else []
    return {
        "banner": said.banner,
        "cells": cells,
        "lost": {f"m{one.id}c{COMMUNICATION}": lost_words() for one in said.meters if one.age_s is not None},
        "ages": ages,
        "old": old,
        "bad": bad,
        "bars": [[line.share, line.limit, line.limit_words] for line in said.lines],
        "notes": [line.notes for line in said.lines],
        "findings": [[f"{one.id} {one.name}", words] for one in said.meters for words in one.findings],
        "unsaid": unsaid(said.meters, running=said.running),
        "store": said.store.notes,
        "copies": said.copies.notes,
        "messages": said.messages.notes,
        "problems": said.problems,
        "shape": shape(said),
    }


def shape(said: Report) -> str:
    """Return what a page must be drawn anew for: other lines, other meters."""
    return "|".join([*(line.name for line in said.lines), *(f"{one.id} {one.name}" for one in said.meters)])


def filled(words: str, age_s: float | None) -> str:
    """Return a text with its age in its place."""
    return words.replace("{}", f.age(age_s))


def unsaid(found: Sequence[MeterWords], *, running: bool = True) -> str:
    """Return the sentence for a page without findings; nobody knows of now while the poller does not run."""
    if not running:
        return say("Not known now: nobody asks the meters.")
    if all(meter.asked for meter in found):
        return say("Nothing to look at: every meter answers as it should.")
    return say("Nothing to look at so far; not every meter has been asked.")
