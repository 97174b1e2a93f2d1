"""What somebody writes into the log sheet: which place it is, and whether it can be true."""

import re

from substation.clock import site_time
from substation.dashboard import format as f
from substation.dashboard import log_words
from substation.dashboard.heard import told
from substation.dashboard.tongue import say
from substation.reports import handwriting, log_hours
from substation.reports.log_form import HAND_OVER, LONGEST_WORDS, LogColumn, LogForm
from substation.reports.log_sheet import FORM, SITE, subject
from substation.settings.model import Settings
from substation.store.entries import LONGEST_TEXT, Place


class NotPossible(ValueError):
    """It cannot be written there; says why, for people."""


def place_of(
    said: dict[str, str], form: LogForm, settings: Settings, now_ms: int
) -> tuple[Place, LogColumn | None]:
    """Return the place that is meant, and its column; None for a note of hand-over.

    Args:
        said: `subject`, `at` (UTC, ms) and `item`.
        form: the station's.
        settings: the station's.
        now_ms: UTC, ms.

    Raises:
        NotPossible: there is no such place on the sheet, or its hour has not come.
    """
    at_ms = int(said["at"]) if re.fullmatch(r"\d{1,14}", said["at"]) else -1
    zone = settings.site.zone
    meter = next((one for one in settings.meters if subject(one) == said["subject"]), None)
    if at_ms <= 0 or (meter is None and said["subject"] != SITE):
        raise NotPossible(say("The form has no such place. Open the sheet anew."))
    local = site_time(at_ms, zone)
    is_hour = at_ms % log_hours.QUARTER_MS == 0 and local.minute == 0
    place = Place(FORM, said["subject"], at_ms, said["item"])
    if said["item"] == HAND_OVER:
        begins = [one.begin_ms for one in log_hours.shifts(local.date(), zone, form.shifts)]
        if meter is not None or at_ms not in begins:  # an hour that clocks skip begins its shift later
            raise NotPossible(say("The form has no such place. Open the sheet anew."))
        if at_ms > now_ms:
            raise NotPossible(say("That shift has not begun."))
        return place, None
    column = form.by_hand(said["item"], "site" if meter is None else meter.role)
    if column is None or not is_hour:
        raise NotPossible(say("The form has no such place. Open the sheet anew."))
    if at_ms > now_ms + log_hours.EARLY_MS:
        raise NotPossible(say("{time} has not come yet.", time=f.time_of_day(at_ms, zone)))
    return place, column


def checked(text: str, column: LogColumn | None) -> str:
    """Return what was typed, ready to be kept. Raises NotPossible with the reason."""
    if column is None or column.text:
        most = LONGEST_TEXT if column is None else LONGEST_WORDS
        try:
            words = handwriting.readable(text)
        except ValueError as exc:
            raise NotPossible(told(f"It {exc}.")) from exc
        if column is not None:
            words = " ".join(words.split())
        if len(words) > most:
            raise NotPossible(say("That is {count} characters; {most} fit.", count=len(words), most=most))
        return words
    if not text.strip():
        return ""
    typed = handwriting.number(text)
    if typed is None:
        raise NotPossible(
            say("'{typed}' is no number; write digits, with a point such as 62.5.", typed=text.strip()[:20])
        )
    value = float(typed)
    low, high = column.low or 0.0, column.high or 0.0
    if not low <= value <= high:
        raise NotPossible(
            say(
                "{typed} cannot be: {what} lies between {low} and {high}.",
                typed=typed,
                what=log_words.named(column),
                low=f"{low:g}",
                high=f"{high:g}",
            )
        )
    return typed
