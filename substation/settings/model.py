"""The typed configuration of a station.

Strict and frozen: an unknown or ill-typed setting is refused, never repaired. Units stand in the
names. Every field has a description, from which `docs/reference/settings.md` is made.
"""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from substation.errors import SettingsError
from substation.quantities import Ratings
from substation.settings import faults
from substation.settings.alarms import AlarmChanges
from substation.settings.equipment import Line, Meter, Part, Role, Transformers
from substation.settings.messages import Messages
from substation.settings.site import Site

__all__ = ["Home", "Line", "Meter", "Role", "Settings", "Site", "Transformers", "explain", "parse"]

UserRole = Literal["viewer", "operator", "engineer", "administrator"]
Language = Literal["en", "hi"]
"""The dashboard has a table for each of them but English: `dashboard/languages/<code>.toml`."""
KNOWN_HASHES = r"^(\$argon2id\$|pbkdf2:|scrypt:)"
"""argon2id is ours; the other two are the original system's, until their owner logs in once."""


class Poll(Part):
    """How the poller works."""

    interval_s: float = Field(
        2.0, ge=0, le=3600, description="One round starts every so many seconds; 0 = without pause."
    )
    slow_interval_s: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="Energy registers are read every so many seconds; 0 = in every round.",
    )


class Store(Part):
    """How long what is kept."""

    raw_days: int = Field(14, ge=2, le=3660, description="Days for which every poll is kept.")
    minute_days: int = Field(
        400, ge=31, le=3660, description="Days for which minute rows are kept; coarser rows stay for ever."
    )


class Backup(Part):
    """Copies of everything on a second medium."""

    folder: str | None = Field(
        None,
        min_length=1,
        description="Folder on a second medium with its whole path, such as /media/stick/substation: a USB "
        "stick, a mounted share. Without one there are no copies, and /health says so.",
    )
    every_minutes: int = Field(
        60, ge=5, le=1440, description="Minutes from one copy to the next; only what is new is written."
    )

    @field_validator("folder")
    @classmethod
    def _is_a_whole_path(cls, folder: str | None) -> str | None:
        if folder is not None and not folder.startswith("/"):
            raise ValueError(
                f"'{folder:.80}' is no whole path; begin with a slash, such as /media/stick/substation"
            )
        return folder


class Web(Part):
    """Where the dashboard listens."""

    bind: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address to listen on; the LAN address or 0.0.0.0 for a real station.",
    )
    port: int = Field(8050, ge=1, le=65535, description="TCP port.")
    allowed_hosts: tuple[str, ...] = Field(
        (),
        description="Further names by which a browser may reach the dashboard, such as substation.local.",
    )

    idle_minutes: int = Field(
        60,
        ge=0,
        le=10_080,
        description="Minutes without a touch that end a login; 0 = never. Viewers have no such limit.",
    )
    session_hours: int = Field(
        12,
        ge=1,
        le=720,
        description="Hours after which a login ends in any case. Viewers have no such limit.",
    )
    tunnel_refresh_s: float = Field(
        30.0,
        ge=1,
        le=3600,
        description="Seconds between two refreshes of live values for whoever comes through the tunnel.",
    )

    @field_validator("bind")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value != "localhost":
            try:
                ipaddress.ip_address(value)
            except ValueError as exc:
                raise ValueError(
                    f"'{value}' is no address; use the LAN address such as 192.168.1.20, 0.0.0.0 or 127.0.0.1"
                ) from exc
        return value

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches the dashboard."""
        return self.bind == "localhost" or ipaddress.ip_address(self.bind).is_loopback

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _list_is_fine(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value


class Display(Part):
    """How the screens write."""

    language: Language = Field(
        "en",
        description="Language of the screens: en = English, hi = Hindi. Each viewer may choose his own "
        "beside his name; files, logs and what programs are told stay English.",
    )
    phase_names: Literal["RYB", "L123"] = Field(
        "RYB",
        description="How the screens call the phases: RYB = R, Y, B; L123 = L1, L2, L3. Registers, columns "
        "of files and names of quantities keep R, Y, B.",
    )
    theme: Literal["auto", "light", "dark"] = Field(
        "auto",
        description="Colours of the screens where a viewer has chosen none: auto = as his device has them, "
        "light, dark.",
    )


class Paths(Part):
    """Files elsewhere than in the station's home; relative paths count from the home."""

    csv_file: str | None = Field(None, description="The live file; default meter_data.csv.")
    db_path: str | None = Field(None, description="The history; default daily_data.db.")
    log_file: str | None = Field(None, description="The poller's log; default modbus_reader.log.")
    audit_log_file: str | None = Field(None, description="The audit log; default dashboard_audit.log.")


