"""What people write into the register of interruptions and the DG log: fields, rules, litres. Pure.

The fields stand in `register.toml`; what was written lies in `store.entries` under the forms `interruption`
and `dg_log`, at the moment at which the interruption, or the start of the set, was noted.

    litres = consumed(texts)              of a run, from opening, received and closing, or as typed
    per_litre(wh, litres)                 kWh per litre
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from substation.alarms.dg_runs import DgRun
from substation.alarms.interruptions import Interruption
from substation.reports import handwriting
from substation.reports.handwriting import readable
from substation.store.entries import Entry, Place

Form = Literal["interruption", "dg_log"]
INTERRUPTION: Form = "interruption"
DG_LOG: Form = "dg_log"
AGREES_L = 0.5
"""Litres typed as consumed may differ from the dip stick's by so much."""
LIKELY_KWH_PER_L = 5.0
"""A litre of diesel holds about 10 kWh of heat, of which the best sets make 4 to 4.5 kWh: more is a slip of
the pen, or a register that counted what no set gave."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form."""

    item: str
    words: str
    kind: Literal["cause", "yes_no", "number", "text"]
    unit: str = ""
    least: float = 0.0
    most: float = 0.0
    decimals: int = 0
    longest: int = 80


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause that may be chosen."""

    key: str
    words: str
    planned: bool = False


@cache
def _facts() -> Mapping[str, list[dict[str, object]]]:
    path = Path(__file__).with_name("register.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def causes() -> Mapping[str, Cause]:
    """Return the causes by their key, in the order of the form."""
    return {str(row["key"]): Cause(**row) for row in _facts()["cause"]}  # type: ignore[arg-type]


@cache
def fields(form: Form) -> Mapping[str, Field]:
    """Return the fields of a form by item, in their order."""
    return {str(row["item"]): Field(**row) for row in _facts()[form]}  # type: ignore[arg-type]


def place(one: Interruption | DgRun, item: str) -> Place:
    """Return where a field of an interruption or of a run is written."""
    form = DG_LOG if isinstance(one, DgRun) else INTERRUPTION
    return Place(form, one.subject, one.time.begun_ms, item)


def texts(entries: Mapping[Place, Entry], one: Interruption | DgRun) -> dict[str, str]:
    """Return what stands in the fields of an interruption or of a run; what was taken back is missing."""
    form = DG_LOG if isinstance(one, DgRun) else INTERRUPTION
    found = {item: entries.get(place(one, item)) for item in fields(form)}
    return {item: entry.text for item, entry in found.items() if entry is not None and entry.text}


def read(field: Field, typed: str) -> str:
    """Return what was typed as it is kept: numbers with a point, words without needless blanks.

    An empty text takes a value back. Raises ValueError that says in words what it is not.
    """
    text = " ".join(readable(typed).split())
    if not text:
        return ""
    if field.kind == "cause" and text not in causes():
        raise ValueError("is no cause of this station's list")
    if field.kind == "yes_no" and text not in ("yes", "no"):
        raise ValueError("is neither yes nor no")
    if field.kind == "text" and len(text) > field.longest:
        raise ValueError(f"has {len(text)} characters; at most {field.longest} are kept")
    if field.kind != "number":
        return text
    number = handwriting.number(text)
    if number is None:
        raise ValueError("is no number")
    value = float(number)
    if not field.least <= value <= field.most:
        raise ValueError(f"lies outside {field.least:g} to {field.most:g} {field.unit}")
    return f"{value:.{field.decimals}f}"


def faults(form: Form, after: Mapping[str, str]) -> dict[str, str]:
    """Return by field what of a whole form does not agree with itself."""
    if form != DG_LOG:
        return {}
    litres = {
        item: float(after[item]) for item in ("opening", "received", "closing", "consumed") if after.get(item)
    }
    if "opening" not in litres or "closing" not in litres:
        return {}
    dipped = litres["opening"] + litres.get("received", 0.0) - litres["closing"]
    if dipped < 0:
        return {"closing": f"is {-dipped:.1f} l more than there was with what was received"}
    if "consumed" in litres and abs(litres["consumed"] - dipped) > AGREES_L:
        return {"consumed": f"is not what opening, received and closing come to: {dipped:.1f} l"}
    return {}


def consumed(after: Mapping[str, str]) -> float | None:
    """Return the litres of a run: from the dip stick where that was read before and after, else as typed."""
    if after.get("opening") and after.get("closing"):
        return float(after["opening"]) + float(after.get("received") or 0) - float(after["closing"])
    return float(after["consumed"]) if after.get("consumed") else None


def per_litre(wh: float | None, litres: float | None) -> float | None:
    """Return kWh per litre; None where either is unknown, or nothing was consumed."""
    return wh / 1000 / litres if wh is not None and litres else None


def is_planned(after: Mapping[str, str]) -> bool:
    """Return whether an interruption was planned: as written, else as its cause has it."""
    if after.get("planned"):
        return after["planned"] == "yes"
    cause = causes().get(after.get("cause", ""))
    return cause is not None and cause.planned


def cause_words(key: str) -> str:
    """Return a cause in English; a key that is not in the list any more as it is."""
    cause = causes().get(key)
    return cause.words if cause else key


def astray(entries: Mapping[Place, Entry], known: Iterable[Interruption | DgRun]) -> list[Entry]:
    """Return what was written at a moment at which nothing is known any more.

    A verdict may have been corrected, or the clock have been: what was written then must not vanish.
    """
    there = {(one.subject, one.time.begun_ms) for one in known}
    return [
        entry
        for place, entry in entries.items()
        if entry.text and (place.subject, place.moment_ms) not in there
    ]
