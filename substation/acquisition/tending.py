"""What the stores need beside the polling: to be checked, copied, mended. Each need is a `Duty`."""

import logging
from collections.abc import Sequence
from typing import Protocol

from substation.acquisition.jobs import Jobs
from substation.errors import EXIT_BUSY
from substation.settings.model import Settings

log = logging.getLogger("poller")


class Duty(Protocol):
    """One need, met by a command of `datalogger.py`."""

    @property
    def name(self) -> str:
        """The command's name."""

    def due(self, settings: Settings) -> Sequence[str] | None:
        """Return the command's arguments when it is time; None when not. Asked every few seconds: cheap."""

    def done(self, code: int, words: str) -> None:
        """Take that the command has ended with this exit code, and what it said on standard error."""

    @property
    def advice(self) -> list[str]:
        """What somebody should know now, in words for the state line."""


class Tender:
    """Looks after the stores; the first duty in the list that is due goes first."""

    def __init__(self, jobs: Jobs | None = None, duties: Sequence[Duty] = ()) -> None:
        """Without duties it does nothing."""
        self._jobs, self._duties = jobs, tuple(duties)

    @property
    def advice(self) -> list[str]:
        """What every duty has to say, in words for the state line."""
        return [words for duty in self._duties for words in duty.advice]

    @property
    def job(self) -> str:
        """The command under way beside the polling; empty without one."""
        return self._jobs.running if self._jobs else ""

    def look(self, settings: Settings) -> None:
        """Take what has ended, and start what is due."""
        if self._jobs is None:
            return
        ended = self._jobs.look()
        if ended is not None:
            if ended.code == 0:
                log.info("%s is done", ended.name)
            elif ended.code == EXIT_BUSY:
                log.info("%s is tried again later: %s", ended.name, ended.words)
            else:
                log.warning("%s ended with code %d: %s", ended.name, ended.code, ended.words)
            for duty in self._duties:
                if duty.name == ended.name:
                    duty.done(ended.code, ended.words)
        if self._jobs.running:
            return
        for duty in self._duties:
            arguments = duty.due(settings)
            if arguments is not None:
                log.info("%s begins beside the polling", duty.name)
                self._jobs.start(duty.name, arguments)
                return

    def stop(self) -> None:
        """End what is under way."""
        if self._jobs is not None:
            self._jobs.stop()
