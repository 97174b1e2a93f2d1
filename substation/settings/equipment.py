"""Lines, and the meters on them, as the configuration describes them: a part of `settings.model`."""

import datetime as dt
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from substation.settings.alarms import AlarmChanges

Role = Literal["incomer", "feeder", "generator"]
GROUPS: dict[Role, str] = {"incomer": "Supply", "feeder": "Feeders", "generator": "Generation"}
"""The group of a meter for which none is set."""
LINE_FORMAT = re.compile(r"^[78][NEO][12]$")


class Part(BaseModel):
    """A part of the configuration: strict and frozen, unknown settings refused."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


def _is_address(text: str) -> bool:
    """Whether this is host:port."""
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdecimal() and 1 <= int(port) <= 65535


class Line(Part):
    """One communication line with meters on it."""

    name: str = Field("line 1", min_length=1, max_length=40, description="Named by the meters on it.")
    kind: Literal["serial", "rtu_tcp", "tcp"] = Field(
        "serial",
        description="serial = Modbus RTU on an RS-485 adapter; rtu_tcp = the same frames through a serial "
        "server; tcp = a Modbus TCP gateway or meter.",
    )
    port: str = Field(
        "/dev/ttyUSB0",
        min_length=1,
        validate_default=True,
        description="Device; best a /dev/serial/by-id/... link, which survives re-plugging. For rtu_tcp and "
        "tcp the address and port, such as 192.168.1.50:502.",
    )
    baud: int = Field(
        9600,
        ge=300,
        le=4_000_000,
        description="Bits per second, as set in the meters; also of the RS-485 side of a gateway.",
    )
    format: str = Field("8E1", description="Data bits, parity (N, E, O), stop bits, as set in the meters.")

    @field_validator("format")
    @classmethod
    def _known_format(cls, value: str) -> str:
        if not LINE_FORMAT.match(value):
            raise ValueError(
                f"'{value}' is no line format; write data bits, parity, stop bits, such as 8E1 or 8N1"
            )
        return value

    @field_validator("port")
    @classmethod
    def _has_an_end(cls, value: str, info: ValidationInfo) -> str:
        kind = info.data.get("kind", "serial")  # missing where the kind itself is wrong
        if kind != "serial" and not _is_address(value):
            raise ValueError(
                f"'{value}' is no address of a {kind} line; write host:port, such as 192.168.1.50:502"
            )
        return value

    @property
    def looks_like_address(self) -> bool:
        """Whether a host and a TCP port stand where a serial line has its device."""
        return self.kind == "serial" and not self.port.startswith("/") and _is_address(self.port)

    @property
    def address(self) -> tuple[str, int]:
        """Host and TCP port of an rtu_tcp or tcp line."""
        host, _, port = self.port.rpartition(":")
        return host.strip("[]"), int(port)


class Transformers(Part):
    """Instrument transformers and rating of a circuit from a day on."""

    since: str = Field(description="Day from which they hold, at the site's midnight: 2026-04-01.")
    ct_primary_a: float | None = Field(None, gt=0, le=100_000, description="CT primary current, A.")
    ct_secondary_a: float = Field(5.0, gt=0, le=10, description="CT secondary current, A: 1 or 5.")
    pt_primary_v: float | None = Field(None, gt=0, le=400_000, description="PT primary, line to line, V.")
    pt_secondary_v: float = Field(110.0, gt=0, le=1000, description="PT secondary, line to line, V.")
    current_factor: float = Field(
        1.0, gt=0, le=100_000, description="Currents are multiplied by it; 1 = the meter knows its CT."
    )
    voltage_factor: float = Field(
        1.0, gt=0, le=100_000, description="Voltages are multiplied by it; 1 = the meter knows its PT."
    )
    rated_kva: float | None = Field(
        None, gt=0, le=1_000_000, description="Rating of the circuit, kVA, where it differs from the meter's."
    )

    @field_validator("since")
    @classmethod
    def _is_a_day(cls, value: str) -> str:
        try:
            dt.date.fromisoformat(value)
        except ValueError as exc:
            raise ValueError(f"'{value}' is no day; write year-month-day, such as 2026-04-01") from exc
        return value


class Meter(Part):
    """One meter and the circuit it measures."""

    id: int = Field(
        ge=1,
        le=247,
        description="Number of the meter at this station, 1 to 247; its Modbus device id, "
        "unless device_id says another.",
    )
    name: str = Field(min_length=1, max_length=40, description="Shown on screen and in reports.")
    role: Role = Field("feeder", description="incomer, feeder or generator: decides the words of its status.")
    profile: str = Field(
        "elmeasure_lgplus",
        description="Meter model: a file in substation/meters/profiles, or in the home's own profiles.",
    )
    line: str = Field("line 1", description="Name of the line it hangs on.")
    rated_kva: float = Field(
        500.0, gt=0, le=1_000_000, description="Rating of the circuit, kVA, three-phase."
    )
    bus_section: int = Field(
        1,
        ge=1,
        le=12,
        description="Number of the bus section that the circuit hangs on; the single-line diagram draws each "
        "section as a bar of its own, in this order.",
    )
    group: str | None = Field(
        None,
        min_length=1,
        max_length=40,
        description="Whose energy it is in the month's statement, such as Railway or Colony; without one "
        "incomers are Supply, feeders Feeders, generators Generation.",
    )
    aux_supply: Literal["station", "own"] = Field(
        "station", description="Where the meter itself is fed from: 'own' falls silent with its circuit."
    )
    nominal_voltage_v: float | None = Field(
        None, gt=0, le=400_000, description="Line to line, V, where it differs from the site's."
    )
    device_id: int | None = Field(
        None,
        ge=1,
        le=247,
        description="Modbus device id where it differs from id: two lines may each have a meter 1.",
    )
    gap_ms: float = Field(
        0.0, ge=0, le=100, description="Silence beyond t3.5 that this meter wants before a request, ms."
    )
    transformers: tuple[Transformers, ...] = Field(
        (), max_length=50, description="CT and PT ratio, factors and rating, each from a day on."
    )
    alarms: AlarmChanges = Field((), description="What differs from the rules of the alarms on this circuit.")

    @field_validator("transformers", mode="before")
    @classmethod
    def _list_is_fine(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("transformers")
    @classmethod
    def _one_a_day(cls, entries: tuple[Transformers, ...]) -> tuple[Transformers, ...]:
        days = [dt.date.fromisoformat(entry.since) for entry in entries]
        twice = sorted({day for day in days if days.count(day) > 1})
        if twice:
            raise ValueError(
                f"two entries hold since {twice[0]}; write one, with all that changed on that day"
            )
        return entries

    @property
    def group_name(self) -> str:
        """The group to which its energy is added up in the month's statement."""
        return self.group or GROUPS[self.role]

    @property
    def modbus_id(self) -> int:
        """The id by which the meter answers on its line."""
        return self.id if self.device_id is None else self.device_id
