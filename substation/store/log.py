"""A process's own log: a file of bounded size and stderr, times in UTC."""

import logging
import logging.handlers
import os
import sys
import time
from pathlib import Path

LARGEST_BYTES = 1_000_000
OLD_FILES = 5


def start_logging(logger: logging.Logger, path: Path) -> None:
    """Let a logger write to `path` and to stderr. Where the file cannot be opened, to stderr alone.

    Where stderr is that very file (`start.sh` sends it there), each line is written once.
    """
    line = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    line.converter = time.gmtime
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    problem: OSError | None = None
    try:
        handlers.append(
            logging.handlers.RotatingFileHandler(
                path, maxBytes=LARGEST_BYTES, backupCount=OLD_FILES, encoding="utf-8"
            )
        )
        if _stderr_is(path):
            del handlers[0]
    except OSError as exc:
        problem = exc
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for handler in handlers:
        handler.setFormatter(line)
        logger.addHandler(handler)
    if problem:
        logger.error("%s cannot be written (%s): logging to stderr only", path, problem.strerror)


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
