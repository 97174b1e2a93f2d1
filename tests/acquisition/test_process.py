"""`dmf_reader.py` as its own process: how it starts, ends, is killed, and what it leaves behind."""

import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from substation import audit
from substation.acquisition import process as poller_process
from substation.errors import EXIT_UNAVAILABLE
from substation.readings import Reading
from substation.settings import files, vault
from substation.settings.model import CARD_METERS, Home, Line, Poll
from substation.simulator.line import SimulatedLine
from substation.store import heartbeat, live
from tests.fake_clock import FakeClock

PROJECT = Path(__file__).resolve().parents[2]
Start = Callable[..., subprocess.Popen]


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until it is so, looking often; fail when it never is."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.02)


def rounds_of(home: Home) -> int:
    beat = heartbeat.read(home.heartbeat)
    return beat["round"] if beat and beat["state"] == "running" else 0


def keys_in(home: Home) -> set[int]:
    database = sqlite3.connect(f"file:{home.history}?mode=ro", uri=True)
    try:
        return {key for (key,) in database.execute("SELECT key FROM reading")}
    finally:
        database.close()


def keys_in_journal(home: Home) -> set[int]:
    return {row.reading.at_ms << 8 | row.reading.meter_id for row in live.read(home.live)}


def audited(home: Home) -> list[str]:
    return [json.loads(line)["event"] for line in home.audit.read_text(encoding="utf-8").splitlines()]


def test_rounds_ends_by_itself_with_one_summary(simulated: SimulatedLine, process: Start, home: Home) -> None:
    running = process("--rounds", "5")
    out, _ = running.communicate(timeout=20)
    assert running.returncode == 0
    lines = out.splitlines()
    assert lines[0].startswith("5 rounds, median 0.")
    assert "wire limit" in lines[0]
    assert [line.split(":")[0] for line in lines[1:]] == [f"meter {m.id} {m.name}" for m in CARD_METERS]
    assert all("OK, asked 5, ok 5, timeout 0, crc 0" in line for line in lines[1:])
    assert len(keys_in(home)) == 25


def test_rounds_without_a_line_end_with_69(process: Start, home: Home) -> None:
    running = process("--rounds", "2")
    out, _ = running.communicate(timeout=20)
    assert running.returncode == EXIT_UNAVAILABLE
    assert out.startswith("no round on the wire: ")


def test_rounds_of_several_lines_are_not_counted_by_delivery(
    simulated: SimulatedLine, process: Start, home: Home
) -> None:
    settings = files.load(home.folder).settings
    lines = (*settings.lines, Line(name="line 2", port="/dev/none"))
    meters = (*settings.meters[:4], settings.meters[4].model_copy(update={"line": "line 2"}))
    poll = Poll(interval_s=0.3)
    files.save(home.folder, settings.model_copy(update={"lines": lines, "meters": meters, "poll": poll}))
    running = process("--rounds", "4")
    out, _ = running.communicate(timeout=20)
    assert running.returncode == 0, out
    assert "stopped after 4 rounds" in home.poller_log.read_text(encoding="utf-8")


def test_sigterm_ends_within_five_seconds_with_everything_committed(
    simulated: SimulatedLine, process: Start, home: Home
) -> None:
    """R23: between two rounds; within a commit: `test_stop.py`; within an export: `dashboard/`."""
    running = process()
    wait_for(lambda: rounds_of(home) >= 5)
    started = time.monotonic()
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=10)
    assert running.returncode == 0, err
    assert time.monotonic() - started < 5
    assert heartbeat.read(home.heartbeat)["state"] == "stopped"  # type: ignore[index]
    assert keys_in(home) == keys_in_journal(home)
    assert audited(home) == ["start", "stop"]
    key = vault.derive(vault.read_key(home.folder), audit.KEY_INFO)
    assert audit.verify(home.audit, key).ok
    log = home.poller_log.read_text(encoding="utf-8")
    assert "started: 5 meters" in log
    assert "stopped after" in log
    assert log.splitlines()[0].split(" ")[0].endswith("Z")


