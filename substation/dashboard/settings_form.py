"""What an engineer may change in the browser, and how what he typed becomes settings. Pure.

Fields of a meter are named by its number, `meters.#7.name`, not by its place in the list: another place
may be somebody else's a moment later. The typed model alone judges what was typed (`settings.names`).

Each page carries what it was made with. A field that its reader has left alone changes nothing; one that he
has changed, and somebody else has changed meanwhile, is refused: nothing is overwritten unseen.
"""

import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from substation.dashboard import settings_limits
from substation.dashboard.tongue import say
from substation.errors import SettingsError
from substation.settings import faults, names
from substation.settings.model import Settings

SITE = (
    "site.name",
    "site.description",
    "site.nominal_voltage_v",
    "site.bus_coupler",
    "site.momentary",
    "site.demand_minutes",
)
METER = ("name", "role", "group", "rated_kva", "nominal_voltage_v", "bus_section")
DISPLAY = ("display.language", "display.phase_names", "display.theme")
_TWICE = re.compile(r"^meters: name '(.*)' is used twice")


@dataclass(frozen=True, slots=True)
class Typed:
    """What was posted: by field what was typed, and what the page had been made with."""

    typed: Mapping[str, str]
    loaded: Mapping[str, str]

    def changed(self) -> dict[str, str]:
        """Return the fields that were changed by whoever typed."""
        return {key: text for key, text in self.typed.items() if text.strip() != self.loaded.get(key)}


class Refused(Exception):
    """Nothing was changed."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        """Say why, by field; the empty name is the whole."""
        super().__init__("; ".join(f"{key}: {words}" for key, words in faults.items()))
        self.faults = faults


def fields(settings: Settings) -> dict[str, str]:
    """Return the name of the setting behind every field but the limits of alarms."""
    every = {name: name for name in (*SITE, *DISPLAY)}
    for place, meter in enumerate(settings.meters):
        every |= {f"meters.#{meter.id}.{name}": f"meters.{place}.{name}" for name in METER}
    return every


def every(settings: Settings) -> dict[str, str]:
    """Return a setting of the type and meaning of every field."""
    return fields(settings) | settings_limits.fields(settings)


def shown(settings: Settings) -> dict[str, str]:
    """Return what stands in every field."""
    flat = names.flat(settings)
    plain = {key: names.written(flat[name]) for key, name in fields(settings).items()}
    return plain | settings_limits.shown(settings)


def edited(settings: Settings, form: Typed) -> Settings:
    """Return the settings with what was typed; raises Refused."""
    known, now = every(settings), shown(settings)
    values: dict[str, object] = {}
    found: dict[str, str] = {}
    for key, text in form.changed().items():
        if key not in known:
            found[""] = _gone(key, settings)
            continue
        try:
            value = names.read(known[key], text)
        except ValueError as exc:
            found[key] = f"'{text.strip():.60}' {exc}"
            continue
        if names.written(value) == now[key]:
            continue
        if now[key] != form.loaded[key]:
            found[key] = say(
                "Somebody else has changed this meanwhile, from {old} to {new}. "
                "Save again to put yours in its place, or type theirs.",
                old=form.loaded[key] or "-",
                new=now[key] or "-",
            )
            continue
        values[key] = value
    lists = settings_limits.lists(settings, values)
    plain = {name: values[key] for key, name in fields(settings).items() if key in values}
    try:
        after = names.with_values(settings, plain | lists)
    except SettingsError as exc:
        keys = {name: key for key, name in fields(settings).items()}
        keys |= settings_limits.places(settings, lists)
        raise Refused({**_placed(exc, keys, form), **found}) from exc
    found |= settings_limits.misfits(settings, after, values)
    if found:
        raise Refused(found)
    return after


def _gone(key: str, settings: Settings) -> str:
    if ".alarms." in key and any(key.startswith(f"meters.#{meter.id}.") for meter in settings.meters):
        return say("A limit of this page does not watch its circuit any more; the page shows those that do.")
    return say("A meter of this page is not there any more; the page shows those that are.")


def _placed(error: SettingsError, keys: Mapping[str, str], form: Typed) -> dict[str, str]:
    """Return the model's faults, each at its field; `keys` by the setting's name."""
    if not isinstance(error.__cause__, ValidationError):
        return {"": str(error)}
    found: dict[str, str] = {}
    for path, words in faults.told(error.__cause__, Settings):
        twice = _TWICE.match(words)
        same = [key for key, text in form.changed().items() if twice and text.strip() == twice[1]]
        for key in same or [keys.get(path, "")]:
            found[key] = words
    return found


def choices(name: str) -> tuple[str, ...]:
    """Return what may be chosen where only some words may be; nothing of a setting that is typed."""
    kind = _annotation(name)
    if kind is bool:
        return ("yes", "no")
    return tuple(map(str, typing.get_args(kind))) if typing.get_origin(kind) is typing.Literal else ()


def longest(name: str) -> int | None:
    """Return how many characters the setting may have, where that is bounded."""
    root, step = _part(name)
    for limit in root.model_fields[step].metadata:
        if (most := getattr(limit, "max_length", None)) is not None:
            return int(most)
    return None


def is_number(name: str) -> bool:
    """Return whether a number is to be typed."""
    kind = _annotation(name)
    return kind in (int, float) or bool({int, float} & set(typing.get_args(kind)))


def described(name: str) -> str:
    """Return what the typed model says of the setting, as in the reference."""
    root, step = _part(name)
    return root.model_fields[step].description or ""


def _annotation(name: str) -> object:
    root, step = _part(name)
    return root.model_fields[step].annotation


def _part(name: str) -> tuple[type[BaseModel], str]:
    """Return the part of the model that holds a setting, and the setting's name in it."""
    root: typing.Any = Settings
    *way, last = name.split(".")
    for step in way:
        root = typing.get_args(root)[0] if step.isdigit() else root.model_fields[step].annotation
    return root, last
