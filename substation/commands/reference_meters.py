"""The reference of meter models: every shipped profile, and what may stand in one."""

from collections.abc import Iterator
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from substation.commands.reference_table import MADE, table
from substation.meters.profile import Profile, load, names
from substation.meters.register import Extra, Register
from substation.quantities import BY_KEY

INTRODUCTION = """\
# Meter models

A meter model is a file, `substation/meters/profiles/<profile>.toml`; a station's own stand in `profiles/`
in its home and go before the shipped ones. Name it in the configuration:
`python3 encrypt_config.py set meters.0.profile schneider_pm2120`. How to add one is in
[Add a meter model](../how-to/add-a-meter-model.md).

**Verified** says whether we read the map from a real meter of the model. **Certainty** says how far its
sources can be trusted: high = they agree, medium = one good source, low = disputed or by analogy; a station
that uses a model below high is warned. Where a map is not verified, compare what the program shows with the
meter's own display before you rely on it.

Energies that a maker does not tell apart as we do (reactive energy without inductive and capacitive, net
energy) are no quantity of ours; they are shown as extras and not accounted.

"""
COLUMNS = """
**Read**: fast = in every round; slow = every `poll.slow_interval_s`; once = after a start; asked = only by
`python3 dmf_reader.py read`. A value marked (extra) is shown, but not kept in the history.

"""
SCHEMA = """
## What may stand in a profile

At the head:

"""
_READ = ("Value", "Meaning", "Unit", "Register", "Function", "Address", "Encoding", "Order", "Scale", "Read")


def meters_page() -> str:
    """Return every shipped meter model with its registers, and the fields of a profile."""
    profiles = {name: load(name) for name in names()}
    head = ("Profile", "Model", "Certainty", "Verified", "Phases", "Function", "Order", "Of the 38", "Extras")
    rows = [
        (
            f"[`{name}`](#{name})",
            profile.model,
            profile.certainty,
            _yes(profile.verified),
            profile.phases,
            f"{profile.function:02d}",
            profile.word_order,
            len(profile.registers),
            len(profile.extras),
        )
        for name, profile in profiles.items()
    ]
    parts = [MADE, INTRODUCTION, table(head, rows), COLUMNS.rstrip("\n") + "\n", SCHEMA]
    parts += [
        _fields(Profile),
        "\nIn a row of `registers` that differs from the head:\n\n",
        _fields(Register),
    ]
    parts += ["\nBesides, in a row of `extras`:\n\n", _fields(Extra, Register)]
    parts += [text for name, profile in profiles.items() for text in _model(name, profile)]
    return "".join(parts)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _fields(model: type[BaseModel], without: type[BaseModel] | None = None) -> str:
    known = without.model_fields if without else {}
    rows = []
    for name, field in model.model_fields.items():
        if name not in known:
            default = "must be written" if field.is_required() else _default(field.default)
            rows.append((f"`{field.alias or name}`", default, f"{field.description}{_choices(field)}"))
    return table(("Field", "Default", "Meaning"), rows)


def _choices(field: FieldInfo) -> str:
    """Return the words that may be written, where there are some to choose from."""
    annotations = (field.annotation, *get_args(field.annotation))
    words = [word for each in annotations if get_origin(each) is Literal for word in get_args(each)]
    return f" One of {', '.join(f'`{word}`' for word in words)}." if words else ""


def _default(value: object) -> str:
    return (
        "none"
        if value is None or value in ("", ()) or not isinstance(value, str | int | float)
        else f"`{value}`"
    )


def _model(name: str, profile: Profile) -> Iterator[str]:
    yield f"\n## {name}\n\n**{profile.model}**. Source: {profile.source}. "
    yield f"Certainty {profile.certainty}; verified: {_yes(profile.verified)}"
    if profile.base:
        yield f"; built on [`{profile.base}`](#{profile.base})"
    if profile.max_registers != Profile.model_fields["max_registers"].default:
        yield f"; at most {profile.max_registers} registers a request"
    yield ".\n\n"
    if profile.notes:
        yield f"{profile.notes}\n\n"
    yield table((*_READ, "Certainty"), [_row(profile, key) for key in profile.keys])


def _row(profile: Profile, key: str) -> tuple[object, ...]:
    place = profile.place(key)
    extra = profile.extras.get(key)
    return (
        f"`{key}`" if extra is None else f"`{key}` (extra)",
        BY_KEY[key].label if extra is None else extra.label,
        profile.units[key],
        profile.printed(key),
        f"{place.function:02d}",
        place.address,
        place.encoding + (", four quadrants" if place.coding == "four_quadrant" else ""),
        place.word_order if place.words > 1 else "",
        f"{place.scale:g}",
        place.group,
        place.certainty,
    )
