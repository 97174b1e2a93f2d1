"""Reads each setting of the original system, and says what it is here."""

import json
import math
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from substation.settings.model import CARD_METERS, Home, Meter
from substation.settings.passwords import MAX_LENGTH, can_be_verified

KEYS: Mapping[str, Mapping[str, str]] = tomllib.loads(
    Path(__file__).with_name("original.toml").read_text(encoding="utf-8")
)
"""Every setting the original's programs read: our `setting`, and `why` it changed."""
SECRET = frozenset({"dashboard_auth", "download_password"})
SOURCE = "config.json"

OTHER_HASH = re.compile(
    r"(pbkdf2:[\w:]+|scrypt:[\d:]+|md5|sha1|sha224|sha256|sha512|plain|hmac)\$[^$]*\$.+|\$(2[aby]|1|5|6|y|argon2[id])\$.+"
)
"""A hash that this program cannot check, or that no longer protects."""
RECOMMENDED_INTERVAL_S = 2.0


@dataclass(frozen=True, slots=True)
class Row:
    """What becomes of one setting of the original's, for a person to read."""

    name: str
    was: str
    """Its value; `(hidden)` where it is a secret, `(not set)` where it was missing."""
    setting: str
    """Ours by its dotted name, or nothing."""
    now: str
    why: str


def is_kept_hash(password: str) -> bool:
    """Return whether this is a hash of werkzeug's; it becomes argon2id at its owner's first login."""
    return can_be_verified(password)


class Unfit(Exception):
    """A value that cannot be used; says what would do."""


class Reader:
    """Goes through the original's settings and notes what becomes of each."""

    def __init__(self, found: Mapping[str, object], folder: Path) -> None:
        """Read what was `found` for the station in `folder`; faults are noted, not raised."""
        self.folder = folder
        self.rows: list[Row] = []
        self.advice: list[str] = []
        self.faults: list[str] = []
        self.outside: list[str] = []
        """Stores outside the home."""
        self.people: dict[str, str] = {}
        self.export: str | None = None
        self.line: dict[str, object] = {}
        self.interval_s: float | None = None
        self.meters: list[Meter] = list(CARD_METERS)
        self.paths: dict[str, str] = {}
        for name, read in READ.items():
            if name in found:
                self._take(name, found[name], read)
            elif KEYS[name].get("setting") and name not in _MAY_MISS:
                words = "was not set; look at it"
                self.rows.append(Row(name, "(not set)", KEYS[name]["setting"], "(default)", words))
        self._prove_paths()

    def settings(self) -> dict[str, object]:
        """Return our settings in plain form, without users and export password."""
        plain: dict[str, object] = {"meters": [meter.model_dump(mode="json") for meter in self.meters]}
        if self.line:
            plain["lines"] = [self.line]
        if self.interval_s is not None:
            plain["poll"] = {"interval_s": self.interval_s}
        if self.paths:
            plain["paths"] = self.paths
        return plain

    def _take(self, name: str, value: object, read: "Read") -> None:
        facts = KEYS[name]
        try:
            now, why = read(self, name, value)
        except Unfit as exc:
            shown = "" if name in SECRET else f" (found: {short(value)})"
            self.faults.append(f"{SOURCE}: {name}: {exc}{shown}")
            return
        was = "(hidden)" if name in SECRET else short(value)
        self.rows.append(Row(name, was, facts.get("setting", ""), now, why or facts.get("why", "")))

    def file(self, name: str, value: object) -> tuple[PurePath, str | None]:
        """Return the file that a path names, and how it is called from the home where it lies in there."""
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise Unfit("must be the path of a file")
        home = PurePath(os.path.normpath(self.folder))
        file = PurePath(os.path.normpath(home / value))
        inside = str(file.relative_to(home)) if file.is_relative_to(home) and file != home else None
        if inside is not None and file.suffix in _PROGRAMS:
            raise Unfit("is no file for data")
        if inside is None and name in _STORES:
            self.outside.append(str(file))
        return file, inside

    def _prove_paths(self) -> None:
        """Note a fault where a path would make two files of the station one."""
        usual = vars(Home(Path()))
        moved = {_FILES[setting] for setting in self.paths}
        taken = {str(file) for attribute, file in usual.items() if attribute not in moved}
        for setting, inside in self.paths.items():
            twice = sum(inside == other for other in self.paths.values()) > 1
            reserved = inside in taken or inside.startswith(("state/", "original/"))
            if twice or reserved:
                name = next(key for key in KEYS if KEYS[key].get("setting") == f"paths.{setting}")
                self.faults.append(f"{SOURCE}: {name}: {inside} is another file of the station already")


def printable(name: str, most: int = 60) -> str:
    """Return a name that somebody else chose as it may stand on a terminal."""
    return name[:most] if name.isprintable() else ascii(name[:most])[1:-1]


def short(value: object) -> str:
    """Return a value as it may stand on a terminal."""
    return printable(value if isinstance(value, str) else json.dumps(value, default=str), 200)


Read = Callable[[Reader, str, object], tuple[str, str]]
"""Takes reader, name and value; returns what it is here and, where the table does not say it, why."""


def _port(reader: Reader, _: str, value: object) -> tuple[str, str]:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise Unfit("must be a device such as /dev/ttyUSB0")
    reader.line["port"] = value
    if value.startswith("/dev/tty"):
        reader.advice.append(
            f"{value} may be another adapter after a restart; a name under /dev/serial/by-id/ always is "
            "the same one"
        )
    return value, ""


