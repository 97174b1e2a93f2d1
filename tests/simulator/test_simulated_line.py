"""The command that runs the demo's line, as a process of its own."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from substation.commands import simulated_line
from substation.errors import EXIT_BUSY, EXIT_CONFIG, EXIT_USAGE
from substation.settings import files, vault
from substation.settings.model import CARD_METERS, Line, Settings
from tests.simulator.master import Master, request, wait_until

COMMAND = [
    sys.executable,
    "-m",
    "substation.commands.simulated_line",
    "--baud",
    "115200",
    "--turnaround-ms",
    "1",
]


def make_home(folder: Path, *, simulated: bool = True) -> Path:
    folder.chmod(0o700)
    vault.write_key(folder / "config_key.key", vault.new_key())
    port = str(folder / "state" / "line1")
    files.save(folder, Settings(simulated=simulated, lines=(Line(port=port),), meters=CARD_METERS))
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    return make_home(tmp_path)


class Process:
    """The running command, and what it has said."""

    def __init__(self, *options: str) -> None:
        self.popen = subprocess.Popen(
            [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ)
        )
        assert self.popen.stdout is not None
        self.out = self.popen.stdout.fileno()
        self.said = ""

    def until(self, words: str) -> None:
        until = time.monotonic() + 30
        while words not in self.said:
            assert time.monotonic() < until, f"{words!r} was not said in 30 s: {self.said}"
            if select.select([self.out], [], [], 0.2)[0]:
                data = os.read(self.out, 4096)
                assert data, self.said
                self.said += data.decode()

    def end(self) -> int:
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(10)


@pytest.fixture
def process(home: Path) -> Iterator[Process]:
    one = Process("--failure-after-s", "0")
    try:
        one.until("simulated line ready")
        yield one
    finally:
        if one.popen.poll() is None:
            one.popen.kill()
            one.popen.wait(10)
        assert one.popen.stdout is not None
        one.popen.stdout.close()


def order(home: Path, **orders: object) -> None:
    path = home / "state" / simulated_line.ORDERS
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(orders))
    beside.replace(path)


def test_it_answers_on_the_link_obeys_orders_and_ends_without_a_trace(home: Path, process: Process) -> None:
    link = home / "state" / simulated_line.LINK
    with Master(str(link)) as master:
        assert len(master.read(request(3), 157)) == 157
        order(home, faults=[{"meter": 3, "kind": "exception", "code": 6}])
        wait_until(lambda: master.ask(request(3))[:3] == b"\x03\x83\x06")
        order(home, faults=[{"meter": 3, "kind": "tired"}])
        process.until("no fault 'tired'")
        now_ms = time.time_ns() // 1_000_000
        order(home, failures=[{"start_ms": now_ms, "end_ms": now_ms + 600_000, "dg_start_s": 0.5}])
        process.until("fed by: dark")
        process.until("fed by: generator")
        assert master.read(request(5, 132, 2), 9)[3:7] != bytes(4)
        assert master.read(request(1, 132, 2), 9)[3:7] == bytes(4)
    order(home, unplugged=True)
    wait_until(lambda: not link.is_symlink())
    order(home, unplugged=False)
    wait_until(link.is_symlink)
    again = subprocess.run(COMMAND, capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == EXIT_BUSY
    assert "already runs" in again.stderr
    assert process.end() == 0
    assert not link.is_symlink()
    kept = json.loads((home / "simulated_site.json").read_text())
    assert kept["failures"][-1]["end_ms"] == now_ms + 600_000


def test_it_plays_a_failure_by_itself(home: Path) -> None:
    process = Process("--failure-after-s", "0.5")
    try:
        process.until("fed by: mains")
        process.until("fed by: dark")
        assert process.end() == 0
    finally:
        if process.popen.poll() is None:
            process.popen.kill()
            process.popen.wait(10)
        assert process.popen.stdout is not None
        process.popen.stdout.close()


def test_a_real_station_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(make_home(tmp_path, simulated=False)))
    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == EXIT_CONFIG
    assert "real station" in done.stderr
    assert not (tmp_path / "simulated_site.json").exists()


def test_no_configuration_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == EXIT_CONFIG
    assert "encrypt_config.py" in done.stderr


@pytest.mark.parametrize("options", [["--baud", "5"], ["--turnaround-ms", "-1"], ["--speed", "1"]])
def test_wrong_usage_ends_with_64(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        simulated_line.main(options)
    assert ended.value.code == EXIT_USAGE
    assert "--help" in capsys.readouterr().err
