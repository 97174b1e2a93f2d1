"""Which alarm comes before which, on every screen and in the heartbeat alike. Pure."""

from substation.alarms.state import Alarm, State

PRIORITIES = ("high", "medium", "low", "journal")
_STATES = (
    State.UNACKNOWLEDGED,
    State.ACKNOWLEDGED,
    State.RTN_UNACKNOWLEDGED,
    State.SUPPRESSED,
    State.SHELVED,
    State.OUT_OF_SERVICE,
    State.NORMAL,
)
_QUIET = _STATES.index(State.SUPPRESSED)
"""From here on nobody is asked, and nothing is announced."""


def urgency(one: Alarm, priority: str) -> tuple[bool, int, int, int, str]:
    """Return by what the most urgent alarm comes first.

    What is announced comes before what is suppressed or put aside; then the priority decides; then what
    stands comes before what is over, and what nobody has acknowledged before what somebody has; then the
    oldest, since in one incident the cause is true before what follows from it.
    """
    state = _STATES.index(one.shown)
    return state >= _QUIET, rank(priority), state, one.since_ms or 0, one.key


def rank(priority: str) -> int:
    """Return 0 for the highest priority; one that is not known comes last."""
    return PRIORITIES.index(priority) if priority in PRIORITIES else len(PRIORITIES)
