"""A script of what can happen to supply and wire, and a wire that plays it on a fake clock."""

import random
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from substation.bus.line import Answer
from substation.errors import LineDown, NoAnswer
from substation.meters.blocks import Block
from substation.meters.pace import Pace
from substation.meters.profile import Profile
from substation.settings.model import Line as LineSettings
from substation.simulator.site import ESSENTIAL, METERS, Failure, Site, Trouble
from substation.simulator.slave import RegisterMap, answer, framed, whole
from tests.fake_clock import FakeClock

OWN = frozenset({3, 4})
"""Meters that live from the circuit they measure."""
WIRED = (1, 2, 5, 3, 4)
"""How the wire runs from meter to meter: behind 5 there are only such."""
TURNAROUND_S = 0.03
LOST_REPLIES = 0.01
"""As on a line that is not of the best."""

KINDS = {
    "outage": "outage",
    "feeder off": "feeder off",
    "phase lost": "phase lost",
    "meter lost": "one meter",
    "panel fuse": "one meter",
    "line cut": "line cut",
    "all silent": "line or adapter",
    "adapter lost": "line down",
    "station rebooted": "station",
}
"""What can happen, and as what it is rightly classed: what a dead meter and a blown fuse show is the same."""
OUTAGES = frozenset({"outage", "feeder off", "phase lost"})
WIRE = frozenset({"meter lost", "panel fuse", "line cut", "all silent", "adapter lost"})

CUT_OFF = frozenset({"meter lost", "line cut", "all silent"})


@dataclass(frozen=True)
class Happening:
    """One event of the script. Times are UTC, ms."""

    kind: str
    start_ms: int
    end_ms: int
    meters: frozenset[int]
    """Whose supply is lost, or who is not heard."""
    failure: Failure | None = None
    trouble: Trouble | None = None
    in_order: bool = True
    """Of a reboot: whether the poller was told to stop."""
    over_ms: int = 0
    """When all of it is over: the DG set has stopped as well."""


@dataclass
class Script:
    """Events with a recovery between them."""

    happenings: list[Happening] = field(default_factory=list)
    _place: int = 0

    def at(self, ms: int) -> Happening | None:
        """Return what is going on at a time."""
        while self.happenings[self._place].over_ms <= ms and self._place + 1 < len(self.happenings):
            self._place += 1
        here = self.happenings[self._place]
        return here if here.start_ms <= ms < here.end_ms else None

    def silent(self, meter: int, ms: int) -> bool:
        """Return whether the wire does not carry to a meter; asked in order of time."""
        here = self.at(ms)
        return here is not None and here.kind in CUT_OFF and meter in here.meters

    def unplugged(self, ms: int) -> bool:
        """Return whether the adapter is gone."""
        here = self.at(ms)
        return here is not None and here.kind == "adapter lost"

    @property
    def failures(self) -> list[Failure]:
        return [h.failure for h in self.happenings if h.failure]

    @property
    def troubles(self) -> list[Trouble]:
        return [h.trouble for h in self.happenings if h.trouble]


