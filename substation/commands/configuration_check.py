"""Checks a station's configuration before it is started: everything at once, each with its remedy."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from substation.access.users import demo_passwords_in_use
from substation.alarms import plan, rule
from substation.commands.configuration_open import load_and_say
from substation.errors import EXIT_CONFIG, EXIT_OK, ProfileError, SettingsError
from substation.meters import profile
from substation.meters.model import REFERENCE
from substation.settings import people
from substation.settings.files import NAME
from substation.settings.model import Settings, parse

REMEDY = "python3 encrypt_config.py"
NUMBERS = 10_000
"""So many registers have numbers of five digits, per function."""


def check(folder: Path) -> int:
    """Print what is wrong and what is doubtful; return 78 when something is wrong."""
    loaded = load_and_say(folder)
    wrong, doubtful = findings(loaded.settings, loaded.home.profiles)
    for words in wrong:
        print(f"Wrong: {words}", file=sys.stderr)
    for words in doubtful:
        print(f"Note: {words}", file=sys.stderr)
    if wrong:
        return EXIT_CONFIG
    settings = loaded.settings
    what = "simulated station" if settings.simulated else "station"
    meters = "1 meter" if len(settings.meters) == 1 else f"{len(settings.meters)} meters"
    print(f"{loaded.home.config}: in order: {what} {settings.site.name}, {meters}")
    return EXIT_OK


def findings(settings: Settings, own: Path) -> tuple[list[str], list[str]]:
    """Return what keeps the station from running as it should, and what may be meant.

    `own` is the station's own folder of meter profiles.
    """
    wrong: list[str] = []
    doubtful: list[str] = []
    _profiles(settings, own, wrong, doubtful)
    wrong += [
        f"{path}: {words}. Remedy: {REMEDY} edit" for path, words in plan.misfits(rule.load(), settings)
    ]
    _ports(settings, doubtful)
    _people(settings, wrong)
    if words := weak_words(settings):
        doubtful.append(words)
    return wrong, doubtful


def refuse_new_profiles(before: Mapping[str, object], after: Settings, own: Path) -> None:
    """Raise SettingsError for a meter profile that a change brings in and that cannot be used.

    One that stood there already is left to `check`, so that every other setting can still be changed.
    """
    meters = before.get("meters")
    stood = {
        (meter.get("id"), meter.get("profile"))
        for meter in (meters if isinstance(meters, list) else ())
        if isinstance(meter, dict)
    }
    for at, meter in enumerate(after.meters):
        if (meter.id, meter.profile) in stood:
            continue
        try:
            profile.load(meter.profile, own)
        except ProfileError as exc:
            raise SettingsError(
                f"{NAME}: meters.{at}.profile: {exc}. Remedy: {_remedy(at, meter.profile, own)}"
            ) from exc


def refuse_new_misfits(before: Mapping[str, object], after: Settings) -> None:
    """Raise SettingsError for a change of an alarm's rule that a change brings in and that does not fit it.

    As with profiles, one that stood there already is left to `check`.
    """
    rules = rule.load()
    found = [f"{path}: {words}" for path, words in plan.misfits(rules, after)]
    if not found:
        return
    try:
        stood = [f"{path}: {words}" for path, words in plan.misfits(rules, parse(before, NAME))]
    except SettingsError:
        stood = []
    fresh = [f"{NAME}: {words}" for words in found if words not in stood]
    if fresh:
        raise SettingsError("\n".join([*fresh, f"Remedy: {REMEDY} edit"]))


def _profiles(settings: Settings, own: Path, wrong: list[str], doubtful: list[str]) -> None:
    for name in dict.fromkeys(meter.profile for meter in settings.meters):
        at, first = next((at, one) for at, one in enumerate(settings.meters) if one.profile == name)
        try:
            found = profile.load(name, own)
            if words := _numbering(found):
                doubtful.append(f"meters.{at}.profile: {name}: {words}")
            if found.warning:
                doubtful.append(f"meters.{at}.profile: {name}: {found.warning}")
            elif not found.verified and not settings.simulated:
                doubtful.append(
                    f"meters.{at}.profile: {name} was not yet read from a real meter; "
                    f"compare {first.name} on screen with the meter's own display"
                )
        except ProfileError as exc:
            wrong.append(f"meters.{at}.profile: {exc}. Remedy: {_remedy(at, name, own)}")


def _numbering(found: profile.Profile) -> str:
    """Return in words which register carries the number of another function; nothing where none does."""
    if found.printed_from is not None:
        return ""
    for key, row in {**found.registers, **found.extras}.items():
        place = found.place(key)
        if place.function == 4 and REFERENCE[3] <= row.printed < REFERENCE[3] + NUMBERS:
            return (
                f"{key} = {row.printed} is read with function 04, whose registers begin at {REFERENCE[4]}: "
                f"it is asked for at address {place.address}. Did you mean "
                f"{row.printed - REFERENCE[3] + REFERENCE[4]}?"
            )
    return ""


def address_words(settings: Settings) -> list[str]:
    """Return in words which serial lines have an address where their device should stand."""
    return [
        f"lines.{at}.port: {line.port} looks like an address, and {line.name} is a serial line. "
        f"Behind a gateway: {REMEDY} set lines.{at}.kind tcp (or rtu_tcp for a serial server)"
        for at, line in enumerate(settings.lines)
        if line.looks_like_address
    ]


def _remedy(at: int, name: str, own: Path) -> str:
    """Return what to do about a profile: mend the station's own file where it is that, else name another."""
    other = f"{REMEDY} set meters.{at}.profile <name>"
    is_own = name in {path.stem for path in own.glob("*.toml")}
    return f"correct {own / name}.toml, or {other}" if is_own else other


