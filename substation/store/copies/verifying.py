"""Looks at everything that was copied: every file against its sum, every day restored, no day lacking."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from substation.clock import Clock
from substation.errors import StoreError
from substation.store.copies import beside, index, layout, proving, room
from substation.store.copies.index import Entry, Index
from substation.store.copies.medium import Medium
from substation.store.copies.proving import Proof
from substation.store.copies.source import Source
from substation.store.copies.stations import Station


@dataclass(slots=True)
class Verified:
    """What was found."""

    station: Station
    index: Index
    proof: Proof
    problems: list[str] = field(default_factory=list)
    """Damaged and lacking; empty: everything is whole."""
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether all that was copied is there and comes back."""
        return not self.problems


def verify(station: Station, clock: Clock, tick: Callable[[str], None], history: Path | None) -> Verified:
    """Prove every file of a station; the index remembers the proof where it can be written.

    Args:
        station: Whose copies.
        clock: Stamps the proof.
        tick: Is told how far it is.
        history: The station's own history, to compare with where it still has the rows; None: not there.

    Raises:
        Damaged: No index can be read; the next copy makes one from the files.
        StoreError: There are no copies, or the medium cannot be read.
    """
    medium, found = station.medium, index.load(station.medium)
    if found is None:
        raise StoreError(f"{medium.folder} holds no whole copy yet")
    if history is None:
        proof = proving.prove_all(medium, found, None, clock, tick)
    else:
        source = Source(history)
        try:
            with source.hold():
                is_same = source.about().uid == found.uid
            proof = proving.prove_all(medium, found, source if is_same else None, clock, tick)
        finally:
            source.close()
    done = Verified(station, found, proof, list(proof.problems))
    done.problems += [*_unreadable_indexes(medium), *_beside(medium, found), *lacking(found)]
    if words := room.words(found):
        done.notes.append(words)
    try:
        index.publish(medium, found)
    except StoreError as exc:
        done.notes.append(f"the proof could not be noted on the medium: {exc}")
    return done


def lacking(found: Index) -> Iterator[str]:
    """Yield days that should be there and are not, and days whose tables do not fit each other."""
    minutes = {one.day: one for one in found.of("minutes")}
    readings = {one.day: one for one in found.of("readings")}
    quarters = {one.day: one.polls.get("quarter", 0) for one in found.of("periods")}
    polls = {day: one.polls.get("minute", 0) for day, one in minutes.items()}
    yield from _gaps("minutes", minutes, quarters)
    yield from _gaps("readings", readings, polls)
    for day, entry in readings.items():
        fine = minutes.get(day)
        if fine is None or not (entry.whole and fine.whole) or entry.state != fine.state or not entry.state:
            continue
        if entry.rows != polls[day]:
            yield (
                f"{layout.date_of(day)}: {entry.rows} readings are copied, its minutes account for "
                f"{polls[day]}; see python3 datalogger.py check"
            )


def _gaps(group: str, entries: dict[int, Entry], polls: dict[int, int]) -> Iterator[str]:
    if not entries:
        return
    for day in range(min(entries), max(entries)):
        if day not in entries and polls.get(day, 0):
            yield f"{group} of {layout.date_of(day)} are lacking, though there were {polls[day]} readings"


def _beside(medium: Medium, found: Index) -> Iterator[str]:
    for one in found.beside.values():
        try:
            beside.content(medium, one)
        except StoreError as exc:
            yield str(exc)


def _unreadable_indexes(medium: Medium) -> Iterator[str]:
    for number in index.numbers(medium):
        try:
            index.read(medium, number)
        except StoreError as exc:
            yield str(exc)
