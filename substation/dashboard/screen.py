"""Which parts stand on the screen now, by group; and which of them a browser does not know yet.

Groups: `line` (state line), `ring` (which alarms ask somebody), `sum` (status summary), `station` (sums),
`bus`, `now` (what is not normal),
`past` (when supply last failed, a DG set last ran), `conf` (whether the poller has the settings), `wall`
(which program answers, with which settings), and for a meter N: `mN` (its card), `eN` (evidence and since
when), `cN` (its line statistics), `xN` (lowest and highest of today), `vN` (why values do not come), `oN`
(what it says beyond the vocabulary), `uN` (unbalance, phasors), `dN` (its day in figures), `sN` (its day in
small pictures).
A browser names the groups on its page with the mark it holds of each; it is sent those whose mark differs.
On a calm day that is nothing at all.
"""

import hashlib
import json
import re
import threading
from collections import OrderedDict
from typing import Any

from substation.dashboard import (
    day_view,
    day_words,
    events_folded,
    events_now,
    line_counts,
    phasor,
    sections,
    settings_view,
    sparks,
    station,
    statusline,
    symmetry,
    tongue,
    values,
    wall,
    words,
)
from substation.dashboard import format as f
from substation.dashboard.board import Board, LiveMeter
from substation.dashboard.feed import Feed, MinMax
from substation.dashboard.heard import told
from substation.dashboard.tongue import say
from substation.dashboard.words import Parts
from substation.quantities import INSTANTS, KEYS

COUNTERS = ("asked", "ok", "timeout", "crc", "wrong", "refused", "noise", "late")
"""Line statistics that are plain counts, in the poller's words."""
_METER_GROUP = re.compile(r"^([mecxvouds])(\d{1,3})$")
MOST_GROUPS = 64
"""A browser may ask for so many at once."""
REMEMBERED = 256
"""States of groups; the pages together have some thirty groups, of which a few change each second, and each
stands here once in every language that somebody reads: a mark is that of the words."""


def group(feed: Feed, board: Board, name: str) -> Parts | None:
    """Return the parts of a group, or None when there is no such group."""
    zone = feed.settings.site.zone
    if name == "line":
        return statusline.line_parts(board, zone)
    if name == "ring":
        return statusline.ring_parts(board)
    if name == "sum":
        return statusline.summary_parts(board)
    if name == "wall":
        return wall.parts_of(feed.settings)
    if name == "now":
        return events_now.now_parts(board, zone, events_folded.stand_above(board, feed.alarms()))
    if name == "past":
        return events_now.past_parts(board, feed.past(), zone)
    if name == "conf":
        return settings_view.parts(board, feed.settings)
    if name == "bus":
        return sections.parts(board)
    if name == "station":
        fed = [m for m in board.meters if m.role != "feeder"]
        today = {m.id: feed.today(m.id) for m in fed}
        past = {m.id: feed.yesterday(m.id) for m in fed}
        return station.parts(board, today, past, feed.settings.site)
    found = _METER_GROUP.match(name)
    meter = board.meter(int(found[2])) if found else None
    if found is None or meter is None:
        return None
    match found[1]:
        case "m":
            return words.meter_parts(board, meter, feed.today(meter.id), zone)
        case "e":
            return evidence_parts(feed, board, meter)
        case "c":
            return counter_parts(board, meter)
        case "v":
            return why_parts(meter)
        case "o":
            return extra_parts(meter)
        case "u":
            return symmetry.parts(meter) | phasor.parts(meter)
        case "d":
            registers = feed.registers(meter.id)
            figures = feed.today(meter.id), feed.yesterday(meter.id)
            return day_words.parts(meter, *figures, registers, zone, is_doubted=board.times_doubted)
        case "s":
            return picture_parts(feed, meter)
        case _:
            return minmax_parts(feed, board, meter)


def groups(feed: Feed, board: Board, names: list[str]) -> dict[str, Parts]:
    """Return several groups; unknown names are left out."""
    found = {name: group(feed, board, name) for name in names}
    return {name: parts for name, parts in found.items() if parts is not None}


def evidence_parts(feed: Feed, board: Board, meter: LiveMeter) -> Parts:
    """Return on what the state of supply rests, and since when it holds."""
    since = ""
    if meter.since_ms is not None and words.wire(meter) != "unknown":
        at = f.moment(meter.since_ms, board.at_ms, feed.settings.site.zone)
        at = f.unsure(at, board.times_doubted)
        lasts = f.duration((board.at_ms - meter.since_ms) / 1000)
        since = say("since {time}, {long}", time=at, long=lasts)
    answers = told(meter.comm_status) if meter.comm_status != "OK" else say("Answers")
    detail = f": {told(meter.comm_detail)}" if meter.comm_detail else ""
    return {
        "status": (words.status(meter), ""),
        "since": (since, ""),
        "evidence": (
            told(meter.evidence) or say("none: no answer to judge by"),
            "" if meter.evidence else "ss-hatched",
        ),
        "comm": (f"{answers}{detail}", "ss-warn" if words.silent(meter) else ""),
    }


def counter_parts(board: Board, meter: LiveMeter) -> Parts:
    """Return the line statistics of a meter since the poller's start; of a poller that is gone, its last."""
    parts: Parts = {}
    for name in COUNTERS:
        count = meter.counters.get(name)
        parts[name] = (f.number(count, 0), "")
    asked, ok = meter.counters.get("asked"), meter.counters.get("ok")
    parts["share"] = (f.percent(ok / asked, 2) if asked and ok is not None else f.DASH, "")
    turnaround = meter.counters.get("turnaround_ms")
    parts["turnaround"] = (f.DASH if turnaround is None else f"{f.number(turnaround, 0)} ms", "")
    if board.poller.state == "running":
        return parts
    return {key: (text, "" if text == f.DASH else "ss-hatched") for key, (text, _) in parts.items()}


