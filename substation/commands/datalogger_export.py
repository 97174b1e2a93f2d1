"""`datalogger.py export`: readings as CSV in an encrypted archive, as the dashboard gives them out."""

import argparse
import contextlib
import datetime as dt
import getpass
import re
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from substation import audit, export
from substation.access.users import check_export, rehash_export
from substation.clock import Clock, day_start_ms, iso
from substation.commands.configuration_make import outlet
from substation.commands.configuration_open import SOURCE, person
from substation.commands.export_file import Target
from substation.errors import EXIT_OK, EXIT_USAGE, AccessError, SettingsError, StoreError, SubstationError
from substation.export import ARCHIVE_NAME, FILE_FORMS, Order, Resolution, Running
from substation.export.estimate import MOST_ROWS
from substation.settings import vault
from substation.settings.files import Loaded, home_folder, load

SERVICE = "datalogger"
EXIT_REFUSED = 1
EXIT_BROKEN_OFF = 130
EVERY: dict[str, Resolution] = {
    "poll": "poll",
    "minute": "minute",
    "15min": "quarter",
    "hour": "hour",
    "day": "day",
}
DAYS = 365
SHOW_S = 0.2
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

DESCRIPTION = f"""\
Write readings as CSV, Parquet or XLSX into a ZIP archive sealed with AES-256 ({ARCHIVE_NAME}).
7-Zip opens it.

It asks for the export's password (encrypt_config.py passwd --export), which is the archive's too; with
--fresh the archive gets one of its own, shown once, for somebody who is not to know the station's.
Wrong passwords are refused and audited. They are not slowed down as in the browser: whoever can run
this command can read the station's files without it."""
EPILOG = """\
examples:
  python3 datalogger.py export                                     the last 365 days, every 15 minutes
  python3 datalogger.py export --from 2026-10-01 --to 2026-10-31 --every minute --meters 1,2
  python3 datalogger.py export --every poll --from 2026-11-20 --output /media/stick/week.zip
  python3 datalogger.py export --form xlsx --every day --output days.zip    days.zip holds a workbook
  python3 datalogger.py export --password-from - --output - < password.txt | ssh office 'cat > year.zip'"""


def add(commands: Any) -> None:
    """Add `export` to the command line of `datalogger.py`."""
    parser = commands.add_parser(
        "export",
        help="readings as CSV, Parquet or XLSX in an encrypted archive",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--from", dest="first", type=_day, metavar="DAY", help="first day, such as 2026-11-01"
    )
    parser.add_argument(
        "--to", dest="last", type=_day, metavar="DAY", help="last day, itself too (default today)"
    )
    parser.add_argument("--every", choices=EVERY, default="15min", help="one row every ... (default 15min)")
    parser.add_argument(
        "--meters", type=_ids, default=(), metavar="1,2", help="these meters only (default all)"
    )
    parser.add_argument(
        "--with-extremes", action="store_true", help="least and greatest values too (15min, hour, day)"
    )
    parser.add_argument(
        "--form",
        choices=FILE_FORMS,
        default="csv",
        help="csv for all programs (default); parquet, typed, for pandas or DuckDB; "
        f"xlsx for Excel and Calc, {MOST_ROWS} rows at most",
    )
    parser.add_argument(
        "--output",
        type=_archive,
        default=ARCHIVE_NAME,
        metavar="FILE",
        help=f"where to write (default {ARCHIVE_NAME}, here); never over an existing file; - standard output",
    )
    parser.add_argument("--password-from", choices=("-",), help="- reads it as a line of standard input")
    parser.add_argument("--fresh", action="store_true", help="a password for the archive alone, shown once")
    parser.set_defaults(run=_run)


def _archive(text: str) -> str:
    """Refuse a name by which a program would take the sealed archive for the file in it."""
    ending = Path(text).suffix.lower()
    if ending.removeprefix(".") in FILE_FORMS:
        raise argparse.ArgumentTypeError(
            f"'{text:.80}' would be a sealed ZIP archive, which no program opens as {ending}; the file is in "
            f"it. Name the archive {Path(text).stem}.zip"
        )
    return text


