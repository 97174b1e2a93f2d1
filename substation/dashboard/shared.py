"""Answers that many ask for and one works out."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextvars import Context
from typing import Any, TypeVar

from substation.clock import Clock
from substation.dashboard import hurry, tongue

Answer = TypeVar("Answer")
RAISE: Any = object()
"""Instead of an answer that does not come in time, `hurry.Hurried` is raised."""


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

    def get(
        self,
        question: Hashable,
        work: Callable[[], Answer],
        keep_s: float | None = None,
        instead: Answer = RAISE,
    ) -> Answer:
        """Return the kept answer to the question, or that of `work`, whose errors are not kept.

        Args:
            question: what is asked.
            work: works the answer out.
            keep_s: for a question whose answer ages otherwise than the others.
            instead: for who is in a `hurry` and has no answer in time.

        Raises:
            hurry.Hurried: the answer has not come in time, and there is no `instead`.
        """
        keep_s = self._keep_s if keep_s is None else keep_s
        with self._lock:
            entry = self._entries.setdefault(question, _Entry())
            self._entries.move_to_end(question)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)
        try:
            if hurry.left_s() is not None:
                return self._in_time(entry, work, keep_s)
        except hurry.Hurried:
            if instead is RAISE:
                raise
            return instead
        with entry.turn:
            return self._answer(entry, work, keep_s)

    def _answer(self, entry: _Entry, work: Callable[[], Answer], keep_s: float) -> Answer:
        if not self._is_kept(entry, keep_s):
            now = self._clock.monotonic()
            with tongue.speaking(tongue.ENGLISH):  # not in that of whoever happens to come first
                entry.answer = work()
            entry.at = now
        answer: Answer = entry.answer
        return answer

    def _is_kept(self, entry: _Entry, keep_s: float) -> bool:
        return entry.at is not None and self._clock.monotonic() - entry.at < keep_s

    def _in_time(self, entry: _Entry, work: Callable[[], Answer], keep_s: float) -> Answer:
        """Return the answer if it comes in time; else it is worked out for whoever asks next."""
        with hurry.waiting(self._clock) as left_s:
            if not entry.turn.acquire(timeout=left_s):
                raise hurry.Hurried("somebody else waits for it")
            if self._is_kept(entry, keep_s):
                kept: Answer = entry.answer
                entry.turn.release()
                return kept
            if left_s <= 0:
                entry.turn.release()
                raise hurry.Hurried("there is no time left")
            found: list[Answer] = []
            failed: list[Exception] = []

            def apart() -> None:
                try:
                    # of a context without a hurry
                    found.append(Context().run(self._answer, entry, work, keep_s))
                except Exception as exc:  # noqa: BLE001  it is of whoever asked
                    failed.append(exc)
                finally:
                    entry.turn.release()

            worker = threading.Thread(target=apart, name="asked in a hurry", daemon=True)
            try:
                worker.start()
            except RuntimeError:  # no more threads: nobody else would end the turn
                entry.turn.release()
                raise
            worker.join(left_s)
            if failed:
                raise failed[0]
            if not found:
                raise hurry.Hurried("it takes longer")
            return found[0]

    def clear(self) -> None:
        """Forget all answers."""
        with self._lock:
            self._entries.clear()
