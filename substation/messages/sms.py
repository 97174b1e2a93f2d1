"""The way through a modem: text messages by AT commands (3GPP TS 27.005, 27.007), in PDU mode.

The conversation is short and says at each step what is wrong: no port, no answer, no SIM, a PIN, no network,
refused. Only from the moment the text was handed over until the modem has answered is it not known whether a
message went out; then it says so.
"""

import contextlib
import re
from collections.abc import Callable
from typing import Protocol

import serial

from substation.clock import Clock
from substation.messages.pdu import submits
from substation.messages.ways import Job, Outcome

ANSWER_S = 5.0
LONGEST_LINE = 4096
FIRST_S = 1.0
"""A modem is there at once, or asked again."""
TAKEN_S = 60.0
"""The network may take so long over one message."""
READY = ("1", "5")
"""`+CREG`: at home, roaming."""
ENDS = re.compile(r"^(OK|ERROR|\+CM[SE] ERROR: ?.*)$")
CMS_WORDS = {
    8: "the operator has barred it",
    10: "the operator has barred it",
    21: "the network refuses it: is there credit on the SIM?",
    27: "the telephone of the recipient is out of order",
    28: "the number is not known",
    38: "the network is out of order",
    41: "the network fails for the moment",
    42: "the network is crowded",
    50: "this SIM has no text messages",
    69: "this SIM has no text messages",
    111: "the network does not understand it",
    304: "the modem does not take this form of message (PDU mode)",
    310: "there is no SIM in the modem",
    311: "the SIM asks for its PIN; switch the PIN off in a telephone",
    313: "the SIM has failed",
    314: "the SIM is busy",
    320: "the memory of the modem has failed",
    322: "the memory of the modem is full",
    330: "the SIM knows no service centre; set it in a telephone",
    331: "there is no network",
    332: "the network did not answer in time",
    500: "the modem does not say why",
}
"""`+CMS ERROR`, TS 27.005 clause 3.2.5 and TS 24.011 annex E, in words that say what to look at."""

UNSURE = (" 332", " 500")
"""After the text was handed over these do not say whether it went out."""


class Port(Protocol):
    """A serial port with a short time-out."""

    @property
    def in_waiting(self) -> int:
        """How much has come."""
        ...

    def read(self, size: int) -> bytes:
        """Return what came, nothing after the time-out."""
        ...

    def write(self, data: bytes) -> object:
        """Send."""
        ...

    def close(self) -> None:
        """Let it go."""
        ...


def opened(port: str, baud: int) -> Port:
    """Open a modem's port. Raises OSError."""
    device: Port = serial.Serial(port, baud, timeout=0.1, write_timeout=5, exclusive=True)
    return device


class _Failed(Exception):
    """Why it does not go on, in words; `sure`: the text was surely not sent."""

    def __init__(self, words: str, *, sure: bool = True) -> None:
        super().__init__(words)
        self.sure = sure


