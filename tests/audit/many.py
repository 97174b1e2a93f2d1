"""Writes many audit lines; a module of its own, so that a process that only writes starts quickly."""

import zoneinfo
from pathlib import Path

from substation.audit import Audit
from substation.clock import SystemClock


def write_many(path: str, key: bytes, name: str, times: int) -> None:
    audit = Audit(Path(path), key, name, SystemClock(), zoneinfo.ZoneInfo("Asia/Kolkata"))
    for number in range(times):
        if not audit.write("page" if number % 10 else "login", user=name, number=number):
            raise SystemExit(str(audit.last_problem))


def write_for_ever(path: str, key: bytes, name: str, rotate_bytes: int) -> None:
    zone = zoneinfo.ZoneInfo("Asia/Kolkata")
    audit = Audit(Path(path), key, name, SystemClock(), zone, rotate_bytes=rotate_bytes)
    number = 0
    while True:
        number += 1
        # a line that goes to the card at once is slow; most of the kills are to meet quick ones
        audit.write("page" if number % 25 else "login", user=name, number=number)
