"""Who is told what, when and by which way: the part `messages` of the configuration.

An address of a gateway holds a token, and a telephone number belongs to a person: both are sealed, shown
nowhere, and left out of every error (`settings.faults`, `settings.names`).
"""

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from substation.quantities import BY_KEY
from substation.settings.equipment import Part

Announced = Literal["high", "medium", "low"]
"""Priorities that are told to people; `journal` never is."""
HOURS = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)\Z")
NUMBER = re.compile(r"^\+?[0-9]{5,15}\Z")
"""A telephone number, best with its country (ITU-T E.164: 15 digits at most)."""
SCHEME = re.compile(r"^[a-z][a-z0-9+.-]{1,30}://\S+\Z", re.I)
LONGEST_STEP_MIN = 1440
PLAIN_FIELDS = frozenset(("priorities", "meters", "hours", "after_min", "hourly", "most_an_hour"))
"""What of a recipient may be shown in an error; an address in the wrong place is none of them."""


def minutes(hours: str) -> tuple[int, int]:
    """Return from which minute of the day to which `22:00-06:00` reaches; it may go over midnight."""
    begin, _, end = hours.partition("-")
    first, last = (int(text[:2]) * 60 + int(text[3:]) for text in (begin, end))
    return first, last


def _to_tuple(value: object) -> object:
    """Take a list as a tuple, and numbers that were typed as text (`set`) as numbers."""
    if not isinstance(value, list):
        return value
    return tuple(int(one) if isinstance(one, str) and one.isdecimal() else one for one in value)


def _in_order(hours: tuple[str, ...]) -> tuple[str, ...]:
    for text in hours:
        if not HOURS.match(text):
            raise ValueError(f"'{text:.20}' is no time of the day; write 22:00-06:00")
        first, last = minutes(text)
        if last > LONGEST_STEP_MIN or first == last:
            raise ValueError(f"'{text}' holds no time; leave hours empty for the whole day")
    return hours


