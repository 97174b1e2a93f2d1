"""Words of the log sheet: of its form, of what stands below it, and of an entry. The form itself is English.

A station's own heads are told as they are written; those of the form that comes with the program, and what
the sheet says by itself, are told in the viewer's language.
"""

import zoneinfo

from substation.clock import site_time
from substation.dashboard import format as f
from substation.dashboard.heard import told
from substation.dashboard.tongue import say
from substation.reports.document import DASH
from substation.reports.log_document import Reason
from substation.reports.log_form import LogColumn
from substation.store.entries import Entry


def head(column: LogColumn) -> str:
    """Return what stands above a column, without its unit."""
    return told(column.head)


def named(column: LogColumn) -> str:
    """Return the whole name of a column: `Temperature oil, °C`."""
    name = " ".join(filter(None, (told(column.group), told(column.head))))
    return f"{name}, {column.unit}" if column.unit else name


def reason(of: Reason) -> str:
    """Return in words why there are dashes."""
    whens = []
    for labels, heads in of.whens:
        columns = ", ".join(" ".join(told(word) for word in one if word) for one in heads)
        whens.append(f"{labels} {columns}".rstrip())
    where = "; ".join(whens)
    return f"{DASH} {f'{of.whose}, ' if of.whose else ''}{where}: {told(of.why)}"


def entered(entry: Entry, zone: zoneinfo.ZoneInfo, times: int = 1) -> str:
    """Return who wrote something, when, and whether it was corrected."""
    local = site_time(entry.at_ms, zone)
    at = f"{local.day} {f.month(local.month)} {f.time_of_day(entry.at_ms, zone)}"
    if not entry.text:
        return say("taken back by {name}, {at}", name=entry.entered_by, at=at)
    if times > 1:
        return say("{name}, {at}; written {count} times", name=entry.entered_by, at=at, count=times)
    return f"{entry.entered_by}, {at}"
