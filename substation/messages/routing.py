"""Who is told of what at which time of the site's day. Pure."""

import zoneinfo
from collections.abc import Sequence

from substation.clock import site_time
from substation.messages.occurrence import Occurrence
from substation.settings.messages import Recipient, minutes


def on_duty(hours: Sequence[str], at_ms: int, zone: zoneinfo.ZoneInfo) -> bool:
    """Whether a moment lies in one of these times of the site's day; no times = always.

    The first minute belongs to it, the last does not: 06:00-14:00 and 14:00-22:00 meet without overlap.
    """
    if not hours:
        return True
    at = site_time(at_ms, zone)
    minute = at.hour * 60 + at.minute
    for text in hours:
        first, last = minutes(text)
        if first <= minute < last if first < last else minute >= first or minute < last:
            return True
    return False


def concerns(recipient: Recipient, alarm: Occurrence) -> bool:
    """Whether somebody is told of such alarms: by priority and meter; those of no meter concern all."""
    if alarm.priority not in recipient.priorities or not recipient.after_min:
        return False
    return not recipient.meters or alarm.meter_id is None or alarm.meter_id in recipient.meters
