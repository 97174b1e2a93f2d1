"""Which stations have copies in a folder. Several may share a medium; each has a folder of its own."""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

from substation import __version__
from substation.clock import iso
from substation.errors import Damaged, StoreError, WrongStation
from substation.store import door, schema
from substation.store.copies import index as index_file
from substation.store.copies import layout
from substation.store.copies.index import Index
from substation.store.copies.medium import Medium, explained

READ_ME = (
    "Copies of a substation's readings. Each .jsonl.gz is a day: text, shown by zcat; its first line names "
    "the columns. Restore: python3 datalogger.py restore FOLDER. Nothing in here needs the station itself."
)


@dataclass(frozen=True, slots=True)
class Station:
    """A station with copies."""

    medium: Medium
    uid: str
    site: str
    simulated: bool

    @property
    def words(self) -> str:
        """The station, for a person."""
        kind = "simulated" if self.simulated else "real"
        return f"{self.site or 'station'} ({kind}, {self.uid[:12]}) in {self.medium.folder}"


def stations(folder: Path) -> list[Station]:
    """Return the stations with copies in the folder, or the one whose own folder it is."""
    with explained(folder):
        if folder.exists() and not folder.is_dir():
            raise StoreError(f"{folder} is a file; name the folder that was backup.folder")
        if not folder.is_dir():
            raise StoreError(f"{folder} is not there. Is the medium plugged in and mounted?")
        candidates = [folder, *sorted(one for one in folder.iterdir() if one.is_dir())]
    return [station for station in map(_station, candidates) if station]


def find(folder: Path, uid: str) -> Station | None:
    """Return the station with this uid, or None."""
    return next((station for station in stations(folder) if station.uid == uid), None)


def of_kind(folder: Path, simulated: bool | None, site: str = "") -> Station:
    """Return the one station whose copies are meant.

    Raises:
        WrongStation: All that are there are of the other kind.
        StoreError: There is none, or there are several and no site's name tells which.
    """
    found = stations(folder)
    if not found:
        raise StoreError(f"{folder} holds no copies of a station; name the folder that was backup.folder")
    right = [one for one in found if simulated is None or one.simulated == simulated]
    if not right:
        theirs, ours = ("real", "simulated") if simulated else ("simulated", "real")
        raise WrongStation(
            f"{folder} holds copies of a {theirs} station and this one is {ours}; they never mix. "
            f"There: {'; '.join(one.words for one in found)}"
        )
    if len(right) > 1:
        right = [one for one in right if one.site == site] or right
    if len(right) > 1:
        named = "\n".join(f"  {one.medium.folder}" for one in right)
        raise StoreError(f"{folder} holds copies of {len(right)} stations; name one of them:\n{named}")
    return right[0]


def of_station(folder: Path, history: Path, simulated: bool, site: str = "") -> Station:
    """Return the copies of the history that stands there, or of the one station where none does.

    Raises StoreError, in words, when there are none.
    """
    if not history.exists():
        return of_kind(folder, simulated, site)
    db, _ = door.open_to_read(history)
    with contextlib.closing(db), door.explained(history):
        uid = schema.meta(db, "uid") or ""
    station = find(folder, uid)
    if station is None:
        there = "; ".join(one.words for one in stations(folder)) or "nobody"
        raise StoreError(f"{folder} holds no copies of this station ({uid[:12]}), but of: {there}")
    return station


def begin(folder: Path, index: Index, now_ms: int) -> Station:
    """Make a folder for a station."""
    medium = Medium(folder / layout.folder_name(index.site, index.uid))
    with explained(medium.folder):
        if medium.folder.exists() and any(medium.folder.iterdir()) and _station(medium.folder) is None:
            raise StoreError(
                f"{medium.folder} is there and does not say whose it is; move it away, then copy again"
            )
        medium.folder.mkdir(exist_ok=True)
    said = {"copies": layout.FORMAT, **index.about(), "begun": iso(now_ms), "program": __version__}
    text = json.dumps({**said, "read_me": READ_ME}, indent=1) + "\n"
    medium.write(layout.STATION, [text.encode("ascii")])
    return Station(medium, index.uid, index.site, index.simulated)


def _station(folder: Path) -> Station | None:
    """Return whose folder it is; where `station.json` was lost the newest index says it."""
    medium = Medium(folder)
    said = _card(folder)
    if said is not None:
        return Station(medium, str(said["uid"]), str(said["site"]), said["simulated"] is True)
    if not index_file.numbers(medium):
        return None
    try:
        found = index_file.load(medium)
    except Damaged:
        return None
    return Station(medium, found.uid, found.site, found.simulated) if found else None


def _card(folder: Path) -> dict[str, object] | None:
    try:
        said = json.loads((folder / layout.STATION).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    if not isinstance(said, dict) or not {"copies", "uid", "site", "simulated"} <= said.keys():
        return None
    return said
