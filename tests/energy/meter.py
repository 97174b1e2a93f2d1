"""A meter that counts what flows, and to which happens what happens to meters."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from substation.energy.registers import Limits, Register

MINUTE_MS = 60_000
RATED_VA = 160_000.0
KEYS = ("wh_received", "vah_received")
LIMITS = dict.fromkeys(KEYS, Limits(RATED_VA))
Kind = Literal["reset", "swap", "false", "nudge", "gap"]


@dataclass(frozen=True)
class Happening:
    """What happens at a minute; `size`: of a swap the new level, Wh, of a gap its minutes, of a false
    reading the value, of a nudge by how much one reading is too high."""

    minute: int
    kind: Kind
    size: int


@dataclass(frozen=True)
class Said:
    """One reading, and the truth at its time."""

    at_ms: int
    values: dict[str, float]
    truth: dict[str, float]
    """Wh and VAh that have flowed since the beginning."""


def float32(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def read(loads: list[int], happenings: list[Happening], begin: int, modulus: float) -> Iterator[Said]:
    """Yield a reading each minute; `loads` are W, minute by minute; VA are a tenth more."""
    truth = dict.fromkeys(KEYS, 0.0)
    offset = dict.fromkeys(KEYS, float(begin))
    offset["vah_received"] *= 1.07
    silent_until = -1
    by_minute = {one.minute: one for one in happenings}
    for minute, watts in enumerate(loads):
        truth = {
            "wh_received": truth["wh_received"] + watts / 60,
            "vah_received": truth["vah_received"] + watts * 1.1 / 60,
        }
        one = by_minute.get(minute)
        match one.kind if one else "":
            case "reset":
                offset = {key: -truth[key] for key in KEYS}
            case "swap":
                offset = {key: one.size * (1 + 0.1 * n) - truth[key] for n, key in enumerate(KEYS)}
            case "gap":
                silent_until = minute + one.size
        if minute < silent_until:
            continue
        said = {key: float32((truth[key] + offset[key]) % modulus) for key in KEYS}
        if one is not None and one.kind == "false":
            said = dict.fromkeys(KEYS, float(one.size))
        if one is not None and one.kind == "nudge":
            said = {key: value + one.size for key, value in said.items()}
        yield Said(minute * MINUTE_MS, said, dict(truth))


def registers(said: list[Said], key: str) -> list[Register]:
    return [Register(one.at_ms, round(one.values[key])) for one in said]