class Modem:
    """One modem."""

    def __init__(
        self, port: str, baud: int, clock: Clock, open_port: Callable[[str, int], Port] = opened
    ) -> None:
        """Name it; it is opened for each message, so that it may be plugged in at any time."""
        self._port, self._baud, self._clock, self._open = port, baud, clock, open_port
        self._line: Port | None = None
        self._rest = b""
        self._handed = False
        """Whether a text was given to the modem, whole or in part: from then on it may be on its way."""
        self.signal = ""
        """In words, as of the last message."""

    def send(self, job: Job) -> Outcome:
        """Send a text message, of several parts if need be, and wait until the network has taken it."""
        parts = submits(job.address, job.text.short, job.number)
        try:
            line = self._open(self._port, self._baud)  # for one alone: it is locked
        except OSError as exc:  # also what pyserial raises
            gone = getattr(exc, "errno", None) == 2
            why = (
                "is not there" if gone else f"cannot be opened ({exc.strerror or 'held by another program'})"
            )
            return Outcome(job.number, False, f"the modem's port {self._port} {why}")
        self._line, self._rest, self._handed = line, b"", False
        sent = 0
        try:
            self._make_ready()
            for part in parts:
                self._submit(part.text, part.octets)
                sent += 1
        except _Failed as exc:
            some = f" after {sent} of {len(parts)} parts" if sent else ""
            return Outcome(job.number, False, f"{exc}{some}", sure=exc.sure and not sent)
        except OSError as exc:
            words = f"the modem was lost ({exc.strerror or exc})"
            return Outcome(job.number, False, words, sure=not self._handed)
        finally:
            self._line = None
            with contextlib.suppress(OSError):  # what came of the message is known by now
                line.close()
        return Outcome(job.number, True, f"the network has taken it; {self.signal}")

    def _make_ready(self) -> None:
        self._write(b"\x1b\r")  # out of a text that was begun and never ended
        self._drain()
        for _ in range(3):
            if self._ask("ATE0", FIRST_S)[-1:] == ["OK"]:
                break
        else:
            raise _Failed("the modem does not answer: its supply, its cable, messages.modem.baud")
        self._ask("AT+CMEE=1")
        pin = self._ask("AT+CPIN?")
        if "+CPIN: READY" not in pin:
            said = " ".join(line for line in pin if line.startswith("+CPIN") or ENDS.match(line))
            if "SIM PIN" in said or said.endswith("ERROR: 11"):
                raise _Failed("the SIM asks for its PIN; switch the PIN off in a telephone")
            raise _Failed(f"there is no SIM in the modem, or it cannot be read ({said or 'no answer'})")
        self.signal = _signal(self._ask("AT+CSQ"))
        state = next((line for line in self._ask("AT+CREG?") if line.startswith("+CREG:")), "")
        fields = [part.strip() for part in state.removeprefix("+CREG:").split(",")]
        registered = fields[min(1, len(fields) - 1)]
        if registered not in READY:
            why = "the network refuses the SIM" if registered == "3" else "the modem has found no network"
            raise _Failed(f"{why}; {self.signal}")
        if self._ask("AT+CMGF=0")[-1:] != ["OK"]:
            raise _Failed("the modem does not take PDU mode (AT+CMGF=0)")

    def _submit(self, text: str, octets: int) -> None:
        self._write(f"AT+CMGS={octets}\r".encode())
        before = self._until(ANSWER_S, prompt=True)
        if before[-1:] != [">"]:
            raise _Failed(_cms(before) if before else "the modem does not ask for the text")
        self._handed = True
        self._write(text.encode() + b"\x1a")
        said = self._until(TAKEN_S)
        if not said or not ENDS.match(said[-1]):
            raise _Failed("the modem has taken the text and is silent since", sure=False)
        if said[-1] != "OK":
            raise _Failed(_cms(said), sure=not said[-1].endswith(UNSURE))

    def _ask(self, command: str, limit_s: float = ANSWER_S) -> list[str]:
        """Return the lines of an answer, its end last; nothing where none came."""
        self._write(f"{command}\r".encode())
        return [line for line in self._until(limit_s) if line != command]

    def _until(self, limit_s: float, *, prompt: bool = False) -> list[str]:
        until_s = self._clock.monotonic() + limit_s
        lines: list[str] = []
        while self._clock.monotonic() < until_s and self._line is not None:
            self._rest = self._rest[-LONGEST_LINE:] + self._line.read(max(1, self._line.in_waiting))
            *whole, self._rest = re.split(rb"[\r\n]+", self._rest)
            for raw in whole:
                line = raw.decode("ascii", "replace").strip()
                if line:
                    lines.append(line)
                if ENDS.match(line):
                    return lines
            if prompt and self._rest.strip() == b">":
                self._rest = b""
                return [*lines, ">"]
        return lines

    def _drain(self) -> None:
        until_s = self._clock.monotonic() + FIRST_S  # something else than a modem may talk without end
        while self._line is not None and self._clock.monotonic() < until_s and self._line.read(256):
            pass
        self._rest = b""

    def _write(self, data: bytes) -> None:
        if self._line is not None:
            self._line.write(data)


def _signal(said: list[str]) -> str:
    """Return `+CSQ` in words: 0 to 31, from -113 dBm in steps of 2 dB; 99 = not known."""
    line = next((line for line in said if line.startswith("+CSQ:")), "")
    value = line.removeprefix("+CSQ:").partition(",")[0].strip()
    if not value.isdecimal() or int(value) > 31:
        return "signal not known"
    strength = int(value)
    how = "weak" if strength < 10 else "fair" if strength < 15 else "good"
    return f"signal {how} ({-113 + 2 * strength} dBm)"


def _cms(said: list[str]) -> str:
    """Return why the modem refuses, in words, with its number."""
    last = said[-1] if said and ENDS.match(said[-1]) else ""  # else what nobody asked for, such as a text
    number = last.rpartition(":")[2].strip()
    words = CMS_WORDS.get(int(number)) if number.isdecimal() else None
    code = f" ({last})" if last else ""
    return f"the modem refuses: {words or 'see its manual'}{code}"
