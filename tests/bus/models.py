"""Meter models for tests, and registers of which every word tells meter, value and moment."""

import struct

from substation.meters.decode import float32, words_of_float32
from substation.meters.profile import Profile
from substation.quantities import COUNTERS, INSTANTS

EPOCH_MS = 1_795_500_000_000
FAST = [key for key in INSTANTS if key != "pf_average_received"]


def grouped(**changes: object) -> Profile:
    """The card's meter with 58 fast and 18 slow registers, two extras and a serial number far away."""
    rows: dict[str, object] = {key: 40101 + 2 * place for place, key in enumerate(FAST)}
    rows |= {key: 40159 + 2 * place for place, key in enumerate(COUNTERS)}
    rows["pf_average_received"] = {"register": 40175, "group": "slow"}
    extras = {
        "load_hours": {"register": 40217, "label": "Load hours", "unit": "h"},
        "interruptions": {"register": 40221, "label": "Interruptions"},
        "serial": {"register": 40301, "label": "Serial number", "group": "once"},
    }
    data = {
        "model": "Test",
        "source": "test",
        "verified": True,
        "word_order": "CDAB",
        "registers": rows,
        "extras": extras,
        **changes,
    }
    return Profile.model_validate(data)


class Registers:
    """What every meter's registers hold at a moment: each value of each meter at each ms is unlike any other.

    Its exponent tells the meter and the value, its mantissa the moment. The frequency alone is near 50.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._at = {}
        for key in profile.keys:
            place = profile.place(key)
            for word in range(place.words):
                self._at[place.address + word] = (key, word)
        self._rank = {key: rank for rank, key in enumerate(profile.keys)}

    def value(self, meter_id: int, key: str, at_ms: int) -> float:
        """As single precision carries it."""
        passed = at_ms - EPOCH_MS + 1
        exact = (
            50.0 + passed / 2**24
            if key == "frequency"
            else passed * 2.0 ** (self._rank[key] + 41 * (meter_id - 1) - 126)
        )
        return float32(words_of_float32(exact, "CDAB"), "CDAB")

    def word(self, meter_id: int, address: int, at_ms: int) -> int:
        """One register; 0xDEAD between the values."""
        if address not in self._at:
            return 0xDEAD
        key, word = self._at[address]
        high, low = struct.unpack(">HH", struct.pack(">f", self.value(meter_id, key, at_ms)))
        return (low, high)[word]
