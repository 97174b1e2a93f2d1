"""The demo: a simulated station with a past, made by one command, open to nobody but this machine."""

import base64
import getpass
import json
import os
from collections.abc import Callable
from pathlib import Path

from substation.commands import demo_entries, demo_history
from substation.commands.configuration import make_station
from substation.commands.configuration_open import load_mended
from substation.commands.doors import PROJECT
from substation.commands.starting import Browser, Crew, unusable
from substation.commands.stop import LINE, STATION
from substation.commands.usage import say
from substation.errors import SettingsError
from substation.settings import files, vault
from substation.settings.model import Home

FILLER = "history filler"
ADMIN = "admin"


def folder() -> Path:
    """Return the demo's home: `SUBSTATION_HOME`, or `demo/` in the project."""
    return files.home_folder() if os.environ.get("SUBSTATION_HOME") else PROJECT / "demo"


def refuse_real(home: Path) -> None:
    """Raise SettingsError when a real station lives in `home`, or one that cannot be read."""
    try:
        is_station = (home / files.NAME).exists()
    except OSError as exc:  # a name that is too long, a folder that is not ours to look into
        raise unusable(home, exc) from exc
    if is_station and not load_mended(home, STATION).settings.simulated:
        raise SettingsError(
            f"{home} holds a real station; --demo never touches one. "
            "Start it without --demo, or give the demo a folder of its own: SUBSTATION_HOME=/another/folder"
        )


def refuse_simulated(home: Path) -> None:
    """Raise SettingsError when a demo lives in `home`: without its line it would wait for an adapter."""
    if load_mended(home, STATION).settings.simulated:
        raise SettingsError(f"{home} is the home of a demo. Start it with:  ./start.sh --demo")


def make(home: Path) -> None:
    """Make the demo station where there is none; put the line's port right where the folder was moved."""
    port = str(Home(home).state / "line1")
    if not (home / files.NAME).exists():
        make_station(home, simulated=True, overrides={"lines.0.port": port, "site.name": "Demo substation"})
    elif load_mended(home, STATION).settings.lines[0].port != port:
        files.update(
            home,
            lambda old: old.model_copy(
                update={"lines": (old.lines[0].model_copy(update={"port": port}), *old.lines[1:])}
            ),
        )


def before(crew: Crew) -> None:
    """Start the simulated line, and give the station its last two days meanwhile."""
    home = crew.home
    link = home.state / "line1"
    link.unlink(missing_ok=True)
    crew.launch(LINE, ["-m", "substation.commands.simulated_line"], home.folder / "simulator.log")
    loaded = load_mended(home.folder, STATION)
    say("Making the simulated past of the demo ...")
    demo_history.recent_days(loaded.settings, home)
    demo_entries.write(loaded.settings, home)
    crew.await_all("the simulated line", link.exists)


def readings_on_screen(browser: Browser) -> Callable[[], bool]:
    """Return the question whether every meter of the demo is live in `/api/live`."""
    login = base64.b64encode(f"{ADMIN}:{vault.DEMO_PASSWORDS[ADMIN]}".encode()).decode()

    def live() -> bool:
        status, body = browser.get("api/live?keys=watts_total", {"Authorization": f"Basic {login}"})
        # Somebody chose another password, or mistyped it too often; what is behind it is theirs to see.
        if status in (401, 429):
            return True
        if status != 200:
            return False
        meters = json.loads(body)["meters"]
        return bool(meters) and all(
            meter["comm_status"] == "OK" and meter["values"]["watts_total"]["quality"] == "good"
            for meter in meters
        )

    return live


def after(crew: Crew, base: str, port: int) -> None:
    """Start filling the weeks before in the background; tell the person how to come in."""
    if demo_history.to_do(crew.home):
        module = "substation.commands.demo_history"
        crew.launch(FILLER, ["-m", module], crew.home.folder / "demo_history.log", passing=True)
    say(words(base, port))


def words(base: str, port: int) -> str:
    """Return what a newcomer needs to know."""
    lines = [
        "SIMULATED: five meters on a simulated line. Nothing here is real.",
        f"  open       {base}",
        f"  login      {ADMIN} / {vault.DEMO_PASSWORDS[ADMIN]}",
        f"  export     {vault.DEMO_PASSWORDS['export']}",
        "These are demo passwords, known to everybody; the demo answers on this machine (loopback) only.",
    ]
    if headless():
        lines.append(f"From your own computer:  ssh -L {port}:127.0.0.1:{port} {_us()}   then open it there.")
    lines.append("In about three minutes the mains fail for a while and the DG set takes over.")
    lines.append("To end it: ./stop.sh")
    return "\n".join(lines)


def headless() -> bool:
    """Return whether the person has no browser on this machine."""
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return not screen or bool(os.environ.get("SSH_CONNECTION"))


def _us() -> str:
    """Return user and address of this machine as ssh wants them, as far as they can be known."""
    connection = os.environ.get("SSH_CONNECTION", "").split()  # client address, port, our address, port
    name = getpass.getuser()
    return f"{name}@{connection[2] if len(connection) == 4 else os.uname().nodename}"
