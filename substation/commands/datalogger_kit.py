"""`datalogger.py kit`: configuration and key in one sealed file, and back into an empty home."""

import argparse
import getpass
import re
import sys
import unicodedata
from pathlib import Path
from typing import Any

from substation.clock import Clock, site_time
from substation.commands.configuration_change import asked_twice
from substation.commands.configuration_make import outlet, refuse_existing
from substation.commands.configuration_open import audit_of, load_mended, person, refuse_foreign_root
from substation.commands.export_file import Target
from substation.errors import EXIT_OK, EXIT_USAGE, AccessError, SettingsError, StoreError
from substation.settings import files, kit, passwords, vault
from substation.settings.atomic import write_atomic
from substation.settings.files import Loaded, home_folder
from substation.settings.model import Settings

SERVICE = "datalogger"
SOURCE = "terminal"
EXIT_BROKEN_OFF = 130
KEY = vault.KEY_NAME
PROFILE = re.compile(r"profiles/[A-Za-z0-9_][A-Za-z0-9._-]{0,80}\.toml")
"""What else may lie in a kit: the station's own meter models."""

DESCRIPTION = """\
Seal configuration and key, and the station's own meter models, into one small file with a passphrase.

The copies on the second medium hold the readings; the kit holds what opens them to a station again: after
the loss of the machine an empty home, the kit and the medium are a running station in minutes. Keep it in
another place than the machine, and the passphrase in another place than the kit. A kit keeps working until
the key is rotated; passwords and settings in it are those of its day, so make one after each change.

The passphrase is asked for twice on the terminal (from a pipe: two lines); its rules are those of
passwords. It is kept nowhere and cannot be recovered."""
EPILOG = """\
examples:
  python3 datalogger.py kit                              into a file named after site and day, here
  python3 datalogger.py kit --output /media/stick/kit.json
  python3 datalogger.py kit --fresh                      with a passphrase made for it, shown once
  python3 datalogger.py kit --open kit.json              into the empty home of a new machine

exit codes: 0 done, 64 wrong usage or a passphrase that is not taken, 78 the kit or the home cannot be used,
130 broken off"""


def add(commands: Any) -> None:
    """Add `kit` to the command line of `datalogger.py`."""
    parser = commands.add_parser(
        "kit",
        help="configuration and key in one sealed file, for the day the machine is lost",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--output",
        metavar="FILE",
        help="where to write (default SITE-kit-DAY.json, here); never over an existing file",
    )
    what.add_argument(
        "--open", metavar="FILE", dest="opened", help="put what is in the kit into this empty home"
    )
    parser.add_argument("--fresh", action="store_true", help="make the passphrase up and show it once")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace, clock: Clock) -> int:
    try:
        if arguments.opened is None:
            return _make(arguments, clock)
        if arguments.fresh:
            print("--fresh makes a passphrase for a new kit; --open needs the kit's own", file=sys.stderr)
            return EXIT_USAGE
        return _open(Path(arguments.opened), clock)
    except KeyboardInterrupt:
        print("\nBroken off; nothing was written.", file=sys.stderr)
        return EXIT_BROKEN_OFF
    except EOFError:
        print("the input ended before the passphrase; nothing was written", file=sys.stderr)
        return EXIT_USAGE


def _make(arguments: argparse.Namespace, clock: Clock) -> int:
    folder = home_folder()
    loaded = load_mended(folder, SERVICE)
    settings = loaded.settings
    day = f"{site_time(clock.now_ms(), settings.site.zone):%Y-%m-%d}"
    with Target(arguments.output or f"{_slug(settings.site.name)}-kit-{day}.json", "kit") as target:
        show = _terminal() if arguments.fresh else None
        passphrase = passwords.generated_password() if show else _chosen(settings)
        if passphrase is None:
            return EXIT_USAGE
        label = kit.Label(settings.site.name, day, settings.simulated)
        content = kit.seal(label, contents(folder), passphrase)
        target.write(content)
        audit = audit_of(folder, settings, clock)
        made = audit.write("kit.made", user=person(), src=SOURCE, file=target.name, kid=vault.kid(loaded.key))
        audit.close()
        if not made:
            raise StoreError(f"{audit.last_problem}. No kit is made that no audit line tells of")
        target.keep()
        if show:
            show(f"\nThe kit's passphrase, shown once and kept nowhere: {passphrase}\n\n")
    target.say(f"{target.name}: the kit of {settings.site.name}, {len(content) / 1000:.0f} kB.")
    if _same_medium(Path(target.name), folder):
        target.say("It lies on the medium of the station itself: take it elsewhere, then remove it here.")
    target.say(f"Open it in the empty home of a new machine: {kit.OPEN_WITH}")
    return EXIT_OK


def contents(folder: Path) -> dict[str, bytes]:
    """Return what an empty home needs beside the copies, by name; of one moment.

    Raises:
        SettingsError: key or configuration cannot be used; the kit would open to the same trouble.
    """
    with files.locked(folder):  # else a rotation of the key could fall between the two
        loaded = files.load(folder, mend=False)
        ring = vault.open_key(folder, mend=False)
        found = {files.NAME: (folder / files.NAME).read_bytes(), KEY: b"\n".join(ring.keys) + b"\n"}
    own = loaded.home.profiles
    for path in sorted(own.glob("*.toml")) if own.is_dir() else ():
        found[f"profiles/{path.name}"] = path.read_bytes()
    return found


