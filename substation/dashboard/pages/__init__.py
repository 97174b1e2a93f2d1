"""The pages. Each file registers itself; it becomes part of the dashboard by being imported here."""

from substation.dashboard.pages import (
    account,
    audit,
    commissioning,
    events,
    health,
    home,
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
    "audit",
    "commissioning",
    "events",
    "health",
    "home",
    "meter",
    "not_found_404",
    "patterns",
    "reports",
    "settings",
    "trends",
    "users",
    "wall",
]
