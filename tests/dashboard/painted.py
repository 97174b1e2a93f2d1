"""What a browser makes of a page that stands open while the state changes, as `assets/live.js` does.

And the sentence that is asked of every page: no figure of a meter that nobody hears looks like one of now.
"""

from collections.abc import Iterator
from typing import Any

from substation.dashboard import cards, screen
from substation.dashboard import format as f
from substation.dashboard.board import Board
from tests.dashboard.tree import attribute, classes, text

OLD = {"ss-is-stale", "ss-is-never", "ss-is-none", "ss-q-stale", "ss-q-never", "ss-hatched", "ss-w-unknown",
       "ss-s-blind", "ss-none"}  # fmt: skip
"""Looks of what is not of now, on an element or around it."""
HATCHED_WITHIN = {"ss-now-of": "ss-wrap", "ss-phasor-box": "ss-phasor"}
"""Sections of which, when they are old, the style sheet hatches this only: the rest must say it itself."""
SAYS_SO = ("no reading for ", "frozen since ")
"""Words that tell themselves how old they are."""
SURE = {
    "m": {"past", "maxunit"},
    "d": {"bynow", "past", "pastpeak", "factorsays", *(f"r{hour}{says}" for hour in (0, 6, 14, 22)
                                                       for says in ("", "says"))},
    "s": {"strip.from", "strip.says", "strip.all", "strip.some", "strip.none"},
    "e": {"comm"},
    "u": {"turn"},
}  # fmt: skip
"""By group what is true of the past and stays so: yesterday, readings with their times, what was answered.
(The lowest and the highest of today carry their times beside them: group `x` below.)"""


def paint(feed: Any, page: Any) -> None:
    """Paint live values, ages and parts anew into a page, by what `/api/live` tells now."""
    board, told = feed.board(), {}
    for part in elements(page):
        group = attribute(part, "data-g")
        if group and group not in told:
            told[group] = screen.group(feed, board, group) or {}
        if group:
            _paint_part(part, told[group])
        elif attribute(part, "data-m"):
            _paint_value(part, board)


def elements(part: Any) -> Iterator[Any]:
    """Give every component that is painted; none of what stands still, as on the patterns page."""
    if isinstance(part, list | tuple):
        for one in part:
            yield from elements(one)
    elif part is not None and not isinstance(part, str | int | float) and not attribute(part, "data-still"):
        yield part
        yield from elements(getattr(part, "children", None))


def _paint_part(part: Any, told: dict[str, tuple[str, str]]) -> None:
    kinds = ("data-p", "data-k", "data-w", "data-ago", "data-s")
    name = next(found for kind in kinds if (found := attribute(part, kind)))
    if name not in told:
        return
    words, looks = told[name]
    if attribute(part, "data-s"):
        part.style = dict(pair.split(":", 1) for pair in words.split(";") if pair)
    elif not attribute(part, "data-k"):
        part.children = words
    if not attribute(part, "data-w"):
        part.className = f"{attribute(part, 'data-base') or ''} {looks}".strip()


def _paint_value(part: Any, board: Board) -> None:
    meter = board.meter(int(attribute(part, "data-m")))
    assert meter is not None
    if key := attribute(part, "data-age"):
        new = cards.age(meter, "" if key == "1" else key)
    elif attribute(part, "data-low"):
        new = cards.bar(meter, attribute(part, "data-q"))
    else:
        keys = attribute(part, "data-q").split()
        new = cards.value(meter, *keys, unit=False)
        number = cards.mean(meter, keys)[0]
        written = f.Spec(float(attribute(part, "data-scale")), int(attribute(part, "data-decimals")), "")
        part.children[0].children = written.text(number)
        part.className = new.className
        return
    part.className, part.children = new.className, getattr(new, "children", None)


def fresh_looking(page: Any, board: Board) -> list[str]:
    """Return every figure of a meter that nobody hears now which nothing marks as old, in words."""
    found: list[str] = []
    _look(page, board, False, "", found)
    return found


def _look(part: Any, board: Board, marked: bool, frame: str, found: list[str]) -> None:
    """Look through a part; `frame` is what within an old section is hatched, where not all of it is."""
    if isinstance(part, list | tuple):
        for one in part:
            _look(one, board, marked, frame, found)
        return
    if part is None or isinstance(part, str | int | float) or attribute(part, "data-still"):
        return
    looks = classes(part)
    section = next(iter(looks & HATCHED_WITHIN.keys()), "")
    if section:
        frame = HATCHED_WITHIN[section] if looks & OLD else ""
    else:
        marked = marked or bool(looks & OLD) or frame in looks
    if not (marked or section) and _is_old(part, board) and _says_something(part):
        where = attribute(part, "data-g") or attribute(part, "data-m")
        name = next((v for k in ("p", "k", "w", "s", "q", "age") if (v := attribute(part, f"data-{k}"))), "")
        found.append(f"{where} {name}: {sorted(classes(part))} {text(part)!r}")
    _look(getattr(part, "children", None), board, marked, frame, found)


def _says_something(part: Any) -> bool:
    drawn = attribute(part, "data-s") and getattr(part, "style", None)
    figure = attribute(part, "data-p") or attribute(part, "data-q") or attribute(part, "data-age")
    shape = attribute(part, "data-k") in ("curve", "wire", "box")
    if text(part).startswith(SAYS_SO):
        return False
    return bool(drawn) or shape or bool(figure and any(map(str.isdigit, text(part))))


def _is_old(part: Any, board: Board) -> bool:
    """Return whether a part rests on readings of a meter that is not heard now."""
    group = attribute(part, "data-g") or ""
    name = attribute(part, "data-p") or attribute(part, "data-s") or ""
    number = attribute(part, "data-m") or (group[1:] if group[1:].isdigit() else "")
    if group == "station":
        return name[:1] == "v" and all(meter.freshness in ("stale", "never") for meter in board.meters)
    if group[:1] == "c":  # what the poller counted stands, as long as it counts
        return board.poller.state != "running"
    if not number or group[:1] == "x" or (group[:1] == "s" and not name.startswith("strip")):
        return False
    meter = board.meter(int(number))
    assert meter is not None
    return meter.freshness in ("stale", "never") and name not in SURE.get(group[:1], ())


def undoubted(page: Any, board: Board) -> list[str]:
    """Return every time and figure of a day that rests on a clock nobody vouches for and does not say so."""
    if not board.times_doubted:
        return []
    found = []
    for part in elements(page):
        group, name = attribute(part, "data-g") or "", attribute(part, "data-p") or ""
        words = text(part)
        timed = (
            (group[:1] in ("m", "d", "x") and group[1:].isdigit() and _of_the_day(group[0], name))
            or (group[:1] == "e" and name == "since")
            or (group == "station" and name in ("v3", "v4"))
            or (group == "now" and name[:1] == "s")
            or (group == "past" and name in ("supply", "dg", "dghow"))
        )
        if timed and any(map(str.isdigit, words)) and f.DOUBT not in words:
            found.append(f"{group} {name}: {words!r}")
        if group == "line" and name == "clock" and not words:
            found.append("the clock on the state line looks sure")
    return found


def _of_the_day(kind: str, name: str) -> bool:
    if kind == "m":
        return name in ("since", "kwh", "past", "maxat", "answered")
    return kind == "d" or name.endswith("at")
