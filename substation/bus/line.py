"""One RS-485 line: the only place that talks Modbus, and the only client of the library.

The library builds the request and decodes the answer; what happens on the wire between them is ours
(`send` and `recv` below), because there it accepts late replies, keeps no silence and waits out its
time-out on a bad check sum. A test of our own (`tests/bus/test_contract.py`) watches what we lean on.

Why a late reply can never pass as the next answer:

1. After a failed request the line is listened to for that meter's whole worst reply time, longer
   while bytes still come, and must then be quiet before anything else is sent.
2. A reply that comes later still carries its meter's id; to a request for another meter it is noise.
3. To the same meter only the length can tell. So as long as a reply is owed, no request of its length
   goes to that meter: it is probed, or read in pieces, in lengths that no owed reply has. A reply is
   owed until it was seen, or for `OWED_S`. That holds for a gateway that mixes up the order, too.
4. Bytes wait in the kernel while we are held up (stopped, suspended, starved of the processor), and do
   not age there. So what is found later than the reply could have come is nobody's, however sound.
"""

import logging
import select
import termios
from dataclasses import dataclass

import serial
from pymodbus import FramerType, ModbusException
from pymodbus.client import ModbusSerialClient

from substation.bus import frame, port
from substation.clock import Clock
from substation.errors import BadFrame, LineDown, LinkError, NoAnswer, Refused
from substation.meters.blocks import Block
from substation.meters.pace import Pace
from substation.settings.model import Line as LineSettings

SETTLE_S = 0.02
"""So long may bytes of one frame stay away inside an adapter (FTDI's latency timer is 16 ms)."""
BABBLE_S = 1.0
"""A line that is not quiet for so long has somebody else talking on it."""
EARLY_S = 0.002
"""Wake so long before the expected end of a reply."""
FIRST_GUESS_S = 0.005
"""Turnaround of a meter that was never heard, for the first wake-up only."""
PROBE_COUNTS = (2, 4, 6, 8, 10)
"""Lengths of probes, registers: the first that is not owed."""
HELD_UP_S = 0.05
"""Found so much later than we would have stopped waiting, a reply is too old to be stamped with now."""
OWED_S = 30.0
"""No meter and no gateway answers later than this."""

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # the poller says it in its own words, once


@dataclass(frozen=True, slots=True)
class Answer:
    """A valid answer."""

    words: tuple[int, ...]
    at_ms: int
    """UTC, ms: when its last byte arrived."""
    turnaround_s: float
    """What the meter thought, beyond the silence t3.5 that it has to keep; computed from the last byte."""
    noise: bool = False
    """Whether bytes that are not the answer had to be skipped before it."""


