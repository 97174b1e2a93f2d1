"""Whether a demo's past is still being made: in its first minutes its months are not whole yet."""

from pathlib import Path

from substation.settings.model import Home

PIECES = "demo_*.db"
"""Finished pieces of the past in the poller's inbox (`state/inbox`), until it has taken them."""


def note(home: Home) -> Path:
    """Return the file that says what is still to be made; it goes when all is."""
    return home.folder / "demo_history.todo"


def is_being_made(home: Home) -> bool:
    """Return whether a part of a demo's past is not in its history yet; no for every real station."""
    try:
        return note(home).exists() or any((home.state / "inbox").glob(PIECES))
    except OSError:
        return False
