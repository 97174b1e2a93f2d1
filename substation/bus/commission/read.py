"""What does one meter say? All of its values, or one register in every way in which it can be read.

Of the whole meter: `meter id profile model at_ms turnaround_ms`, `rows` (a row a value: `key label value
unit register function address encoding word_order raw group extra why`), `refused` (keys that the meter
does not have), `doubt` (of its word order, in words).

Of one register: `meter id register key function address raw`, `own` (how the profile reads it, with
`value` and `unit`), `decoded` (a row a word order: `order float32 int32 uint32 own`), `single` (`int16
uint16`). `raw` are words in hex, in the order in which they came. A number that is none is null.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from substation.bus.commission.ask import Asker, Said, read_all
from substation.errors import NoAnswer, RequestError
from substation.meters import doubt
from substation.meters.decode import ORDERS, WordOrder, number
from substation.meters.model import REFERENCE
from substation.meters.profile import Profile
from substation.meters.profile_faults import near
from substation.meters.register import Place
from substation.quantities import BY_KEY

LONGEST_WORDS = 2
"""Registers that are read of a register of which nothing is known: one value of 32 bits."""
ASKED = re.compile(r"^meter \d+, \d+ registers? from \d+: ")
"""How `bus.frame` begins what it says of a question."""
WRONG_FUNCTION = ("exception_1", "exception_2")
"""What a meter says to a question with the function that it does not use for this register."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which meter is read, and how."""

    modbus_id: int
    name: str
    profile_name: str | None = None
    profile: Profile | None = None

    @property
    def can_be_numbered_otherwise(self) -> bool:
        """Whether the number of a register as printed says which function reads it."""
        return self.profile is None or self.profile.printed_from is None

    @property
    def shown(self) -> str:
        """The meter as a person calls it."""
        return f"{self.name} (id {self.modbus_id})" if self.name else f"id {self.modbus_id}"


def model_of(target: Target) -> Profile:
    """Return the model by which the meter is read; raise RequestError where nobody has named one."""
    if target.profile is None:
        raise RequestError(
            f"{target.shown}: its model is not configured; name a profile, or one register such as 40101"
        )
    return target.profile


def read_meter(asker: Asker, target: Target, only: Sequence[str] | None = None) -> dict[str, Any]:
    """Return all values of a meter, or `only` these. Raises NoAnswer where it says nothing, LineDown."""
    profile = model_of(target)
    asker.tell(0.0, f"reading {target.shown} as {profile.model}")
    keys = [key for key in profile.keys if only is None or key in only]
    record = read_all(asker, target.modbus_id, profile, keys)
    if not record.words and not record.refused:
        why = next(iter(record.missing.values()), "")
        raise NoAnswer(f"{target.shown} does not answer: {why}")
    values = record.values(profile)
    rows = [_row(profile, key, record.words, values, record.missing) for key in keys]
    return {
        "meter": target.name or None,
        "id": target.modbus_id,
        "profile": target.profile_name,
        "model": profile.model,
        "at_ms": record.at_ms,
        "turnaround_ms": round(1000 * max(record.turnarounds_s), 1) if record.turnarounds_s else None,
        "rows": sorted(rows, key=lambda row: (row["extra"], row["function"], row["address"])),
        "refused": sorted(record.refused),
        "doubt": _doubt(profile, record.words),
    }


def _row(
    profile: Profile,
    key: str,
    words: Mapping[str, Sequence[int]],
    values: Mapping[str, float | None],
    missing: Mapping[str, str],
) -> dict[str, Any]:
    place = profile.place(key)
    extra = profile.extras.get(key)
    why = missing.get(key, "")
    if key in words and values.get(key) is None:
        why = "the meter says: not available"
    return {
        "key": key,
        "label": extra.label if extra else BY_KEY[key].label,
        "value": values.get(key),
        "unit": extra.unit if extra else BY_KEY[key].unit,
        "register": _printed(profile, key),
        "function": place.function,
        "address": place.address,
        "encoding": place.encoding,
        "word_order": place.word_order,
        "raw": _hex(words.get(key, ())),
        "group": place.group,
        "extra": extra is not None,
        "why": why,
    }


def _doubt(profile: Profile, words: Mapping[str, Sequence[int]]) -> str:
    found = words.get("frequency")
    order = doubt.order_doubt(profile, found) if found else None
    return doubt.doubt_words(profile, order) if order else ""


def _printed(profile: Profile, key: str) -> int:
    row = profile.registers.get(key) or profile.extras[key]
    return row.printed


def _hex(words: Sequence[int]) -> list[str]:
    return [f"{word:04X}" for word in words]


