"""Every error of the station.

SubstationError
├── SettingsError              a setting, key or configuration file that cannot be used (exit 78)
│   └── HomeGone               the station's folder is not there, its medium does not answer (exit 74)
├── ProfileError               a meter profile that cannot be used (exit 78)
├── LinkError                  something between the master and a meter
│   ├── LineDown               the port itself is missing, lost or held by another program
│   ├── NoAnswer               silence until the time-out
│   ├── BadFrame               an answer that is not the answer to this question
│   └── Refused                the meter answered with a Modbus exception
├── StoreError                 a store that cannot be read or written
│   ├── Busy                   another process holds it (exit 75)
│   ├── Full                   no space left
│   ├── Damaged                the file is not what it says it is
│   ├── Crossed                somebody else wrote to the same place meanwhile
│   ├── TooSlow                a question took too long and was stopped
│   └── WrongStation           simulated data met a real station, or the reverse (exit 78)
├── RequestError               something was asked for in a way that cannot be done (exit 64)
└── AccessError                a person may not do this
    └── Crowded                more logins at once than can be checked; try again (HTTP 503)

A message says what, where, and what to do next: the same words reach the log, the status page and
the troubleshooting how-to.
"""

EXIT_OK = 0
EXIT_USAGE = 64
"""Wrong usage of a command (sysexits.h EX_USAGE)."""
EXIT_UNAVAILABLE = 69
"""The line is down: its adapter or gateway is not there (sysexits.h EX_UNAVAILABLE)."""
EXIT_MEDIUM = 74
"""The station's folder cannot be reached now; its medium may come back (sysexits.h EX_IOERR)."""
EXIT_BUSY = 75
"""Somebody else has it: another poller, a busy port (sysexits.h EX_TEMPFAIL)."""
EXIT_CONFIG = 78
"""The configuration cannot be used; starting again does not help (sysexits.h EX_CONFIG)."""


class SubstationError(Exception):
    """Anything this program can explain in words."""


class SettingsError(SubstationError):
    """A setting, key or configuration file that cannot be used: names file, setting and remedy."""


class HomeGone(SettingsError):
    """The station's folder is not there, or its medium does not answer: it may come back by itself."""


class ProfileError(SubstationError):
    """A meter profile that cannot be used: names file, row and remedy."""


class LinkError(SubstationError):
    """Something between the master and a meter."""

    kind = "link"
    """The name under which the failure is counted and stored as a reading's reason."""


class LineDown(LinkError):
    """The port itself is missing, lost or held by another program."""

    kind = "line_down"


class NoAnswer(LinkError):
    """Silence until the time-out, or what amounts to it.

    `kind` says which: `timeout`; `hung_up` the gateway closed the connection instead of answering;
    `gateway_path`, `gateway_target` a gateway says that it cannot reach the meter, that the meter gave it
    no answer; `doubtful` a refusal came, but perhaps of an earlier request.
    """

    def __init__(self, message: str, kind: str = "timeout") -> None:
        super().__init__(message)
        self.kind = kind


class BadFrame(LinkError):
    """An answer that is not the answer to this question; never decoded.

    `kind` says what was wrong with it: `crc`, `wrong_id`, `wrong_function`, `wrong_transaction`, `short`,
    `length`, `echo` or `noise`.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


EXCEPTION_WORDS = {
    1: "function not known to this meter",
    2: "register not in this meter",
    3: "block too long or not allowed",
    4: "meter reports an internal fault",
    5: "meter asks for more time",
    6: "meter is busy",
    8: "meter reports an error in its memory",
    10: "gateway has no path to this meter",
    11: "gateway got no answer from the meter",
}
"""Modbus exception codes (Modbus Application Protocol V1.1b3, clause 7) in the engineer's words."""


class Refused(LinkError):
    """The meter answered with a Modbus exception: `code` as in `EXCEPTION_WORDS`."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
        self.kind = f"exception_{code}"


_PROFILE = "the meter's profile: its function codes and registers against the manual; the model's name"
_FAULT = "the meter: its display and manual; switch its supply off and on when that is allowed"
_GATEWAY = "the RS-485 side of the gateway: wires, speed and format, the meter's id and supply"
LOOK_AT: dict[str, str] = {
    "timeout": "the meter's supply, its id, the wires A and B (try them swapped), speed and format",
    "hung_up": "the gateway: its own limit of connections and idle time; another program connected to it",
    "gateway_path": _GATEWAY,
    "gateway_target": _GATEWAY,
    "doubtful": "the meter's turnaround: its replies come later than they are waited for",
    "late": "the turnaround of meter and gateway: these replies came later than they were waited for",
    "crc": "termination (120 ohms at both ends only), the shield's earth (one end), cables beside power "
    "cables; two meters with one id answering at once",
    "short": "the adapter and its USB cable; wires and clamps that break off in the middle of a reply",
    "length": "a reply that came late (a slow meter or gateway), or a profile that does not fit the meter",
    "wrong_id": "two meters with one id, a second master on the line, or a meter that answers too late",
    "wrong_function": "the meter's profile (function 03 or 04), a second master on the line",
    "wrong_transaction": "the gateway: it mixes up the replies of several masters; its firmware",
    "echo": "the adapter's local echo (switch it off); the meter itself was silent: supply, id and wires",
    "noise": "biasing (one resistor pair a line) and termination, the shield, cables beside power cables; a "
    "second master on the line",
    "line_down": "the adapter: is it plugged in, is the port's name right, does another program hold it",
    "exception_1": _PROFILE,
    "exception_2": "the meter's profile: the register is not in this model or its firmware",
    "exception_3": "the meter's profile: max_registers (the longest block the meter answers)",
    "exception_4": _FAULT,
    "exception_5": "nothing, when seldom; else the poll interval: the meter needs more time",
    "exception_6": "nothing, when seldom; else a second master or a person at the meter's menu",
    "exception_8": _FAULT,
    "exception": "the meter's manual: this exception is not in the Modbus specification",
    "link": "the adapter and the wires",
}
"""By kind of failure (`LinkError.kind`): what to look at first. `look_at` knows every kind."""


def look_at(kind: str) -> str:
    """Return what to look at when failures of this kind are counted."""
    if kind in LOOK_AT:
        return LOOK_AT[kind]
    return LOOK_AT["exception" if kind.startswith("exception_") else "link"]


class StoreError(SubstationError):
    """A store that cannot be read or written."""

    of_source = False
    """Whether the fault lies in a file that was to be taken in, not in a store of this station."""


class Busy(StoreError):
    """Another process holds it; `pid` is the holder's where it could be learnt."""

    def __init__(self, message: str, pid: int | None = None) -> None:
        super().__init__(message)
        self.pid = pid


class Full(StoreError):
    """No space left on the medium."""


class Damaged(StoreError):
    """The file is not what it says it is."""


class Crossed(StoreError):
    """Somebody else wrote to the same place since it was looked at; what he wrote stands."""


class TooSlow(StoreError):
    """A question took too long and was stopped; a shorter one may be answered."""


class WrongStation(StoreError):
    """Simulated data met a real station, or the reverse."""


class RequestError(SubstationError):
    """Something was asked for that cannot be done so: an unknown meter, register or id; says what can."""


class AccessError(SubstationError):
    """A person may not do this."""


class Crowded(AccessError):
    """More logins at once than can be checked; trying again in a few seconds helps."""