def _day(text: str) -> dt.date:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return dt.date.fromisoformat(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"'{text:.40}' is no day; write it as 2026-11-01")


def _ids(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d{1,3}(,\d{1,3})*", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"'{text:.40}' is no list of meters; write their ids as 1,2")
    return tuple(sorted({int(part) for part in text.split(",")}))


def order_of(arguments: argparse.Namespace, loaded: Loaded, clock: Clock) -> Order:
    """Return what the arguments ask for: days of the site's calendar.

    Raises:
        AccessError: this station cannot answer it.
    """
    zone = loaded.settings.site.zone
    now_ms = clock.now_ms()

    def begins(day: dt.date) -> int:
        return int(dt.datetime.combine(day, dt.time(), zone).timestamp() * 1000)

    end_ms = (
        begins(arguments.last + dt.timedelta(days=1)) if arguments.last else day_start_ms(now_ms, zone, -1)
    )
    start_ms = begins(arguments.first) if arguments.first else day_start_ms(end_ms - 1, zone, DAYS - 1)
    order = Order(
        EVERY[arguments.every], start_ms, end_ms, arguments.meters, arguments.with_extremes, arguments.form
    )
    order.check(loaded.settings)
    return order


def _run(arguments: argparse.Namespace, clock: Clock) -> int:
    loaded = load(home_folder())
    errand = _Errand(loaded, clock)
    for warning in loaded.warnings:
        print(f"Warning: {warning}", file=sys.stderr)
        errand.note_mode(warning)
    with _ended_by_signals():
        try:
            return errand.run(arguments)
        except KeyboardInterrupt:
            print("\nBroken off; no file was written.", file=sys.stderr)
            return EXIT_BROKEN_OFF


@dataclass(slots=True)
class _Errand:
    """One export for the person at the keyboard."""

    loaded: Loaded
    clock: Clock
    order: Order | None = None
    _audit: audit.Audit = field(init=False)

    def __post_init__(self) -> None:
        loaded = self.loaded
        self._audit = audit.Audit.of_station(loaded.home.folder, loaded.settings, SERVICE, self.clock)

    def note_mode(self, warning: str) -> None:
        """Record a file mode that was put right."""
        self._audit.write("key.mode", user=person(), src=SOURCE, what=warning)

    def run(self, arguments: argparse.Namespace) -> int:
        """Ask, check, export; return the exit code."""
        self.order = order_of(arguments, self.loaded, self.clock)
        if not self.loaded.settings.export_password_hash:
            raise SettingsError(
                "this station has no export password yet. Set one: python3 encrypt_config.py passwd --export"
            )
        with Target(arguments.output) as target:
            zone = self.loaded.settings.site.zone
            expected = export.measure(self.loaded.home.history, self.order, self.clock, zone=zone)
            for note in expected.notes:
                print(f"Note: {note}", file=sys.stderr)
            if expected.refused:
                print(f"Nothing was written: {expected.refused}.", file=sys.stderr)
                return EXIT_REFUSED
            if not expected.rows:
                return EXIT_REFUSED
            show = _terminal() if arguments.fresh else None
            self._may_be_audited(self._audit.write("export.asked", **self._who(), **self._what()))
            password = _password(arguments.password_from)
            if password is None:
                return EXIT_USAGE
            if not check_export(self.loaded.settings, password):
                self._audit.write(
                    "export.refused", ok=False, **self._who(), **self._what(), why="wrong password"
                )
                print("Wrong export password; nothing was written.", file=sys.stderr)
                return EXIT_REFUSED
            self._may_be_audited(self._audit.write("export.granted", **self._who(), **self._what()))
            with contextlib.suppress(SettingsError):  # one who may read only exports all the same
                rehash_export(self.loaded.home.folder, password)
            own = vault.generated_password() if show else password
            self._write(target, own)
            if show:
                show(f"\nThe archive's password, shown once and kept nowhere: {own}\n\n")
        return EXIT_OK

    def _write(self, target: Target, password: str) -> None:
        """Write the archive, or raise and leave nothing."""
        order = self._asked()
        rows, why = 0, "broken off"
        try:
            with export.start(
                self.loaded.home.folder,
                order,
                password,
                asked_by=person(),
                anchor=self._audit.anchor(),
                loaded=self.loaded,
                clock=self.clock,
            ) as running:
                try:
                    _copy(running, target)
                finally:
                    rows = running.progress.rows
            for number in ENDING:  # the file is whole: what ends us now comes too late to undo it
                signal.signal(number, signal.SIG_IGN)
            target.keep()
            outcome = running.outcome
            why = ""
        except SubstationError as exc:
            why = str(exc)
            raise
        finally:
            if why:
                self._audit.write(
                    "export.aborted", ok=False, **self._who(), **self._what(), rows=rows, why=why
                )
        if outcome is not None:
            self._audit.write(
                "export.done",
                **self._who(),
                **self._what(),
                rows=outcome.rows,
                bytes=outcome.bytes,
                sha256=outcome.sha256,
            )
            seconds = running.progress.elapsed_s
            target.say(f"{target.name}: {outcome.rows} rows, {outcome.bytes / 1e6:.1f} MB, {seconds:.0f} s.")
            target.say("7-Zip opens it (Linux: 7z x FILE); other unpackers may know no AES.")

    def _asked(self) -> Order:
        if self.order is None:
            raise ValueError("nothing was asked for yet")
        return self.order

    def _who(self) -> dict[str, Any]:
        return {"user": person(), "src": SOURCE}

    def _what(self) -> dict[str, Any]:
        order = self._asked()
        return {
            "from": iso(order.start_ms),
            "to": iso(order.end_ms),
            "every": order.resolution,
            "meters": ",".join(map(str, order.meter_ids)) or "all",
            "form": order.form,
        }

    def _may_be_audited(self, written: bool) -> None:
        if not written:
            raise StoreError(f"{self._audit.last_problem}. Nothing is exported that no audit line tells of")


def _password(source: str | None) -> str | None:
    """Return the password as typed, or as the line on standard input; None where there is no way to ask."""
    if source == "-":
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        print(
            "There is no terminal to ask for the export's password on. Give it as a line of standard input: "
            "--password-from -",
            file=sys.stderr,
        )
        return None
    try:
        return getpass.getpass("Export password: ")
    except EOFError:
        return ""


def _terminal() -> Callable[[str], None]:
    try:
        return outlet(False)
    except SettingsError as exc:
        raise AccessError(
            "--fresh shows a password once, and there is no terminal to show it on. Run it in one, or leave "
            "--fresh away"
        ) from exc


def _copy(running: Running, target: Target) -> None:
    shown = -SHOW_S
    for chunk in running.chunks():
        target.write(chunk)
        progress = running.progress
        if sys.stderr.isatty() and progress.elapsed_s - shown >= SHOW_S:
            shown = progress.elapsed_s
            print(f"\r{progress_line(progress):<72}", end="", file=sys.stderr, flush=True)
    if shown >= 0:
        print(f"\r{'':<72}\r", end="", file=sys.stderr, flush=True)


def progress_line(progress: export.Progress) -> str:
    """Return how far an export is, in one line."""
    of = f" of about {progress.of}" if progress.of else ""
    line = f"{progress.rows}{of} rows, {progress.bytes / 1e6:.1f} MB"
    if progress.left_s is None:
        return line
    minutes, seconds = divmod(round(progress.left_s), 60)
    return f"{line}, {minutes} min {seconds:02d} s left" if minutes else f"{line}, {seconds} s left"


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end it as Ctrl+C does: with nothing left behind.

    What is ignored already, such as SIGHUP under `nohup`, stays so.
    """

    def leave(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = [n for n in ENDING if signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, leave) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
