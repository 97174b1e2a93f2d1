"""The log sheet of a station's day, from its stores to sheets and document, for the page and the command."""

import datetime as dt
from collections.abc import Callable, Sequence

from substation.errors import WrongStation
from substation.meters.profile import Profile
from substation.reports import log_form, log_hours, log_source
from substation.reports.document import Document
from substation.reports.log_document import log_document
from substation.reports.log_sheet import Typed, log_sheet
from substation.reports.log_source import ReadDay
from substation.settings.model import Home, Meter, Settings
from substation.store.reader import HistoryReader


def document(read: ReadDay, settings: Settings, meter: Meter | None, typed: Typed, made_at: str) -> Document:
    """Return the document of one meter; or of the site with all its meters."""
    whose = [meter] if meter is not None else [None, *settings.meters]
    sheets = [log_sheet(read, settings, one, typed) for one in whose]
    return log_document(read.form, settings, read.day, sheets, made_at)


def read_day(
    settings: Settings,
    home: Home,
    profile: Callable[[int], Profile | None],
    *,
    day: dt.date,
    now_ms: int,
    meters: Sequence[Meter] | None = None,
) -> ReadDay:
    """Return a day of some meters, or of all.

    Args:
        settings: the station's.
        home: the station's.
        profile: of a meter's model, by its number; None where its file cannot be read.
        day: of the site.
        now_ms: UTC, ms.
        meters: whose; None: all.

    Raises:
        SettingsError: the station's own form cannot be used.
        WrongStation: the history is of the other kind of station, simulated or real.
        StoreError: the history cannot be read, or answers too slowly.
    """
    form = log_form.load(home.folder)
    zone = settings.site.zone
    hours = log_hours.hours(day, zone, now_ms)
    history = HistoryReader(home.history)
    stamp = history.facts().get("simulated")
    if stamp is not None and (stamp == "yes") != settings.simulated:
        raise WrongStation(
            f"{home.history} and the configuration are not of the same kind of station (simulated, real); "
            "there is no log sheet of it"
        )
    shifts = log_hours.shifts(day, zone, form.shifts)
    begin_ms = min((shift.begin_ms for shift in shifts), default=hours[0].at_ms)
    days = {
        meter.id: log_source.meter_day(
            history, settings, meter, form, hours=hours, profile=profile(meter.id), from_ms=begin_ms
        )
        for meter in (settings.meters if meters is None else meters)
    }
    return ReadDay(day, form, hours, shifts, days)
