"""Modbus RTU, over an adapter or through a transparent serial server: when to speak, when to listen.

The silence t3.5 is kept before each request, the reply is slept for and not waited for byte by byte, and a
damaged one is known when its last byte is there, not when the time is out. Frames are never told apart by
gaps between bytes: adapters and networks make such gaps at will.
"""

from substation.bus import frame, pdu
from substation.bus.exchange import BABBLE_S, HELD_UP_S, SETTLE_S, Answer, held_up
from substation.bus.owed import Owed
from substation.bus.transport import Transport
from substation.clock import Clock
from substation.errors import BadFrame, LinkError, NoAnswer
from substation.meters.pace import Pace

EARLY_S = 0.002
"""Wake so long before the expected end of a reply."""
FIRST_GUESS_S = 0.005
"""Turnaround of a meter that was never heard, for the first wake-up only."""
IN_FLIGHT_BYTES = 16
"""Of a reply under way so many may be in a UART at any time."""
IN_FLIGHT_S = 0.006
"""Or, on a fast line, as many as come in this time: a USB adapter hands over packets of up to 62 bytes."""


class RtuExchange:
    """The engine of one RTU line."""

    def __init__(self, name: str, pace: Pace, clock: Clock, transport: Transport, owed: Owed) -> None:
        self._name = name
        self._pace = pace
        self._clock = clock
        self._transport = transport
        self._owed = owed
        self._question = frame.Question(1, 3, 0, 1)
        self._timeout_s = 0.0
        self._sent_s = 0.0
        self._quiet_since_s = 0.0
        self._silence_s = pace.silence_s
        self._turnaround_s: dict[int, float] = {}
        self.sent = self.whole = False
        self.in_order = True
        self.echoes = False
        self.busy_s = self.held_s = 0.0

    def opened(self) -> None:
        """Let the line settle: bytes from before are none of ours."""
        self._quiet_since_s = self._clock.monotonic()
        self._silence_s = SETTLE_S

    def ask(self, question: frame.Question, timeout_s: float, gap_s: float) -> Answer:
        """Return the answer to one question, or raise LinkError."""
        self._question, self._timeout_s = question, timeout_s
        self.sent = self.whole = False
        started_s = self._clock.monotonic()
        try:
            self._send(pdu.rtu_request(question), gap_s)
            return self._receive()
        except LinkError:
            self._silence_s = max(SETTLE_S, self._pace.silence_s)
            raise
        finally:
            self.busy_s += self._clock.monotonic() - started_s

    def _send(self, request: bytes, gap_s: float) -> None:
        self._transport.make_ready()
        self._wait_for_quiet(gap_s)
        self._sent_s = self._clock.monotonic()  # before it: whoever is held up in it has an old reply
        self._transport.write(request)
        self.sent = True
        self._quiet_since_s = self._clock.monotonic() + self._pace.request_s
        self._silence_s = self._pace.silence_s

    def _wait_for_quiet(self, gap_s: float) -> None:
        """Let the silence pass; bytes that come in it are nobody's, and it begins anew."""
        give_up_s = self._clock.monotonic() + BABBLE_S + gap_s
        while True:
            wait_s = self._quiet_since_s + self._silence_s + gap_s - self._clock.monotonic()
            self._clock.sleep(wait_s)
            try:
                stray = self._transport.read(0)
            except NoAnswer:  # hung up in the silence: no harm done
                self._transport.make_ready()
                continue
            if not stray:
                return
            self._owed.seen(stray)
            self._quiet_since_s = self._clock.monotonic()
            if self._quiet_since_s > give_up_s:
                raise BadFrame(f"{self._name}: never quiet; another master or an unbiased line", "noise")

    def _receive(self) -> Answer:
        """Return the one valid answer, or raise the LinkError that says what came instead."""
        question, pace, clock = self._question, self._pace, self._clock
        asked_s = self._sent_s + pace.request_s * (2 if self.echoes else 1)
        reply_s = pace.reply_s(question.count)
        begin_s = asked_s + pace.silence_s
        deadline_s = begin_s + self._timeout_s + reply_s
        guess_s = min(self._timeout_s, self._turnaround_s.get(question.meter_id, FIRST_GUESS_S))
        clock.sleep(begin_s + guess_s + reply_s - EARLY_S - clock.monotonic())
        data, limit_s, looks = b"", deadline_s, 0
        while True:
            chunk = self._look(limit_s - clock.monotonic() if looks else 0, data)
            at_ms, now_s = clock.now_ms(), clock.monotonic()  # in this order: held up between, it is late
            looks += 1
            if chunk:
                self._quiet_since_s = now_s
                data += chunk
                if now_s > limit_s + HELD_UP_S:
                    raise self._too_old(data, now_s - limit_s)
                if found := frame.find_answer(question, data):
                    turnaround_s = max(0.0, now_s - begin_s - reply_s)
                    self._keep(found, turnaround_s, early=looks == 1)
                    words = pdu.words(question, found.frame[1:-2])
                    return Answer(words, at_ms, turnaround_s, bool(found.before))
                if frame.find_refusal(question, data) is not None:
                    raise frame.trouble(question, data)
                self.whole = frame.complete_but_broken(question, data) or (
                    self.in_order and frame.answered_otherwise(question, data)
                )
            if self.whole:
                limit_s = self._quiet_since_s + SETTLE_S
            elif data:  # a reply that is under way is let finish, for one more frame at most
                limit_s = max(deadline_s, min(self._quiet_since_s + SETTLE_S, deadline_s + reply_s))
            if now_s >= limit_s:
                self._owed.seen(data)
                raise frame.trouble(question, data)
            if chunk and not self.whole:
                missing_s = (question.size - len(data)) * pace.char_s
                missing_s -= max(IN_FLIGHT_BYTES * pace.char_s, IN_FLIGHT_S)
                clock.sleep(min(missing_s, limit_s - now_s))

    def _look(self, wait_s: float, data: bytes) -> bytes:
        try:
            return self._transport.read(wait_s)
        except NoAnswer:  # hung up; what came until then says more
            self._owed.seen(data)
            if data:
                raise frame.trouble(self._question, data) from None
            raise

    def _too_old(self, data: bytes, late_s: float) -> NoAnswer:
        """Return the error for bytes that waited for us; they are thrown away."""
        question = self._question
        seen = frame.find_answer(question, data) or frame.find_refusal(question, data) is not None
        self.whole = self.whole or (self.in_order and bool(seen))
        self._owed.seen(data)
        return held_up(question, late_s)

    def _keep(self, found: frame.Found, turnaround_s: float, *, early: bool) -> None:
        self.echoes = self._question.request in found.before
        self._owed.seen(found.before)
        if turnaround_s <= self._timeout_s:  # else a part of it was ours
            # All there at the first look: it may have come earlier. Look earlier next time.
            self._turnaround_s[self._question.meter_id] = turnaround_s * 0.9 if early else turnaround_s
