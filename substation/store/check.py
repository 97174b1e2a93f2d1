"""Looks whether a history is whole: nothing is changed in it, and the poller goes on writing meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from substation.clock import Clock
from substation.store.digest import Digest

Tick = Callable[[str, float], None]
"""Told what is being looked at, and which part of all has been done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is wrong."""

    table: str
    """Of the history; empty for what concerns the whole file."""
    start_ms: int | None
    """UTC: the rows from here ..."""
    end_ms: int | None
    """... to before here; None for both where no time can be told."""
    words: str


@dataclass(slots=True)
class Found:
    """What a look has found."""

    path: Path
    quick: bool
    at_ms: int
    uid: str = ""
    state: str = "whole"
    """`whole`, `damaged`, or `unreadable`: nothing could be looked at."""
    words: str = ""
    damages: list[Damage] = field(default_factory=list)
    digests: list[Digest] = field(default_factory=list)
    """Of finished days that were proved by recomputation and have no digest yet."""
    looked: dict[str, int] = field(default_factory=dict)
    """Rows looked at, by table."""
    took_s: float = 0.0


def look(path: Path, clock: Clock, *, quick: bool = False, tick: Tick | None = None) -> Found:
    """Look at the history; see `Found`."""
    raise NotImplementedError
