"""What is known of each bus section: live, dead, no current or unknown, inferred from its meters. Pure."""

from collections.abc import Sequence

from substation.dashboard import format as f
from substation.dashboard import words
from substation.dashboard.board import Board, LiveMeter
from substation.dashboard.tongue import say
from substation.dashboard.words import Parts


def numbers(board: Board) -> tuple[int, ...]:
    """Return the numbers of the sections that circuits hang on."""
    return tuple(sorted({meter.bus_section for meter in board.meters}))


def state(meters: Sequence[LiveMeter]) -> str:
    """Return how a bar is drawn on which these circuits hang: live, noload, dead or unknown.

    A feeder with voltage proves the bar live. A source with voltage does so only while current flows: its
    breaker may be open, and no meter reports that. So where it feeds nothing and every feeder is dead,
    nobody knows.
    """
    seen = [(meter.role == "feeder", words.wire(meter)) for meter in meters]
    below = [drawn for feeder, drawn in seen if feeder]
    flowing = [drawn for _, drawn in seen if drawn in ("live", "phase")]
    if flowing:
        return "live"
    if "noload" in below:
        return "noload"
    if any(drawn == "noload" for _, drawn in seen):
        return "unknown" if below and all(drawn == "dead" for drawn in below) else "noload"
    return "dead" if seen and all(drawn == "dead" for _, drawn in seen) else "unknown"


def parts(board: Board) -> Parts:
    """Return how each bar looks, and its name with what feeds it; group `bus`.

    The bar of section N is `busN`, its name `wordsN`; of a station with one section `bus` and `words`.
    """
    told: Parts = {}
    every = numbers(board)
    for number in every:
        own = [meter for meter in board.meters if meter.bus_section == number]
        drawn, mark = state(own), suffix(every, number)
        several = len(every) > 1
        told[f"bus{mark}"] = ("", f"ss-w-{drawn}")
        told[f"words{mark}"] = (_of_many(number, own, drawn, board) if several else _of_one(board, drawn), "")
    return told or {"bus": ("", "ss-w-unknown"), "words": ("", "")}


def suffix(every: Sequence[int], number: int) -> str:
    """Return what follows the names of a section's parts."""
    return str(number) if len(every) > 1 else ""


def _volts(meters: Sequence[LiveMeter]) -> str:
    return f.number(max((meter.nominal_v for meter in meters), default=0.0), 0)


def _of_one(board: Board, drawn: str) -> str:
    volts = _volts(board.meters)
    if drawn == "dead":
        return say("{volts} V bus, dead", volts=volts)
    if drawn == "unknown":
        return say("{volts} V bus, not known", volts=volts)
    if words.on_generator(board):
        return say("{volts} V bus, fed by DG", volts=volts)
    if drawn == "noload":
        return say("{volts} V bus, no current", volts=volts)
    return say("{volts} V bus", volts=volts)


def _of_many(number: int, own: Sequence[LiveMeter], drawn: str, board: Board) -> str:
    volts = _volts(own)
    if drawn == "dead":
        return say("Bus section {number}, {volts} V, dead", number=number, volts=volts)
    if drawn == "unknown":
        return say("Bus section {number}, {volts} V, not known", number=number, volts=volts)
    runs = any(m.role == "generator" and words.wire(m) in ("live", "phase") for m in own)
    if runs and words.supply_lost(board):
        return say("Bus section {number}, {volts} V, fed by DG", number=number, volts=volts)
    if drawn == "noload":
        return say("Bus section {number}, {volts} V, no current", number=number, volts=volts)
    return say("Bus section {number}, {volts} V, live", number=number, volts=volts)
