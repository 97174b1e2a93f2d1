"""Has everything copied to the second medium when it is time, if that is there.

The medium is looked at by a thread: a share whose server is gone can hold whoever asks for minutes. A look
that hangs is a medium that is not there, and no second one is begun beside it.
"""

import json
import threading
from collections.abc import Sequence
from pathlib import Path

from substation.acquisition.backoff import Backoff
from substation.clock import Clock
from substation.errors import EXIT_BUSY, StoreError
from substation.settings.model import Home, Settings
from substation.store import disk

RETRY_S = 60.0
LOOK_LIMIT_S = 30.0
SETTLE_S = 120.0
"""So long after a start the first copy waits: the machine has enough to do."""
FAILURES_BEFORE_WORDS = 2


class BackupDuty:
    """Due every `backup.every_minutes` while `backup.folder` is set."""

    name = "backup"

    def __init__(self, home: Home, clock: Clock) -> None:
        """Begin some time after the start, or when the last copy is old enough."""
        self._home, self._clock = home, clock
        self._pause = Backoff(clock, RETRY_S, RETRY_S)
        self._at_start = True
        self._folder: str | None = None
        self._every_s = 0.0
        self._look: _Look | None = None
        self._words = ""
        self._doubt = ""

    def due(self, settings: Settings) -> Sequence[str] | None:
        """Return the command's arguments when it is time and the medium is there; None when not."""
        self._every_s = settings.backup.every_minutes * 60.0
        folder, at_start, self._at_start = settings.backup.folder, self._at_start, False
        if folder != self._folder:
            self._begin(folder, at_start=at_start)
        if folder is None or not self._pause.over:
            return None
        if self._look is None:
            self._look = _Look(self._home.folder / folder, self._home.folder, self._clock)
            return None
        words = self._look.words()
        if words is None:
            return None
        if self._look.is_over:
            self._look = None
        if words:
            self._words = words
            self._pause.failures += 1
            self._pause.wait(RETRY_S)  # a look costs nothing: soon after the stick is back there is a copy
            return None
        return ()

    def done(self, code: int, words: str) -> None:
        """Take how the copy went."""
        if code == EXIT_BUSY:  # somebody copies by hand
            self._pause.wait(RETRY_S)
            return
        if code:
            self._words = words or f"the copy ended with code {code}"
            self._pause.begin(failed=True)
            return
        self._words = ""
        self._pause.begin(failed=False, well_s=self._every_s)
        proof = _read(self._home.copied).get("proof")
        self._doubt = ""
        if isinstance(proof, dict) and proof.get("ok") is False:
            self._doubt = f"the copies did not prove good: {proof.get('words')}"

    @property
    def advice(self) -> list[str]:
        """What failed twice or more; that there is no second medium at all is said on `/health`."""
        said = [self._doubt] if self._doubt else []
        if self._words and self._pause.failures >= FAILURES_BEFORE_WORDS:
            said.append(f"no copies on the second medium: {self._words}")
        return said

    def _begin(self, folder: str | None, *, at_start: bool) -> None:
        """Take another folder; at the start of the poller, one whose last copy may be young enough."""
        self._folder, self._words, self._doubt, self._look = folder, "", "", None
        self._pause = Backoff(self._clock, RETRY_S, max(RETRY_S, self._every_s))
        if at_start:
            self._pause.wait(max(SETTLE_S, self._left_s()))

    def _left_s(self) -> float:
        """Return how long the last copy is good for, as far as the clock can tell."""
        said = _read(self._home.copied)
        at_ms = said.get("at_ms")
        if said.get("ok") is not True or said.get("folder") != self._folder or not isinstance(at_ms, int):
            return 0.0
        passed_s = (self._clock.now_ms() - at_ms) / 1000
        return self._every_s - passed_s if passed_s >= 0 else 0.0


class _Look:
    """One look at the medium, by a thread of its own."""

    def __init__(self, folder: Path, home: Path, clock: Clock) -> None:
        self._folder, self._clock, self._since_s = folder, clock, clock.monotonic()
        self._found: str | None = None
        self._thread = threading.Thread(target=self._run, args=(home,), daemon=True, name="second medium")
        self._thread.start()

    def _run(self, home: Path) -> None:
        try:
            disk.refuse_missing(self._folder, home)
        except StoreError as exc:
            self._found = str(exc)
        else:
            self._found = ""

    @property
    def is_over(self) -> bool:
        return self._found is not None

    def words(self) -> str | None:
        """Return why the medium cannot be used; nothing when it is there; None while it is not known."""
        if self._found is None and self._clock.monotonic() - self._since_s > LOOK_LIMIT_S:
            return f"{self._folder} does not answer; is its server or its medium gone?"
        return self._found


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
