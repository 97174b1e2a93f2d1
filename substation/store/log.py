"""A process's own log: a file of bounded size and stderr, times in UTC."""

import contextlib
import logging
import logging.handlers
import os
import sys
import time
from pathlib import Path

LARGEST_BYTES = 1_000_000
OLD_FILES = 5


class _File(logging.handlers.RotatingFileHandler):
    """A log file whose medium may fail: a line that it does not take stands on stderr alone."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name in logging
        """Let the file go, with what it did not take; the next line opens it again."""
        stream, self.stream = self.stream, None
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.close()


def start_logging(logger: logging.Logger, path: Path) -> None:
    """Let a logger write to `path` and to stderr. Where the file takes nothing, to stderr alone.

    Where stderr is that very file (`start.sh` sends it there), each line is written once.
    """
    line = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    line.converter = time.gmtime
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    problem: OSError | None = None
    try:
        handlers.append(_file(path))
        if _stderr_is(path):
            del handlers[0]
    except OSError as exc:
        problem = exc
        handlers.append(_file(path, delay=True))  # a medium that comes back is found with the next line
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for handler in handlers:
        handler.setFormatter(line)
        logger.addHandler(handler)
    if problem:
        logger.error("%s cannot be written (%s): logging to stderr until it can", path, problem.strerror)


def _file(path: Path, *, delay: bool = False) -> _File:
    return _File(path, maxBytes=LARGEST_BYTES, backupCount=OLD_FILES, encoding="utf-8", delay=delay)


def _stderr_is(path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(sys.stderr.fileno()), path.stat())
    except (OSError, ValueError, AttributeError):  # no stderr, or one that is no file
        return False


def stop_logging(logger: logging.Logger) -> None:
    """Close what `start_logging` opened."""
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
