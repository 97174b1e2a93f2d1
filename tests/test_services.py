"""The units of systemd: sandboxed, fitting each other and the program, waiting for nothing."""

import configparser
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from substation.audit import chain
from substation.commands.doors import PROJECT
from substation.commands.tunnel import ASK_S
from substation.dashboard.serve import THREADS, bound
from substation.errors import SettingsError
from substation.settings import files, vault
from substation.settings.model import CARD_METERS, Home, Line, Settings, Web
from substation.store import spare
from tests.lacking import lacking
from tests.notify_spy import Spy, spying
from tests.station_run import free_port

UNITS = PROJECT / "systemd"
SERVICES = ("poller", "dashboard", "tunnel", "messenger")
EXPOSURE = {"poller": 0.5, "dashboard": 1.0, "tunnel": 1.5, "messenger": 1.5}
HOME = "/var/lib/substation"
CODE = "/opt/substation"


def unit(name: str) -> dict[str, list[str]]:
    """Return the settings of a service; each may stand several times."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / f"substation-{name}.service").read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


@pytest.fixture(scope="module")
def analyze() -> str:
    program = shutil.which("systemd-analyze")
    if program is None:
        lacking("systemd-analyze is missing; ./test.sh installs it")
    return program


def ran(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


# the sandbox


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_exposed_no_more_than_promised(analyze: str, name: str) -> None:
    path = UNITS / f"substation-{name}.service"
    threshold = round(EXPOSURE[name] * 10)
    done = ran(analyze, "security", "--offline=true", f"--threshold={threshold}", "--no-pager", str(path))
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    assert "Overall exposure level" in done.stdout


def test_the_limit_on_exposure_would_find_a_bare_service(analyze: str, tmp_path: Path) -> None:
    bare = tmp_path / "substation-bare.service"
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    done = ran(analyze, "security", "--offline=true", "--threshold=15", "--no-pager", str(bare))
    assert done.returncode != 0


def test_systemd_understands_every_line(analyze: str, tmp_path: Path) -> None:
    for path in [*UNITS.glob("*.service"), UNITS / "substation.target"]:
        text = path.read_text(encoding="utf-8").replace(f"{CODE}/venv/bin/python", sys.executable)
        (tmp_path / path.name).write_text(text)
    for example in ("substation-poller.service.d/tcp-line.conf.example", "key-apart.conf.example"):
        folder = tmp_path / "substation-poller.service.d"
        folder.mkdir(exist_ok=True)
        shutil.copy(UNITS / example, folder / Path(example).stem)
    done = ran(analyze, "verify", *[str(path) for path in sorted(tmp_path.iterdir()) if path.is_file()])
    said = [line for line in done.stderr.splitlines() if "substation" in line]
    assert said == []
    (tmp_path / "substation-dashboard.service").write_text("[Service]\nExecStart=/bin/true\nNoSuchWord=1\n")
    done = ran(analyze, "verify", str(tmp_path / "substation-dashboard.service"))
    assert "NoSuchWord" in done.stderr


def test_a_line_over_tcp_opens_one_address_and_nothing_else(analyze: str, tmp_path: Path) -> None:
    example = (UNITS / "substation-poller.service.d" / "tcp-line.conf.example").read_text(encoding="utf-8")
    path = tmp_path / "substation-poller.service"
    extra = example.partition("[Service]\n")[2]
    text = (UNITS / "substation-poller.service").read_text(encoding="utf-8")
    path.write_text(text.replace("[Install]", f"{extra}\n[Install]"))
    done = ran(analyze, "security", "--offline=true", "--threshold=15", "--no-pager", str(path))
    assert done.returncode == 0, done.stdout[-300:]
    assert re.findall(r"^IPAddressAllow=(.*)$", example, re.M) == ["192.0.2.10"]


def test_only_the_poller_reaches_the_line_and_only_the_dashboard_the_lan() -> None:
    poller, dashboard, tunnel, messenger = map(unit, SERVICES)
    assert poller["PrivateNetwork"] == ["yes"]
    assert poller["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert {line.split()[0] for line in poller["DeviceAllow"]} >= {
        "char-ttyUSB",
        "char-ttyACM",
        "char-ttyAMA",
    }
    for other in (dashboard, tunnel):
        assert other["PrivateDevices"] == ["yes"]
        assert "SupplementaryGroups" not in other
    assert dashboard["SocketBindAllow"] == [f"tcp:{Web().port}"]
    # the messenger calls, and nobody calls it; its modem is on a port of its own (settings.model)
    assert messenger["SocketBindDeny"] == ["any"]
    assert "SocketBindAllow" not in messenger
    assert messenger["DeviceAllow"] == poller["DeviceAllow"]
    assert "PrivateNetwork" not in dashboard


def test_no_file_of_a_service_is_for_others_to_read() -> None:
    for name in SERVICES:
        assert unit(name)["UMask"] == ["0077"]
    assert f"d {HOME} " in re.sub(" +", " ", (UNITS / "tmpfiles.d-substation.conf").read_text())
    for line in (UNITS / "tmpfiles.d-substation.conf").read_text().splitlines():
        if line.startswith("d"):
            assert line.split()[2:5] == ["0700", "substation", "substation"]


# fitting each other and the program


def test_all_run_as_one_user_so_that_what_one_writes_the_others_can_use() -> None:
    users = {(unit(name)["User"][0], unit(name)["Group"][0]) for name in SERVICES}
    assert users == {("substation", "substation")}
    assert re.search(rf"^u substation - .* {HOME} ", (UNITS / "sysusers.d-substation.conf").read_text(), re.M)


def files_of_a_home() -> list[Path]:
    """Return every file of a home, and the folders in which something is replaced whole."""
    home = Home(Path(HOME))
    named = [value for value in vars(home).values() if isinstance(value, Path)]
    beside = [home.folder / files.LOCK_NAME, chain.lock_path(home.audit)]
    return [*named, *beside, *{path.parent for path in named if path != home.folder}]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_write_each_file_of_the_home(name: str) -> None:
    service = unit(name)
    assert service["Environment"][0] == f"SUBSTATION_HOME={HOME}"
    writable = [Path(path) for line in service["ReadWritePaths"] for path in line.split()]
    outside = [
        path
        for path in files_of_a_home()
        if not any(path == place or place in path.parents for place in writable)
    ]
    assert outside == []
    assert not any(place == Path(CODE) or Path(CODE) in place.parents for place in writable)


def test_the_tunnels_program_sees_no_readings() -> None:
    home = Home(Path(HOME))
    hidden = {path.lstrip("-") for line in unit("tunnel")["InaccessiblePaths"] for path in line.split()}
    assert {str(home.history), str(home.live), str(home.operator)} <= hidden
    assert hidden.isdisjoint({str(home.config), str(home.audit), str(home.tunnel), str(home.key)})


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_a_program_that_is_there(name: str) -> None:
    command = unit(name)["ExecStart"][0].split()
    assert command[0] == f"{CODE}/venv/bin/python"
    if command[1] == "-m":
        assert (PROJECT / (command[2].replace(".", "/") + ".py")).exists()
        assert unit(name)["WorkingDirectory"] == [CODE]
    else:
        assert (PROJECT / command[1].removeprefix(f"{CODE}/")).exists()


def test_whoever_has_a_loop_has_a_watchdog_but_gunicorn_gives_no_signs_of_life() -> None:
    assert {name: "WatchdogSec" in unit(name) for name in SERVICES} == {
        "poller": True,
        "dashboard": False,
        "tunnel": False,
        "messenger": True,
    }
    assert {unit(name)["Type"][0] for name in SERVICES} == {"notify"}
    assert int(unit("poller")["WatchdogSec"][0]) >= 10 * ASK_S


def test_the_dashboard_has_room_for_its_threads() -> None:
    assert int(unit("dashboard")["TasksMax"][0]) > THREADS + 64


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_comes_back_unless_a_person_must_act_first(name: str) -> None:
    service = unit(name)
    assert service["Restart"] == ["always"]
    assert service["RestartPreventExitStatus"] == ["78"]
    assert service["StartLimitIntervalSec"] == ["0"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_no_network_no_clock_and_no_device(name: str) -> None:
    waits = " ".join(
        word
        for key in ("After", "Requires", "BindsTo", "Wants", "Requisite", "ConditionPathExists")
        for word in unit(name).get(key, [])
    )
    assert not re.search(r"network|time-sync|\.device|dev-", waits)


def test_the_drivers_are_loaded_before_the_device_classes_are_looked_up() -> None:
    modules = (UNITS / "modules-load.d-substation.conf").read_text().splitlines()
    assert {"usbserial", "ftdi_sio", "cp210x", "ch341", "cdc_acm"} <= set(modules)


def test_the_adapter_has_a_name_of_its_own_and_no_modem_program_asks_it() -> None:
    rules = (UNITS / "60-substation.rules").read_text()
    assert 'SYMLINK+="rs485"' in rules
    assert 'ENV{ID_MM_DEVICE_IGNORE}="1"' in rules
    assert 'GROUP="dialout"' in rules


# installing


def laid_out(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(UNITS / "install.sh")],
        check=False,
        env={**os.environ, "DESTDIR": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_installing_lays_out_all_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    first = laid_out(tmp_path)
    assert first.returncode == 0, first.stderr
    before = {path: path.stat().st_mode for path in sorted(tmp_path.rglob("*"))}
    assert (tmp_path / "opt/substation/app.py").exists()
    assert (tmp_path / "etc/systemd/system/substation-poller.service").read_text() == (
        UNITS / "substation-poller.service"
    ).read_text()
    assert {path.name for path in (tmp_path / "etc").rglob("*") if path.is_file()} == {
        "substation.target",
        *(f"substation-{name}.service" for name in SERVICES),
        "substation.conf",
        "60-substation.rules",
    }
    assert laid_out(tmp_path).returncode == 0
    assert {path: path.stat().st_mode for path in sorted(tmp_path.rglob("*"))} == before


def test_installing_takes_nothing_of_a_station_along_and_lets_nobody_write(tmp_path: Path) -> None:
    assert laid_out(tmp_path).returncode == 0
    names = {path.name for path in tmp_path.rglob("*")}
    assert names.isdisjoint({"config.json", "config_key.key", "daily_data.db", "venv", "demo", "__pycache__"})
    for path in tmp_path.rglob("*"):
        assert not path.stat().st_mode & 0o022, path


def test_an_old_file_does_not_outlive_an_update(tmp_path: Path) -> None:
    assert laid_out(tmp_path).returncode == 0
    old = tmp_path / "opt/substation/substation/no_more.py"
    old.write_text("")
    assert laid_out(tmp_path).returncode == 0
    assert not old.exists()


def test_what_the_units_call_is_what_is_installed() -> None:
    script = (UNITS / "install.sh").read_text()
    for path in UNITS.iterdir():
        if path.suffix in {".service", ".target", ".rules"} or path.name.endswith("d-substation.conf"):
            assert path.name in script, path.name


# boot


@pytest.fixture
def spy(tmp_path: Path) -> Iterator[Spy]:
    with spying(str(tmp_path / "notify")) as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A real station whose adapter is not plugged in, and whose LAN address is not there yet."""
    made = Home(tmp_path / "home")
    made.folder.mkdir(mode=0o700)
    vault.write_key(made.key, vault.new_key())
    settings = Settings(
        meters=CARD_METERS,
        lines=(Line(port=str(tmp_path / "no-adapter")),),
        web=Web(bind="192.0.2.77", port=free_port()),
    )
    files.save(made.folder, settings)
    return made


