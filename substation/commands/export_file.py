"""Where `datalogger.py export` writes to: a file that is whole or not there, or standard output."""

import contextlib
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from substation.errors import Full, StoreError

STANDARD_OUTPUT = "-"
_NO_LINKS = (1, 95)
"""EPERM, EOPNOTSUPP: a file system without hard links, such as that of a memory stick."""


class Target:
    """The archive's place, used as a context: what was not kept is gone at its end.

    Written as FILE.part, readable by its owner alone, and renamed when it is whole; an existing file is
    never replaced.
    """

    def __init__(self, output: str, what: str = "export") -> None:
        """Name the file; `-` is standard output. `what` is being written, in a word."""
        self._what = what
        self.name = output if output != STANDARD_OUTPUT else "standard output"
        self._path = None if output == STANDARD_OUTPUT else Path(output)
        self._part = None if self._path is None else self._path.with_name(self._path.name + ".part")
        self._handle = -1

    def __enter__(self) -> Self:
        """Make the file, so that a place that cannot be written is told before anything else.

        Raises:
            StoreError: it exists already, or cannot be written.
        """
        if self._path is None or self._part is None:
            if sys.stdout.isatty():
                raise StoreError(
                    "an archive is nothing for a terminal; send it elsewhere, or name a file: --output"
                )
            self._handle = sys.stdout.fileno()
            return self
        self._refuse_existing()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._handle = os.open(self._part, flags, 0o600)
        except FileExistsError as exc:
            raise StoreError(
                f"{self._part} is there: another {self._what} writes it, or one was killed. "
                f"When none runs, remove it (rm {self._part}) and start again"
            ) from exc
        except OSError as exc:
            raise StoreError(
                f"{self._part} cannot be written: {exc.strerror}. Name another place: --output FILE"
            ) from exc
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was not kept."""
        if self._part is not None and self._handle >= 0:
            os.close(self._handle)
            self._part.unlink(missing_ok=True)
        self._handle = -1

    def write(self, data: bytes) -> None:
        """Append to it; raises StoreError."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        except BrokenPipeError as exc:
            raise StoreError("whoever received the archive went away") from exc
        except OSError as exc:
            kind = Full if exc.errno == 28 else StoreError
            raise kind(f"{self.name} cannot be written: {exc.strerror}; nothing of it is left") from exc

    def keep(self) -> None:
        """Bring the whole file to the medium and give it its name; raises StoreError."""
        if self._path is None or self._part is None:
            return
        try:
            os.fsync(self._handle)
            self._rename(self._part, self._path)
        except OSError as exc:
            raise StoreError(
                f"{self._path} cannot be written: {exc.strerror}; nothing of it is left"
            ) from exc

    def say(self, words: str) -> None:
        """Tell the person, beside the archive where that goes to standard output."""
        print(words, file=sys.stderr if self._path is None else sys.stdout)

    def _rename(self, part: Path, path: Path) -> None:
        try:
            os.link(part, path)  # unlike a rename, it never replaces a file
        except FileExistsError:
            self._refuse_existing()
        except OSError as exc:
            if exc.errno not in _NO_LINKS:
                raise
            self._refuse_existing()
            part.rename(path)
        with contextlib.suppress(FileNotFoundError):
            part.unlink()

    def _refuse_existing(self) -> None:
        if self._path is not None and os.path.lexists(self._path):
            raise StoreError(
                f"{self._path} is there already and is not replaced; name another: --output FILE"
            )
