"""From when to when: pairs noted changes of state into spans, and invents none over a blind spot. Pure.

A change of state is noted once, when it becomes true. Three things may lie between it and the next one:
nothing (then the state lasted), a time in which nobody looked (the poller did not run), or a time in which
nothing could be seen (the meter kept silent). So a span knows its ends only *between* two moments, and
its length only between two lengths:

1. `timeline` makes of the changes of one thing an unbroken row of pieces, with `unknown` where nobody saw.
   A blind spot of at most `lasting_ms` hides no change that would count, and breaks nothing.
2. `together` makes one row of several: supply has failed when every incomer is dead.
3. `runs` finds the stretches in some states. One goes on through `unknown` when it is found again
   behind it, and says how much of it nobody saw.

The register of interruptions, the list of events and the hours of a DG set all rest on these.
"""

import itertools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """One noted change of state."""

    at_ms: int
    """UTC, ms: when it became true."""
    old: str
    """What it was before: a state, `unknown`, or nothing where that was not noted."""
    new: str


@dataclass(frozen=True, slots=True)
class Blind:
    """A time in which nobody looked."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Piece:
    """From here on this state, until the next piece."""

    at_ms: int
    state: str


@dataclass(frozen=True, slots=True)
class Run:
    """One stretch in some states. Times are UTC, ms."""

    begun_after_ms: int | None
    """It began no sooner than this; None: it was so when the first look was taken."""
    begun_by_ms: int
    """It was seen from here on."""
    ended_after_ms: int
    """It was seen until here."""
    ended_by_ms: int | None
    """It was seen over from here on; None: that was not seen."""
    lasts: bool
    """It is so at the end of the row; with `ended_by_ms` None and this false, nobody knows."""
    unseen_ms: int
    """How much between its first and its last sight nobody saw."""

    @property
    def least_ms(self) -> int:
        """It lasted no less: what was seen of it."""
        return self.ended_after_ms - self.begun_by_ms - self.unseen_ms

    @property
    def most_ms(self) -> int | None:
        """It lasted no more; None where an end was not seen."""
        end_ms = self.ended_after_ms if self.lasts else self.ended_by_ms
        return None if end_ms is None or self.begun_after_ms is None else end_ms - self.begun_after_ms

    @property
    def exact(self) -> bool:
        """Whether both ends are known and all of it was seen."""
        return self.least_ms == self.most_ms


def timeline(
    changes: Iterable[Change], blind: Iterable[Blind] = (), *, until_ms: int, lasting_ms: int = 0
) -> list[Piece]:
    """Return the row of pieces of one thing, oldest first.

    Args:
        changes: in any order; of the same moment in the order in which they were noted.
        blind: when nobody looked.
        until_ms: what lies behind it is left out.
        lasting_ms: a state is said to have lasted through a blind spot that is no longer, once it was found
            again; through one that goes on until `until_ms` nothing is said to last.
    """
    spots = sorted((spot for spot in blind if spot.start_ms < until_ms), key=lambda spot: spot.start_ms)
    noted = sorted(
        (change for change in changes if change.at_ms <= until_ms), key=lambda change: change.at_ms
    )
    breaking = [spot for spot in spots if spot.end_ms - spot.start_ms > lasting_ms or spot.end_ms >= until_ms]
    marks: list[tuple[int, int, Change | None]] = [(spot.start_ms, 1, None) for spot in breaking]
    marks += [(change.at_ms, 0, change) for change in noted]  # what was noted at the last sight was seen
    pieces: list[Piece] = []
    for at_ms, _, change in sorted(marks, key=lambda mark: mark[:2]):
        if change is not None:
            _take(pieces, change, spots)
        elif pieces:
            _add(pieces, at_ms, UNKNOWN)
    return pieces


def _take(pieces: list[Piece], change: Change, spots: Sequence[Blind]) -> None:
    """Add a change; where it was not as the change says, nobody saw it since some moment before."""
    last = pieces[-1] if pieces else None
    if last is not None and change.old and last.state not in (UNKNOWN, change.old):
        short = [spot.start_ms for spot in spots if last.at_ms <= spot.start_ms <= change.at_ms]
        _add(pieces, max(short, default=last.at_ms), UNKNOWN)
    if change.old and (change.old != UNKNOWN or last is None):
        _add(pieces, change.at_ms, change.old)
    _add(pieces, change.at_ms, change.new)


def _add(pieces: list[Piece], at_ms: int, state: str) -> None:
    if not pieces or pieces[-1].state != state:
        pieces.append(Piece(max(at_ms, pieces[-1].at_ms) if pieces else at_ms, state))


def together(rows: Sequence[Sequence[Piece]], of: Collection[str], rest: str) -> list[Piece]:
    """Return one row of several: in a state of `of` while all are, `rest` while one surely is not.

    Before a row begins, it is unknown.
    """
    moves = sorted(
        (piece.at_ms, place, number, piece.state)
        for place, row in enumerate(rows)
        for number, piece in enumerate(row)
    )
    now, first = [UNKNOWN] * len(rows), next(iter(of))
    pieces: list[Piece] = []
    for at_ms, place, _, new in moves:
        now[place] = new
        if any(state != UNKNOWN and state not in of for state in now):
            _add(pieces, at_ms, rest)
        else:
            _add(pieces, at_ms, UNKNOWN if UNKNOWN in now else first)
    return pieces


def runs(pieces: Sequence[Piece], of: Collection[str], until_ms: int) -> list[Run]:
    """Return the stretches in the states `of`, oldest first; the last piece goes on until `until_ms`."""
    found: list[Run] = []
    begun: tuple[int | None, int] | None = None
    unseen_ms, hidden_ms, dark_from = 0, 0, None  # within the run; since it was last seen; since when
    sighted = False
    for piece, following in itertools.zip_longest(pieces, pieces[1:]):
        end_ms = until_ms if following is None else following.at_ms
        if piece.state == UNKNOWN:
            dark_from = piece.at_ms if dark_from is None else dark_from
            hidden_ms += end_ms - piece.at_ms
            continue
        if piece.state in of:
            if begun is None:
                after_ms = piece.at_ms if dark_from is None else dark_from
                begun = (None if dark_from is not None and not sighted else after_ms, piece.at_ms)
                unseen_ms = 0
            else:
                unseen_ms += hidden_ms
        elif begun is not None:
            ended_after = piece.at_ms if dark_from is None else dark_from
            found.append(Run(*begun, ended_after, piece.at_ms, False, unseen_ms))
            begun = None
        hidden_ms, dark_from, sighted = 0, None, True
    if begun is not None:
        lasts = dark_from is None
        found.append(Run(*begun, until_ms if lasts else dark_from or 0, None, lasts, unseen_ms))
    return found
