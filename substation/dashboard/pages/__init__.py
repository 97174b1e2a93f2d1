"""The pages. Each file registers itself; it becomes part of the dashboard by being imported here."""

from substation.dashboard.pages import (
    account,
    alarms,
    audit,
    commissioning,
    events,
    health,
    home,
    log,
    meter,
    not_found_404,
    patterns,
    reports,
    settings,
    trends,
    users,
    wall,
)

__all__ = [
    "account",
    "alarms",
    "audit",
    "commissioning",
    "events",
    "health",
    "home",
    "log",
    "meter",
    "not_found_404",
    "patterns",
    "reports",
    "settings",
    "trends",
    "users",
    "wall",
]
