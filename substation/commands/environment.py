"""The virtual environment `venv`: made whole under another name, then renamed; renewed when its pins change.

Run by the system's `python3` before anything is installed: standard library only, and readable by an
old Python up to the refusal.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from substation.commands import small_charts, tools
from substation.commands.apt import install
from substation.commands.doors import EXIT_CONFIG, PROJECT, unfit, venv_folder
from substation.commands.usage import say

LEFT_OUT = r"site-packages/.*/tests/"
"""Modules that are not compiled: packages bring their own tests, a third of all code; nobody runs them."""
RUNTIME = "requirements.txt"
TESTS = "requirements-dev.txt"
ORIGINAL_DOOR = "DMF_Reader.py"
TAIL_LINES = 25
"""So much of what pip said is shown when it failed."""


class SetUpFailed(Exception):
    """The environment cannot be made; says what to type."""


def stamp(requirements: str) -> str:
    """Return what an environment with these pinned packages carries: Python version and their digest."""
    digest = hashlib.sha256((PROJECT / requirements).read_bytes()).hexdigest()
    return "%d.%d %s" % (*sys.version_info[:2], digest)  # noqa: UP031 - as in doors


def has(venv: Path, requirements: str) -> bool:
    """Return whether the environment has exactly these packages and a Python that still runs."""
    try:
        found = (venv / (requirements + ".stamp")).read_text(encoding="ascii")
    except OSError:
        return False
    return found == stamp(requirements) and _runs(venv)


def prepare(tests: bool = False) -> None:
    """Make or renew the environment where it is missing, broken or old. Raises SetUpFailed.

    1. Nothing to do, or not ours to do: return; nothing is written, so that a read-only project works.
    2. Wait for another set-up of the same environment.
    3. Make it beside its place, install, then rename: an interrupted set-up leaves nothing behind
       that anybody would take for an environment. Left-overs of such ones are removed.
    """
    venv = venv_folder()
    wanted = [RUNTIME, TESTS] if tests else [RUNTIME]
    if _made_by_another_hand(venv) or all(has(venv, requirements) for requirements in wanted):
        return
    with _alone(venv):
        if not has(venv, RUNTIME):
            _renew(venv)
        if tests and not has(venv, TESTS):
            _install(venv, TESTS)


def link_original_door() -> None:
    """Make the original's `DMF_Reader.py` a link to our poller; git never sees it.

    Nothing happens where the project cannot be written, or where upper and lower case are one.
    """
    link = PROJECT / ORIGINAL_DOOR
    if not os.path.lexists(link):
        with contextlib.suppress(OSError):
            link.symlink_to("dmf_reader.py")


def _made_by_another_hand(venv: Path) -> bool:
    """Return whether `SUBSTATION_VENV` names an environment that we did not make: it is used as it is."""
    if not os.environ.get("SUBSTATION_VENV") or not (venv / "bin" / "python").exists():
        return False
    return not (venv / (RUNTIME + ".stamp")).exists()


def _renew(venv: Path) -> None:
    for left in venv.parent.glob(venv.name + ".*.tmp"):
        shutil.rmtree(left)
    new = venv.with_name(f"{venv.name}.{os.getpid()}.tmp")
    try:
        _make(new)
        _install(new, RUNTIME)
        _compile(new)
        small_charts.fetch(new)
        _move_paths(new, venv)
        if venv.exists():
            venv.rename(venv.with_name(f"{venv.name}.{os.getpid()}.old.tmp"))
        new.rename(venv)
    finally:
        for left in venv.parent.glob(f"{venv.name}.{os.getpid()}.*tmp"):
            shutil.rmtree(left, ignore_errors=True)


def _make(folder: Path) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        say("Python's own package for virtual environments is missing.")
        if not install(["python3-venv"]):
            raise SetUpFailed("Type this, then start again:  sudo apt install python3-venv")
    say("Making the environment ...")
    _run([sys.executable, "-m", "venv", "--prompt", "venv", str(folder)], "The environment could not be made")


def _install(venv: Path, requirements: str) -> None:
    path = PROJECT / requirements
    count = sum("==" in line for line in path.read_text(encoding="ascii").splitlines())
    say(f"Installing {count} packages of {requirements}; this happens once and takes a minute or two ...")
    command = [
        str(venv / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--only-binary",
        ":all:",
    ]
    command += ["--no-input", "--disable-pip-version-check", "--no-warn-script-location"]
    command += ["--no-compile", "-r", str(path)]  # pip would do it with one processor; see _compile
    _run(command, "The packages could not be installed", count)
    (venv / (requirements + ".stamp")).write_text(stamp(requirements), encoding="ascii")


def _compile(venv: Path) -> None:
    """Compile what was installed, with every processor: a service may not write there when it first runs.

    What the tests need besides is compiled by the first of them that imports it. A package may bring a
    file that no Python reads (a template): compileall then says so and goes on, as pip does.
    """
    command = [str(venv / "bin" / "python"), "-m", "compileall", "-qq", "-j", "0", "-x", LEFT_OUT]
    quiet = subprocess.DEVNULL
    subprocess.run([*command, str(venv / "lib")], check=False, stdin=quiet, stdout=quiet, stderr=quiet)


def _move_paths(made: Path, final: Path) -> None:
    """Write the final folder into the scripts that name the one they were made in."""
    for path in [made / "pyvenv.cfg", *(made / "bin").iterdir()]:
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        if b"\0" not in content:
            path.write_bytes(content.replace(os.fsencode(made), os.fsencode(final)))


def _runs(venv: Path) -> bool:
    """Return whether its Python starts and is of the version that its packages were installed for."""
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        command = [str(venv / "bin" / "python"), "-c", program]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.stdout.strip() == "%d.%d" % sys.version_info[:2]  # noqa: UP031


@contextlib.contextmanager
def _alone(venv: Path) -> Iterator[None]:
    """Hold the lock for this environment, waiting for another set-up; the lock is the folder around it."""
    descriptor = os.open(venv.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up is running; waiting for it ...")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _run(command: Sequence[str], failed: str, packages: int = 0) -> None:
    """Run a command; show which of so many packages pip is at, and all that was said when it fails."""
    said: list[str] = []
    seen = 0
    try:
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                said.append(line)
                if line.startswith(("Collecting ", "Processing ")):
                    seen += 1
                    name = line.split()[1].rpartition("/")[2].partition("=")[0].partition("-")[0]
                    _progress(f"  {seen} of {packages}: {name}", seen)
                elif line.startswith("Installing collected"):
                    _progress("  all fetched; unpacking ...", 0)
    except OSError as exc:
        raise SetUpFailed(f"{failed}: {exc}") from exc
    if sys.stdout.isatty() and seen:
        print(flush=True)
    if process.returncode != 0:
        print("".join(said[-TAIL_LINES:]), end="", file=sys.stderr)
        raise SetUpFailed(
            f"{failed}; the lines above say why. Mend it, then start again: nothing is left broken."
        )


def _progress(words: str, step: int) -> None:
    """Show where we are: in one line on a terminal, now and then in a log."""
    if sys.stdout.isatty():
        print(f"\r{words:<60}", end="", flush=True)
    elif step % 10 == 0:
        say(words)


def main(argv: Sequence[str] | None = None) -> int:
    """Prepare the environment (`--tests`: and what the tests need); return the exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    reason = unfit()
    if reason:
        print(reason, file=sys.stderr)
        return EXIT_CONFIG
    tests = "--tests" in arguments
    try:
        if tests and not tools.prepare():
            return 1
        prepare(tests)
        link_original_door()
    except SetUpFailed as exc:
        print(exc, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Set-up interrupted; nothing is left broken. Start again to go on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
