"""The engineer's commands on a line: what they print, how they end, what never leaves."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest

from substation.bus import line as bus_line
from substation.bus.lock import PollerLock
from substation.clock import SystemClock
from substation.commands import reader, reader_print
from substation.commands.doors import PROJECT
from substation.errors import EXIT_BUSY, EXIT_CONFIG, EXIT_OK, EXIT_UNAVAILABLE, EXIT_USAGE, LineDown
from substation.meters.profile import load
from substation.readings import Reading
from substation.settings import files, vault
from substation.settings.model import CARD_METERS, Line, Meter, Settings
from substation.simulator.line import SimulatedLine
from substation.simulator.meter import SimulatedMeter
from substation.simulator.site import Site
from substation.simulator.wiring import Wiring
from substation.store import requests
from substation.store.live import LiveFile, LiveRow
from substation.store.requests import Answer
from tests.fake_clock import FakeClock

FAST = 4_000_000
ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
LG = load("elmeasure_lgplus")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path.chmod(0o700)
    vault.write_key(tmp_path / "config_key.key", vault.new_key())
    port = str(tmp_path / "state" / "line1")
    lines = (Line(port=port, baud=FAST),)
    files.save(tmp_path, Settings(simulated=True, lines=lines, meters=CARD_METERS[:3]))
    (tmp_path / "state").mkdir()
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def simulated(home: Path) -> Iterator[SimulatedLine]:
    now_ms = SystemClock().now_ms()
    site = Site(1, epoch_ms=now_ms - 60_000, zone=ZONE)
    meters = {
        1: SimulatedMeter(1, LG),
        2: SimulatedMeter(2, LG, Wiring(reversed_cts="y")),
        9: SimulatedMeter(3, load("eastron_sdm630")),
    }
    link = home / "state" / "line1"
    with SimulatedLine(site, SystemClock(), link=link, baud=FAST, turnaround_ms=1, meters=meters) as line:
        yield line


def test_a_line_is_walked_from_scan_to_wiring_without_a_byte_that_writes(
    home: Path, simulated: SimulatedLine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reader.main(["scan", "1-2,9"]) == EXIT_OK
    said = capsys.readouterr().out
    assert "Transformer" in said
    assert "3 ids asked" in said
    assert reader.main(["identify", "9"]) == EXIT_OK
    said = capsys.readouterr().out
    assert "id 9: sure: Eastron SDM630" in said
    assert re.search(r"Frequency [\d.]+ Hz, VLN Average [\d.]+ V, ", said)
    assert "vln_average" not in said
    assert '"profile": "eastron_sdm630"' in said
    assert "give it a better name" in said
    assert reader.main(["read", "Transformer"]) == EXIT_OK
    said = capsys.readouterr().out
    assert "Frequency" in said
    assert "40157" in said
    assert reader.main(["read", "1", "40157"]) == EXIT_OK
    said = capsys.readouterr().out
    assert "CDAB" in said
    assert "<- the profile's" in said
    assert reader.main(["check-wiring", "EssentialLoad"]) == reader.EXIT_FOUND
    said = capsys.readouterr().out
    assert "likely: CT of Y reversed" in said
    assert "look at the direction of the CT of Y" in said
    assert reader.main(["check-wiring", "1"]) == EXIT_OK
    assert "nothing found" in capsys.readouterr().out
    assert reader.main(["watch", "1", "--count", "1"]) == EXIT_OK
    assert " Hz" in capsys.readouterr().out
    assert len(simulated.requests) > 20
    assert all(len(frame) == 8 and frame[1] in (3, 4) for frame in simulated.requests)
    PollerLock(home / "state" / "poller.lock").take()  # given back by each command


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0"),
        (50.018359, "50.01836"),
        (999_999.94, "999999.9"),
        (754_375_168.0, "754375168"),
        (-9_999_999.6, "-10000000"),
        (1.3e-27, "1.3e-27"),
    ],
)
def test_a_value_is_written_out(value: float | None, text: str) -> None:
    assert reader_print.plain(value) == text


def test_a_device_without_any_configuration(
    simulated: SimulatedLine,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path / "nowhere"))
    where = ["--port", str(tmp_path / "state" / "line1"), "--baud", str(FAST), "--json"]
    assert reader.main(["identify", "9", *where]) == EXIT_OK
    result = json.loads(capsys.readouterr().out)
    assert result["proposal"]["meters"][0]["profile"] == "eastron_sdm630"
    assert reader.main(["read", "9", "30071", *where]) == EXIT_OK
    assert json.loads(capsys.readouterr().out)["decoded"][0]["float32"] == pytest.approx(50, abs=1)
    assert reader.main(["scan", "50", *where]) == reader.EXIT_FOUND
    assert json.loads(capsys.readouterr().out)["found"] == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["scan", "0-5"], EXIT_USAGE, "between 1 and 247"),
        (["read", "300"], EXIT_USAGE, "between 1 and 247"),
        (["read", "Nobody"], EXIT_USAGE, "known: Transformer"),
        (["read", "1", "volts"], EXIT_USAGE, "known to elmeasure_lgplus"),
        (["read", "1", "--profile", "nonsense"], EXIT_USAGE, "nonsense"),
        (["read", "1", "--line", "line 7"], EXIT_USAGE, "no line 'line 7'"),
        (["read"], EXIT_USAGE, "METER"),
        (["scann"], EXIT_USAGE, "--help"),
        (["scan", "--port", "/dev/none", "--baud", "20"], EXIT_USAGE, "--baud"),
        (["scan", "--port", "/dev/none", "--format", "8X1"], EXIT_USAGE, "--format"),
        (["scan", "--port", "/dev/none"], EXIT_UNAVAILABLE, "/dev/none is not there"),
        (["scan"], EXIT_UNAVAILABLE, "port missing"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, says: str
) -> None:
    assert reader.main(words) == code
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said


def test_a_missing_configuration_names_the_way_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    assert reader.main(["scan"]) == EXIT_CONFIG
    assert "--port /dev/ttyUSB0 --baud 9600 --format 8E1" in capsys.readouterr().err


def test_a_profile_of_the_configuration_that_cannot_be_used(
    home: Path, capsys: pytest.CaptureFixture[str], simulated: SimulatedLine
) -> None:
    settings = files.load(home).settings
    files.save(home, settings.model_copy(update={"meters": (Meter(id=1, name="A", profile="gone"),)}))
    assert reader.main(["read", "A"]) == EXIT_CONFIG
    assert "gone" in capsys.readouterr().err


def test_several_lines_want_a_name(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = files.load(home).settings
    lines = (*settings.lines, Line(name="line 2", port="/dev/none"))
    files.save(home, settings.model_copy(update={"lines": lines}))
    assert reader.main(["scan"]) == EXIT_USAGE
    assert "name one: line 1, line 2" in capsys.readouterr().err
    assert reader.main(["scan", "--line", "line 2"]) == EXIT_UNAVAILABLE


def test_a_silent_meter_ends_with_1(
    simulated: SimulatedLine, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reader.main(["read", "3"]) == reader.EXIT_FOUND
    assert "NonEssentialLoad (id 3) does not answer" in capsys.readouterr().err


def test_somebody_elses_port_is_busy(
    simulated: SimulatedLine, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*_: object) -> None:
        raise LineDown("line 1: port busy: /dev/x is held by process 7; stop that program first")

    monkeypatch.setattr(bus_line.Line, "open", held)
    assert reader.main(["scan"]) == EXIT_BUSY
    assert "process 7" in capsys.readouterr().err


def test_ctrl_c_ends_a_scan_early_and_keeps_what_it_found(
    simulated: SimulatedLine, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def press() -> None:
        while len(simulated.requests) < 3:  # by then the command takes the signal itself
            SystemClock().sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    finger = threading.Thread(target=press)
    finger.start()
    assert reader.main(["scan", "1,100-247"]) == reader.EXIT_INTERRUPTED
    finger.join()
    said = capsys.readouterr().out
    assert "ended early" in said
    assert "Transformer" in said
    assert len(simulated.requests) < 20


def test_the_door_leads_to_the_poller_without_a_word_and_to_the_tool_with_one(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "dmf_reader.py", *words],
            check=False,
            cwd=PROJECT,
            env={**os.environ, "SUBSTATION_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    poller, tool = run("--rounds", "1"), run("scan")
    assert (poller.returncode, tool.returncode) == (EXIT_CONFIG, EXIT_CONFIG)
    assert "--port" not in poller.stderr
    assert "--port" in tool.stderr


# While the poller runs


class Poller(FakeClock):
    """A clock in whose sleeps a poller of our own does what the script says."""

    def __init__(self, home: Path, script: list[Answer]) -> None:
        super().__init__(now_ms=SystemClock().now_ms())
        self.home = home
        self.script = script
        self.asked: list[requests.Request] = []

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.asked += requests.after(self.home / "operator.db", self.asked[-1].id if self.asked else 0)
        if self.asked and self.script:
            said = self.script.pop(0)
            requests.answer(self.home / "state" / "answers", said)


@pytest.fixture
def running(home: Path) -> Iterator[PollerLock]:
    lock = PollerLock(home / "state" / "poller.lock")
    lock.take()
    yield lock
    lock.release()


def test_while_the_poller_runs_it_is_asked_and_its_answer_is_shown(
    home: Path, running: PollerLock, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {
        "found": [],
        "absent": [],
        "notes": [],
        "line": "line 1",
        "port": "p",
        "baud": 9600,
        "format": "8E1",
    }
    row = {"id": 4, "meter": None, "state": "answers", "answers": "2/2", "turnaround_ms": 3.0, "words": ""}
    script = [
        Answer(1, "scan", "running", "asking id 3", 0, 0.5),
        Answer(1, "scan", "done", "1 found: id 4", 0, 1.0, {**found, "found": [row]}),
    ]
    poller = Poller(home, script)
    assert reader.main(["scan", "1-9"], poller) == EXIT_OK
    assert "1 found: id 4" in capsys.readouterr().out
    assert [(one.kind, one.arguments) for one in poller.asked] == [("scan", {"ids": "1-9", "line": "line 1"})]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("another request is under way; wait for it", EXIT_USAGE),
        ("line 1: port missing: /dev/x is not there", EXIT_UNAVAILABLE),
        ("line 1: port busy: /dev/x is held by process 7", EXIT_BUSY),
        ("Pump (id 7) does not answer: silence", reader.EXIT_FOUND),
    ],
)
def test_the_pollers_no_is_said(
    home: Path, running: PollerLock, capsys: pytest.CaptureFixture[str], words: str, code: int
) -> None:
    poller = Poller(home, [Answer(1, "read", "refused", words, 0)])
    assert reader.main(["read", "1"], poller) == code
    assert words in capsys.readouterr().err


def test_a_poller_that_does_not_answer_in_ten_seconds_is_named(
    home: Path, running: PollerLock, capsys: pytest.CaptureFixture[str]
) -> None:
    poller = Poller(home, [])
    assert reader.main(["read", "1"], poller) == EXIT_BUSY
    assert "older version" in capsys.readouterr().err
    assert 9.9 <= sum(poller.slept) < 12


def test_while_the_poller_runs_watching_shows_what_it_heard(
    home: Path, running: PollerLock, capsys: pytest.CaptureFixture[str]
) -> None:
    poller = Poller(home, [])
    live = LiveFile(home / "meter_data.csv", ZONE, True)
    live.append([LiveRow(Reading(1, poller.now_ms() - 1500, {"v_r": 240.0, "frequency": 50.0}), "OK", "x")])
    live.close()
    assert reader.main(["watch", "1", "--count", "2"], poller) == EXIT_OK
    said = capsys.readouterr().out.splitlines()
    assert "R 240.0 V" in said[0]
    assert "1.5 s old" in said[0]
    assert "2.5 s old" in said[1]
    assert poller.asked == []
    assert reader.main(["watch", "77"], poller) == EXIT_USAGE
