"""Who has to be told now of an alarm that stands: at once, and later when nobody acknowledges. Pure."""

import zoneinfo
from collections.abc import Collection, Sequence

from substation.messages.occurrence import Occurrence
from substation.messages.routing import concerns, on_duty
from substation.settings.messages import Recipient

MINUTE_S = 60.0


def step_due(recipient: Recipient, waited_s: float, told: Collection[int]) -> int | None:
    """Return the step that is due, in minutes without acknowledge; None: none, or it was told.

    Steps that passed while nobody could be told are one: who comes to an alarm after half an hour gets one
    message of it, not two.
    """
    due = [step for step in recipient.after_min if step * MINUTE_S <= waited_s]
    return due[-1] if due and due[-1] > max(told, default=-1) else None


def to_tell(
    alarm: Occurrence,
    recipients: Sequence[Recipient],
    told: dict[str, set[int]],
    *,
    waited_s: float,
    now_ms: int,
    zone: zoneinfo.ZoneInfo,
) -> list[tuple[Recipient, int]]:
    """Return who has to be told now that an alarm stands unacknowledged, each with his step.

    Args:
        alarm: the occurrence.
        recipients: everybody.
        told: by name which steps somebody was told already.
        waited_s: for how long it has asked somebody.
        now_ms: UTC, for who is on duty: whose hours begin while it stands is told then.
        zone: the site's.
    """
    found = []
    for recipient in recipients if alarm.state == "unacknowledged" else ():
        if not (concerns(recipient, alarm) and on_duty(recipient.hours, now_ms, zone)):
            continue
        step = step_due(recipient, waited_s, told.get(recipient.name, ()))
        if step is not None:
            found.append((recipient, step))
    return found


def to_tell_afterwards(
    alarm: Occurrence,
    recipients: Sequence[Recipient],
    told: dict[str, set[int]],
    *,
    now_ms: int,
    zone: zoneinfo.ZoneInfo,
) -> list[tuple[Recipient, bool]]:
    """Return who has to be told that an alarm is over, and whether he knows of its begin.

    Everybody who was told of its begin; and of one that came and went before anybody could be told, whoever
    was on duty then or is now, unless somebody acknowledged it.
    """
    unheard = alarm.seen_ms is not None and not alarm.by
    found = []
    for recipient in recipients:
        if told.get(recipient.name):
            found.append((recipient, True))
        elif (
            unheard
            and 0 in recipient.after_min
            and concerns(recipient, alarm)
            and any(on_duty(recipient.hours, at_ms, zone) for at_ms in (alarm.since_ms, now_ms))
        ):
            found.append((recipient, False))
    return found
