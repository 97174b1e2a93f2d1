"""Replies that were asked for and may still come: so no old one can ever pass for a new one.

A reply over RS-485 says who answers and in what length, but not to which question: the fast block of a
meter and its slow one look alike when they are of one length. So while a reply is owed, no request of its
length goes to that meter, whatever its registers. Each request that was sent and not answered counts: of
two that look alike, seeing one still leaves one to come.
"""

from substation.bus.frame import Question, find_answer
from substation.clock import Clock

OWED_S = 30.0
"""No meter and no gateway answers later than this."""


class Owed:
    """The book of one line."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._book: list[tuple[Question, float]] = []
        self._silent_until_s: dict[int, float] = {}
        self.late: dict[int, int] = {}
        """Replies that came late and were recognised, by the meter's Modbus id; none of them was used."""

    def take_over(self, before: "Owed") -> None:
        """Take what was owed to another master on the same port: a late reply asks nobody who listens."""
        self._book = [*before._book, *self._book]
        self._silent_until_s = {**before._silent_until_s, **self._silent_until_s}

    def lengths(self, meter_id: int) -> tuple[int, ...]:
        """Return the lengths, in registers, that this meter owes, each once, the last asked at the end."""
        now_s = self._clock.monotonic()
        if self._book:
            self._book = [(question, until_s) for question, until_s in self._book if until_s > now_s]
        newest_first = [question.count for question, _ in self._book[::-1] if question.meter_id == meter_id]
        return tuple(dict.fromkeys(newest_first))[::-1]

    def add(self, question: Question) -> None:
        """Note a request that was sent and not answered."""
        until_s = self._clock.monotonic() + OWED_S
        self._book.append((question, until_s))
        self._silent_until_s[question.meter_id] = until_s

    def add_refused(self, question: Question) -> None:
        """Note a request that was refused while something was owed: perhaps its own reply is to come."""
        self._book.append((question, self._clock.monotonic() + OWED_S))

    def doubts_refusals(self, meter_id: int) -> bool:
        """Return whether a refusal of this meter may be meant for a request that it never answered.

        Not for ever: refusals themselves, however many, do not prolong the doubt.
        """
        silent = self._silent_until_s.get(meter_id, 0.0) > self._clock.monotonic()
        return silent and bool(self.lengths(meter_id))

    def renew(self, question: Question) -> None:
        """Note that one of several replies that look alike has come, nobody knows to which request.

        So it is the oldest that is taken out, and what is left is owed as long as the newest.
        """
        if self._drop(question):
            self.add(question)

    def seen(self, data: bytes) -> None:
        """Take bytes that were nobody's answer: a reply that is found in them is owed no more."""
        if not data:
            return
        for question, _ in list(self._book):
            if found := find_answer(question, data):
                self.came(question)
                end = len(found.before) + len(found.frame)
                data = found.before + data[end:]

    def came(self, question: Question) -> None:
        """Take that a reply to this question has come too late."""
        if self._drop(question):
            self.late[question.meter_id] = self.late.get(question.meter_id, 0) + 1

    def _drop(self, question: Question) -> bool:
        alike = (question.meter_id, question.count)
        for at, (owed, _) in enumerate(self._book):
            if (owed.meter_id, owed.count) == alike and owed.function == question.function:
                del self._book[at]
                return True
        return False