def _baud(reader: Reader, _: str, value: object) -> tuple[str, str]:
    baud = int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,7}", value) else value
    if not isinstance(baud, int) or isinstance(baud, bool) or not 300 <= baud <= 4_000_000:
        raise Unfit("must be a whole number of bits per second, 300 to 4000000")
    reader.line["baud"] = baud
    return str(baud), ""


def _interval(reader: Reader, _: str, value: object) -> tuple[str, str]:
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not math.isfinite(value)
        or not 0 <= value <= 3600
    ):
        raise Unfit("must be seconds, 0 to 3600")
    reader.interval_s = float(value)
    if value > RECOMMENDED_INTERVAL_S:
        reader.advice.append(
            f"a round every {value:g} s is kept as it was set; this program keeps up with one every "
            f"{RECOMMENDED_INTERVAL_S:g} s: python3 encrypt_config.py set poll.interval_s "
            f"{RECOMMENDED_INTERVAL_S:g}"
        )
    return (
        f"{value:g} s",
        "as before, but from one round's start to the next; the original added the reading time",
    )


def _meters(reader: Reader, _: str, value: object) -> tuple[str, str]:
    good = isinstance(value, list) and value and all(type(one) is int and 1 <= one <= 247 for one in value)
    if not good or not isinstance(value, list) or len(set(value)) != len(value):
        raise Unfit("must be a list of Modbus ids, 1 to 247, each once, such as [1, 2, 3, 4, 5]")
    card = {meter.id: meter for meter in CARD_METERS}
    meters = [card.get(one) or Meter(id=one, name=f"Meter {one}") for one in value]
    reader.meters = meters
    reader.advice.append(
        "ratings of the circuits were not known to the original (assumed: "
        + ", ".join(f"{meter.name} {meter.rated_kva:g} kVA" for meter in meters[:6])
        + "): look at meters.0.rated_kva and so on"
    )
    return ", ".join(f"{meter.id} {meter.name}" for meter in meters), "the names of the original's pages"


def _path(reader: Reader, name: str, value: object) -> tuple[str, str]:
    file, inside = reader.file(name, value)
    setting, ours = _ours(name)
    if inside is None:
        return ours, _outside(file)
    if inside != ours:
        reader.paths[setting] = inside
    return inside, ""


def _database(reader: Reader, name: str, value: object) -> tuple[str, str]:
    file, inside = reader.file(name, value)
    why = KEYS[name]["why"]
    return _ours(name)[1], why if inside else f"{why}; {_outside(file)}"


def _outside(file: PurePath) -> str:
    """Return what becomes of a file of the original's outside the home."""
    try:
        Path(file).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return "the original's file was to lie outside the station's home, and is not there"
    except OSError:
        pass  # not ours to look into
    return "the original's file lies outside the station's home and is left as it is"


def _ours(name: str) -> tuple[str, str]:
    """Return our setting below `paths` for a path of the original's, and the file's usual name."""
    setting = KEYS[name]["setting"].partition(".")[2]
    return setting, vars(Home(Path()))[_FILES[setting]].name


def _people(reader: Reader, _: str, value: object) -> tuple[str, str]:
    if not isinstance(value, dict) or not value:
        raise Unfit('must be names with passwords, such as {"admin": "..."}')
    for name, password in value.items():
        if ":" in name or not name.isprintable() or name != name.strip() or not 0 < len(name) <= 64:
            raise Unfit(f"the name {name[:60]!a} cannot be typed into a login")
        _password(password, f"of {name}")
    reader.people = dict(value)
    return ", ".join(value), ""


def _export(reader: Reader, _: str, value: object) -> tuple[str, str]:
    reader.export = _password(value, "")
    return "(kept as a hash)", ""


def _password(value: object, whose: str) -> str:
    where = f"the password {whose}".strip()
    if not isinstance(value, str) or not value:
        raise Unfit(f"{where} must be a text")
    if OTHER_HASH.fullmatch(value) and not is_kept_hash(value):
        raise Unfit(f"{where} is a hash of a kind that cannot be checked here; put a password in its place")
    if not is_kept_hash(value) and len(value) > MAX_LENGTH:
        raise Unfit(f"{where} is longer than {MAX_LENGTH} characters; put a shorter one in its place")
    return value


def _nothing(_: Reader, __: str, ___: object) -> tuple[str, str]:
    return "", ""


_FILES = {
    "csv_file": "live",
    "db_path": "history",
    "log_file": "poller_log",
    "audit_log_file": "audit",
}
"""Our setting of a path, and the attribute of `Home` with its default."""
_STORES = frozenset({"csv_file", "db_path", "db_daily_path"})
_PROGRAMS = frozenset({".py", ".sh", ".key", ".json", ".toml"})
"""Files that are no data; a path that names one is a mistake."""
_MAY_MISS = frozenset({"csv_file", "db_path", "db_daily_path", "log_file", "audit_log_file"})
"""Missing ones change nothing here: the files have their names without them."""
READ: Mapping[str, Read] = {
    "serial_port": _port,
    "baud_rate": _baud,
    "serial_timeout": _nothing,
    "polling_interval": _interval,
    "sqlite_log_interval": _nothing,
    "meter_ids": _meters,
    "csv_file": _path,
    "db_path": _database,
    "db_daily_path": _database,
    "log_file": _path,
    "audit_log_file": _path,
    "dashboard_auth": _people,
    "download_password": _export,
}
