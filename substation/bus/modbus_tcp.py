"""Modbus TCP: a gateway, or a meter with a network socket. Replies are known by their transaction id.

A reply of an earlier request is recognised by its id, counted and never taken. Yet the id says only which
request the *gateway* means: one that mixes up its meters' late replies puts the right id on the wrong one.
So lengths that are owed are avoided here as well (`bus/owed.py`).

A gateway asks its meters one after the other, and waits for a silent one as long as it is set to, whatever
our own patience. What we ask meanwhile queues inside it, and live meters seem to be silent. So after a
time-out its word on that request, its exception 11 or the late reply, is waited for before the next one.

The ids go on from connection to connection, and begin anywhere: what a gateway still has for a poller that
was started anew is not taken for its first answer.
"""

import random

from substation.bus import mbap, pdu
from substation.bus.exchange import HELD_UP_S, Answer, held_up
from substation.bus.frame import Question
from substation.bus.owed import OWED_S, Owed
from substation.bus.tcp import TcpTransport
from substation.clock import Clock
from substation.errors import BadFrame, LinkError, NoAnswer
from substation.meters.pace import Pace

REMEMBERED = 1000
"""Requests whose late replies are told from a stranger's."""
WORD_S = 1.2
"""So long after a request its gateway's word is waited for: most are set to a time-out of 1 s or less."""
MOST_WORDLESS = 3
"""So often in vain in a row, and no more: this gateway says nothing of a silent meter. Until it does."""


