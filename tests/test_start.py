"""The whole thing, as a newcomer has it: `./start.sh --demo`, a look, `./stop.sh`."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from substation.clock import SystemClock
from substation.commands import station as station_command
from substation.commands.configuration import make_station
from substation.commands.doors import PROJECT
from substation.commands.processes import Started
from substation.store.history import History
from substation.store.operator_db import OperatorDb
from tests.station_run import StationRun, free_port

pytestmark = [pytest.mark.whole, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StationRun]:
    """A demo that runs, and is stopped whatever the tests do with it."""
    station = StationRun(tmp_path_factory.mktemp("whole") / "demo home")
    done = station.start("--demo", "--port", str(station.port), cwd=station.home.parent)
    station.said = done.stdout
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        yield station
    finally:
        station.stop()


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """The home of a real station that has never run; its adapter is not there."""
    home = tmp_path / "real"
    passwords = {"admin": "correct horse battery staple", "export": "another stapled battery horse"}
    overrides = {"lines.0.port": str(tmp_path / "no adapter"), "web.port": free_port()}
    make_station(home, simulated=False, passwords=passwords, overrides=overrides)
    return home


@pytest.fixture
def refused(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """What `start.sh` says where it starts nothing: its command, called right here."""
    mask = os.umask(0o022)
    os.umask(mask)

    def start(home: Path, *arguments: str) -> tuple[int, str, str]:
        for name, value in StationRun(home).environment.items():
            monkeypatch.setenv(name, value)
        code = station_command.main(["start", *arguments])
        return code, *capfd.readouterr()

    yield start
    os.umask(mask)


def test_five_live_meters_are_there_when_it_returns(demo: StationRun) -> None:
    live = demo.live()
    assert live["simulated"] is True
    assert [meter["id"] for meter in live["meters"]] == [1, 2, 3, 4, 5]
    for meter in live["meters"]:
        assert meter["comm_status"] == "OK"
        assert len(meter["values"]) == 38
        assert {value["quality"] for value in meter["values"].values()} == {"good"}


def test_it_prints_what_a_newcomer_needs(demo: StationRun) -> None:
    for words in (
        f"http://127.0.0.1:{demo.port}/",
        "admin / password123",
        "secure123",
        "demo passwords",
        "loopback",
        "SIMULATED",
        "./stop.sh",
    ):
        assert words in demo.said
    headless = not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    assert (f"ssh -L {demo.port}:127.0.0.1:{demo.port}" in demo.said) == (
        headless or "SSH_CONNECTION" in os.environ
    )


def test_nothing_of_the_demo_is_for_the_world_to_read(demo: StationRun) -> None:
    loose = [
        str(path)
        for path in [demo.home, *demo.home.rglob("*")]
        if not path.is_symlink() and path.stat().st_mode & 0o007
    ]
    assert loose == []


def test_it_has_a_past(demo: StationRun) -> None:
    assert demo.rows("SELECT count(*) FROM minute") > 2 * 24 * 60 * 5 - 100


def test_a_second_start_says_that_it_already_runs(demo: StationRun) -> None:
    before = demo.processes
    done = demo.start("--demo", "--port", str(free_port()))
    assert done.returncode == 75
    assert "already runs" in done.stderr
    assert str(demo.home) in done.stderr
    assert demo.processes == before
    assert all(process.runs for process in before if process.name != "history filler")


def test_it_says_what_runs_and_starts_nothing(demo: StationRun) -> None:
    before = demo.processes
    done = demo.start("--status")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("poller", "dashboard"):
        (pid,) = (process.pid for process in before if process.name == name)
        assert f"{name} runs (pid {pid})" in done.stdout
    assert "The poller says:" in done.stdout
    assert [process.pid for process in demo.processes] == [process.pid for process in before]


def test_where_nothing_runs_it_says_so_and_makes_nothing(tmp_path: Path) -> None:
    station = StationRun(tmp_path / "nothing here")
    station.home.mkdir()
    done = station.start("--status")
    assert done.returncode == 1
    assert "Nothing that start.sh started runs" in done.stdout
    assert list(station.home.iterdir()) == []


def test_a_busy_port_is_named_and_nothing_is_started(
    demo: StationRun, tmp_path: Path, refused: Callable[..., tuple[int, str, str]]
) -> None:
    code, _, said = refused(tmp_path / "other", "--demo", "--port", str(demo.port))
    assert code == 75
    assert f"ort {demo.port} is in use" in said
    other = StationRun(tmp_path / "other")
    assert (other.processes, other.every_process()) == ([], [])


def test_a_real_start_without_a_configuration_names_the_command(tmp_path: Path) -> None:
    station = StationRun(tmp_path / "nothing here")
    done = station.start()
    assert done.returncode == 78
    assert "python3 encrypt_config.py" in done.stderr
    assert not station.home.exists()


def test_the_demo_refuses_a_real_stations_home(
    real: Path, refused: Callable[..., tuple[int, str, str]]
) -> None:
    before = sorted(path.name for path in real.iterdir())
    code, _, said = refused(real, "--demo")
    assert code == 78
    assert "real station" in said
    assert sorted(path.name for path in real.iterdir()) == before


@pytest.mark.parametrize("words", [["--demo"], []])
@pytest.mark.parametrize("below", ["", "further/below", "state"])
def test_a_home_that_cannot_be_one_is_said_plainly(
    tmp_path: Path, below: str, words: list[str], refused: Callable[..., tuple[int, str, str]]
) -> None:
    (tmp_path / "state").touch()
    home = tmp_path if below == "state" else tmp_path / "state" / below
    code, _, said = refused(home, *words)
    assert code == 78
    assert str(home) in said
    assert len(said.splitlines()) == 1, said


def test_a_demo_is_not_started_as_a_real_station(
    tmp_path: Path, refused: Callable[..., tuple[int, str, str]]
) -> None:
    home = tmp_path / "demo"
    make_station(home, simulated=True)
    before = sorted(path.name for path in home.iterdir())
    code, said, error = refused(home)
    assert code == 78
    assert "./start.sh --demo" in error
    assert said == ""
    assert sorted(path.name for path in home.iterdir()) == before


def test_help_needs_no_environment(tmp_path: Path) -> None:
    for words in (["--help"], ["--demo", "-h"]):
        done = subprocess.run(
            [str(PROJECT / "start.sh"), *words],
            check=False,
            env={**os.environ, "SUBSTATION_VENV": str(tmp_path / "venv")},
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert done.returncode == 0, done.stderr
        assert "--foreground" in done.stdout
        assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_wrong_words_name_the_help_of_the_script(tmp_path: Path) -> None:
    done = StationRun(tmp_path / "home").start("--nonsense")
    assert done.returncode == 64
    assert "--nonsense. See ./start.sh --help\n" in done.stderr


def test_it_goes_on_when_nobody_listens_any_more(real: Path) -> None:
    station = StationRun(real)
    listener, speaker = os.pipe()
    os.close(listener)
    try:
        done = subprocess.run(
            [str(PROJECT / "start.sh")],
            check=False,
            env=station.environment,
            stdout=speaker,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert {process.name for process in station.processes if process.runs} == {"poller", "dashboard"}
    finally:
        os.close(speaker)
        station.stop()


def test_a_real_station_comes_up_without_its_adapter_and_says_so(real: Path) -> None:
    station = StationRun(real)
    try:
        done = station.start()
        assert done.returncode == 0, done.stdout + done.stderr
        assert {process.name for process in station.processes} == {"poller", "dashboard"}
        assert "no adapter" in done.stdout
        assert "password123" not in done.stdout
    finally:
        station.stop()
    assert not any(process.runs for process in station.seen)


@pytest.mark.parametrize(
    ("started", "number"),
    [(StationRun.under_systemd, signal.SIGHUP), (StationRun.in_foreground, signal.SIGTERM)],
    ids=["under systemd, SIGHUP", "in the foreground, SIGTERM"],
)
def test_it_stays_and_takes_its_children_along(
    real: Path, started: Callable[[StationRun], subprocess.Popen[str]], number: signal.Signals
) -> None:
    """When a child dies: `test_original_commands.py`."""
    station = StationRun(real)
    process = started(station)
    try:
        children = station.wait_until_up(process)
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
        assert not any(child.runs for child in children)
        assert station.processes == []
    finally:
        station.stop()
        with process:  # closes its pipes, waits for its end
            process.kill()


@pytest.mark.parametrize("store", ["operator.db", "daily_data.db"])
def test_one_that_dies_during_the_start_is_named_with_its_words_and_takes_the_other_along(
    store: str, real: Path
) -> None:
    # A store of a simulated station: whoever opens it refuses, for real and simulated never mix.
    if store == "operator.db":
        OperatorDb(real / store, simulated=True).close()
    else:
        History(real / store, True, SystemClock()).close()
    station = StationRun(real)
    try:
        done = station.start()
        assert done.returncode == 78
        assert re.search(r"The (dashboard|poller) ended \(exit 78\)", done.stderr)
        assert store in done.stderr
        assert not any(process.runs for process in station.seen)
        assert station.every_process() == []
    finally:
        station.stop()


def test_a_start_that_is_broken_off_leaves_no_process(tmp_path: Path) -> None:
    station = StationRun(tmp_path / "demo")
    process = station.in_foreground("--demo", "--port", str(station.port), foreground=False)
    try:
        until = time.monotonic() + 30
        while len(station.processes) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        seen: list[Started] = station.processes
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
        assert len(seen) >= 2
        assert process.returncode not in (0, None)
        assert not any(child.runs for child in [*seen, *station.processes])
    finally:
        station.stop()
        with process:  # closes its pipes, waits for its end
            process.kill()


# The last test of this module stops the demo.


def test_stop_leaves_no_process(demo: StationRun) -> None:
    before = demo.processes
    assert {"simulated line", "poller", "dashboard"} <= {process.name for process in before}
    group = demo.every_process()
    done = demo.stop()
    assert done.returncode == 0
    assert "Stopped" in done.stdout
    assert not any(process.runs for process in before)
    assert demo.every_process() == [], group
    assert demo.processes == []
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", demo.port), timeout=1)


def test_stop_with_nothing_running_is_fine(demo: StationRun) -> None:
    demo.stop()
    done = demo.stop()
    assert done.returncode == 0
    assert "Nothing to stop" in done.stdout
