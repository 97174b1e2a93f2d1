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
