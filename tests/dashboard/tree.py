"""Looks into a page as Dash components: every element, its classes, its words."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from substation.dashboard.board import Board


def walk(part: Any) -> Iterator[Any]:
    """Give every component, outermost first."""
    if isinstance(part, list | tuple):
        for one in part:
            yield from walk(one)
        return
    if part is None or isinstance(part, str | int | float):
        return
    yield part
    yield from walk(getattr(part, "children", None))


def attribute(part: Any, name: str) -> Any:
    """Return an attribute, also one with a dash in its name; None without it."""
    return vars(part).get(name)  # as `to_plotly_json` has it, at a hundredth of its price


def classes(part: Any) -> set[str]:
    """Return the classes of a component."""
    return set((getattr(part, "className", None) or "").split())


def text(part: Any) -> str:
    """Return all words in a component."""
    if part is None:
        return ""
    if isinstance(part, list | tuple):
        return "".join(text(one) for one in part)
    return (
        part
        if isinstance(part, str)
        else str(part)
        if isinstance(part, int | float)
        else text(getattr(part, "children", None))
    )


def find(part: Any, **wanted: str) -> list[Any]:
    """Return the components with these attributes; `data_q="v_r"` means `data-q`."""
    pairs = {name.replace("_", "-"): value for name, value in wanted.items()}
    return [one for one in walk(part) if all(attribute(one, key) == value for key, value in pairs.items())]


def lies(page: Any, board: Board) -> list[str]:
    """Return every place where a page claims more than the board knows, in words.

    What is old, silent or never seen must look so, in class and in word, wherever it stands.
    """
    found = []
    for part in walk(page):
        meter_id = attribute(part, "data-m")
        if meter_id is not None:
            meter = board.meter(int(meter_id))
            assert meter is not None
            found += _lies_of_value(part, meter)
        group, name = attribute(part, "data-g") or "", attribute(part, "data-p") or attribute(part, "data-k")
        if group[:1] == "m" and group[1:].isdigit():
            meter = board.meter(int(group[1:]))
            assert meter is not None
            if meter.freshness in ("stale", "never"):
                found += _lies_of_part(part, meter, str(name))
        if group[:1] in ("u", "d") and group[1:].isdigit():
            meter = board.meter(int(group[1:]))
            assert meter is not None
            if meter.freshness in ("stale", "never"):
                found += _lies_of_the_phases(
                    part, meter, attribute(part, "data-p") or attribute(part, "data-s")
                )
        if (
            group == "line"
            and name == "kind"
            and board.poller.state != "running"
            and ("ss-s-blind" not in classes(part))
        ):
            found.append("the state line does not say that nobody sees anything")
    return found


def _lies_of_the_phases(part: Any, meter: Any, name: str | None) -> list[str]:
    where = f"meter {meter.id} {name}: {sorted(classes(part))} {text(part)!r}"
    if name in ("nema", "u2", "amps", "neutral") and any(digit.isdigit() for digit in text(part)):
        return [f"{where}: a figure of now from old values"]
    return [f"{where}: looks fresh"] if "ss-is-fresh" in classes(part) else []


def _lies_of_value(part: Any, meter: Any) -> list[str]:
    shown, words = classes(part), text(part)
    where = f"meter {meter.id} {attribute(part, 'data-q') or 'age'}: {sorted(shown)} {words!r}"
    if key := attribute(part, "data-age"):
        freshness = meter.freshness if key == "1" else meter.values[key].freshness
        if f"ss-is-{freshness}" not in shown:
            return [f"{where}: the age does not look {freshness}"]
        if freshness in ("late", "stale") and not words.startswith(freshness):
            return [f"{where}: no word says {freshness}"]
        never = "never answered" if meter.freshness == "never" else ""  # else its row says why
        return [] if freshness != "never" or words == never else [f"{where}: {never or 'an age of nothing'}"]
    qualities = {meter.values[key].quality for key in attribute(part, "data-q").split()}
    if "ss-is-fresh" in shown and qualities != {"good"}:
        return [f"{where}: {qualities} looks fresh"]
    if qualities & {"stale", "never"} and "ss-outside" in shown:
        return [f"{where}: an old value is judged"]
    if "never" in qualities and any(digit.isdigit() for digit in words):
        return [f"{where}: a number where nothing was ever read"]
    return []


def _lies_of_part(part: Any, meter: Any, name: str) -> list[str]:
    shown, words = classes(part), text(part)
    where = f"meter {meter.id} {name}: {sorted(shown)} {words!r}"
    if name in ("wire", "swatch") and "ss-w-unknown" not in shown:
        return [f"{where}: the conductor looks known"]
    if name == "wire" and not shown & {"ss-q-stale", "ss-q-never"}:
        return [f"{where}: the card looks fresh"]
    if name == "state" and words != "Unknown":
        return [f"{where}: the status is claimed"]
    return [f"{where}: looks fresh"] if "ss-is-fresh" in shown else []


Marked = list[tuple[set[str], str, str]]
"""Of each live element in its order: its classes, its quantity, meter, group and part, and its style."""
_MARKS = ("data-q", "data-m", "data-g", "data-p", "data-k", "data-w", "data-s", "data-age", "data-now")


def marked(page: Any) -> tuple[Marked, str]:
    """Return what a page claims by marks and classes, and all its words."""
    found = []
    for part in walk(page):
        marks = " ".join(str(attribute(part, name)) for name in _MARKS)
        style = ";".join(f"{name}:{value}" for name, value in (getattr(part, "style", None) or {}).items())
        if any(attribute(part, name) for name in _MARKS):
            found.append((classes(part), marks, style))
    return found, text(page)


def pictured(html: str) -> tuple[Marked, str]:
    """Return the same of HTML."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.found, "".join(reader.words)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: Marked = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        if any(own.get(name) for name in _MARKS):
            marks = " ".join(str(own.get(name)) for name in _MARKS)
            self.found.append((set((own.get("class") or "").split()), marks, own.get("style") or ""))

    def handle_data(self, data: str) -> None:
        self.words.append(data)