class User(Part):
    """One person who may log in."""

    name: str = Field(min_length=1, max_length=64, description="Login name.")
    role: UserRole = Field("viewer", description="viewer, operator, engineer or administrator.")
    password_hash: str = Field(
        pattern=KNOWN_HASHES,
        description="argon2id; set it with encrypt_config.py passwd. One taken over from the original system "
        "(pbkdf2, scrypt) becomes argon2id at the first login.",
    )
    password_weak: bool = Field(
        False,
        description="Taken over from the original system although it would be refused as a new password; "
        "gone when it is changed.",
    )
    disabled: bool = Field(False, description="A disabled user cannot log in.")

    @field_validator("name")
    @classmethod
    def _can_be_typed(cls, name: str) -> str:
        if ":" in name or not name.isprintable() or name != name.strip():
            raise ValueError(
                f"{name!r} cannot be typed into a login (RFC 7617): no colon, no control character, "
                "no blank at either end"
            )
        return name


class RetiredAuditKey(Part):
    """The audit chain's key under an earlier configuration key: old logs are still verified with it."""

    kid: str = Field(pattern=r"^[0-9a-f]{8}$", description="Name of the configuration key it came from.")
    key: str = Field(pattern=r"^[0-9a-f]{64}$", description="Kept by encrypt_config.py rotate; never shown.")
    last_seq: int | None = Field(
        None, ge=1, description="Number of the last audit line under it: later ones are forged."
    )
    last_mac: str | None = Field(None, pattern=r"^[0-9a-f]{64}$", description="Seal of that line.")


