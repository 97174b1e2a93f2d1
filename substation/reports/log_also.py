"""What was written on a day into places that the form has no more: a renamed item, other shifts. Pure.

The station changes its form, and what was written by the old one stays written: it stands below the sheet.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from substation.clock import site_time
from substation.reports.log_form import HAND_OVER
from substation.reports.log_sheet import SITE, LogSheet, subject
from substation.settings.model import Settings
from substation.store.entries import Entry, Place

TITLE = "Also written this day"


@dataclass(frozen=True, slots=True)
class Also:
    """An entry without a place."""

    hour: str
    whose: str
    """Name of the meter; empty: of the site."""
    item: str
    """Its name, in words."""
    entry: Entry


def also_written(sheet: LogSheet, settings: Settings) -> Sequence[Also]:
    """Return what else was written on the sheet's day: on a meter's sheet about it and the site, else all."""
    start_ms, end_ms = sheet.hours[0].at_ms, sheet.hours[-1].at_ms
    whose = None if sheet.meter is None else (SITE, subject(sheet.meter))
    labels = {hour.at_ms: hour.label for hour in sheet.hours}
    found = []
    for place, entry in sorted(sheet.typed.standing.items(), key=_order):
        at_ms = place.moment_ms
        if not entry.text or not start_ms <= at_ms < end_ms or _has_place(sheet, settings, place):
            continue
        if whose is None or place.subject in whose:
            hour = labels.get(at_ms) or f"{site_time(at_ms, settings.site.zone):%H:%M}"
            name = "Shift hand-over" if place.item == HAND_OVER else place.item.replace("_", " ")
            found.append(Also(hour, _name(settings, place.subject), name, entry))
    return found


def _order(one: tuple[Place, Entry]) -> tuple[int, str, str]:
    place = one[0]
    return place.moment_ms, place.subject, place.item


def _has_place(sheet: LogSheet, settings: Settings, place: Place) -> bool:
    """Return whether the form shows it, here or on another sheet of the day."""
    if place.item == HAND_OVER:
        return place in [sheet.hand_over(shift) for shift in sheet.shifts]
    roles = {SITE: "site"} | {subject(meter): meter.role for meter in settings.meters}
    if place.subject not in roles or place.moment_ms not in {hour.at_ms for hour in sheet.hours}:
        return False
    return sheet.form.by_hand(place.item, roles[place.subject]) is not None


def _name(settings: Settings, whose: str) -> str:
    if whose == SITE:
        return ""
    known = {subject(meter): f"{meter.id} {meter.name}" for meter in settings.meters}
    return known.get(whose, whose.replace(":", " "))
