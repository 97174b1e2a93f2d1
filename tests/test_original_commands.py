"""Every command of the original's page, as written there, on a home of the original's own making.

Its page knows the folder by one person's name; here it is the folder of the copy.
"""

import json
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from werkzeug.security import generate_password_hash

from substation.clock import SystemClock
from substation.commands.processes import Book
from substation.meters.profile import load
from substation.settings import files
from substation.simulator.line import SimulatedLine
from substation.simulator.site import Site
from substation.store.rows import key_of
from tests.commands import original_home
from tests.lacking import lacking
from tests.original_page import Page, end, wait_until
from tests.settings.original_forms import EXPORT, PASSWORDS
from tests.station_run import free_port

pytestmark = [pytest.mark.whole, pytest.mark.timeout(300)]

FAST = 4_000_000
FIRST_METER = r"(?m)^20\d\d-.*,1,"
ADMIN = PASSWORDS["admin"]
HASHED = generate_password_hash(ADMIN, "pbkdf2:sha256:1000")
DECRYPTION_CHECK = (
    "import json; from cryptography.fernet import Fernet; "
    'print(json.dumps(json.loads(Fernet(open("config_key.key","rb").read())'
    '.decrypt(json.load(open("config.json"))["encrypted_data"].encode()))))'
)
UNIT = """\
[Unit]
Description=Smart Substation Monitoring System
After=network.target

[Service]
Type=simple
WorkingDirectory={folder}
ExecStart={folder}/start.sh
ExecStop={folder}/stop.sh
Restart=always

[Install]
WantedBy=multi-user.target
"""


@dataclass
class Change:
    """A person's change over: the folder, the port of the dashboard, what the commands said."""

    page: Page
    port: int
    screen: str = ""


