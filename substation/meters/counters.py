"""What a meter model tells of its counters: where each begins again at 0, and in which steps it goes on."""

from collections.abc import Mapping

from substation.meters.decode import words_in
from substation.meters.profile import Profile
from substation.meters.ratio import UNCHANGED, UNITS, Factors
from substation.quantities import COUNTERS


def moduli(profile: Profile, ratio: Factors = UNCHANGED) -> Mapping[str, float]:
    """Return by counter where it begins again at 0, in its unit, as it reaches us.

    What the row says (`counter_modulus`), else what an integer encoding of up to 32 bits holds. No entry
    for a float or 64 bits: those never fill, and the display's last digit decides.
    """
    found = {}
    for key in COUNTERS:
        if key not in profile.registers:
            continue
        said, place = profile.registers[key].counter_modulus, profile.place(key)
        bits = 16 * words_in(place.encoding)
        if said is None and "int" in place.encoding and bits <= 32:
            said = 2 ** (bits if place.encoding.startswith("u") else bits - 1) * place.scale
        if said is not None:
            found[key] = said * ratio.of(UNITS[key])
    return found


def resolutions(profile: Profile, ratio: Factors = UNCHANGED) -> Mapping[str, float]:
    """Return by counter the step in which an integer register goes on, in its unit; a float's is its own."""
    return {
        key: place.scale * ratio.of(UNITS[key])
        for key in COUNTERS
        if key in profile.registers and "int" in (place := profile.place(key)).encoding
    }
