"""The transitions of one step, numbered as they come. Pure."""

from dataclasses import replace

from substation.alarms.plan import Watch
from substation.alarms.state import Alarm, Announced, Kind, State, Transition


class Book:
    """Takes down what changes in one step."""

    def __init__(self, uid: str, seq: int, now_ms: int) -> None:
        """Go on after `seq` transitions of the state `uid`."""
        self._uid, self.seq, self.now_ms = uid, seq, now_ms
        self.transitions: list[Transition] = []

    def next_id(self) -> str:
        """Return the id that the next transition will have."""
        return f"{self._uid}-{self.seq + 1}"

    def note(
        self,
        kind: Kind,
        old: Alarm,
        new: Alarm,
        words: str,
        *,
        watch: Watch | None,
        at_ms: int | None = None,
        to: str | None = None,
    ) -> Alarm:
        """Take down that an alarm has changed; return it with its stamp.

        It is stamped when it became true, but never in the future, nor before its last transition; a stamp
        from a clock that was set back since counts as now.
        """
        floor_ms = min(old.stamp_ms, self.now_ms)
        at_ms = max(floor_ms, min(self.now_ms if at_ms is None else at_ms, self.now_ms))
        title = f"{watch.rule.title}, {watch.named}" if watch else f"{new.rule}, {new.subject}"
        transition = Transition(
            self.next_id(),
            at_ms,
            kind,
            new.rule,
            new.subject,
            watch.meter_id if watch else _meter_id(new.subject),
            str(old.shown),
            str(new.shown) if to is None else to,
            f"{title}: {words}" if words else title,
            new.occurrence,
        )
        self.seq += 1
        self.transitions.append(transition)
        announced = new.announced
        if new.shown is State.UNACKNOWLEDGED and (kind == "alarm.raised" or new.shown is not old.shown):
            announced = Announced(transition.id, at_ms, kind, words)
        return replace(new, stamp_ms=at_ms, announced=announced)


def _meter_id(subject: str) -> int | None:
    kind, _, number = subject.partition(":")
    return int(number) if kind == "meter" and number.isdecimal() else None