def _ports(settings: Settings, doubtful: list[str]) -> None:
    doubtful += address_words(settings)  # whether a gateway answers is seen when the poller asks it
    for at, line in enumerate(settings.lines):
        is_device = line.kind == "serial" and not line.looks_like_address
        if not settings.simulated and is_device and not Path(line.port).exists():
            doubtful.append(
                f"lines.{at}.port: {line.port} is not there now; the poller waits for it. "
                f"Plug the adapter in, or: {REMEDY} set lines.{at}.port <device>"
            )


def _people(settings: Settings, wrong: list[str]) -> None:
    if not any(user.role == "administrator" and not user.disabled for user in settings.users):
        wrong.append(f"users: there is no administrator who may log in. Remedy: {REMEDY} edit")
    known = demo_passwords_in_use(settings)
    if known and (not settings.simulated or not settings.web.loopback):
        where = "a real station" if not settings.simulated else f"a demo on {settings.web.bind}"
        wrong.append(
            f"users: {', '.join(known)} has a documented demo password, which {where} may not have. "
            f"Remedy: {new_passwords(known)}"
        )


def weak_words(settings: Settings) -> str:
    """Return in words whose password was taken over although it is weak, and what to do; or nothing."""
    weak = people.weak_passwords(settings)
    if not weak:
        return ""
    where = (
        "this machine alone reaches the dashboard so far"
        if settings.web.loopback
        else (f"the dashboard listens on {settings.web.bind}, so others can try to guess it")
    )
    return (
        f"users: {', '.join(weak)} still has a weak password of the original system, and {where}. "
        f"Remedy: {new_passwords(weak)}"
    )


def new_passwords(names: Sequence[str]) -> str:
    """Return the commands that give these users (`export`: the export) other passwords."""
    return ", ".join(map(new_password, names))


def new_password(name: str) -> str:
    """Return the command that gives this user (`export`: the export) another password."""
    return f"{REMEDY} passwd {'--export' if name == people.RESERVED else shlex.quote(name)}"