def test_sigterm_in_the_middle_of_a_silent_round_ends_soon(
    simulated: SimulatedLine, process: Start, home: Home
) -> None:
    """R23: in the middle of a read."""
    for meter_id in (1, 2, 3, 4, 5):
        simulated.faults.order(meter_id, "dead")
    running = process()
    wait_for(lambda: simulated.frames >= 2)
    started = time.monotonic()
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=10)
    assert running.returncode == 0
    assert time.monotonic() - started < 5


def test_kill_9_loses_no_reading(simulated: SimulatedLine, process: Start, home: Home) -> None:
    for _ in range(3):
        running = process()
        begin = len(keys_in_journal(home))
        wait_for(lambda begin=begin: len(keys_in_journal(home)) >= begin + 25)
        running.kill()
        running.communicate()
    journal = keys_in_journal(home)
    assert len(journal) >= 75
    last = process("--rounds", "1")
    _, err = last.communicate(timeout=20)
    assert last.returncode == 0, err
    assert "readings taken over from the live file" in err
    assert journal <= keys_in(home)
    assert keys_in(home) == keys_in_journal(home)


def test_the_second_poller_names_the_first(simulated: SimulatedLine, process: Start, home: Home) -> None:
    """R25: exit 75 with its process; the lock of a killed one is free."""
    first = process()
    wait_for(lambda: rounds_of(home) >= 1)
    second = process()
    _, err = second.communicate(timeout=20)
    assert second.returncode == 75
    assert f"process {first.pid}" in err
    assert first.poll() is None
    first.kill()
    first.communicate()
    third = process("--rounds", "1")
    third.communicate(timeout=20)
    assert third.returncode == 0


