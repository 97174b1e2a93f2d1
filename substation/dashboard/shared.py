"""Answers that many ask for and one works out."""

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from substation.clock import Clock

Answer = TypeVar("Answer")
MOST = 512


class Shared:
    """Keeps answers for a while; whoever comes while one is being worked out waits for it.

    So a hundred browsers cost the history as much as one.
    """

    def __init__(self, clock: Clock, keep_s: float) -> None:
        """Keep each answer for `keep_s` seconds."""
        self._clock = clock
        self._keep_s = keep_s
        self._lock = threading.Lock()
        self._turns: dict[Hashable, threading.Lock] = {}
        self._kept: dict[Hashable, tuple[float, Any]] = {}

    def get(self, question: Hashable, work: Callable[[], Answer]) -> Answer:
        """Return the kept answer to the question, or that of `work`."""
        with self._lock:
            turn = self._turns.setdefault(question, threading.Lock())
        with turn:
            kept = self._kept.get(question)
            now = self._clock.monotonic()
            if kept is not None and now - kept[0] < self._keep_s:
                answer: Answer = kept[1]
                return answer
            answer = work()
            with self._lock:
                if len(self._kept) >= MOST:
                    self._kept.clear()
                self._kept[question] = (now, answer)
            return answer

    def clear(self) -> None:
        """Forget all answers."""
        with self._lock:
            self._kept.clear()
