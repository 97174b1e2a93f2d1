"""What the tests need beside Python: installed where that is allowed, otherwise named.

Standard library only, and readable by an old Python.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from substation.commands.apt import install
from substation.commands.usage import say

FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


@dataclass(frozen=True)
class Tool:
    """One program or file that tests look for."""

    name: str
    packages: tuple[str, ...]
    """Debian packages that bring it, the newest name first."""
    there: Callable[[], bool]
    tests: str
    """What is skipped without it, in words."""


def _any(*programs: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(program) for program in programs)


TOOLS = (
    Tool(
        "Chromium", ("chromium", "chromium-browser"), _any("chromium", "chromium-browser"), "a real browser"
    ),
    Tool("mbpoll", ("mbpoll",), _any("mbpoll"), "another Modbus master"),
    Tool("7-Zip", ("7zip", "p7zip-full"), _any("7zz", "7z", "7za"), "opening an export"),
    Tool("systemd-analyze", ("systemd",), _any("systemd-analyze"), "how exposed the services are"),
    Tool("sqlite3", ("sqlite3",), _any("sqlite3"), "another reader of the history"),
    Tool("DejaVu fonts", ("fonts-dejavu-core",), FONT.exists, "how text looks"),
)


def missing() -> list[Tool]:
    """Return the tools that are not there."""
    return [tool for tool in TOOLS if not tool.there()]


def prepare() -> bool:
    """Install what is missing; say what could not be had. Return whether the tests may run.

    They may run without a tool, its tests skipped - but not in CI (`CI=true`), where nobody reads
    a skip.
    """
    wanted = missing()
    if wanted and not install([tool.packages[0] for tool in wanted]):
        for tool in wanted:  # one name that this release does not know must not cost the others
            any(install([package]) for package in tool.packages)
    strict = os.environ.get("CI") == "true"
    left = missing()
    for tool in left:
        words = "missing, and CI skips nothing" if strict else "missing: skipped is " + tool.tests
        say(tool.name + ": " + words + ". Type:  sudo apt install " + tool.packages[0])
    return not (left and strict)
