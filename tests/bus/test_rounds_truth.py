"""The promise of the rounds: whatever the wire loses, delays or spoils, every value was the meter's own.

2000 rounds by script on a clock that is moved by hand, groups on; each register tells its meter, its
value and the millisecond at which the answer was made, so that nothing foreign or old can pass.
"""

import random

import pytest

from substation.bus.scan import Scanner
from substation.errors import NoAnswer
from substation.readings import Reading
from substation.settings.model import CARD_METERS, Line
from tests.bus.fake_wire import FakeWire
from tests.bus.models import FAST, Registers, grouped
from tests.bus.rounds import Rounds
from tests.fake_clock import FakeClock

PROFILE = grouped()
METERS = CARD_METERS[:3]
KINDS = ("timeout", "late", "late", "crc", "short", "wrong_id", "length", "noise", "noise_before")
REFUSALS = ("exception_2", "exception_4", "exception_6")
PIECES_MS = 2500
"""So much earlier may the first piece of a reading be."""
JOINED_MS = 4000
"""So much later than the fast values may slow ones of the same reading be: a round and 2 s."""


class Judge:
    """Knows what every register held at every moment."""

    def __init__(self, wire: FakeWire) -> None:
        self._wire = wire
        self._held = Registers(PROFILE)
        self.seen: set[str] = set()
        self.joined = 0

    def wrong(self, reading: Reading) -> list[str]:
        """Values that the meter did not hold when the answer was made, or that claim another time."""
        if not reading.answered:
            return [key for key, value in reading.values.items() if value is not None]
        assert set(reading.values) <= {*PROFILE.registers}
        self.joined += "wh_received" in reading.values
        self.seen |= set(reading.values)
        return [key for key, value in reading.values.items() if not self._true(reading, key, value)]

    def _true(self, reading: Reading, key: str, value: float | None) -> bool:
        """A reading in pieces has the time of the last; slow values come somewhat later than it."""
        first_ms = reading.at_ms - PIECES_MS
        last_ms = reading.at_ms + (0 if key in FAST else JOINED_MS)
        return any(
            value == self._held.value(meter_id, key, ms)
            for meter_id, ms in self._wire.made
            if meter_id == reading.meter_id and first_ms <= ms <= last_ms
        )

    def tell(self, reading: Reading) -> str:
        """For whoever has to find out why."""
        made = [(meter_id, ms - reading.at_ms) for meter_id, ms in self._wire.made]
        asked = [block for block in self._wire.blocks if block[0] == reading.meter_id]
        return f"{reading.meter_id} at {reading.at_ms}: asked {asked}, answers made {made}"


@pytest.fixture
def wire(clock: FakeClock) -> FakeWire:
    wire = FakeWire(Line(baud=19200), clock)
    wire.words = Registers(PROFILE).word
    return wire


@pytest.mark.parametrize(("interval_s", "rounds_made"), [(1.0, 1000), (0, 1000)], ids=["idle", "no pause"])
def test_no_wrong_value_in_a_thousand_bad_rounds(
    wire: FakeWire, clock: FakeClock, interval_s: float, rounds_made: int
) -> None:
    dice = random.Random(20)
    scanner = Scanner(wire, [(meter, PROFILE) for meter in METERS], clock, slow_interval_s=20)
    rounds, judge = Rounds(scanner, wire, clock, interval_s), Judge(wire)

    def spoil(meter_id: int) -> None:
        luck = dice.random()
        wire.faults[meter_id] = []
        if luck < 0.10:
            wire.faults[meter_id] = [dice.choice(KINDS)]
        elif luck < 0.12:
            wire.faults[meter_id] = [dice.choice(REFUSALS)]
        elif luck < 0.121:
            clock.advance(dice.choice((0.3, 5.0, 60.0)))  # we were held up

    wire.on_ask = spoil
    polls = good = 0
    for number in range(rounds_made):
        if number % 100 == 50:
            wire.dead = {dice.choice((1, 2, 3))}
        elif number % 100 == 70:
            wire.dead = set()
        for reading in rounds.one().values():
            polls += 1
            good += reading.answered
            assert judge.wrong(reading) == [], judge.tell(reading)
    assert good >= 0.8 * polls
    assert judge.joined > 50
    assert judge.seen == {*PROFILE.registers}
    for seat in scanner.seats:
        for key, (value, at_ms) in seat.extras.items():
            assert value == Registers(PROFILE).value(seat.meter.id, key, at_ms)


def test_the_wire_of_this_test_does_hand_out_old_replies_to_whoever_asks_in_their_length(
    wire: FakeWire, clock: FakeClock
) -> None:
    """Else the test above could not fail."""
    (block,) = Scanner(wire, [(METERS[0], PROFILE)], clock, slow_interval_s=20).seats[0].blocks
    wire.faults[1] = ["late"]
    with pytest.raises(NoAnswer):
        wire.read(1, block, 0.25)
    answer = wire.read(1, block, 0.25)
    assert answer.words[0:2] != tuple(wire.words(1, 100 + word, answer.at_ms) for word in (0, 1))