class Settings(Part):
    """Everything a station needs to know about itself."""

    simulated: bool = Field(
        False, description="Stamped at set-up, cannot be changed: demo data and real data never mix."
    )
    site: Site = Field(default_factory=Site)
    lines: tuple[Line, ...] = Field(default_factory=lambda: (Line(),), min_length=1, max_length=8)
    meters: tuple[Meter, ...] = Field(min_length=1, max_length=247)
    poll: Poll = Field(default_factory=Poll)
    store: Store = Field(default_factory=Store)
    backup: Backup = Field(default_factory=Backup)
    alarms: AlarmChanges = Field((), description="What differs from the rules of the alarms.")
    messages: Messages = Field(default_factory=Messages)
    web: Web = Field(default_factory=Web)
    display: Display = Field(default_factory=Display)
    paths: Paths = Field(default_factory=Paths)
    users: tuple[User, ...] = ()
    export_password_hash: str | None = Field(
        None,
        pattern=KNOWN_HASHES,
        description="argon2id of the export password; set it with encrypt_config.py passwd --export.",
    )
    export_password_weak: bool = Field(False, description="As users.0.password_weak, of the export password.")
    audit_keys: tuple[RetiredAuditKey, ...] = Field(
        (), description="Keys of the audit chain before a rotation; written by encrypt_config.py rotate."
    )

    @field_validator("lines", "meters", "users", "audit_keys", mode="before")
    @classmethod
    def _lists_are_fine(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for what, names in (
            ("meters: id", [str(meter.id) for meter in self.meters]),
            ("meters: name", [meter.name for meter in self.meters]),
            ("lines: name", [line.name for line in self.lines]),
            ("lines: port", [line.port for line in self.lines]),
            ("users: name", [user.name for user in self.users]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} '{twice[0]}' is used twice; each must be its own")
        lines = {line.name for line in self.lines}
        seats = [(meter.line, meter.modbus_id) for meter in self.meters]
        for meter, seat in zip(self.meters, seats, strict=True):
            if seats.count(seat) > 1:
                raise ValueError(
                    f"meters: {meter.name}: device id {seat[1]} is used twice on '{seat[0]}'; "
                    "each meter of a line needs its own"
                )
        for meter in self.meters:
            if meter.line not in lines:
                known = ", ".join(sorted(lines))
                raise ValueError(
                    f"meters: {meter.name} hangs on line '{meter.line}', which is not among lines ({known})"
                )
        for own in (self.messages.modem.port, self.messages.siren.port):
            if own is not None and own in {line.port for line in self.lines}:
                raise ValueError(f"messages: port '{own}' is that of a line; modem and siren need their own")
        ids = {meter.id for meter in self.meters}
        named = {one for who in self.messages.recipients for one in who.meters}
        foreign = sorted((named | set(self.messages.hourly.meters)) - ids)
        if foreign:
            raise ValueError(f"messages: there is no meter {foreign[0]}; name meters that are in the list")
        return self

    def meter(self, meter_id: int) -> Meter | None:
        """Return the meter with this Modbus id, or None."""
        return next((meter for meter in self.meters if meter.id == meter_id), None)

    def nominal_v(self, meter: Meter) -> float:
        """Return the meter's nominal voltage, line to line, V."""
        return meter.nominal_voltage_v or self.site.nominal_voltage_v

    def ratings(self, meter: Meter) -> Ratings:
        """Return what is normal on the meter's circuit of three phases, by its own rating.

        Where profile and moment are known, `meters.ratio.ratings_at` knows better.
        """
        return Ratings(meter.rated_kva * 1000, self.nominal_v(meter))


CARD_METERS: tuple[Meter, ...] = (
    Meter(id=1, name="Transformer", role="incomer", rated_kva=500.0),
    Meter(id=2, name="EssentialLoad", role="feeder", rated_kva=160.0, group="Railway"),
    Meter(id=3, name="NonEssentialLoad", role="feeder", rated_kva=160.0, group="Railway"),
    Meter(id=4, name="ColonyLoad", role="feeder", rated_kva=160.0, group="Colony"),
    Meter(id=5, name="DGSetLoad", role="generator", rated_kva=160.0),
)
"""The five meters of the user's card, with their Modbus ids."""


REMEDY = "Remedy: python3 encrypt_config.py set <setting> <value>, or python3 encrypt_config.py edit"


def parse(data: Mapping[str, object], source: str, remedy: str = REMEDY) -> Settings:
    """Return the settings in `data`, or raise SettingsError that names every fault.

    `source` is the file's name for the message, `remedy` its last line.
    """
    try:
        return Settings.model_validate(data)
    except ValidationError as exc:
        raise SettingsError(explain(exc, source, remedy)) from exc


def explain(error: ValidationError, source: str, remedy: str = REMEDY) -> str:
    """Return one line a fault: file, setting as `encrypt_config.py set` writes it, what is wrong, remedy."""
    lines = [
        f"{source}: {path}{': ' if path else ''}{message}" for path, message in faults.told(error, Settings)
    ]
    return "\n".join([*lines, remedy])


class Home:
    """The folder of one station, and the files in it."""

    def __init__(self, folder: Path, paths: Paths | None = None) -> None:
        """Name the files of the station in `folder`; `paths` moves some of them elsewhere."""
        paths = paths or Paths()
        self.folder = folder
        self.config = folder / "config.json"
        self.key = folder / "config_key.key"
        self.live = folder / (paths.csv_file or "meter_data.csv")
        self.history = folder / (paths.db_path or "daily_data.db")
        self.operator = folder / "operator.db"
        self.audit = folder / (paths.audit_log_file or "dashboard_audit.log")
        self.poller_log = folder / (paths.log_file or "modbus_reader.log")
        self.dashboard_log = folder / "app.log"
        self.tunnel_log = folder / "ngrok.log"
        self.state = folder / "state"
        self.heartbeat = self.state / "poller.json"
        self.poller_lock = self.state / "poller.lock"
        self.clock_word = self.state / "clock.json"
        self.tunnel = self.state / "tunnel.json"
        self.original = folder / "original"
        self.profiles = folder / "profiles"
        self.log_form = folder / "log_sheet.toml"
        self.answers = self.state / "answers"
        self.checked = self.state / "check.json"
        self.salvaged = self.state / "salvage.json"
        self.copied = self.state / "backup.json"
        self.left_events = self.state / "events.jsonl"
        self.ballast = self.state / "ballast"
        self.alarms = self.state / "alarms.json"
        self.messages = folder / "messages.db"
        self.messenger = self.state / "messenger.json"
        self.messenger_lock = self.state / "messenger.lock"
        self.messenger_log = folder / "messenger.log"
        self.messenger_answers = self.state / "messenger"