class Recipient(Part):
    """One person, one chat, one telephone: with one way to it."""

    name: str = Field(
        min_length=1,
        max_length=40,
        description="By which the recipient is told apart and shown; the address itself never is.",
    )
    way: Literal["gateway", "sms"] = Field(
        "gateway",
        description="gateway = through the network, to an address of apprise; sms = through the modem.",
    )
    address: str = Field(
        min_length=5,
        max_length=500,
        repr=False,
        description="Secret. gateway: an address of apprise, such as tgram://TOKEN/CHAT, mailtos://..., "
        "ntfy://..., json://...; one target each. sms: the telephone number with its country, +919800000000. "
        "It is written with encrypt_config.py edit and shown nowhere.",
    )
    priorities: tuple[Announced, ...] = Field(
        ("high", "medium"), description="Alarms of which priority are told: high, medium, low."
    )
    meters: tuple[int, ...] = Field(
        (),
        max_length=247,
        description="Alarms of which meters, by number; none = all. Those of lines and the station always.",
    )
    hours: tuple[str, ...] = Field(
        (),
        max_length=12,
        description="Times of the site's day, such as 22:00-06:00; none = always. Who begins while an alarm "
        "stands unacknowledged is told of it then.",
    )
    after_min: tuple[int, ...] = Field(
        (0,),
        max_length=8,
        description="Told after so many minutes without acknowledge: 0 = at once; 15 = only when nobody has "
        "by then; 0,30 = at once and once more; none = of no alarm, for who wants readings alone.",
    )
    hourly: bool = Field(False, description="Whether the hourly readings are sent (messages.hourly).")
    most_an_hour: int = Field(
        20,
        ge=1,
        le=500,
        description="At most so many messages of alarms in an hour; alarms of high priority have as many of "
        "their own. What is held back is summed up in one message.",
    )

    _tuples = field_validator("priorities", "meters", "hours", "after_min", mode="before")(_to_tuple)
    _hours = field_validator("hours")(_in_order)

    @field_validator("name")
    @classmethod
    def _can_be_shown(cls, name: str) -> str:
        if not name.isprintable() or name != name.strip():
            raise ValueError("has a control character, or a blank at its end; write a plain name")
        return name

    @field_validator("after_min")
    @classmethod
    def _rises(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if list(steps) != sorted(set(steps)) or (steps and not 0 <= steps[0] <= steps[-1] <= 1440):
            raise ValueError("are minutes from 0 to 1440, each later than the one before, such as 0,30")
        return steps

    @model_validator(mode="after")
    def _address_fits(self) -> Self:
        if self.way == "sms" and not NUMBER.match(self.address):
            raise ValueError("address: is no telephone number; write it with its country: +919800000000")
        if self.way == "gateway" and not SCHEME.match(self.address):
            raise ValueError("address: is no address of a gateway; such as tgram://TOKEN/CHAT")
        return self


class Modem(Part):
    """The modem that sends text messages."""

    port: str | None = Field(
        None,
        min_length=1,
        description="Its device, a line of its own; best a /dev/serial/by-id/... link. None = no modem.",
    )
    baud: int = Field(115_200, ge=300, le=4_000_000, description="Bits per second to the modem, 8N1.")


class Siren(Part):
    """A siren or lamp behind a relay at the RTS pin of a serial adapter of its own."""

    port: str | None = Field(
        None, min_length=1, description="Device of the adapter whose RTS pin drives the relay. None = none."
    )
    priorities: tuple[Announced, ...] = Field(
        ("high",), description="It sounds while an alarm of these priorities stands unacknowledged."
    )
    longest_min: int = Field(
        10, ge=1, le=1440, description="It falls silent after so many minutes; the next alarm sounds anew."
    )
    hours: tuple[str, ...] = Field((), max_length=12, description="When it may sound; none = always.")

    _tuples = field_validator("priorities", "hours", mode="before")(_to_tuple)
    _hours = field_validator("hours")(_in_order)


class Hourly(Part):
    """The readings that are sent each hour."""

    minute: int = Field(0, ge=0, le=59, description="At which minute of the hour, by the site's time.")
    meters: tuple[int, ...] = Field((), max_length=247, description="Of which meters; none = of all.")
    quantities: tuple[str, ...] = Field(
        ("vll_average", "current_total", "watts_total", "pf_average", "frequency"),
        max_length=20,
        description="Which quantities, by key; see the list of quantities.",
    )
    hours: tuple[str, ...] = Field((), max_length=12, description="When they are sent; none = always.")

    _tuples = field_validator("meters", "quantities", "hours", mode="before")(_to_tuple)
    _hours = field_validator("hours")(_in_order)

    @field_validator("quantities")
    @classmethod
    def _are_known(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [key for key in keys if key not in BY_KEY]
        if unknown:
            raise ValueError(f"there is no quantity '{unknown[0]:.40}'; see docs/reference/quantities.md")
        return keys


class Messages(Part):
    """What leaves the station when nobody looks at a screen."""

    recipients: tuple[Recipient, ...] = Field((), max_length=50)
    modem: Modem = Field(default_factory=Modem)
    siren: Siren = Field(default_factory=Siren)
    hourly: Hourly = Field(default_factory=Hourly)
    grouping_s: float = Field(
        20.0,
        ge=0,
        le=600,
        description="Seconds for which a message waits for further alarms of the same incident.",
    )
    late_min: int = Field(
        10, ge=1, le=1440, description="A message older than so many minutes says how late it is, and why."
    )
    give_up_hours: int = Field(
        24, ge=1, le=168, description="A message that could not leave for so many hours is given up."
    )
    silent_min: int = Field(
        15, ge=1, le=1440, description="The state line says so when messages wait for so many minutes."
    )

    _tuples = field_validator("recipients", mode="before")(_to_tuple)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [one.name for one in self.recipients]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"recipients: name '{twice[0]}' is used twice; each must be its own")
        if self.modem.port is None and any(one.way == "sms" for one in self.recipients):
            raise ValueError("modem.port: is missing, and a recipient is reached by sms; set it")
        if self.siren.port is not None and self.siren.port == self.modem.port:
            raise ValueError("siren.port: is the modem's; each needs a port of its own")
        return self

    @property
    def wanted(self) -> bool:
        """Whether anybody is to be told anything; else no process is started."""
        return bool(self.recipients) or self.siren.port is not None

    def recipient(self, name: str) -> Recipient | None:
        """Return who has this name, or None."""
        return next((one for one in self.recipients if one.name == name), None)
