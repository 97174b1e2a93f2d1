"""The site as the configuration describes it: a part of `settings.model`."""

import zoneinfo
from typing import Literal

from pydantic import Field, field_validator

from substation.settings.equipment import Part


class Site(Part):
    """Where the station is and what is normal there."""

    name: str = Field(
        "Substation", min_length=1, max_length=80, description="Shown on every page and in every report."
    )
    description: str = Field("33/11/0.415 kV", max_length=80, description="Shown small beside the name.")
    timezone: str = Field("Asia/Kolkata", description="IANA name; days and log sheets are the site's own.")
    nominal_voltage_v: float = Field(
        415.0, gt=0, le=400_000, description="Nominal voltage, line to line, V. Supply is judged against it."
    )

    bus_coupler: bool = Field(
        False,
        description="Whether couplers join neighbouring bus sections. Drawn as a breaker whose position is "
        "not known: no meter reports it.",
    )
    momentary: Literal["IEEE 1366", "EN 50160", "IEEE 1159"] = Field(
        "IEEE 1366",
        description="Up to how long an interruption of supply counts as momentary in the register; longer "
        "ones are sustained. IEEE 1366 = 5 minutes, EN 50160 = 3 minutes, IEEE 1159 = 1 minute.",
    )

    demand_minutes: int = Field(
        30,
        ge=15,
        le=60,
        multiple_of=15,
        description="Length of the blocks of the maximum demand, on every page and in every report, minutes: "
        "15, 30, 45 or 60, as the tariff order has it. Blocks follow each other from midnight.",
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as exc:
            raise ValueError(f"'{name}' is no IANA time zone; use a name such as Asia/Kolkata") from exc
        return name

    @property
    def momentary_minutes(self) -> int:
        """Up to how many minutes an interruption is momentary."""
        return {"IEEE 1366": 5, "EN 50160": 3, "IEEE 1159": 1}[self.momentary]

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The site's time zone."""
        return zoneinfo.ZoneInfo(self.timezone)