@pytest.fixture
def untaken(tmp_path: Path) -> Page:
    """The project unpacked into the original's folder; nothing is typed yet."""
    folder = tmp_path / "SmartSubstationMonitoringSystem"
    original_home.make(folder)
    return Page(folder)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A serial port with five meters behind it."""
    link = tmp_path_factory.mktemp("adapter") / "ttyACM0"
    clock = SystemClock()
    site = Site(1, epoch_ms=clock.now_ms() - 3_600_000, zone=zoneinfo.ZoneInfo("Asia/Kolkata"))
    profile = load("elmeasure_lgplus")
    with SimulatedLine(site, clock, link=link, baud=FAST, turnaround_ms=1, profile=profile):
        yield link


@pytest.fixture(scope="module")
def change(adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Change]:
    """The configuration is taken over; the station does not run yet, and never runs afterwards."""
    folder = tmp_path_factory.mktemp("change") / "SmartSubstationMonitoringSystem"
    people = {"admin": HASHED, "meera": "copper lantern weather ford"}
    original_home.make(
        folder,
        "mixed",
        serial_port=str(adapter),
        baud_rate=FAST,
        polling_interval=1,
        dashboard_auth=people,
    )
    page = Page(folder)
    code, screen = page.type_on_a_terminal("python3 encrypt_config.py", "\n")
    made = Change(page, free_port(), screen)
    assert code == 0, screen
    done = page.type(
        f"python3 encrypt_config.py set web.port {made.port} && "
        "python3 encrypt_config.py set web.bind 127.0.0.1"
    )
    assert done.returncode == 0, done.stderr
    try:
        yield made
    finally:
        page.type("./stop.sh")


@pytest.fixture
def running(change: Change) -> Change:
    """The station runs: `./start.sh` was typed, now or by a test before; they stand together for that."""
    if "poller" not in change.page.running():
        done = change.page.type("./start.sh")
        assert done.returncode == 0, done.stdout + done.stderr
    return change


@pytest.fixture
def stopped(change: Change) -> Change:
    """Nothing runs: `./stop.sh` was typed."""
    assert change.page.type("./stop.sh").returncode == 0
    assert change.page.running() == []
    return change


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    "command", ["./start.sh", "python3 app.py", "python3 dmf_reader.py", "python3 DMF_Reader.py"]
)
def test_before_the_change_over_every_command_names_the_one_to_type(untaken: Page, command: str) -> None:
    (untaken.folder / "DMF_Reader.py").symlink_to("dmf_reader.py")
    before = (untaken.folder / "config.json").read_bytes()
    done = untaken.type(command)
    assert done.returncode == 78, done.stdout
    assert done.stderr.splitlines()[-1] == (
        "config.json: is the configuration of the original system. Take it over: python3 encrypt_config.py"
    )
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert (untaken.folder / "config.json").read_bytes() == before
    assert not (untaken.folder / "original").exists()


def test_a_new_station_is_made_by_the_same_command(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir(mode=0o700)
    page = Page(tmp_path / "new")
    code, screen = page.type_on_a_terminal("python3 encrypt_config.py", "Rampur\n/dev/ttyUSB0\n127.0.0.1\n")
    assert code == 0, screen
    assert mode(page.folder / "config.json") == mode(page.folder / "config_key.key") == 0o600
    assert page.type("python3 encrypt_config.py get site.name").stdout == "Rampur\n"


def test_encrypt_config_takes_the_original_over_and_says_what_became_of_it(change: Change) -> None:
    assert "Take it over? [Y/n]" in change.screen
    assert "dashboard_auth: differs; the sealed one counts" in change.screen
    assert "meter_data_1year.db" in change.screen
    assert ADMIN not in change.screen
    assert EXPORT not in change.screen
    assert (change.page.folder / "original" / "meter_data_1year.db").exists()


def test_start_makes_the_station_run_and_the_originals_login_opens_it(running: Change) -> None:
    page = running.page
    assert {"poller", "dashboard"} <= set(page.running())
    status, live = page.look(running.port, "admin", ADMIN)
    assert status == 200
    assert live["simulated"] is False
    assert [meter["comm_status"] for meter in live["meters"]] == ["OK"] * 5
    assert page.look(running.port, "meera", "copper lantern weather ford")[0] == 200
    assert page.look(running.port, "admin", "password123")[0] == 401


def test_a_hash_of_the_originals_becomes_ours_at_the_first_login(running: Change) -> None:
    page = running.page
    for _ in range(2):
        assert page.look(running.port, "admin", ADMIN)[0] == 200

    def ours() -> bool:
        users = files.load(page.folder).settings.users
        return all(user.password_hash.startswith("$argon2id$") for user in users)

    assert wait_until(ours, 20)
    assert page.look(running.port, "admin", ADMIN)[0] == 200


def test_a_second_encrypt_config_overwrites_nothing(running: Change) -> None:
    before = (running.page.folder / "config.json").read_bytes()
    done = running.page.type("python3 encrypt_config.py")
    assert done.returncode == 78
    assert "never overwritten" in done.stderr
    assert (running.page.folder / "config.json").read_bytes() == before


def test_the_chmod_lines_do_no_harm_and_the_key_is_put_back(running: Change) -> None:
    page, folder = running.page, running.page.folder
    lines = f"""
        sudo() {{ "$@"; }}
        sudo chown $(id -un):$(id -gn) {folder}/*
        chmod 644 {folder}/*.py
        chmod 644 {folder}/config.json
        chmod 644 {folder}/config_key.key
        chmod 664 {folder}/meter_data.csv
        chmod 664 {folder}/daily_data.db
        chmod 755 {folder}/start.sh
        chmod 755 {folder}/stop.sh
    """
    assert page.type(f"set -e\n{lines}").returncode == 0
    assert mode(folder / "config_key.key") == 0o644
    done = page.type("python3 encrypt_config.py show")
    assert "config_key.key: others could read it (mode 0644); set back to 0600" in done.stderr
    assert mode(folder / "config_key.key") == 0o600
    assert mode(folder / "config.json") & 0o007 == 0
    assert "key.mode" in page.events()
    rounds = json.loads((folder / "state" / "poller.json").read_text())["round"]
    assert wait_until(
        lambda: json.loads((folder / "state" / "poller.json").read_text())["round"] > rounds + 2, 30
    )
    assert page.look(running.port, "admin", ADMIN)[0] == 200


def test_the_decryption_check_shows_the_configuration(running: Change) -> None:
    done = running.page.type(f"{sys.executable} -c '{DECRYPTION_CHECK}'")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["users"][0]["name"] == "admin"
    assert ADMIN not in done.stdout


def test_the_looks_of_its_troubleshooting_find_their_files(running: Change) -> None:
    page = running.page
    assert wait_until((page.folder / "daily_data.db").exists)
    done = page.type(
        "touch ngrok.log; cat app.log dashboard_audit.log modbus_reader.log ngrok.log && "
        "ls -l meter_data.csv daily_data.db && head -n 5 meter_data.csv"
    )
    assert done.returncode == 0, done.stderr
    for words in ("config.taken_over", "started: 5 meters", "daily_data.db", "Meter_ID", "Watts Total"):
        assert words in done.stdout, words


def test_set_up_made_the_link_and_git_never_sees_it(running: Change) -> None:
    link = running.page.folder / "DMF_Reader.py"
    assert link.is_symlink()
    assert link.resolve() == running.page.folder / "dmf_reader.py"
    ignored = Path(__file__).resolve().parents[1] / ".gitignore"
    assert "/DMF_Reader.py" in ignored.read_text().splitlines()


def test_a_rotation_disturbs_neither_poller_nor_dashboard(running: Change) -> None:
    page = running.page
    done = page.type("python3 encrypt_config.py rotate")
    assert done.returncode == 0, done.stderr
    assert page.look(running.port, "admin", ADMIN)[0] == 200


def test_stop_ends_everything_and_the_audit_log_is_sound(running: Change) -> None:
    entries = Book(running.page.folder / "state").running()
    done = running.page.type("./stop.sh")
    assert done.returncode == 0, done.stderr
    assert "Stopped" in done.stdout
    assert not any(entry.runs for entry in entries)
    verdict = running.page.type("python3 datalogger.py audit verify")
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert running.page.events()[-1] == "stop"
    assert running.page.type("./stop.sh").returncode == 0


def test_the_readings_of_before_are_brought_in_once_and_their_files_stay(stopped: Change) -> None:
    folder = stopped.page.folder
    kept = {path.name: path.read_bytes() for path in (folder / "original").glob("meter_data*")}
    for _ in range(2):
        done = stopped.page.type("python3 datalogger.py import --yes")
        assert done.returncode == 0, done.stdout + done.stderr
    history = sqlite3.connect(f"file:{folder / 'daily_data.db'}?mode=ro", uri=True)
    try:
        until = key_of(int(original_home.BEGIN.timestamp() * 1000) + 86_400_000, 0)
        question = "SELECT count(*), sum(rows) FROM quarter WHERE key < ?"
        assert history.execute(question, (until,)).fetchone() == (20 * 5, 20 * 5)
    finally:
        history.close()
    assert kept == {path.name: path.read_bytes() for path in (folder / "original").glob("meter_data*")}


def test_dmf_reader_alone_makes_the_stores(stopped: Change) -> None:
    folder = stopped.page.folder
    assert (folder / "DMF_Reader.py").is_symlink()
    for path in (folder / "meter_data.csv", *folder.glob("daily_data.db*")):
        path.unlink(missing_ok=True)
    process = stopped.page.go_on_with("python3 DMF_Reader.py")
    try:
        assert wait_until(lambda: re.search(FIRST_METER, _text(folder)), 30)
    finally:
        code, said = end(process)
    assert code == 0, said
    assert (folder / "daily_data.db").exists()


def _text(folder: Path) -> str:
    return (folder / "meter_data.csv").read_text() if (folder / "meter_data.csv").exists() else ""


def test_app_alone_serves_the_dashboard(stopped: Change) -> None:
    process = stopped.page.go_on_with("bash -c 'source venv/bin/activate && exec python3 app.py'")
    try:
        assert wait_until(lambda: stopped.page.look(stopped.port, "admin", ADMIN)[0] == 200)
    finally:
        code, said = end(process)
    assert code == 0, said


def test_the_simple_unit_is_one_that_systemd_takes(stopped: Change, tmp_path: Path) -> None:
    unit = tmp_path / "smart-substation.service"
    unit.write_text(UNIT.format(folder=stopped.page.folder))
    program = shutil.which("systemd-analyze")
    if program is None:
        lacking("systemd-analyze is missing; ./test.sh installs it")
    done = subprocess.run([program, "verify", unit], check=False, capture_output=True, text=True, timeout=60)
    faults = [line for line in done.stderr.splitlines() if "smart-substation" in line]
    assert faults == [], done.stderr


def test_the_simple_unit_stays_while_the_station_runs_and_ends_with_stop(stopped: Change) -> None:
    page = stopped.page
    # As systemd runs ExecStart: it names the very process that it started.
    process = page.go_on_with("bash -c 'export SYSTEMD_EXEC_PID=$$; exec ./start.sh'")
    try:
        assert wait_until(lambda: page.look(stopped.port, "admin", ADMIN)[0] == 200)
        assert process.poll() is None
        children = [one for one in Book(page.folder / "state").running() if one.pid != process.pid]
        assert page.type("./stop.sh").returncode == 0
        assert process.wait(timeout=30) == 0
        assert not any(child.runs for child in children)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def test_a_killed_child_ends_the_unit_so_that_restart_always_brings_all_back(stopped: Change) -> None:
    page = stopped.page
    process = page.go_on_with("bash -c 'export SYSTEMD_EXEC_PID=$$; exec ./start.sh'")
    try:
        assert wait_until(lambda: page.look(stopped.port, "admin", ADMIN)[0] == 200)
        children = [one for one in Book(page.folder / "state").running() if one.pid != process.pid]
        poller = next(one for one in children if one.name == "poller")
        subprocess.run(["kill", "-9", str(poller.pid)], check=True)
        said = "".join(filter(None, process.communicate(timeout=30)))
        assert process.returncode not in (0, None), said
        assert "poller ended (signal SIGKILL)" in said
        assert not any(child.runs for child in children)
        assert page.running() == []
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
