"""The child process: reads pages, writes lines, seals them, sends the archive to standard output.

It owns nothing but two pipes and ends with them: a reader that goes away, and a parent that dies, break
standard output. No file is made anywhere, and nothing is left where it was killed.
"""

import hashlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

from substation.clock import Clock, SystemClock, site_time
from substation.errors import EXIT_OK, EXIT_USAGE, SubstationError, WrongStation
from substation.export.body import body_of
from substation.export.estimate import measure, zone_of_rows
from substation.export.job import Job
from substation.export.manifest import about, manifest, remarks, total
from substation.export.seal import FILE_NAMES, MANIFEST_NAME, sealed
from substation.store.pages import Facts, Pages

TELL_S = 0.2
"""Progress is told at most so often."""

Tell = Callable[[dict[str, object]], None]


def main() -> int:
    """Do the job on standard input; return the exit code."""
    _prepare()
    try:
        job = Job.read(sys.stdin.buffer.readline())
    except (ValueError, KeyError, TypeError):
        print("This is the engine of the export. Type: python3 datalogger.py export", file=sys.stderr)
        return EXIT_USAGE

    def tell(message: dict[str, object]) -> None:
        _write(job.progress_fd, json.dumps(message).encode("ascii") + b"\n")

    try:
        export = Export(job, tell)
        for chunk in export.archive():
            _write(sys.stdout.fileno(), chunk)
        tell({"done": export.result()})
    except SubstationError as exc:
        tell({"failed": str(exc), "kind": type(exc).__name__})
        return 1
    return EXIT_OK


class Export:
    """One export under way."""

    def __init__(self, job: Job, tell: Tell, clock: Clock | None = None) -> None:
        """Look what there is to read, so that an unreadable history is told before the first byte.

        Raises:
            StoreError: The history is damaged, not ours, or of another kind of station.
        """
        self._job, self._tell, self._clock = job, tell, clock or SystemClock()
        self._pages = Pages(job.history, job.order.wanted, self._clock)
        self._facts: Facts | None = self._pages.facts()
        if self._facts is not None and self._facts.simulated != job.form.simulated:
            raise WrongStation(
                f"{job.history} and the configuration are not of the same kind of station (simulated, real); "
                "nothing was exported"
            )
        # a day cut at one zone's midnight would begin at odd times in another's
        self._form = replace(job.form, zone=zone_of_rows(job.order, self._facts, job.form.zone))
        self._body = body_of(job.order.form, self._form, self._about)
        self._size, self._sha256 = 0, ""

    def archive(self) -> Iterator[bytes]:
        """Yield the archive's bytes."""
        at = site_time(self._job.occasion.at_ms, self._job.form.zone)
        members = ((FILE_NAMES[self._job.order.form], self._file()), (MANIFEST_NAME, self._manifest()))
        return sealed(members, self._job.password, at)

    def result(self) -> dict[str, object]:
        """Return what the parent is told at the end."""
        self._refuse_unfinished()
        job, tallies = self._job, self._body.tallies
        return {
            "rows": total(tallies),
            "sha256": self._sha256,
            "words": remarks(job.order, job.form.zone, self._facts, tallies),
        }

    def _file(self) -> Iterator[bytes]:
        digest, size, rows, told = hashlib.sha256(), 0, 0, self._clock.monotonic()
        expected = measure(self._job.history, self._job.order, self._clock).rows
        self._tell({"rows": 0, "of": expected})
        for piece, count in self._body.pieces(self._pages, self._facts):
            digest.update(piece)
            size += len(piece)
            yield piece
            rows += count
            now = self._clock.monotonic()
            # the first rows at once: of a file that is broken off early, the audit log must not say "0 rows"
            if rows == count > 0 or now - told >= TELL_S:
                self._tell({"rows": rows, "of": max(rows, expected)})
                told = now
        self._tell({"rows": rows, "of": rows})
        self._size, self._sha256 = size, digest.hexdigest()

    def _manifest(self) -> Iterator[bytes]:
        self._refuse_unfinished()
        yield manifest(self._about(), FILE_NAMES[self._job.order.form], self._size, self._sha256)

    def _about(self) -> dict[str, object]:
        job = self._job
        return about(job.occasion, job.order, self._form, self._facts, self._body.tallies, zone=job.form.zone)

    def _refuse_unfinished(self) -> None:
        if not self._sha256:
            raise ValueError("asked before the last row was written")


def _prepare() -> None:
    """Leave no core dump; end at once when asked, or when nobody reads any more."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold readings and password
    for number in (signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


def _write(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