def _open(source: Path, clock: Clock) -> int:
    folder = home_folder()
    content = _read(source)
    label = kit.label_of(content, source.name)
    what = "simulated station" if label.simulated else "station"
    print(f"{source.name}: the kit of the {what} {label.site}, made on {label.day}.")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise SettingsError(f"{folder}: cannot be made ({exc.strerror})") from exc
    vault.refuse_open_folder(folder)
    refuse_foreign_root(folder, "kit --open FILE", "datalogger.py")
    refuse_existing(folder)
    _, found = kit.unseal(content, _asked(), source.name)
    for line in put_back(folder, found, source.name):
        print(line)
    loaded = files.load(folder)
    audit = audit_of(folder, loaded.settings, clock)
    if not audit.write(
        "kit.opened", user=person(), src=SOURCE, file=source.name, of=label.day, kid=vault.kid(loaded.key)
    ):
        print(f"Warning: {audit.last_problem}", file=sys.stderr)
    audit.close()
    _say_next(loaded)
    return EXIT_OK


def put_back(folder: Path, found: dict[str, bytes], source: str) -> list[str]:
    """Put what was in a kit into the home; return what was done, in words.

    The configuration comes last: broken off before it, the same can be done again.

    Raises:
        SettingsError: the kit lacks something, or something else is there already; nothing is replaced.
    """
    if not {files.NAME, KEY} <= found.keys():
        raise SettingsError(f"{source}: lacks configuration or key; take another copy of the kit")
    said = []
    with files.locked(folder):
        refuse_existing(folder)
        said.append(_put_key(folder, found[KEY], source))
        for name, content in sorted(found.items()):
            if PROFILE.fullmatch(name):
                said.append(_put_profile(folder / name, content))
        write_atomic(folder / files.NAME, found[files.NAME], 0o600)
    said.append(f"{folder / files.NAME}: put back")
    return said


def _put_key(folder: Path, keys: bytes, source: str) -> str:
    path = vault.find_key(folder)
    if not path.exists() and not path.is_symlink():
        vault.write_key(path, keys.strip())
        return f"{path}: put back, mode 0600"
    there = vault.open_key(folder, mend=False)
    if there.keys != tuple(keys.split()):
        raise SettingsError(
            f"{path}: is there already and holds another key ({vault.kid(there.primary)}) than {source}; "
            "a key is never replaced. Move it away, or name an empty home in SUBSTATION_HOME"
        )
    return f"{path}: the same key is there already"


def _put_profile(path: Path, content: bytes) -> str:
    if path.exists():
        same = path.read_bytes() == content
        return f"{path}: {'the same is' if same else 'ANOTHER ONE IS'} there already, and was left as it is"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_atomic(path, content, 0o600)
    return f"{path}: put back"


def _say_next(loaded: Loaded) -> None:
    settings = loaded.settings
    ports = ", ".join(line.port for line in settings.lines)
    print(f"On another machine look at the adapters ({ports}) and the address ({settings.web.bind}):")
    print("  python3 encrypt_config.py check")
    folder = settings.backup.folder or "FOLDER"
    print(f"Then bring the history back from the medium: python3 datalogger.py restore {folder}")
    print("and start: ./start.sh")


def _read(source: Path) -> bytes:
    try:
        with source.open("rb") as file:
            content = file.read(kit.LARGEST_BYTES + 1)
    except OSError as exc:
        raise SettingsError(f"{source}: cannot be read ({exc.strerror})") from exc
    if len(content) > kit.LARGEST_BYTES:
        raise SettingsError(f"{source}: is no kit: it is far too large. Nothing was changed")
    return content


def _chosen(settings: Settings) -> str | None:
    """Return a passphrase of the person's own choice; None when it cannot be taken, which is said."""
    if sys.stdin.isatty():
        print(passwords.RULES)
    passphrase = asked_twice("Passphrase of the kit")
    if passphrase is None:
        print("The two passphrases differ; no kit was made", file=sys.stderr)
        return None
    names = [settings.site.name, *(meter.name for meter in settings.meters)]
    if reason := passwords.refusal(passphrase, context=names):
        print(f"Not taken: {reason}. No kit was made", file=sys.stderr)
        return None
    return passphrase


def _asked() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Passphrase of the kit: ")
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.removesuffix("\n").removesuffix("\r")


def _terminal() -> Any:
    try:
        return outlet(False)
    except SettingsError as exc:
        raise AccessError(
            "--fresh shows a passphrase once, and there is no terminal to show it on. Run it in one, or "
            "leave --fresh away"
        ) from exc


def _slug(site: str) -> str:
    plain = unicodedata.normalize("NFKD", site).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "substation"


def _same_medium(path: Path, folder: Path) -> bool:
    try:
        return path.stat().st_dev == folder.stat().st_dev
    except OSError:
        return False