def write(count: int, seed: int, start_ms: int) -> Script:
    """Return a script of so many events: each kind about as often, in random order and lengths."""
    dice = random.Random(seed)
    kinds = [kind for _ in range(count // len(KINDS) + 1) for kind in KINDS][:count]
    dice.shuffle(kinds)
    script, at_ms = Script(), start_ms
    for kind in kinds:
        at_ms += dice.randint(12_000, 16_000)
        happening = _happening(kind, at_ms, dice)
        script.happenings.append(happening)
        at_ms = happening.over_ms
    return script


def _happening(kind: str, at_ms: int, dice: random.Random) -> Happening:
    end_ms = at_ms + dice.randint(7_000, 15_000)
    if kind == "outage" or (kind == "station rebooted" and dice.random() < 0.4):
        end_ms += dice.choice((0, 0, 20_000))
        failure = Failure(at_ms, end_ms, dg_start_s=dice.choice((3.0, 6.0, 60.0)), dg_stop_s=6.0)
        if kind == "station rebooted":  # the mains fail and come back while nobody looks
            failure = Failure(at_ms + 1000, end_ms - 1000, dg_start_s=60.0)
            in_order = dice.random() < 0.5
            return Happening(
                kind, at_ms, end_ms, frozenset(METERS), failure=failure, in_order=in_order, over_ms=end_ms
            )
        dark = {1, 3, 4} if failure.over_ms > end_ms else {1, ESSENTIAL, 3, 4}  # the DG set takes it soon
        return Happening(kind, at_ms, end_ms, frozenset(dark), failure=failure, over_ms=failure.over_ms)
    if kind == "feeder off":
        meter = dice.choice((2, 3, 4))
        trouble = Trouble("switched_off", meter, at_ms, end_ms)
        return Happening(kind, at_ms, end_ms, frozenset({meter}), trouble=trouble, over_ms=end_ms)
    if kind == "phase lost":
        meter = dice.choice((1, 2, 3, 4))
        trouble = Trouble("phase_lost", meter, at_ms, end_ms, dice.choice(("R", "Y", "B")))
        meters = {1, 2, 3, 4} if meter == 1 else {meter}
        return Happening(kind, at_ms, end_ms, frozenset(meters), trouble=trouble, over_ms=end_ms)
    if kind == "panel fuse":
        meter = dice.choice(sorted(OWN))
        trouble = Trouble("panel_fuse", meter, at_ms, end_ms)
        return Happening(kind, at_ms, end_ms, frozenset({meter}), trouble=trouble, over_ms=end_ms)
    meters = {
        "meter lost": lambda: {dice.choice(METERS)},
        "line cut": lambda: set(WIRED[dice.randint(1, len(WIRED) - 1) :]),
    }.get(kind, lambda: set(METERS))()
    return Happening(kind, at_ms, end_ms, frozenset(meters), in_order=dice.random() < 0.5, over_ms=end_ms)


class ScriptedWire:
    """Implements `substation.bus.scan.Wire`: real frames, in the time that they would take."""

    def __init__(
        self, settings: LineSettings, clock: FakeClock, site: Site, script: Script, profile: Profile
    ) -> None:
        self.settings = settings
        self.pace = Pace.of(settings.baud, settings.format)
        self.echoes = False
        self.held_s = 0.0
        self.gaps_s: dict[int, float] = {}
        self.busy_s = 0.0
        self.is_open = False
        self._clock, self._site, self._script = clock, site, script
        self._map = RegisterMap(profile)
        self._dice = random.Random(1)

    def open(self) -> None:
        if self._script.unplugged(self._clock.now_ms()):
            raise LineDown(f"{self.settings.name}: port missing")
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    def advice(self) -> list[str]:
        return []

    def owed(self, meter_id: int) -> frozenset[int]:
        return frozenset()

    def read(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        return self._ask(meter_id, block.function, block.address, block.count, timeout_s)

    def probe(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        return self._ask(meter_id, block.function, block.address, 2, timeout_s)

    def _ask(self, meter_id: int, function: int, address: int, count: int, timeout_s: float) -> Answer:
        now_ms = self._clock.now_ms()
        if self._script.unplugged(now_ms):
            self.close()
            raise LineDown(f"{self.settings.name}: port lost")
        silent = self._script.silent(meter_id, now_ms) or self._dice.random() < LOST_REPLIES
        if silent or (meter_id in OWN and not self._site.awake(meter_id, now_ms)):
            self._pass(self.pace.transaction_s(count, timeout_s))
            raise NoAnswer(f"meter {meter_id}: no answer")
        request = framed(bytes((meter_id, function)) + address.to_bytes(2) + count.to_bytes(2))
        reply = answer(request, self._map, self._site.at(now_ms)[meter_id], None, self._dice)
        assert reply is not None
        frame = b"".join(reply.parts)
        assert whole(frame) and frame[2] == 2 * count
        words = tuple(int.from_bytes(frame[at : at + 2]) for at in range(3, len(frame) - 2, 2))
        self._pass(self.pace.transaction_s(count, TURNAROUND_S))
        return Answer(words, self._clock.now_ms(), TURNAROUND_S, False)

    def _pass(self, seconds: float) -> None:
        self.busy_s += seconds
        self._clock.advance(seconds)


@dataclass(frozen=True)
class Row:
    """One row of the table `event`."""

    at_ms: int
    kind: str
    meter: int | None
    old: str
    new: str
    detail: str


DEAD = {"EB supply Off", "Power failure"}
LOST = {"EB supply phase lost", "Phase lost"}
LIVE = {"EB supply On", "OK", "DG set Off"}
"""What they are while all is well."""
NEVER_MS = 10**9


def classed(rows: Iterable[Row]) -> str:
    """Return what the rows of one event say that it was."""
    rows = list(rows)
    if any(row.kind == "station.gap" for row in rows):
        return "station"
    if any(row.kind == "comm.line_down" for row in rows):
        return "line down"
    supply = [row for row in rows if row.kind == "supply"]
    if dead := {row.meter for row in supply if row.new in DEAD}:
        return "outage" if 1 in dead else "feeder off"
    if any(row.new in LOST for row in supply):
        return "phase lost"
    unknown = " / ".join(row.detail for row in supply if row.new == "Unknown")
    for words, name in (
        ("the line or the adapter", "line or adapter"),
        ("the line is cut", "line cut"),
        ("its panel", "one meter"),
        ("the meter itself", "one meter"),
    ):
        if words in unknown:
            return name
    return "nothing" if not unknown else f"unknown: {unknown[:60]}"


def expected(happening: Happening) -> str:
    """Return as what an event is to be classed; a cut before the last meter leaves one that keeps silent."""
    if happening.kind == "line cut" and len(happening.meters) == 1:
        return "one meter"
    return KINDS[happening.kind]


def lateness(happening: Happening, rows: Iterable[Row]) -> list[tuple[int, str]]:
    """Return how far each meter's rows lie from the truth, ms, and what; a missing row lies very far."""
    begun = {"outage": DEAD, "feeder off": DEAD, "phase lost": LOST}.get(happening.kind, {"Unknown"})
    found = []
    for meter in sorted(happening.meters):
        ours = [row for row in rows if row.kind == "supply" and row.meter == meter]
        begins = [row.at_ms - happening.start_ms for row in ours if row.new in begun]
        ends = [row.at_ms - happening.end_ms for row in ours if row.new in LIVE]
        found.append((abs(begins[0]) if begins else NEVER_MS, f"{happening.kind} of {meter} begins"))
        found.append((abs(ends[-1]) if ends else NEVER_MS, f"{happening.kind} of {meter} ends"))
    return found


def table(counts: Mapping[tuple[str, str], int], kinds: Collection[str]) -> str:
    """Return the confusion table: what happened down, what was said across."""
    said = sorted({name for _, name in counts})
    lines = [" " * 18 + "".join(f"{name[:16]:>17}" for name in said)]
    for kind in kinds:
        cells = "".join(f"{counts.get((kind, name), 0) or '.':>17}" for name in said)
        lines.append(f"{kind:18}{cells}")
    return "\n".join(lines)
