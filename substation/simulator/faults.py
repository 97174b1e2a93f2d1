"""Faults to order: what a meter on the simulated line does wrong next.

Thread-safe: a test or the demo orders while the line answers. One fault a request; several orders
for one meter come one after the other, each as often as ordered.

- dead: no answer
- late: the right answer, `delay_s` after its time
- crc: the last byte is wrong
- noise_before: `data` (default 1 to 3 bytes of 0x00 or 0xFF) ahead of the frame
- noise_inside: a byte in the middle changed, or one more (`insert`)
- short: a valid frame of `missing` registers fewer
- exception: the Modbus exception `code`
- wrong_slave: a valid frame under the id `slave` (default the next one)
- wrong_function: a valid frame with function 04 for 03, or the reverse
- echo: the request comes back ahead of the answer
- nan, all_ones: the values of `keys` (default all) are no number
- split: a pause of `pause_s` in the middle of the frame
- frozen: the registers of the answer before, again
- wild: the values of `keys` (default the counters) are `level` in this answer
- reset: from this answer on the counters in `keys` (default all) count from 0
- swap: from this answer on they count from `level`, as another meter's do
- rollover: from this answer on they stand `short` before `modulus`, and begin again at 0 when they reach it
"""

import random
import threading
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from substation.quantities import BY_KEY

KINDS: dict[str, tuple[str, ...]] = {
    "dead": (),
    "late": ("delay_s",),
    "crc": (),
    "noise_before": ("data",),
    "noise_inside": ("insert",),
    "short": ("missing",),
    "exception": ("code",),
    "wrong_slave": ("slave",),
    "wrong_function": (),
    "echo": (),
    "nan": ("keys",),
    "all_ones": ("keys",),
    "split": ("pause_s",),
    "frozen": (),
    "wild": ("keys", "level"),
    "reset": ("keys",),
    "swap": ("keys", "level"),
    "rollover": ("keys", "modulus", "short"),
}
"""Every kind, with the parameters it takes."""


class Fault(BaseModel):
    """One fault for one answer."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    kind: str
    delay_s: float = Field(0.6, ge=0)
    data: bytes | None = None
    insert: bool = False
    missing: int = Field(1, ge=1)
    code: int = Field(4, ge=1, le=255)
    slave: int | None = Field(None, ge=0, le=255)
    keys: tuple[str, ...] | None = None
    pause_s: float = Field(0.008, ge=0)
    level: float = Field(7_000_000.0, ge=0)
    modulus: float = Field(1e8, gt=0)
    short: float = Field(100.0, ge=0)

    @field_validator("data", mode="before")
    @classmethod
    def _numbers_are_bytes(cls, value: object) -> object:
        return bytes(value) if isinstance(value, list | tuple) else value

    @field_validator("keys", mode="before")
    @classmethod
    def _known_keys(cls, value: object) -> object:
        if not isinstance(value, list | tuple):
            return value
        unknown = [key for key in value if key not in BY_KEY]
        if unknown:
            raise ValueError(f"no quantity '{unknown[0]}'")
        return tuple(value)


@dataclass(slots=True)
class _Order:
    fault: Fault
    left: int | None


@dataclass(frozen=True, slots=True)
class _Chance:
    fault: Fault
    probability: float
    dice: random.Random


class Faults:
    """The orders of one line."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: dict[int, list[_Order]] = {}
        self._chances: list[_Chance] = []

    def order(self, meter_id: int, kind: str, *, times: int | None = None, **parameters: object) -> None:
        """Let a meter do `kind` in its next `times` answers; None = until cleared.

        Raises ValueError for an unknown kind, an unknown parameter or one that makes no sense.
        """
        fault = _fault(kind, parameters)
        if times is not None and times < 1:
            raise ValueError(f"fault {kind}: times is {times}; it needs at least 1, or none for ever")
        with self._lock:
            self._orders.setdefault(meter_id, []).append(_Order(fault, times))

    def random(self, kind: str, probability: float, seed: int, **parameters: object) -> None:
        """Let any answer of any meter suffer `kind` with a probability; the seed repeats the dice."""
        if not 0 <= probability <= 1:
            raise ValueError(f"fault {kind}: probability is {probability}; it lies between 0 and 1")
        chance = _Chance(_fault(kind, parameters), probability, random.Random(seed))
        with self._lock:
            self._chances.append(chance)

    def clear(self, meter_id: int | None = None) -> None:
        """Forget the orders of one meter; without an id all orders and all chances."""
        with self._lock:
            if meter_id is None:
                self._orders.clear()
                self._chances.clear()
            else:
                self._orders.pop(meter_id, None)

    def next(self, meter_id: int) -> Fault | None:
        """Return the fault of the meter's next answer and count it as done; None = it answers well."""
        with self._lock:
            orders = self._orders.get(meter_id)
            if orders:
                order = orders[0]
                if order.left is not None:
                    order.left -= 1
                    if order.left == 0:
                        orders.pop(0)
                return order.fault
            hits = [chance.fault for chance in self._chances if chance.dice.random() < chance.probability]
        return hits[0] if hits else None


def _fault(kind: str, parameters: dict[str, object]) -> Fault:
    if kind not in KINDS:
        raise ValueError(f"no fault '{kind}'; known: {', '.join(KINDS)}")
    unknown = sorted(set(parameters) - set(KINDS[kind]))
    if unknown:
        known = ", ".join(KINDS[kind]) or "none"
        raise ValueError(f"fault {kind}: no parameter '{unknown[0]}'; known: {known}")
    try:
        return Fault.model_validate({"kind": kind, **parameters})
    except ValidationError as exc:
        first = exc.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"fault {kind}: {first['loc'][0]}: {message}") from exc
