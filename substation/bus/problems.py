"""What is wrong with the poller itself: on the state line while it lasts, in the log once."""

import logging
from types import TracebackType

from substation.errors import SubstationError


class Problems:
    """One problem a name at most: the step or chore that it happened in."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._words: dict[str, str] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._words

    @property
    def words(self) -> list[str]:
        """Every problem there is now, in words for the state line."""
        return list(dict.fromkeys(self._words.values()))

    def note(self, name: str, words: str) -> None:
        """Take a problem; it is logged when it is new or another one than before."""
        if self._words.get(name) != words:
            self._words[name] = words
            self._log.error("%s", words)

    def clear(self, name: str) -> None:
        """Take that there is none of that name any more."""
        if name in self._words:
            del self._words[name]
            self._log.info("%s: all right again", name)

    def survived(self, name: str) -> "_Survived":
        """Return a context in which nothing ends the program: an error becomes a problem of this name."""
        return _Survived(self, name)

    def take(self, name: str, error: Exception) -> None:
        """Take an error: explained ones in their own words, others with their trace in the log."""
        if isinstance(error, SubstationError | OSError):
            self.note(name, str(error))
            return
        words = f"internal fault in '{name}' ({type(error).__name__}: {error}); please report it"
        if self._words.get(name) != words:
            self._log.error("the trace of the next line", exc_info=error)
        self.note(name, words)


class _Survived:
    def __init__(self, problems: Problems, name: str) -> None:
        self._problems, self._name = problems, name

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            self._problems.clear(self._name)
            return False
        if not isinstance(error, Exception):
            return False  # told to end
        self._problems.take(self._name, error)
        return True
