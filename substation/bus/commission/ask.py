"""Questions to a line of which nothing is known yet: any id, any register, and what came of it.

Nothing here raises for a meter's sake: silence, refusal and damage are what commissioning is looking
for. Only a line that is down ends it (`LineDown`). How a late answer is kept apart from the next one is
the line's own affair (`bus.line`); a length that is still owed is avoided here as well.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from substation.bus.scan import Wire
from substation.clock import Clock
from substation.errors import LineDown, LinkError, NoAnswer
from substation.meters.blocks import MAX_REGISTERS, Block, plan, values
from substation.meters.profile import Profile

PATIENCE_S = 0.5
"""For a meter that is known to be there: a slow one is worth waiting for."""
LONGEST_PATIENCE_S = 1.0
SPARE = 8
"""So many lengths beyond the wanted one are tried while others are owed."""

DOUBTFUL = "doubtful"
"""Kind of a refusal that may belong to an earlier question: somebody is there in any case."""

Tick = Callable[[float, str], bool]
"""Takes progress 0..1 and what is being done; returns True to end early."""


class Ended(Exception):
    """Somebody has asked to end early; caught within this room, what was found so far is kept."""


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one question."""

    kind: str
    """`ok`, or the kind of the failure (`LinkError.kind`)."""
    silent: bool = False
    """Whether no meter has said anything: silence, or a gateway that speaks for itself."""
    words: tuple[int, ...] = ()
    """The registers, for `ok`."""
    detail: str = ""
    """The failure in words."""
    turnaround_s: float = 0.0
    at_ms: int = 0

    @property
    def there(self) -> bool:
        """Whether a meter of this id has answered, be it with a refusal."""
        return self.kind == "ok" or self.refused

    @property
    def refused(self) -> bool:
        """Whether it answered with a Modbus exception, of this question or of one just before."""
        return self.kind.startswith("exception_") or self.kind == DOUBTFUL

    @property
    def other(self) -> int | None:
        """The id that answered in place of the one that was asked."""
        found = re.search(r"meter (\d+) answered instead", self.detail)
        return int(found[1]) if found else None


class Asker:
    """One line, asked question by question; opens it when it is closed."""

    def __init__(self, wire: Wire, clock: Clock, tick: Tick) -> None:
        """Raises LineDown when the port cannot be opened."""
        self.wire = wire
        self.clock = clock
        self._tick = tick
        self.progress = 0.0
        if not wire.is_open:
            wire.open()

    def tell(self, progress: float, words: str) -> None:
        """Say how far it is; raise Ended when somebody has asked to end."""
        self.progress = max(self.progress, min(1.0, progress))
        if self._tick(self.progress, words):
            raise Ended

    def ask(
        self, modbus_id: int, function: int, address: int, count: int, patience_s: float = PATIENCE_S
    ) -> Said:
        """Ask once. Raises LineDown only.

        While an earlier answer of this length is owed, a longer one is asked for and cut.
        """
        owed = self.wire.owed(modbus_id)
        lengths = range(count, min(count + SPARE, MAX_REGISTERS) + 1)
        length = next((length for length in lengths if length not in owed), count)
        block = Block(function, address, length, ())
        try:
            answer = self.wire.read(modbus_id, block, patience_s)
        except LineDown:
            raise
        except LinkError as exc:
            silent = isinstance(exc, NoAnswer) and exc.kind != DOUBTFUL
            return Said(exc.kind, silent, detail=str(exc))
        return Said("ok", False, answer.words[:count], "", answer.turnaround_s, answer.at_ms)

    def ask_again(
        self, modbus_id: int, function: int, address: int, count: int, patience_s: float = PATIENCE_S
    ) -> Said:
        """Ask; where the answer was damaged or did not come, once more."""
        said = self.ask(modbus_id, function, address, count, patience_s)
        return said if said.there else self.ask(modbus_id, function, address, count, patience_s)


@dataclass(slots=True)
class Record:
    """All that one meter said when it was read with one profile."""

    words: dict[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    """The registers of each value, by key."""
    missing: dict[str, str] = dataclasses.field(default_factory=dict)
    """Values that could not be had, and why, in words."""
    refused: set[str] = dataclasses.field(default_factory=set)
    """Of these, what the meter does not have (Modbus exception)."""
    at_ms: int = 0
    turnarounds_s: list[float] = dataclasses.field(default_factory=list)

    def values(self, profile: Profile) -> dict[str, float | None]:
        """Return the values as the profile reads them; what could not be had is not among them."""
        found: dict[str, float | None] = {}
        for key, words in self.words.items():
            place = profile.place(key)
            block = Block(place.function, place.address, place.words, (key,))
            found |= values(profile, block, words)
        return found


def read_all(asker: Asker, modbus_id: int, profile: Profile, keys: Iterable[str]) -> Record:
    """Read these values of one meter, block by block.

    A block that is refused is halved until the refused value is alone: then that one is missing, not
    the meter. After two blocks without any answer the rest is not asked. Raises LineDown.
    """
    record = Record()
    waiting = list(plan(profile, keys, pace=asker.wire.pace))[::-1]
    silent = 0
    while waiting:
        block = waiting.pop()
        if silent >= 2:
            record.missing |= dict.fromkeys(block.keys, "not asked: the meter has stopped answering")
            continue
        said = asker.ask_again(modbus_id, block.function, block.address, block.count)
        silent = 0 if said.there else silent + 1
        if said.kind == "ok":
            record.at_ms = said.at_ms
            record.turnarounds_s.append(said.turnaround_s)
            for key in block.keys:
                place = profile.place(key)
                at = place.address - block.address
                record.words[key] = said.words[at : at + place.words]
        elif said.refused and len(block.keys) > 1:
            half = len(block.keys) // 2
            parts = [
                plan(profile, keys, pace=asker.wire.pace) for keys in (block.keys[:half], block.keys[half:])
            ]
            waiting += [*parts[1][::-1], *parts[0][::-1]]
        else:
            record.missing |= dict.fromkeys(block.keys, said.detail)
            if said.refused:
                record.refused |= set(block.keys)
    return record


def meter_of(meters: Mapping[int, object], modbus_id: int) -> str:
    """Return how a person calls this id: with the configured meter's name where it has one."""
    name = getattr(meters.get(modbus_id), "name", "")
    return f"id {modbus_id} ({name})" if name else f"id {modbus_id}"
