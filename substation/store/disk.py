"""Which disk a folder lies on, and whether the second medium is there.

A copy on the same card is no copy, and the place of a stick that is not mounted is a folder of the card.
Asking about a share whose server is gone can take minutes: never from a loop that polls.
"""

import os
from pathlib import Path

from substation.errors import StoreError

DEVICES = Path("/sys/dev/block")


def disk_of(path: Path, devices: Path = DEVICES) -> str:
    """Return the disk on which a folder lies: partitions of one card are one disk. Raises OSError."""
    number = path.stat().st_dev
    name = f"{os.major(number)}:{os.minor(number)}"
    try:
        device = (devices / name).resolve(strict=True)
        if (device / "partition").exists():
            return (device.parent / "dev").read_text().strip()
    except OSError:  # a share, a file system without a device, a system that does not tell
        return name
    return name


def is_same(one: Path, other: Path, devices: Path = DEVICES) -> bool:
    """Return whether two folders lie on one disk; False when that cannot be told."""
    try:
        return disk_of(one, devices) == disk_of(other, devices)
    except OSError:
        return False


def refuse_missing(folder: Path, home: Path, devices: Path = DEVICES) -> None:
    """Raise StoreError unless the second medium is there.

    Its folder may still have to be made, on another disk than the home's. On the home's own disk it is taken
    only when somebody has begun copies there by hand: an empty or missing folder there is the place of a
    medium that is not mounted.
    """
    try:
        if folder.is_dir():
            begun = any(folder.iterdir())
            if begun or not is_same(folder, home, devices):
                return
            raise StoreError(
                f"{folder} is an empty folder on the station's own medium: is the second one plugged in and "
                "mounted? (For copies there all the same, which help against little: begin them by hand with "
                "python3 datalogger.py backup)"
            )
        if folder.exists():
            raise StoreError(f"{folder} is a file, and copies need a folder. Name another: backup.folder")
        if folder.parent.is_dir() and not is_same(folder.parent, home, devices):
            return
    except OSError as exc:
        raise StoreError(f"{folder}: the second medium cannot be used: {exc.strerror or exc}") from exc
    raise StoreError(f"{folder} is not there: is the second medium plugged in and mounted?")
