"""Answers that many ask for and one works out."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from substation.clock import Clock
from substation.dashboard import tongue

Answer = TypeVar("Answer")


class _Entry:
    """One question: its answer, when it was worked out, and whose turn it is to do so."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.at: float | None = None
        self.answer: Any = None


class Shared:
    """Keeps answers for a while; whoever comes while one is being worked out waits for it.

    So a hundred browsers cost the history as much as one. An answer is shared as it is: nobody may
    change it, and what words it holds are English.
    """

    def __init__(self, clock: Clock, keep_s: float, most: int = 512) -> None:
        """Keep each answer for `keep_s` seconds, and the `most` last asked for."""
        self._clock = clock
        self._keep_s = keep_s
        self._most = most
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    def get(self, question: Hashable, work: Callable[[], Answer], keep_s: float | None = None) -> Answer:
        """Return the kept answer to the question, or that of `work`, whose errors are not kept.

        `keep_s` is for a question whose answer ages otherwise than the others.
        """
        with self._lock:
            entry = self._entries.setdefault(question, _Entry())
            self._entries.move_to_end(question)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)
        with entry.turn:
            now = self._clock.monotonic()
            if entry.at is None or now - entry.at >= (self._keep_s if keep_s is None else keep_s):
                with tongue.speaking(tongue.ENGLISH):  # not in that of whoever happens to come first
                    entry.answer = work()
                entry.at = now
            answer: Answer = entry.answer
            return answer

    def clear(self) -> None:
        """Forget all answers."""
        with self._lock:
            self._entries.clear()
