"""What `stop.sh` ends, and what it leaves alone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from substation.commands import processes, station, stop
from substation.commands.processes import Book, Started, end, start_time, started

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEPER


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []
    yield running
    for child in running:
        child.kill()
        child.wait()
        if child.stdout:
            child.stdout.close()


def child(children: list[subprocess.Popen[bytes]], program: str = SLEEPER) -> Started:
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    children.append(process)
    assert process.stdout
    process.stdout.readline()
    return started("poller", process.pid)


def test_it_ends_what_was_started(state: Path, children: list[subprocess.Popen[bytes]]) -> None:
    one, two = child(children), child(children)
    Book(state).write([one, two])
    assert stop.stop(state.parent) == 0
    assert not one.runs
    assert not two.runs
    assert Book(state).read() == []


def test_a_process_that_got_the_number_of_ours_is_not_touched(
    state: Path, children: list[subprocess.Popen[bytes]]
) -> None:
    stranger = child(children)
    Book(state).write([replace(stranger, start=stranger.start - 1), replace(stranger, boot="another day")])
    assert Book(state).running() == []
    assert stop.stop(state.parent) == 0
    assert stranger.runs


def test_it_looks_again_right_before_the_signal(children: list[subprocess.Popen[bytes]]) -> None:
    stranger = child(children)
    assert end([replace(stranger, start=stranger.start + 1)], grace_s=0) == []
    assert stranger.runs


def test_one_that_does_not_end_by_itself_is_killed_and_named(children: list[subprocess.Popen[bytes]]) -> None:
    stubborn = child(children, STUBBORN)
    said: list[str] = []
    assert end([stubborn], grace_s=0.1, say=said.append) == []
    assert not stubborn.runs
    assert said == [f"poller (pid {stubborn.pid}) did not end within 0.1 s: killed."]


def test_a_zombie_counts_as_ended(children: list[subprocess.Popen[bytes]]) -> None:
    process = child(children)
    os.kill(process.pid, signal.SIGKILL)
    until = time.monotonic() + 5
    while start_time(process.pid) is not None and time.monotonic() < until:
        time.sleep(0.01)
    assert not process.runs


def test_a_name_with_spaces_and_brackets_does_not_confuse_it(tmp_path: Path) -> None:
    program = tmp_path / "a) b (c"
    program.write_text(f"#!{sys.executable}\nimport time\nprint('up', flush=True)\ntime.sleep(60)\n")
    program.chmod(0o700)
    process = subprocess.Popen([str(program)], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    try:
        now = float(Path("/proc/uptime").read_text().split()[0])
        ticks = start_time(process.pid)
        assert ticks is not None
        assert abs(now - ticks / os.sysconf("SC_CLK_TCK")) < 10
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"processes": [{"pid": 1}]}', '{"processes": 5}', "\0"]
)
def test_a_damaged_book_is_empty(state: Path, content: str) -> None:
    (state / "station.json").write_text(content)
    assert Book(state).read() == []


def test_the_book_is_ours_alone(state: Path) -> None:
    Book(state).write([started("me", os.getpid())])
    assert (state / "station.json").stat().st_mode & 0o777 == 0o600
    assert [p.pid for p in Book(state).running()] == [os.getpid()]
    assert [path.name for path in state.iterdir()] == ["station.json"]


def test_nothing_to_stop_is_said_and_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    assert stop.main([]) == 0
    assert "Nothing to stop" in capsys.readouterr().out


def test_of_a_home_that_is_not_there_nobody_says_that_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path / "card"))
    assert stop.main([]) == station.status(tmp_path / "card") == 74
    told = capsys.readouterr()
    assert told.err.count("put it in and try again") == 2
    assert not told.out


def test_without_a_named_home_it_looks_at_the_station_and_at_the_demo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SUBSTATION_HOME", raising=False)
    assert stop.homes() == [stop.PROJECT, stop.PROJECT / "demo"]


def test_wrong_usage_is_64(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        stop.main(["--everything"])
    assert ended.value.code == 64
    assert "--help" in capsys.readouterr().err


def test_it_runs_with_the_standard_library_alone(tmp_path: Path) -> None:
    environment = {"SUBSTATION_HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-S", "-m", "substation.commands.stop"]  # -S: no site-packages
    done = subprocess.run(
        command, check=False, env=environment, cwd=stop.PROJECT, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr


def test_a_process_of_the_station_has_a_session_and_a_private_log(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    process = processes.launch(
        [sys.executable, "-c", "import os; print(os.getsid(0) == os.getpid(), os.environ.get('A'))"],
        log,
        {"A": "b"},
    )
    assert process.wait(timeout=30) == 0
    assert log.read_text() == "True b\n"
    assert log.stat().st_mode & 0o777 == 0o600
