"""Test messages: asked for in the browser, sent at once, answered with what the gateway said.

A request is a row of `operator.db` (`store.message_requests`), which the dashboard writes; its answer is a
file of its own, written by the messenger alone. It is obeyed once, and only while it is young.
"""

import contextlib

from substation.clock import Clock
from substation.errors import Busy, StoreError
from substation.messages.queue import Queue
from substation.messages.ways import Outcome
from substation.messages.wording import Said
from substation.settings.model import Home, Settings
from substation.store import message_requests, requests
from substation.store.message_requests import KIND
from substation.store.requests import Answer

WORDS = "Test message. Nothing has happened; {by} asked for it."


class Asked:
    """Obeys requests for test messages."""

    def __init__(self, home: Home, clock: Clock) -> None:
        """Look at nothing yet."""
        self._home, self._clock = home, clock
        self._stamp: requests.Stamp = ()
        self._of: dict[int, int] = {}
        """By message the request that it answers."""

    def begin_anew(self) -> None:
        """Answer what a messenger before us left unanswered."""
        for said in requests.running(self._home.messenger_answers):
            self._say(said.id, "refused", "the messenger was started anew meanwhile; it is not sent twice")

    def take(self, queue: Queue, settings: Settings) -> None:
        """Look for new requests; costs two stats where there are none. Raises StoreError of the queue."""
        stamp = requests.stamp(self._home.operator)
        if stamp == self._stamp:
            return
        last = queue.meta("asked")
        try:
            found = message_requests.after(self._home.operator, int(last or 0))
        except Busy:
            return
        except StoreError:
            found = []
        self._stamp = stamp
        for one in found:
            now_ms = self._clock.now_ms()
            recipient = settings.messages.recipient(one.recipient)
            why = ""
            if not 0 <= now_ms - one.at_ms <= requests.YOUNG_MS:
                why = "it waited for a messenger that was not there; ask again"
            elif recipient is None:
                why = "there is no such recipient"
            with queue.step():
                queue.remember("asked", str(one.id))
                if not why:
                    said = WORDS.format(by=one.asked_by)
                    key = f"test|{one.id}|{one.at_ms}|{one.recipient}"
                    note = queue.note(
                        key, one.recipient, "test", Said(said, said), at_ms=now_ms, now_ms=now_ms
                    )
                    number = queue.bind(one.recipient, "test", [note], urgent=False, now_ms=now_ms)
                    self._of[number] = one.id
            self._say(one.id, "refused" if why else "running", why or "it is handed over")

    def answer(self, number: int, outcome: Outcome) -> None:
        """Say what came of a test message."""
        request = self._of.pop(number, None)
        if request is not None:
            self._say(request, "done" if outcome.arrived else "refused", outcome.words)

    def _say(self, request: int, state: requests.State, words: str) -> None:
        said = Answer(request, KIND, state, words, self._clock.now_ms(), 1.0)
        with contextlib.suppress(OSError):
            requests.answer(self._home.messenger_answers, said)