def minmax_parts(feed: Feed, board: Board, meter: LiveMeter) -> Parts:
    """Return the lowest and the highest value of today, with their times, of every instantaneous quantity."""
    zone = feed.settings.site.zone
    parts: Parts = {}
    none = MinMax(None, None, None, None)
    for key, today in feed.minmax_today(meter.id, INSTANTS).items():
        # today may hold values of another meter, which hung there before
        found = today if key in meter.model.keys else none
        written = f.spec(key, meter.rated_kva, meter.nominal_v)
        parts[f"{key}.low"] = (written.text(found.low), "")
        for edge, at_ms in (("low", found.low_at_ms), ("high", found.high_at_ms)):
            at = "" if at_ms is None else f.unsure(f.time_of_day(at_ms, zone), board.times_doubted)
            parts[f"{key}.{edge}at"] = (at, "")
        parts[f"{key}.high"] = (written.text(found.high), "")
    return parts


def picture_parts(feed: Feed, meter: LiveMeter) -> Parts:
    """Return the small lines of today, and the strip of answers."""
    lines, found = feed.sparks(meter.id), feed.answered(meter.id)
    parts: Parts = {
        key: (lines.get(key, sparks.NOTHING) if key in meter.model.keys else sparks.NOTHING, "")
        for key in KEYS
    }
    for kind in day_view.STRIP_KINDS:
        parts[f"strip.{kind}"] = (sparks.NOTHING if found is None else sparks.cells(found, kind), "")
    since = f.DASH if found is None else f.time_of_day(found.start_ms, feed.settings.site.zone)
    parts["strip.from"] = (say("Answered, per 10 min since yesterday {time}", time=since), "")
    told = line_counts.parts(feed.line_day(meter.id))
    return parts | told | {"strip.says": day_words.strip_words(found)}


def why_parts(meter: LiveMeter) -> Parts:
    """Return why values do not come: not in this meter, disabled, not asked yet."""
    return {key: (_why(value.why), "" if value.why else "ss-none") for key, value in meter.values.items()}


def _why(why: str) -> str:
    match why:
        case values.NOT_IN_METER:
            return say("not in this meter")
        case values.NOT_ASKED:
            return say("not asked yet")
    return told(why)


def extra_parts(meter: LiveMeter) -> Parts:
    """Return what a meter says beyond the vocabulary; `KEY.at` is when it was read, UTC ms in digits."""
    parts: Parts = {}
    for extra in meter.extras:
        looks, read = f"ss-is-{extra.freshness}", "" if extra.at_ms is None else str(extra.at_ms)
        parts |= {extra.key: (f.any_number(extra.value), looks), f"{extra.key}.at": (read, looks)}
    return parts


_Told = tuple[Parts, str]
"""The parts of a group, and their mark."""


def mark(parts: Parts) -> str:
    """Return eight hexadecimal digits that change when any part does."""
    told = json.dumps(parts, sort_keys=True).encode()
    return hashlib.blake2s(told, digest_size=4).hexdigest()


class News:
    """What browsers have not painted yet. Safe to use from many threads.

    Remembers by their marks the parts that were told lately, so that a browser that holds those is sent
    only what has changed in them. One memory serves all: a mark says what is in it, not who has it.
    """

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._lock = threading.Lock()
        self._board: Board | None = None
        self._now: dict[tuple[str, str], _Told] = {}
        self._last: dict[tuple[str, str], _Told] = {}
        self._told: OrderedDict[tuple[str, str], Parts] = OrderedDict()

    def since(self, feed: Feed, board: Board, held: str) -> dict[str, Any]:
        """Return what a browser must paint anew.

        Args:
            feed: the station.
            board: the same board that the values of this answer come from.
            held: what the browser holds: `line:1f00aa21,m1:0`; more than `MOST_GROUPS` are ignored.

        Returns:
            By group `{"mark": ..., "parts": {name: [text, look]}}`, only of groups whose mark differs. With
            `"onto"`, a mark that the browser holds, all other parts are as they were.
        """
        told: dict[str, Any] = {}
        for entry in held.split(",")[:MOST_GROUPS]:
            name, _, known = entry.partition(":")
            now = self._told_now(feed, board, name)
            if now is None:
                continue
            parts, current = now
            before = self._remembered(name, known)
            self._remember(name, current, parts)
            if current == known:
                continue
            if before is not None and before.keys() == parts.keys():
                changed = {part: said for part, said in parts.items() if before[part] != said}
                told[name] = {"mark": current, "onto": known, "parts": changed}
            else:
                told[name] = {"mark": current, "parts": parts}
        return told

    def _told_now(self, feed: Feed, board: Board, name: str) -> _Told | None:
        """Return a group's parts and their mark: found once a board for all who read one language.

        Most groups are second by second as they were, and keep their mark.
        """
        place = name, tongue.spoken()
        with self._lock:
            if self._board is not board:
                self._board, self._now = board, {}
            now, last = self._now.get(place), self._last.get(place)
        if now is not None:
            return now
        parts = group(feed, board, name)
        if parts is None:
            return None
        now = parts, last[1] if last is not None and last[0] == parts else mark(parts)
        with self._lock:
            self._last[place] = now
            if self._board is board:
                self._now[place] = now
        return now

    def _remembered(self, name: str, known: str) -> Parts | None:
        with self._lock:
            return self._told.get((name, known))

    def _remember(self, name: str, current: str, parts: Parts) -> None:
        with self._lock:
            self._told[name, current] = parts
            self._told.move_to_end((name, current))
            if len(self._told) > REMEMBERED:
                self._told.popitem(last=False)