class TcpExchange:
    """The engine of one Modbus TCP line."""

    def __init__(self, name: str, pace: Pace, clock: Clock, transport: TcpTransport, owed: Owed) -> None:
        self._name = name
        self._pace = pace
        self._clock = clock
        self._transport = transport
        self._owed = owed
        self._transaction = random.randrange(mbap.IDENTITIES)  # noqa: S311 - no secret, only not always the same
        self._asked: dict[int, tuple[Question, float]] = {}
        self._stream = b""
        self._strangers = 0
        self._awaited: tuple[int, float] | None = None
        """Transaction without an answer until now, and how long the gateway's word on it is waited for."""
        self._wordless = 0
        self._sent_s = self._done_s = 0.0
        self.sent = self.whole = False
        self.in_order = True
        self.echoes = False
        self.busy_s = self.held_s = 0.0

    def opened(self) -> None:
        """Forget what the stream held: this is another one."""
        self._stream, self._awaited = b"", None

    def ask(self, question: Question, timeout_s: float, gap_s: float) -> Answer:
        """Return the answer to one question, or raise LinkError."""
        self.sent = self.whole = False
        started_s = self._clock.monotonic()
        try:
            self._send(question, gap_s)
            return self._receive(question, timeout_s)
        except mbap.Untrusted as exc:
            self._hang_up()
            raise BadFrame(f"{question}: {exc}; connection closed and made anew", "noise") from exc
        finally:
            self._done_s = self._clock.monotonic()
            self.busy_s += self._done_s - started_s

    def _send(self, question: Question, gap_s: float) -> None:
        self._clock.sleep(self._done_s + gap_s - self._clock.monotonic() if gap_s else 0.0)
        self._clear()
        self._transaction = (self._transaction + 1) % mbap.IDENTITIES
        before = self._transport.connections
        self._sent_s = self._clock.monotonic()  # before it: whoever is held up in it has an old reply
        self._transport.write(pdu.tcp_request(question, self._transaction))
        if self._transport.connections != before:
            self._stream = b""
        self.sent = True
        self._remember(question)

    def _clear(self) -> None:
        """Take what came since the last answer: late replies, which are nobody's now."""
        before = self._transport.connections
        self._transport.make_ready()
        try:
            self._sort_out()  # what stood behind the last answer
            self._hear_out()
        except (NoAnswer, mbap.Untrusted):
            self._hang_up()
            self._transport.make_ready()
        if self._transport.connections != before:
            self.opened()
        if self._stream:  # the beginning of a frame, and nothing behind it for the whole rest
            self._hang_up()
            self._transport.make_ready()

    def _hear_out(self) -> None:
        """Take what is there, and wait for the gateway's word on a request that had no answer in time."""
        while True:
            wait_s = self._awaited[1] - self._clock.monotonic() if self._awaited else 0.0
            data = self._transport.read(wait_s)
            if data:
                self._stream += data
                self._sort_out()
            elif wait_s <= 0 or self._awaited is None:
                break
        if self._awaited:
            self._awaited = None
            self._wordless += 1
            self.held_s = 0.0

    def _receive(self, question: Question, timeout_s: float) -> Answer:
        """Return the one valid answer, or raise the LinkError that says what came instead."""
        clock, pace = self._clock, self._pace
        begin_s = self._sent_s + pace.request_s + pace.silence_s
        limit_s = begin_s + timeout_s + pace.reply_s(question.count)
        self._strangers = 0
        while True:
            wait_s = limit_s - clock.monotonic()
            data = self._transport.read(wait_s)
            at_ms, now_s = clock.now_ms(), clock.monotonic()  # in this order: held up between, it is late
            self._stream += data
            while (came := self._next()) is not None:
                if came.transaction != self._transaction:
                    self._late(came)
                    continue
                if now_s > limit_s + HELD_UP_S:
                    self.whole = self.in_order
                    raise held_up(question, now_s - limit_s)
                if (trouble := mbap.misfit(question, came)) is not None:
                    # A gateway that gave up may still hear the meter, and take that for its next answer.
                    self.whole = self.in_order and not isinstance(trouble, NoAnswer)
                    raise trouble
                self.whole = True
                self._asked.pop(self._transaction, None)
                self._sort_out()  # no header behind it: then nobody knows that this frame is one
                turnaround_s = max(0.0, now_s - begin_s - pace.reply_s(question.count))
                noise = self._strangers > 0
                return Answer(pdu.words(question, came.pdu), at_ms, turnaround_s, noise)
            if now_s >= limit_s:
                if self._wordless < MOST_WORDLESS and not self._stream and not self._strangers:
                    self._awaited = self._transaction, self._sent_s + self._word_s(question)
                raise self._nothing(question)

    def _nothing(self, question: Question) -> LinkError:
        """Return the error for a time that ran out."""
        if self._stream:
            came = len(self._stream)
            self._hang_up()
            return BadFrame(
                f"{question}: cut after {came} bytes of a frame; connection closed and made anew", "short"
            )
        if self._strangers:
            return BadFrame(
                f"{question}: answered under a transaction id that is not ours; the gateway mixes up its "
                "masters, give it one master only",
                "wrong_transaction",
            )
        return NoAnswer(
            f"{question}: no answer; look at the meter's supply, its id, the gateway's time-out and the "
            "wires behind it"
        )

    def _sort_out(self) -> None:
        while (came := self._next()) is not None:
            self._late(came)

    def _next(self) -> mbap.Frame | None:
        came, self._stream = mbap.take(self._stream)
        return came

    def _late(self, came: mbap.Frame) -> None:
        """Take a frame of another transaction: a late reply of ours, or a stranger's."""
        question, until_s = self._asked.pop(came.transaction, (None, 0.0))
        if question is None:
            self._strangers += 1
            return
        if self._awaited and self._awaited[0] == came.transaction:
            self._awaited = None
        trouble = mbap.misfit(question, came)
        if trouble is None:
            self._owed.came(question)
        after_s = self._clock.monotonic() - (until_s - OWED_S)
        if after_s <= self._word_s(question):
            self._wordless = 0
            if isinstance(trouble, NoAnswer):
                self.held_s = min(after_s, self.held_s or after_s)  # it may have lain there for a while

    def _word_s(self, question: Question) -> float:
        """Return how long after this request its gateway's word is waited for, s."""
        return self._pace.request_s + self._pace.silence_s + WORD_S + self._pace.reply_s(question.count)

    def _remember(self, question: Question) -> None:
        now_s = self._clock.monotonic()
        while self._asked and (len(self._asked) >= REMEMBERED or next(iter(self._asked.values()))[1] < now_s):
            del self._asked[next(iter(self._asked))]
        self._asked[self._transaction] = (question, now_s + OWED_S)

    def _hang_up(self) -> None:
        self._transport.hang_up()
        self.opened()
