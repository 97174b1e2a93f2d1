"""What is wrong with a profile's file, in words: the line, what stands there, and the remedy."""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

_WORD = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_WORD}(?:\s*\.\s*{_WORD})*"
_HEADER = re.compile(rf"^\s*\[+\s*({_DOTTED})\s*\]")
_ROW = re.compile(rf"^\s*({_DOTTED})\s*=")
KIND = "profile"
"""The type of the error under which a profile reports `Fault`s."""


class Fault(NamedTuple):
    """One thing that is wrong."""

    path: tuple[str, ...]
    """Table and key: ("registers", "frequency")."""
    words: str

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}: {self.words}" if self.path else self.words


def raised(faults: Sequence[Fault]) -> PydanticCustomError:
    """Return the error by which a validator reports faults with their places."""
    words = "; ".join(str(fault) for fault in faults)
    return PydanticCustomError(KIND, "{words}", {"words": words, "faults": tuple(faults)})


def line_of(text: str, path: Sequence[str]) -> int | None:
    """Return the line (from 1) of a TOML text where a key stands, or the nearest table around it."""
    table: tuple[str, ...] = ()
    found, depth = None, 0
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            here = table = _parts(header.group(1))
        elif row := _ROW.match(line):
            here = (*table, *_parts(row.group(1)))
        else:
            continue
        if len(here) > depth and tuple(path[: len(here)]) == here:
            found, depth = number, len(here)
    return found


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_WORD, dotted))


def placed(fault: Fault, text: str, base: tuple[str, str] | None = None) -> str:
    """Return a fault with its line; `base` is name and text of the file whose rows were taken over."""
    line = line_of(text, fault.path)
    around = fault.path[:-1] and line == line_of(text, fault.path[:-1])
    if base and (line is None or around):
        far = line_of(base[1], fault.path)
        if far is not None:
            return f"line {far} of {base[0]}: {fault}"
    return str(fault) if line is None else f"line {line}: {fault}"


def near(word: object, known: Collection[str]) -> str:
    """Return " (did you mean 'frequency'?)" where one of the known words is like this one, else nothing."""
    like = difflib.get_close_matches(str(word), list(known), 1)
    return f" (did you mean '{like[0]}'?)" if like else ""


def faults_of(error: ValidationError, fields: Mapping[str, Collection[str]]) -> list[Fault]:
    """Return every fault that pydantic found.

    Args:
        error: what it raised.
        fields: the names that may be written at the head (""), in a row of `registers` and of `extras`.
    """
    found: list[Fault] = []
    for each in error.errors():
        if each["type"] == KIND:
            found += each["ctx"]["faults"]
        else:
            path = tuple(str(part) for part in each["loc"])
            found.append(Fault(path, _words(each, path, fields)))
    return found


_WRITE = {
    "bool_type": "write true or false, without quotes",
    "int_type": "write a whole number without quotes, such as 40101",
    "float_type": "write a number without quotes, such as 0.1",
    "string_type": "write a text in quotes",
    "string_too_short": "write at least one character",
    "finite_number": "write a finite number",
    "tuple_type": "write a list, such as [40201]",
    "dict_type": "write it as a table",
    "model_type": "write the register as printed, such as 40157, or { register = 40157, scale = 0.1 }",
}
"""What to write instead, by pydantic's type of error."""


def _words(each: Any, path: tuple[str, ...], fields: Mapping[str, Collection[str]]) -> str:
    kind, value, details = each["type"], each["input"], each.get("ctx", {})
    known = sorted(fields.get(path[0] if len(path) > 1 else "", ()))
    match kind:
        case "missing":
            return "is missing; write it"
        case "extra_forbidden":
            return f"is not known here{near(path[-1], known)}; known: {', '.join(known)}"
        case "model_type" if path[0] == "extras":
            return f'is {value!r}; write {{ register = 40185, label = "what it is", unit = "%" }}'
        case "literal_error":
            choices = re.findall(r"'([^']*)'|(\b\d+\b)", details["expected"])
            words = [one or other for one, other in choices]
            return f"{value!r} is none of {', '.join(words)}{near(value, words)}"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            limit = next(iter(details.values()))
            side = {"gt": "above", "ge": "from", "lt": "below", "le": "at most"}[next(iter(details))]
            return f"is {value!r}; write a number {side} {limit:g}"
    return f"is {value!r}; {_WRITE.get(kind, each['msg'])}"
