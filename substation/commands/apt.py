"""What Debian's packages bring: as root or with a sudo that does not ask, otherwise not at all.

Standard library only, and readable by an old Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from substation.commands.usage import say

UPDATE_LIMIT_S = 300
INSTALL_LIMIT_S = 900


def prefix() -> list[str] | None:
    """Return what stands before apt-get here, or None where this person may not install anything."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and _works(["sudo", "-n", "true"], 10):
        return ["sudo", "-n"]
    return None


def install(packages: list[str]) -> bool:
    """Install these packages; return whether all came. Asks nothing, needs no terminal."""
    before = prefix()
    if before is None:
        return False
    say("Installing with apt: " + ", ".join(packages) + " ...")
    command = [*before, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-q"]
    wanted = ["install", "--no-install-recommends", *packages]
    # The lists of a machine just set up are empty or old: they are fetched first, and a mirror that
    # cannot be reached may still leave packages that are on the disk.
    _works([*command, "update"], UPDATE_LIMIT_S)
    return _works([*command, *wanted], INSTALL_LIMIT_S)


def _works(command: list[str], limit_s: float) -> bool:
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=limit_s,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
