"""The configuration under watch: what is in force now, and what to do when the file changes."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from substation.access import users
from substation.clock import Clock
from substation.errors import SettingsError
from substation.settings import files
from substation.settings.model import Home, Settings

LOG = logging.getLogger(__name__)
LOOK_S = 0.5
"""The file is looked at so often at most: a changed password counts within a second."""


class Watch:
    """Holds the settings in force; safe to use from many threads.

    A file that cannot be used while the dashboard runs changes nothing: the last good configuration
    stays in force and `problem` says so on every page.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        """Load the configuration in `folder`. Raises SettingsError."""
        loaded = files.load(folder)
        for warning in loaded.warnings:
            LOG.warning("%s", warning)
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = clock.monotonic()
        self._judged: object = None
        self._verdict: tuple[str, ...] = ()
        self._listeners: list[Callable[[Settings, Home], None]] = []
        self._complaints: list[Callable[[str], None]] = []
        self.settings = loaded.settings
        self.home = loaded.home
        self.generation = loaded.generation
        self.warnings = loaded.warnings
        self.problem = ""
        self.demo_passwords = bool(self._demo_users(loaded.settings))

    def listen(self, listener: Callable[[Settings, Home], None]) -> None:
        """Call `listener` with each new configuration."""
        self._listeners.append(listener)

    def complain(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the words when a changed file cannot be used, and with none when it can be."""
        self._complaints.append(listener)

    def look(self) -> None:
        """Take over a changed configuration; cheap, called with every request."""
        now = self._clock.monotonic()
        if now - self._looked < LOOK_S or not self._lock.acquire(blocking=False):
            return
        try:
            self._looked = now
            if files.changed(self._folder, self.generation):
                self._take_over()
        finally:
            self._lock.release()

    def look_now(self) -> None:
        """Take over what this process has just changed itself: the next page is to show it."""
        with self._lock:
            self._looked = self._clock.monotonic()
            if files.changed(self._folder, self.generation):
                self._take_over()

    def _take_over(self) -> None:
        words = self._taken_over()
        for complain in self._complaints:
            complain(words)

    def _taken_over(self) -> str:
        """Take over what stands in the file; return in words why that cannot be done."""
        try:
            loaded = files.load(self._folder)
        except SettingsError as exc:
            if not self.problem:
                LOG.error("changed configuration refused, the last good one stays in force: %s", exc)
            self.problem = "The changed configuration cannot be used; the last good one stays in force."
            return str(exc)
        if loaded.settings.simulated != self.settings.simulated:
            if not self.problem:
                LOG.error("changed configuration refused: it belongs to another kind of station")
            self.problem = "The configuration now belongs to another kind of station; restart the dashboard."
            return self.problem
        for warning in loaded.warnings:
            LOG.warning("%s", warning)
        # Passwords first: the guard must never see new users under the old verdict on demo passwords.
        self.demo_passwords = bool(self._demo_users(loaded.settings))
        self.settings, self.home = loaded.settings, loaded.home
        self.generation = loaded.generation
        self.problem = ""
        LOG.info("configuration changed, now in force")
        for listener in self._listeners:
            listener(loaded.settings, loaded.home)
        return ""

    def _demo_users(self, settings: Settings) -> tuple[str, ...]:
        """Return who has a documented password; hashes are tried only when they have changed."""
        hashes = (
            settings.export_password_hash,
            *((user.password_hash, user.disabled) for user in settings.users),
        )
        if hashes != self._judged:
            self._judged, self._verdict = hashes, users.demo_passwords_in_use(settings)
        return self._verdict
