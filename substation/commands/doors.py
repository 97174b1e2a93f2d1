"""What every door does first: refuse a machine that cannot run the station, go on in its `venv`.

Standard library only, and words that Python 3.6 can still read: it is run by whatever `python3`
the person typed, before anything is installed.
"""

import importlib.util
import os
import sys
from pathlib import Path

EXIT_CONFIG = 78
"""As `substation.errors.EXIT_CONFIG`, which an old Python cannot import."""
PROJECT = Path(__file__).resolve().parents[2]
"""The folder with the doors."""

PACKAGES = (
    "apprise",
    "argon2",
    "cryptography",
    "dash",
    "dash_auth",
    "flask",
    "flask_compress",
    "fpdf",
    "stream_zip",
    "gunicorn",
    "numpy",
    "pandas",
    "plotly",
    "pyarrow",
    "pydantic",
    "pymodbus",
    "serial",
)
"""What `requirements.in` brings, by the names that are imported; without `tzdata`, which holds data only."""


def venv_folder() -> Path:
    """Return the virtual environment that `start.sh` makes; `SUBSTATION_VENV` names another one."""
    return Path(os.environ.get("SUBSTATION_VENV") or PROJECT / "venv")


def unfit() -> str:
    """Return in words why this machine's Python cannot run the station, or nothing."""
    if sys.version_info < (3, 11):  # noqa: UP036 - asked of a Python that nobody chose yet
        found = "%d.%d" % sys.version_info[:2]  # noqa: UP031 - read by old Pythons too
        return "Python 3.11 or newer is needed, this is " + found + " (Debian 12 and newer bring it)."
    if sys.maxsize < 2**32:
        return "A 64-bit system is needed: numpy, pandas and cryptography have no 32-bit packages."
    return ""


def go_on_in_venv(file: str) -> None:
    """Start the door `file` again in the station's environment, when there is one and we are not in it.

    Does nothing when `file` is only being imported (gunicorn finds `app:server` that way), and ends
    the program with 78 on a machine that cannot run the station.
    """
    reason = unfit()
    if reason:
        sys.exit(_say(reason))
    started = getattr(sys.modules["__main__"], "__file__", None)
    if started is None or Path(started).resolve() != Path(file).resolve():
        return
    venv = venv_folder()
    python = venv / "bin" / "python"
    if Path(sys.prefix).resolve() == venv.resolve():
        return
    if not python.exists():
        missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
        if missing:
            words = "The station's packages are not installed yet ("
            words += ", ".join(missing) + "). Type this first:  ./start.sh"
            sys.exit(_say(words))
        return
    if os.environ.get("SUBSTATION_DOOR") == str(os.getpid()):  # exec keeps the pid: we came from here
        sys.exit(_say("The environment " + str(venv) + " is broken. Remove it, then run ./start.sh again."))
    os.environ["SUBSTATION_DOOR"] = str(os.getpid())
    sys.stdout.flush()
    os.execv(str(python), [str(python), *sys.orig_argv[1:]])  # noqa: S606 - no shell is what we want


def _say(words: str) -> int:
    sys.stderr.write(words + "\n")
    return EXIT_CONFIG