def test_two_homes_cannot_share_one_line(simulated: SimulatedLine, process: Start, home: Home) -> None:
    """R25: the port itself is held, too."""
    first = process()
    wait_for(lambda: rounds_of(home) >= 1)
    rival = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from substation.bus.port import open_port\n"
            "from substation.settings.model import Line\n"
            "open_port(Line(port=sys.argv[1]))",
            simulated.port,
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"held by process {first.pid}" in rival.stderr


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda home: home.config.unlink(), "encrypt_config.py"),
        (lambda home: home.config.write_text("{}"), "config.json"),
        (lambda home: home.key.unlink(), "config_key.key"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_78(
    home: Home,
    break_it: Callable[[Home], object],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    break_it(home)
    monkeypatch.setenv("SUBSTATION_HOME", str(home.folder))
    assert poller_process.main([]) == 78
    assert words in capsys.readouterr().err


def test_a_home_that_is_not_there_or_does_not_answer_does_not_end_the_service_for_ever(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(path: Path, mode: str) -> None:
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setenv("SUBSTATION_HOME", str(home.folder))
    with monkeypatch.context() as failing:
        failing.setattr(Path, "open", fails)
        assert poller_process.main([]) == 74
    assert "the medium does not answer" in capsys.readouterr().err
    monkeypatch.setenv("SUBSTATION_HOME", str(home.folder / "card"))
    assert poller_process.main([]) == 74
    assert "card: the station's folder is not there. Put its medium in" in capsys.readouterr().err


def test_an_unknown_meter_model_stops_no_other_meter(
    simulated: SimulatedLine, process: Start, home: Home, changed: Callable[..., None]
) -> None:
    changed(meters=(CARD_METERS[0].model_copy(update={"profile": "no_such_meter"}), *CARD_METERS[1:]))
    running = process("--rounds", "2")
    out, err = running.communicate(timeout=20)
    assert running.returncode == 0, err
    assert err.count("meter 1 Transformer is not polled: meter profile 'no_such_meter' does not exist") == 1
    assert "meter 1 Transformer is not polled" in out.splitlines()[-1]
    beat = heartbeat.read(home.heartbeat)
    assert beat is not None
    assert any("no_such_meter" in words for words in beat["problems"])
    assert [meter["ok"] for meter in sorted(beat["meters"], key=lambda m: m["id"])] == [0, 2, 2, 2, 2]
    reasons = {row.reading.meter_id: row.reading.reason for row in live.read(home.live)}
    assert reasons == {1: "profile", 2: None, 3: None, 4: None, 5: None}


def test_data_of_a_real_station_is_78(process: Start, home: Home) -> None:
    real = live.LiveFile(home.live, ZoneInfo("Asia/Kolkata"), simulated=False)
    real.append([live.LiveRow(Reading(1, 1_795_400_000_000, {"watts_total": 1.0}), "OK", "OK")])
    real.close()
    running = process()
    _, err = running.communicate(timeout=20)
    assert running.returncode == 78
    assert "real" in err


@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--rounds", "many"], ["--write"]])
def test_wrong_usage_is_64(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        poller_process.main(arguments)
    assert ended.value.code == 64
    assert capsys.readouterr().err.startswith("usage: dmf_reader.py")


def test_help_says_what_it_is(process: Start) -> None:
    running = process("--help")
    out, _ = running.communicate(timeout=20)
    assert running.returncode == 0
    assert "--rounds" in out
    assert "only ever read" in out


def test_an_adapter_missing_at_the_start_is_found_when_it_comes(
    simulated: SimulatedLine, process: Start, home: Home, changed: Callable[..., None]
) -> None:
    changed(poll=Poll(interval_s=60.0))  # the next round in its turn comes when nobody waits any more
    simulated.unplug()
    running = process()
    wait_for(lambda: rounds_of(home) >= 1)
    assert heartbeat.read(home.heartbeat)["lines"][0]["state"] == "down"  # type: ignore[index]
    time.sleep(0.3)
    simulated.replug()
    wait_for(lambda: len([row for row in live.read(home.live) if row.reading.answered]) >= 5)
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=10)
    assert "line 1 up again after" in err
    assert err.count("port missing") == 1  # said once


def test_a_missing_adapter_costs_little(process: Start, home: Home) -> None:
    running = process()
    wait_for(lambda: rounds_of(home) >= 2)

    def cpu_s() -> float:
        fields = Path(f"/proc/{running.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = cpu_s()
    time.sleep(2)
    assert cpu_s() - before < 0.05 * 2 * 4  # at ten rounds a second; one in 2 s is what the station has


def test_the_door_is_thin() -> None:
    lines = (PROJECT / "dmf_reader.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 40


def test_the_poller_loads_neither_pandas_nor_dash() -> None:
    code = (
        "import sys, substation.acquisition.process\n"
        "print([name for name in ('pandas', 'dash', 'flask', 'plotly') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_poller_that_was_stopped_takes_no_reply_from_before_for_a_fresh_one(
    simulated: SimulatedLine, process: Start, home: Home, station_clock: FakeClock
) -> None:
    def told(since_ms: int) -> list[float | None]:
        rows = [row.reading for row in live.read(home.live)]
        ours = [r for r in rows if r.meter_id == 1 and r.answered and r.at_ms >= since_ms]
        return [reading.values["watts_total"] for reading in ours]

    simulated.faults.order(1, "late", delay_s=0.15)  # long enough to be stopped while it is waited for
    running = process()
    wait_for(lambda: len(told(0)) >= 2)

    def is_awaited() -> bool:
        return simulated.frames > simulated.answered and simulated.requests[-1][0] == 1

    def stopped_while_it_waits() -> bool:
        wait_for(is_awaited)
        running.send_signal(signal.SIGSTOP)
        if is_awaited():
            return True
        running.send_signal(signal.SIGCONT)  # the reply was sooner on a busy machine
        return False

    wait_for(stopped_while_it_waits)
    time.sleep(1.5)  # beyond every time-out, and the reply lies in the kernel
    before = told(0)
    assert len(set(before)) == 1
    station_clock.advance(60)  # the load changes meanwhile
    resumed_ms = time.time_ns() // 1_000_000
    running.send_signal(signal.SIGCONT)
    wait_for(lambda: len(told(resumed_ms)) >= 2)
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=10)
    assert before[0] not in told(resumed_ms), err
    last = heartbeat.read(home.heartbeat)
    assert last is not None
    assert last["meters"][0]["turnaround_ms"] < 500
    assert last["meters"][0]["timeout"] == 1
