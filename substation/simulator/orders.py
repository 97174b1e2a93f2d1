"""Orders for a running simulated line, from a file that a person or a test writes.

    {"faults": [{"meter": 3, "kind": "dead"}, {"meter": 4, "kind": "crc", "times": 2}],
     "random": [{"kind": "crc", "probability": 0.02, "seed": 1}],
     "failures": [{"start_ms": 1795430000000, "end_ms": 1795430120000, "dg_start_s": 10, "dg_stop_s": 30}],
     "troubles": [{"kind": "phase_lost", "meter": 1, "phase": "R",
                   "start_ms": 1795430300000, "end_ms": 1795430360000}],
     "unplugged": false}

The file is the whole order: what it no longer names is over, a missing file is no order at all.
Only failures and troubles stay, because they are history as soon as they have begun. Troubles are
phase_lost (of meters 1 to 4), switched_off (2 to 4) and panel_fuse (`supply.Trouble`).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from substation.simulator.faults import Faults
from substation.simulator.site import Failure
from substation.simulator.supply import Trouble, TroubleKind


class _Order(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    meter: int
    kind: str
    times: int | None = None


class _Chance(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    kind: str
    probability: float
    seed: int


class _Failure(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    start_ms: int
    end_ms: int
    dg_start_s: float = 10
    dg_stop_s: float = 30


class _Trouble(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    kind: TroubleKind
    meter: int
    start_ms: int
    end_ms: int
    phase: Literal["R", "Y", "B"] = "R"


class Orders(BaseModel):
    """The content of one order file."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    faults: list[_Order] = Field(default_factory=list)
    random: list[_Chance] = Field(default_factory=list)
    failures: list[_Failure] = Field(default_factory=list)
    troubles: list[_Trouble] = Field(default_factory=list)
    unplugged: bool = False

    def give(self, faults: Faults) -> None:
        """Put the orders for meters in place of the old ones; raises ValueError, and nothing changes."""
        self._add(Faults())  # a trial: half an order is worse than none
        faults.clear()
        self._add(faults)

    def supply_failures(self) -> list[Failure]:
        """Return the failures of the mains; raises ValueError for one that makes no sense."""
        return [Failure(**failure.model_dump()) for failure in self.failures]

    def supply_troubles(self) -> list[Trouble]:
        """Return the fuses and switches; raises ValueError for one that makes no sense."""
        return [Trouble(**trouble.model_dump()) for trouble in self.troubles]

    def _add(self, faults: Faults) -> None:
        for order in self.faults:
            faults.order(order.meter, order.kind, times=order.times, **(order.model_extra or {}))
        for chance in self.random:
            faults.random(chance.kind, chance.probability, chance.seed, **(chance.model_extra or {}))


@dataclass(slots=True)
class OrderFile:
    """The file and its last known state."""

    path: Path
    _seen: tuple[int, int, int] | None = None

    def changed(self) -> Orders | None:
        """Return the orders when the file is another one than last time, else None.

        Raises ValueError, in words, for a file that is no order; it is not looked at again until it
        changes.
        """
        try:
            status = self.path.stat()
            seen = (status.st_ino, status.st_size, status.st_mtime_ns)
        except FileNotFoundError:
            seen = None
        if seen == self._seen:
            return None
        self._seen = seen
        if seen is None:
            return Orders()
        try:
            return Orders.model_validate(json.loads(self.path.read_text(encoding="utf-8")))
        except ValidationError as exc:
            first = exc.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"{self.path.name}: {place}: {first['msg']}") from exc
        except (OSError, ValueError) as exc:
            raise ValueError(f"{self.path.name}: cannot be read: {exc}") from exc
