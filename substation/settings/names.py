"""Settings by their dotted name (`lines.0.port`), as `encrypt_config.py` shows and sets them."""

import difflib
import math
import re
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel

from substation.errors import SettingsError
from substation.settings.model import Settings, parse

SECRET = re.compile(r"password|audit_keys|(^|\.)address$")
FIXED = {
    "simulated": "was stamped at set-up and cannot be changed: demo data and real data never mix. "
    "Make another station in a folder of its own (SUBSTATION_HOME)",
}
_TRUE = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def is_secret(name: str) -> bool:
    """Return whether the setting holds a password's hash, or an address that holds a token."""
    return SECRET.search(name) is not None


def flat(settings: Settings) -> dict[str, object]:
    """Return every single setting by its dotted name; a list of plain values is one setting."""
    return dict(_leaves(settings.model_dump(mode="json"), ""))


def get(settings: Settings, name: str, source: str = "config.json") -> object:
    """Return the value of a setting, or of a whole part of the configuration (`site`, `lines.0`).

    Raises:
        SettingsError: there is no such setting; names the nearest one.
    """
    value: object = settings.model_dump(mode="json")
    for step in name.split("."):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isascii() and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise SettingsError(_unknown(settings, name, source))
    return value


def with_text(settings: Settings, name: str, text: str, source: str = "config.json") -> Settings:
    """Return the settings with one of them changed to what a person typed.

    The text is read by the setting's type: a number, yes or no, a word; names separated by commas for
    a list; `none` for nothing where that is allowed.

    Raises:
        SettingsError: no such setting, of another type, out of range, or not to be set by hand.
    """
    if name in FIXED:
        raise SettingsError(f"{source}: {name}: {FIXED[name]}")
    if is_secret(name):
        how = "edit" if name.startswith("messages.") else "passwd"
        raise SettingsError(f"{source}: {name}: is set with python3 encrypt_config.py {how}")
    if isinstance(get(settings, name, source), dict) or name not in flat(settings):
        parts = [one for one in flat(settings) if one.startswith(name + ".") and not is_secret(one)]
        raise SettingsError(
            f"{source}: {name}: is a part with several settings; set them one by one "
            f"({', '.join(parts[:4])} ...) or all with python3 encrypt_config.py edit"
        )
    try:
        value = read(name, text)
    except ValueError as exc:
        raise SettingsError(
            f"{source}: {name}: '{text:.60}' {exc}. Remedy: python3 encrypt_config.py set {name} <value>"
        ) from exc
    return with_values(settings, {name: value}, source)


def read(name: str, text: str) -> object:
    """Return what a person typed as a value of the setting's type.

    `none` is nothing where that is allowed, and so is an empty text. Raises ValueError that says in words
    what the text is not: `is no number`.
    """
    return _read(_type_of(name), text)


def written(value: object) -> str:
    """Return a value as a person would type it; `read` gives it back."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value)


def with_values(settings: Settings, values: Mapping[str, object], source: str = "config.json") -> Settings:
    """Return the settings with some of them changed, checked as a whole; raises SettingsError."""
    plain: typing.Any = settings.model_dump(mode="json")
    for name, value in values.items():
        get(settings, name, source)
        *way, last = name.split(".")
        part = plain
        for step in way:
            part = part[int(step) if isinstance(part, list) else step]
        part[int(last) if isinstance(part, list) else last] = (
            list(value) if isinstance(value, tuple) else value
        )
    return parse(plain, source)


def differences(before: Settings | Mapping[str, object], after: Settings) -> list[tuple[str, object, object]]:
    """Return (name, before, after) of every changed setting; secrets are told apart but not shown.

    `before` may be what stood in a file that this program cannot use.
    """
    old = flat(before) if isinstance(before, Settings) else dict(_leaves(before, ""))
    new = flat(after)
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return [
        (name, "(hidden)", "(hidden, changed)") if is_secret(name) else (name, old.get(name), new.get(name))
        for name in changed
    ]


def without_secrets(value: object) -> object:
    """Return the value without any secret in it."""
    if isinstance(value, dict):
        return {name: without_secrets(part) for name, part in value.items() if not is_secret(name)}
    if isinstance(value, list):
        return [without_secrets(part) for part in value]
    return value


def _leaves(value: object, name: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _leaves(part, f"{name}.{key}" if name else key)
    elif isinstance(value, list) and any(isinstance(part, dict) for part in value):
        for at, part in enumerate(value):
            yield from _leaves(part, f"{name}.{at}")
    else:
        yield name, value


def _type_of(name: str) -> object:
    """Return the annotated type of a setting that is known to exist."""
    kind: object = Settings
    for step in name.split("."):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[step].annotation
        else:
            kind = typing.get_args(kind)[0]
    return kind


def _read(kind: object, text: str) -> object:
    """Return the text as a value of the type; ValueError says in words what it is not."""
    text = text.strip()
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        if text.casefold() in ("none", ""):
            return None
        kind = next(one for one in typing.get_args(kind) if one is not type(None))
    if typing.get_origin(kind) is Literal:
        known = typing.get_args(kind)
        if text not in known:
            raise ValueError(f"is none of {', '.join(map(str, known))}")
        return text
    if typing.get_origin(kind) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()] if text.casefold() != "none" else []
    if kind is bool:
        if text.casefold() not in _TRUE:
            raise ValueError("is neither yes nor no")
        return _TRUE[text.casefold()]
    if kind is int:
        if not re.fullmatch(r"[+-]?[0-9]{1,12}", text):
            raise ValueError("is no whole number")
        return int(text)
    if kind is float:
        return _number(text)
    return text


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("is no number") from None
    if not math.isfinite(value):
        raise ValueError("is no number")
    return value


def _unknown(settings: Settings, name: str, source: str) -> str:
    close = difflib.get_close_matches(name, flat(settings), n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    return f"{source}: {name}: no such setting{hint} All of them: python3 encrypt_config.py show"
