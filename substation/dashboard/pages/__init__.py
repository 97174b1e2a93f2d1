"""The pages. Each file registers itself; it becomes part of the dashboard by being imported here."""

from substation.dashboard.pages import home, meter, not_found_404, patterns

__all__ = ["home", "meter", "not_found_404", "patterns"]
