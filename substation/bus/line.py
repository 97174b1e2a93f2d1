"""One line with meters on it: the only place that asks them, whichever way the bytes travel.

Three kinds behind one face: an RS-485 adapter (`serial`), the same frames through a transparent serial
server (`rtu_tcp`), a Modbus TCP gateway or meter (`tcp`). The first two share an engine (`bus/rtu.py`);
the third has its own (`bus/modbus_tcp.py`).

Why a late reply can never pass as the next answer:

1. After a failed request the line is listened to for that meter's whole worst reply time, longer
   while bytes still come, and must then be quiet before anything else is sent.
2. A reply that comes later still carries its meter's id; to a request for another meter it is noise.
   Over Modbus TCP it carries its transaction id as well.
3. To the same meter only the length can tell. So as long as a reply is owed, no request of its length
   goes to that meter: it is probed, or read in pieces, in lengths that no owed reply has. A reply is
   owed until it was seen, or for `OWED_S`. That holds for a gateway that mixes up the order, too.
4. A refusal has but one length. While something is owed, one that would disable a register or blame a
   profile is not believed: it may answer the earlier request.
5. Bytes wait in the kernel while we are held up (stopped, suspended, starved of the processor), and do
   not age there. So what is found later than the reply could have come is nobody's, however sound.
"""

from pathlib import Path

from substation.bus import frame, mbap
from substation.bus.exchange import BABBLE_S, SETTLE_S, Answer, Exchange
from substation.bus.modbus_tcp import TcpExchange
from substation.bus.owed import OWED_S, Owed
from substation.bus.rtu import RtuExchange
from substation.bus.tcp import TcpTransport
from substation.bus.transport import SerialTransport, Transport
from substation.clock import Clock
from substation.errors import LinkError, NoAnswer, Refused
from substation.meters.blocks import Block
from substation.meters.pace import Pace
from substation.settings.model import Line as LineSettings

__all__ = ["BABBLE_S", "OWED_S", "PROBE_COUNTS", "SETTLE_S", "Answer", "Line"]

PROBE_COUNTS = (2, 4, 6, 8, 10)
"""Lengths of probes, registers: the first that is not owed."""
LASTING_REFUSALS = (1, 2, 3)
"""Function, register, length not known: what a profile is judged by."""


class Line:
    """One line and its port. Not for several threads at once."""

    def __init__(self, settings: LineSettings, clock: Clock, *, sysfs: Path = Path("/sys")) -> None:
        """`sysfs` is where the kernel tells of its adapters."""
        self.settings = settings
        self.pace = Pace.of(settings.baud, settings.format)
        self.gaps_s: dict[int, float] = {}
        """Silence beyond t3.5 that a meter wants before a request, s, by its Modbus id."""
        self.echoes = False
        """Whether the adapter sent our own bytes back, the last time that a meter answered."""
        self._owed = Owed(clock)
        self._transport, self._exchange = self._engine(clock, sysfs)

    def _engine(self, clock: Clock, sysfs: Path) -> tuple[Transport, Exchange]:
        settings, owed = self.settings, self._owed
        if settings.kind == "tcp":
            connection = TcpTransport(settings, mbap.is_read_request, clock)
            return connection, TcpExchange(settings.name, self.pace, clock, connection, owed)
        way: Transport = (
            SerialTransport(settings, frame.is_read_request, sysfs)
            if settings.kind == "serial"
            else TcpTransport(settings, frame.is_read_request, clock)
        )
        return way, RtuExchange(settings.name, self.pace, clock, way, owed)

    @property
    def is_open(self) -> bool:
        """Whether we hold the port, or the gateway takes our calls."""
        return self._transport.is_open

    @property
    def busy_s(self) -> float:
        """Seconds spent on transactions since the start."""
        return self._exchange.busy_s

    @property
    def held_s(self) -> float:
        """How long a gateway holds the line for a silent meter, s; 0 where it is we who wait."""
        return self._exchange.held_s

    @property
    def late(self) -> dict[int, int]:
        """Replies that came too late and were recognised, by Modbus id; none of them was used."""
        return dict(self._owed.late)

    def open(self) -> None:
        """Open the port, or raise LineDown. Does nothing when it is open."""
        if not self._transport.is_open:
            self._transport.open()
            self._exchange.opened()

    def close(self) -> None:
        """Give the port back."""
        self._transport.close()

    def advice(self) -> list[str]:
        """Return what somebody should look at, in words; empty when nothing is odd."""
        found = self._transport.advice()
        if self.echoes:
            found.append(
                f"{self.settings.name}: the adapter sends our own bytes back; switch its local echo off"
            )
        return found

    def owed(self, meter_id: int) -> frozenset[int]:
        """Return the lengths, in registers, of replies of this meter that may still come."""
        return frozenset(self._owed.lengths(meter_id))

    def take_over(self, before: "Line") -> None:
        """Take what may still come of the questions of a line that was on this port until now."""
        self._owed.take_over(before._owed)

    def read(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        """Return what the meter answers.

        `timeout_s` is how long the meter may think; the wire time of its frame comes on top.

        Raises:
            LineDown: the port is not open, or was lost now.
            NoAnswer: silence; or a reply of this length is still owed, and nothing was asked.
            BadFrame: bytes that are not the answer.
            Refused: the meter answered with an exception.
            ValueError: this is no question that a meter can be asked.
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
        owed = self._owed.lengths(meter_id)
        free = [count for count in PROBE_COUNTS if count not in owed]
        count = free[0] if free else next(count for count in owed if count in PROBE_COUNTS)
        return self._ask(frame.Question(meter_id, block.function, block.address, count), timeout_s)

    def _ask(self, question: frame.Question, timeout_s: float) -> Answer:
        exchange = self._exchange
        doubt = self._owed.doubts_refusals(question.meter_id)
        exchange.in_order = not self._owed.lengths(question.meter_id)
        try:
            answer = exchange.ask(question, timeout_s, self.gaps_s.get(question.meter_id, 0.0))
        except Refused as exc:
            if not doubt:
                raise
            self._owed.add_refused(question)
            if exc.code in LASTING_REFUSALS:
                raise NoAnswer(
                    f"{exc}; but an earlier reply is owed, so this may be meant for an earlier request",
                    "doubtful",
                ) from exc
            raise
        except LinkError:
            if exchange.sent and not exchange.whole:
                self._owed.add(question)
            raise
        self._owed.renew(question)
        self.echoes = exchange.echoes
        return answer