def cut_off() -> list[str]:
    """Return what starts a program without any network, where that is allowed; its loopback alone is up."""
    if ran("unshare", "-rn", "true").returncode != 0 or shutil.which("ip") is None:
        return []
    return ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$0" "$@"']


@pytest.mark.parametrize("door", ["dmf_reader.py", "app.py"])
def test_without_network_and_device_a_service_is_up(home: Home, spy: Spy, door: str) -> None:
    running = subprocess.Popen(
        [*cut_off(), sys.executable, str(PROJECT / door)],
        env={
            **os.environ,
            "SUBSTATION_HOME": str(home.folder),
            "SUBSTATION_VENV": sys.prefix,
            "NOTIFY_SOCKET": spy.address,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        spy.wait_for("READY=1", seconds=60)
        if door == "dmf_reader.py":
            spy.wait_for("STATUS=Round 2: 0 of 5 meters answered")
        assert running.poll() is None
    finally:
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=20)
    assert running.returncode == 0, err


def test_an_address_that_comes_later_is_waited_for_by_a_service_and_refused_at_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    port = free_port()
    with pytest.raises(SettingsError, match="no address of this machine"):
        bound("192.0.2.77", port)
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    with bound("192.0.2.77", port) as listener:
        assert listener.getsockname() == ("192.0.2.77", port)
    if socket.has_ipv6:
        with bound("2001:db8::77", port) as listener:
            assert listener.getsockname()[0] == "2001:db8::77"


def test_the_units_are_plain_ini_where_no_key_is_written_twice_by_mistake() -> None:
    several = {"Environment", "DeviceAllow", "SystemCallFilter", "InaccessiblePaths"}
    for name in SERVICES:
        for key, values in unit(name).items():
            assert len(values) == 1 or key in several, f"{name}: {key}"
        parser = configparser.ConfigParser(strict=False, allow_no_value=True, interpolation=None)
        parser.read(UNITS / f"substation-{name}.service")
        assert parser.sections() == ["Unit", "Service", "Install"]


def test_what_goes_to_memory_outlives_the_poller_and_both_services_find_it() -> None:
    service = unit("poller")
    assert [f"/run/{name}" for name in service["RuntimeDirectory"]] == [str(spare.SERVICE)]
    assert service["RuntimeDirectoryMode"] == ["0700"]
    assert service["RuntimeDirectoryPreserve"] == ["yes"]
    assert "TemporaryFileSystem" not in unit("dashboard")  # it sees /run
    assert not [line for line in unit("dashboard").get("InaccessiblePaths", []) if "/run" in line]
