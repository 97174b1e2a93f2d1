"""What is known of every alarm: frozen records that go through JSON and come back the same. Pure.

The states are those of ISA-18.2 and IEC 62682. `Alarm` holds what they follow from; `Alarm.shown` names the
one that it is in, and what stops an alarm's announcement goes before what it would announce.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pydantic import TypeAdapter


class State(StrEnum):
    """In which state an alarm is."""

    NORMAL = "Normal"
    UNACKNOWLEDGED = "Unacknowledged"
    ACKNOWLEDGED = "Acknowledged"
    RTN_UNACKNOWLEDGED = "RTN-unacknowledged"
    """Returned to normal, and nobody has said that he saw it."""
    SHELVED = "Shelved"
    """Put aside by somebody, with a reason, until a time."""
    SUPPRESSED = "Suppressed by design"
    OUT_OF_SERVICE = "Out of service"
    """Taken out by somebody, with a reason, until he puts it back."""


Kind = Literal[
    "alarm.raised",
    "alarm.cleared",
    "alarm.acknowledged",
    "alarm.shelved",
    "alarm.unshelved",
    "alarm.suppressed",
    "alarm.unsuppressed",
    "alarm.out_of_service",
    "alarm.in_service",
    "alarm.note",
    "alarm.ended",
]
Asked = Literal["acknowledge", "shelve", "unshelve", "out_of_service", "in_service", "note"]


@dataclass(frozen=True, slots=True)
class Aside:
    """Put aside by somebody: shelved, or out of service."""

    by: str
    reason: str
    since_ms: int
    until_ms: int | None = None
    """UTC, ms: when a shelf ends; None out of service."""
    left_ms: int = 0
    """The same as a span that a set clock does not move; whichever ends first, ends it."""


@dataclass(frozen=True, slots=True)
class Announced:
    """Which transition asked people last to acknowledge: a raise, or what put an alarm back among them."""

    id: str
    """`Transition.id`."""
    at_ms: int
    kind: Kind
    words: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """One rule at one subject."""

    rule: str
    subject: str
    active: bool = False
    """Whether it was raised and has not cleared."""
    acked: bool = True
    """Whether nobody has to acknowledge it."""
    told: bool = False
    """Whether it was announced: raised, or stood, while nothing stopped it."""
    occurrence: str = ""
    """The id of its last raise."""
    since_ms: int | None = None
    """UTC, ms: when what it warns of became true."""
    raised_ms: int | None = None
    """When that had lasted for the on-delay."""
    cleared_ms: int | None = None
    """When it was in order again, before the off-delay."""
    why: str = ""
    """Why it was raised: value, limit, evidence."""
    turning_ms: int | None = None
    """Since when the signal says otherwise than `active`; None while both say the same."""
    held_ms: int = 0
    """For how long it has said so."""
    unseen_ms: int | None = None
    """Since when the signal is not known; the alarm stands meanwhile as it stood."""
    unseen_for_ms: int = 0
    unseen_why: str = ""
    suppressed: str = ""
    """By which condition."""
    lingers_ms: int | None = None
    """How long that condition has been over; None while it holds."""
    shelf: Aside | None = None
    out: Aside | None = None
    acked_by: str = ""
    acked_ms: int | None = None
    note: str = ""
    """The last one since it was raised, with who wrote it."""
    note_ms: int | None = None
    stamp_ms: int = 0
    """When its last transition is stamped: the next is not stamped before it."""
    announced: Announced | None = None
    """Of this raise; None: it asked nobody yet."""

    @property
    def key(self) -> str:
        """Which alarm of the station it is."""
        return f"{self.rule}@{self.subject}"

    @property
    def shown(self) -> State:
        """The state that it is in."""
        if self.out:
            return State.OUT_OF_SERVICE
        if self.shelf:
            return State.SHELVED
        if self.active and self.suppressed:
            return State.SUPPRESSED
        if self.active:
            return State.ACKNOWLEDGED if self.acked else State.UNACKNOWLEDGED
        return State.NORMAL if self.acked else State.RTN_UNACKNOWLEDGED

    @property
    def at_rest(self) -> bool:
        """Whether nothing is going on with it."""
        return not self.active and self.acked and self.turning_ms is None and not (self.shelf or self.out)


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of an alarm's state: to be noted once."""

    id: str
    """Of this transition alone. What is worked out again from the same state gets the same one."""
    at_ms: int
    """UTC, ms: when it became true."""
    kind: Kind
    rule: str
    subject: str
    meter_id: int | None
    old: str
    new: str
    words: str
    """Title, value, limit; who, why."""
    occurrence: str = ""

    @property
    def detail(self) -> str:
        """The words with the mark by which it is recognised where it was noted."""
        return f"{self.words} (alarm {self.rule}@{self.subject} {self.id})"


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody asks to be done with an alarm."""

    uid: str
    """Of this request alone; it is obeyed once."""
    at_ms: int
    kind: str
    """One of `Asked`; another one is declined."""
    rule: str
    subject: str
    by: str
    words: str = ""
    """A note, or the reason, which shelving and taking out of service must have."""
    minutes: int = 0
    """For how long it is shelved."""
    occurrence: str = ""
    """Which raise of it is meant; empty: whichever it is."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command."""

    uid: str
    done: bool
    words: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Alarms:
    """All alarms of a station, with what is still to be noted: one whole that is saved at once."""

    uid: str
    """Made up anew with each fresh start, so that no id is ever given twice."""
    seq: int = 0
    """Transitions so far."""
    last_ms: int = 0
    """When the last step was, by the clock of then."""
    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    """Those that something was or is the matter with, by their key."""
    outbox: tuple[Transition, ...] = ()
    """Transitions that may not have been noted yet, oldest first."""
    given_up: int = 0
    """How many had to leave the outbox unnoted."""
    answers: tuple[Answer, ...] = ()
    """To the last commands, newest last; a command with an answer is not obeyed again."""
    asked_id: int = 0
    """Number of the last row that was looked at among the commands."""


_MARK = re.compile(r"\(alarm .+ (\S+-[0-9]+)\)")


def id_in(detail: str) -> str:
    """Return which transition was noted with this detail; nothing where none was."""
    found = _MARK.search(detail)
    return found.group(1) if found else ""


_ALARMS = TypeAdapter(Alarms)


def to_json(alarms: Alarms) -> bytes:
    """Return them as plain JSON."""
    return _ALARMS.dump_json(alarms)


def from_json(text: bytes) -> Alarms:
    """Return what `to_json` made. Raises ValueError on anything else."""
    return _ALARMS.validate_json(text, strict=True)
