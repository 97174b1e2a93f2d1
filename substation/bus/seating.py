"""Which meters can be polled: those whose profile can be used. The others are named, with their fault."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from substation.errors import ProfileError
from substation.meters import profile
from substation.meters.profile import Profile
from substation.readings import Quality, Reading, missing
from substation.settings.model import Meter

FAULTY = "profile"
"""The reason of a reading that was never asked for, because the meter's profile cannot be used."""

UNUSABLE = (ProfileError, OSError, UnicodeError)
"""Also a file that cannot be opened, or that is no text."""
Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Faulty:
    """A meter whose profile cannot be used: it is not asked, and says so in every round."""

    meter: Meter
    fault: str
    """File, row and remedy, in words."""

    @property
    def words(self) -> str:
        """For the state line and the log."""
        return f"meter {self.meter.id} {self.meter.name} is not polled: {self.fault}"

    def reading(self, now_ms: int) -> Reading:
        """Return the record of a round in which it was not asked."""
        return missing(self.meter.id, now_ms, Quality.DISABLED, FAULTY)


def seat(meters: Iterable[Meter], own: Path | None) -> tuple[list[tuple[Meter, Profile]], list[Faulty]]:
    """Return the meters with their profiles, and those whose profile cannot be used."""
    fit: list[tuple[Meter, Profile]] = []
    faulty: list[Faulty] = []
    for meter in meters:
        try:
            fit.append((meter, profile.load(meter.profile, own)))
        except UNUSABLE as exc:
            faulty.append(Faulty(meter, str(exc)))
    return fit, faulty


def signature(own: Path | None) -> Signature:
    """Return what tells one state of the station's own profiles from another; costs a stat a file."""
    if own is None:
        return ()
    found = []
    try:
        for path in sorted(own.glob("*.toml")):
            status = path.stat()
            found.append((path.name, status.st_mtime_ns, status.st_size))
    except OSError:  # a file or the folder has gone meanwhile: the next look tells
        return ()
    return tuple(found)