def read_register(asker: Asker, target: Target, wanted: str) -> dict[str, Any]:
    """Return one register of a meter, as printed or by its key. Raises NoAnswer, RequestError, LineDown."""
    key, place = find(target, wanted)
    count = max(LONGEST_WORDS, place.words)
    asker.tell(0.0, f"reading {wanted} of {target.shown}")
    said = asker.ask_again(target.modbus_id, place.function, place.address, count)
    if said.refused and count > place.words:  # the last register of a map: what follows is not there
        said = asker.ask_again(target.modbus_id, place.function, place.address, place.words)
    if said.refused and place.words > 1 and key is None:
        said = asker.ask_again(target.modbus_id, place.function, place.address, 1)
    if said.kind != "ok":
        raise NoAnswer(f"{target.shown}, register {wanted}: {_why_not(target, place, said)}")
    words = said.words
    own = key is not None
    return {
        "meter": target.name or None,
        "id": target.modbus_id,
        "register": wanted,
        "key": key,
        "function": place.function,
        "address": place.address,
        "at_ms": said.at_ms,
        "turnaround_ms": round(1000 * said.turnaround_s, 1),
        "raw": _hex(words),
        "own": _own(target, place, words) if own else None,
        "decoded": _decoded(words[:2], place.word_order if target.profile else None) if words[1:] else [],
        "single": {"int16": _signed(words[0]), "uint16": words[0]},
    }


def _why_not(target: Target, place: Place, said: Said) -> str:
    """Return why a register was not read, and which one to write where the function was the wrong one."""
    words = ASKED.sub("", said.detail)  # who was asked, and for what, has been said
    if said.kind not in WRONG_FUNCTION or not target.can_be_numbered_otherwise:
        return words
    other = 4 if place.function == 3 else 3
    instead = f"write {REFERENCE[other] + place.address}"
    if target.profile is None:
        return f"{words}. Perhaps it is read with function {other:02d}: {instead}"
    if target.profile.function == other:
        return f"{words}. This model is read with function {other:02d}: {instead}"
    return words


def _own(target: Target, place: Place, words: Sequence[int]) -> dict[str, Any]:
    extra = target.profile.extras.get(place.key) if target.profile else None
    value = number(words[: place.words], place.word_order, place.encoding, place.scale, place.coding)
    return {
        "value": value,
        "unit": extra.unit if extra else BY_KEY[place.key].unit,
        "label": extra.label if extra else BY_KEY[place.key].label,
        "encoding": place.encoding,
        "word_order": place.word_order,
        "scale": place.scale,
    }


def _decoded(words: Sequence[int], own: WordOrder | None) -> list[dict[str, Any]]:
    """Return two registers in all four word orders."""
    return [
        {
            "order": order,
            "float32": _plain(number(words, order, "float32")),
            "int32": _whole(number(words, order, "int32")),
            "uint32": _whole(number(words, order, "uint32")),
            "own": order == own,
        }
        for order in ORDERS
    ]


def _plain(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _signed(word: int) -> int:
    return word - 65536 if word > 32767 else word


def find(target: Target, wanted: str) -> tuple[str | None, Place]:
    """Return the key, where the profile has it, and the place of a register as printed or of a key.

    Raises RequestError for what is neither.
    """
    text, profile = wanted.strip(), target.profile
    if profile is not None and text in profile.places:
        return text, profile.place(text)
    if not text.isdecimal():
        known = (
            f"known to {target.profile_name}: {', '.join(profile.keys)}" if profile else "write it as 40101"
        )
        meant = near(text, profile.keys) if profile else ""
        raise RequestError(f"'{wanted:.40}' is no register and no value of this meter{meant}; {known}")
    printed = int(text)
    if profile is not None:
        for key in profile.keys:
            if _printed(profile, key) == printed:
                return key, profile.place(key)
        if profile.printed_from is not None:
            return None, _place(profile.function, printed - profile.printed_from, wanted, profile)
    for function, first in sorted(REFERENCE.items(), key=lambda item: -item[1]):
        if first <= printed < first + 10_000:
            return None, _place(function, printed - first, wanted, profile)
        if 10 * (first - 1) < printed <= 10 * (first - 1) + 65_536:
            return None, _place(function, printed - 10 * (first - 1) - 1, wanted, profile)
    raise RequestError(
        f"'{wanted}': as printed, holding registers begin at 40001 and input registers at 30001 "
        "(or 400001, 300001); name the meter's profile for another numbering"
    )


def _place(function: int, address: int, wanted: str, profile: Profile | None) -> Place:
    """Return two registers of which nothing is known but where they stand."""
    if not 0 <= address <= 65535:
        raise RequestError(f"'{wanted}': lies outside the 65536 registers of a meter")
    return Place(
        key="",
        function=4 if function == 4 else 3,
        address=address,
        words=LONGEST_WORDS if address < 65535 else 1,
        encoding="float32",
        word_order=profile.word_order if profile else "ABCD",
        scale=1.0,
        coding="plain",
        group="once",
        certainty="low",
    )
