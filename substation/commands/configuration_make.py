"""Makes a new station: key, sealed configuration, first users."""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from substation.clock import Clock
from substation.commands.configuration_open import audit_of, record
from substation.errors import EXIT_OK, EXIT_USAGE, SettingsError
from substation.settings import files, names, vault
from substation.settings.model import CARD_METERS, Settings, parse

ADMIN = "admin"
EXPORT = "export"
ADAPTERS = Path("/dev/serial/by-id")
"""Links that name an adapter by its serial number and so survive re-plugging."""


def make_station(
    folder: Path,
    *,
    simulated: bool,
    passwords: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
    clock: Clock | None = None,
) -> None:
    """Make key and configuration of a station with the five meters of the card.

    Args:
        folder: the station's home; made where it is missing (mode 0700).
        simulated: stamped for ever: a demo.
        passwords: of `admin` and `export`; a demo without any gets the documented ones.
        overrides: settings by their dotted name, such as `{"lines.0.port": "/dev/ttyUSB0"}`.
        clock: for the audit log.

    Raises:
        SettingsError: there is a configuration already, or a setting cannot be used.
    """
    given = dict(passwords or (vault.DEMO_PASSWORDS if simulated else {}))
    if set(given) != {ADMIN, EXPORT}:
        raise SettingsError(f"a station needs two passwords: of {ADMIN} and of the {EXPORT}")
    settings = _first_settings(simulated, given, overrides or {})
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise SettingsError(f"{folder}: cannot be made ({exc.strerror})") from exc
    vault.refuse_open_folder(folder)
    with files.locked(folder):
        refuse_existing(folder)
        key = vault.find_key(folder)
        if not key.exists() and not key.is_symlink():
            vault.write_key(key, vault.new_key())
        files.write_new(folder, settings)
    audit = audit_of(folder, settings, clock)
    record(audit, "config.changed", setting=files.NAME, before="none", after="made", simulated=simulated)
    for name in given:
        record(audit, "password.changed", of=name)


def ask_and_make(folder: Path, *, yes: bool) -> int:
    """Make a real station, asking on the terminal what it must; return the exit code.

    The generated passwords are shown once, on the terminal itself, so that they reach no file or pipe
    that standard output was sent to. Without any terminal they go to standard output, but only with
    `--yes` (a program asked for it and reads them there) and never into the system's journal.
    """
    refuse_existing(folder)
    if not yes and not sys.stdin.isatty():
        print(
            "There is no terminal to ask on. Run it in one, or take the defaults: "
            "python3 encrypt_config.py --yes",
            file=sys.stderr,
        )
        return EXIT_USAGE
    show = outlet(yes)
    overrides = {
        "site.name": "Substation",
        "lines.0.port": _default_port(),
        "web.bind": lan_address() or "127.0.0.1",
    }
    if not yes:
        _ask(overrides)
    passwords = {ADMIN: vault.generated_password(), EXPORT: vault.generated_password()}
    make_station(folder, simulated=False, passwords=passwords, overrides=overrides)
    show(
        "\n"
        "These passwords are shown once and kept nowhere; write them down now:\n"
        f"  login          {ADMIN}\n"
        f"  password       {passwords[ADMIN]}\n"
        f"  export         {passwords[EXPORT]}\n"
        "Others of your own choice: python3 encrypt_config.py passwd [--export]\n\n"
    )
    print(f"Made {folder / files.NAME} and its key, mode 0600. Keep a copy of both, in different places.")
    print(f"Meters: the five of the card, on {overrides['lines.0.port']}.")
    print(f"Dashboard: {overrides['web.bind']}, port 8050.")
    if overrides["web.bind"] == "127.0.0.1":
        print("Other machines do not reach it there: python3 encrypt_config.py set web.bind <LAN address>")
    print("Next: python3 encrypt_config.py check, then ./start.sh")
    return EXIT_OK


def refuse_existing(folder: Path) -> None:
    """Raise SettingsError when the folder holds a configuration already, usable or not."""
    path = folder / files.NAME
    if path.exists() or path.is_symlink():
        raise SettingsError(
            f"{path}: is there already and is never overwritten. "
            "See it: python3 encrypt_config.py show; change it: python3 encrypt_config.py set. "
            "For a new station move config.json and its key away first"
        )


def outlet(yes: bool) -> Callable[[str], None]:
    """Return how to show a secret once: on the terminal itself, whatever standard output is.

    Raises:
        SettingsError: there is no terminal, and standard output would keep it.
    """
    try:
        terminal = os.open("/dev/tty", os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        terminal = -1
    if terminal >= 0:

        def on_terminal(text: str) -> None:
            with os.fdopen(terminal, "w", encoding="utf-8") as screen:
                screen.write(text)

        return on_terminal
    if not yes or _is_journal(sys.stdout.fileno() if sys.stdout else -1):
        raise SettingsError(
            "there is no terminal on which the generated passwords could be shown once, and standard output "
            "goes where they would be kept. Run python3 encrypt_config.py in a terminal"
        )

    def on_output(text: str) -> None:
        print(
            "There is no terminal: the generated passwords stand on standard output. "
            "Where that is kept, set new ones: python3 encrypt_config.py passwd",
            file=sys.stderr,
        )
        print(text, end="", flush=True)

    return on_output


def lan_address() -> str | None:
    """Return this machine's address in the LAN, or None. Sends nothing: it only asks for the route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: an address that nobody has
            address = str(probe.getsockname()[0])
        except OSError:
            return None
    return None if address.startswith(("127.", "0.")) else address


def _is_journal(handle: int) -> bool:
    """Return whether the handle goes to systemd's journal (which tells its device and inode)."""
    try:
        status = os.fstat(handle)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _first_settings(
    simulated: bool, passwords: Mapping[str, str], overrides: Mapping[str, object]
) -> Settings:
    plain: dict[str, object] = {
        "simulated": simulated,
        "meters": [meter.model_dump(mode="json") for meter in CARD_METERS],
        "users": [
            {
                "name": ADMIN,
                "role": "administrator",
                "password_hash": vault.hash_password(passwords[ADMIN]),
            }
        ],
        "export_password_hash": vault.hash_password(passwords[EXPORT]),
    }
    return names.with_values(parse(plain, files.NAME), overrides, files.NAME)


def _adapters() -> list[str]:
    return sorted(str(path) for path in ADAPTERS.iterdir()) if ADAPTERS.is_dir() else []


def _default_port() -> str:
    found = _adapters()
    return found[0] if len(found) == 1 else "/dev/ttyUSB0"


def _ask(overrides: dict[str, str]) -> None:
    """Ask for each setting until the answer can be used; Enter takes what stands in brackets."""
    trial = _first_settings(False, {ADMIN: "", EXPORT: ""}, {})
    found = _adapters()
    if found:
        print("RS-485 adapters here: " + ", ".join(found))
    for name, question in (
        ("site.name", "Name of the substation"),
        ("lines.0.port", "Serial port of the RS-485 line"),
        ("web.bind", "Address for the dashboard (LAN address; 127.0.0.1 = this machine only)"),
    ):
        while True:
            answer = input(f"{question} [{overrides[name]}]: ").strip() or overrides[name]
            try:
                names.with_text(trial, name, answer)
            except SettingsError as exc:
                print(exc)
                continue
            overrides[name] = answer
            break