class Line:
    """One line and its port. Not for several threads at once."""

    def __init__(self, settings: LineSettings, clock: Clock) -> None:
        self.settings = settings
        self.pace = Pace.of(settings.baud, settings.format)
        self.echoes = False
        """Whether the adapter sent our own bytes back, the last time that a meter answered."""
        self.gaps_s: dict[int, float] = {}
        """Silence beyond t3.5 that a meter wants before a request, s, by its Modbus id."""
        self._clock = clock
        self._client = _Client(self, clock)
        self._owed: dict[frame.Question, float] = {}

    @property
    def is_open(self) -> bool:
        """Whether we hold the port."""
        return self._client.connected

    @property
    def busy_s(self) -> float:
        """Seconds spent on transactions since the start."""
        return self._client.busy_s

    def open(self) -> None:
        """Open the port, or raise LineDown. Does nothing when it is open."""
        self._client.open()

    def close(self) -> None:
        """Give the port back."""
        self._client.close()

    def advice(self) -> list[str]:
        """Return what somebody should look at, in words; empty when nothing is odd."""
        if self.echoes:
            return [f"{self.settings.name}: the adapter sends our own bytes back; switch its local echo off"]
        return []

    def owed(self, meter_id: int) -> frozenset[int]:
        """Return the lengths, in registers, of replies of this meter that may still come."""
        now_s = self._clock.monotonic()
        self._owed = {question: until_s for question, until_s in self._owed.items() if until_s > now_s}
        return frozenset(question.count for question in self._owed if question.meter_id == meter_id)

    def read(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        """Return what the meter answers.

        `timeout_s` is how long the meter may think; the wire time of its frame comes on top.

        Raises:
            LineDown: the port is not open, or was lost now.
            NoAnswer: silence; or a reply of this length is still owed, and nothing was asked.
            BadFrame: bytes that are not the answer.
            Refused: the meter answered with an exception.
        """
        question = frame.Question(meter_id, block.function, block.address, block.count)
        if question.count in self.owed(meter_id):
            raise NoAnswer(f"{question}: an earlier reply of this length may still come; not asked")
        return self._ask(question, timeout_s)

    def probe(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        """Ask for the beginning of the block only: is the meter there?

        In a length that is not owed, or else in the one that has been owed longest: the words of a probe
        are never used, so an old reply to one can do no harm.
        """
        owed = self.owed(meter_id)
        free = [count for count in PROBE_COUNTS if count not in owed]
        oldest_first = [question.count for question in self._owed if question.meter_id == meter_id]
        count = free[0] if free else next(count for count in oldest_first if count in PROBE_COUNTS)
        return self._ask(frame.Question(meter_id, block.function, block.address, count), timeout_s)

    def _ask(self, question: frame.Question, timeout_s: float) -> Answer:
        owed = self.owed(question.meter_id)
        self._client.in_order = not owed
        try:
            return self._client.ask(question, timeout_s)
        except Refused:
            if owed:  # perhaps the refusal of an earlier request
                self._owe(question)
            raise
        except LinkError:
            if self._client.sent and not self._client.whole:
                self._owe(question)
            raise

    def _owe(self, question: frame.Question) -> None:
        self._owed.pop(question, None)  # the oldest stand first
        self._owed[question] = self._clock.monotonic() + OWED_S

    def note_stray(self, data: bytes) -> None:
        """Take bytes that were nobody's answer: a reply that was owed is owed no more."""
        if data:
            for question in [question for question in self._owed if frame.find_answer(question, data)]:
                del self._owed[question]


class _Client(ModbusSerialClient):
    """The library's client with our own bytes on the wire."""

    def __init__(self, line: Line, clock: Clock) -> None:
        super().__init__(line.settings.port, framer=FramerType.RTU, retries=0, timeout=1.0)
        self._line = line
        self._pace = line.pace
        self._clock = clock
        self._question = frame.Question(1, 3, 0, 1)
        self._timeout_s = 0.0
        self._sent_s = 0.0
        self._quiet_since_s = 0.0
        self._silence_s = self._pace.silence_s
        self._turnaround_s: dict[int, float] = {}
        self._answer_at = (0, 0.0, False)
        self.sent = False
        """Whether the last request left."""
        self.whole = False
        """Whether the reply has come, only damaged or in the wrong form: then the meter owes nothing."""
        self.in_order = True
        """Whether nothing older is owed: only then a sound reply in the wrong form is the reply."""
        self.busy_s = 0.0

    def open(self) -> None:
        """Open the port, or raise LineDown; bytes from before are none of ours."""
        if self.socket is None:
            self.socket = port.open_port(self._line.settings)
            self._quiet_since_s = self._clock.monotonic()
            self._silence_s = SETTLE_S

    def connect(self) -> bool:
        """Say whether the port is open. The library would reopen it by itself; we decide when."""
        return self.socket is not None

    def close(self) -> None:
        """Give the port back."""
        if self.socket is not None:
            port.close_port(self.socket)
            self.socket = None

    @property
    def _port(self) -> serial.Serial:
        if self.socket is None:
            raise OSError("port is not open")
        return self.socket

    def ask(self, question: frame.Question, timeout_s: float) -> Answer:
        """Return the answer to one question, or raise LinkError."""
        if self.socket is None:
            raise LineDown(f"{self._line.settings.name}: port is not open")
        self._question, self._timeout_s = question, timeout_s
        self.sent = self.whole = False
        read = self.read_holding_registers if question.function == 3 else self.read_input_registers
        started = self._clock.monotonic()
        try:
            pdu = read(question.address, count=question.count, device_id=question.meter_id)
        except LinkError:
            self._silence_s = max(SETTLE_S, self._pace.silence_s)
            raise
        except ModbusException as exc:  # we hand it sound frames only: the library has changed
            raise BadFrame(f"{question}: not decoded by the library: {exc}", "noise") from exc
        finally:
            self.busy_s += self._clock.monotonic() - started
        if pdu.isError() or len(pdu.registers) != question.count:
            raise BadFrame(f"{question}: decoded by the library as {pdu}", "length")
        at_ms, turnaround_s, noise = self._answer_at
        return Answer(tuple(pdu.registers), at_ms, turnaround_s, noise)

    def send(self, request: bytes, addr: tuple[str, int] | None = None) -> int:
        """Write the request, after the silence that the line must have had. The only place that writes.

        Raises ValueError for anything but the read that was asked for: this program cannot write to
        a meter.
        """
        if request[1] not in frame.READ_FUNCTIONS or request != self._question.request:
            raise ValueError(f"refused to send {request.hex(' ')}: only reads may leave")
        self._wait_for_quiet()
        self._sent_s = self._clock.monotonic()  # before it: whoever is held up in it has an old reply
        try:
            written = self._port.write(request) or 0
        except (OSError, termios.error) as exc:
            raise self._lost(exc) from exc
        self.sent = True
        self._quiet_since_s = self._clock.monotonic() + self._pace.request_s
        self._silence_s = self._pace.silence_s
        return written

    def recv(self, size: int | None) -> bytes:
        """Return the one valid frame, or raise the LinkError that says what came instead."""
        question, pace, clock = self._question, self._pace, self._clock
        asked_s = self._sent_s + pace.request_s * (2 if self._line.echoes else 1)
        reply_s = pace.reply_s(question.count)
        guess_s = self._turnaround_s.get(question.meter_id, FIRST_GUESS_S)
        deadline = asked_s + pace.silence_s + self._timeout_s + reply_s
        data = b""
        expected_s = deadline - max(0.0, self._timeout_s - guess_s)
        clock.sleep(expected_s - EARLY_S - clock.monotonic())
        limit, looks = deadline, 0
        while True:
            chunk = self._read(limit - clock.monotonic() if looks else 0)
            at_ms, now = clock.now_ms(), clock.monotonic()  # in this order: held up between, it is late
            looks += 1
            if chunk:
                self._quiet_since_s = now
                data += chunk
                if now > limit + HELD_UP_S:
                    raise self._held_up(data, now - limit)
                if found := frame.find_answer(question, data):
                    self._keep(found, now - asked_s - pace.silence_s - reply_s, at_ms, early=looks == 1)
                    return found.frame
                if frame.find_refusal(question, data) is not None:
                    raise frame.trouble(question, data)
            self.whole = frame.complete_but_broken(question, data) or (
                self.in_order and frame.answered_otherwise(question, data)
            )
            if self.whole:
                limit = self._quiet_since_s + SETTLE_S
            elif data:  # a reply that is under way is let finish, for one more frame at most
                limit = max(deadline, min(self._quiet_since_s + SETTLE_S, deadline + reply_s))
            if now >= limit:
                self._line.note_stray(data)
                raise frame.trouble(question, data)
            if chunk and not self.whole:
                missing_s = (question.size - len(data)) * pace.char_s
                clock.sleep(min(missing_s, limit - now) - pace.char_s)

    def _held_up(self, data: bytes, late_s: float) -> NoAnswer:
        """Return the error for bytes that waited for us, nobody knows how long; they are thrown away."""
        question = self._question
        seen = frame.find_answer(question, data) or frame.find_refusal(question, data) is not None
        self.whole = self.whole or (self.in_order and bool(seen))
        self._line.note_stray(data)
        return NoAnswer(
            f"{question}: we were held up for {late_s:.1f} s (machine busy, stopped or suspended); "
            "what came meanwhile is too old to be used"
        )

    def _keep(self, found: frame.Found, turnaround_s: float, at_ms: int, *, early: bool) -> None:
        meter_id = self._question.meter_id
        turnaround_s = max(0.0, turnaround_s)
        self._line.echoes = self._question.request in found.before
        self._line.note_stray(found.before)
        if turnaround_s <= self._timeout_s:  # else a part of it was ours
            # All there at the first look: it may have come earlier. Look earlier next time.
            self._turnaround_s[meter_id] = turnaround_s * 0.9 if early else turnaround_s
        self._answer_at = (at_ms, turnaround_s, bool(found.before))

    def _wait_for_quiet(self) -> None:
        """Let the silence pass; bytes that come in it are nobody's, and it begins anew."""
        give_up = self._clock.monotonic() + BABBLE_S
        while True:
            wait_s = self._quiet_since_s + self._silence_s - self._clock.monotonic()
            self._clock.sleep(wait_s)
            stray = self._read(0)
            if not stray:
                return
            self._line.note_stray(stray)
            self._quiet_since_s = self._clock.monotonic()
            if self._quiet_since_s > give_up:
                raise BadFrame(
                    f"{self._line.settings.name}: never quiet; another master or an unbiased line", "noise"
                )

    def _read(self, wait_s: float) -> bytes:
        """Return what is there after at most `wait_s`; raise LineDown when the port is lost."""
        try:
            handle = self._port
            if not select.select([handle], [], [], max(0.0, wait_s))[0]:
                return b""
            return handle.read(max(1, handle.in_waiting))
        except (OSError, termios.error) as exc:
            raise self._lost(exc) from exc

    def _lost(self, error: Exception) -> LineDown:
        self.close()
        name, device = self._line.settings.name, self._line.settings.port
        return LineDown(f"{name}: port lost: {device}: {error}; plug the adapter in again")
