"""The service manager's watchdog is fed by the poll loop, and by nothing else."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from substation.acquisition.spine import Poller
from substation.bus.crew import Crew
from substation.settings import files
from substation.settings.model import CARD_METERS, Home, Line, Poll
from substation.simulator.line import SimulatedLine
from tests.fake_clock import FakeClock
from tests.notify_spy import Spy, spying
from tests.station_run import free_port

PROJECT = Path(__file__).resolve().parents[2]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def listened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spy]:
    with spying(str(tmp_path / "notify")) as made:
        monkeypatch.setenv("NOTIFY_SOCKET", made.address)
        yield made


@pytest.fixture
def poller(home: Home, clock: FakeClock, listened: Spy) -> Iterator[Poller]:
    made = Poller(files.load(home.folder), clock)
    yield made
    made.stop()


def test_every_finished_round_feeds_the_watchdog_even_if_no_meter_answers(
    poller: Poller, listened: Spy
) -> None:
    poller.run(3)  # nobody has made the line: there is not even a port
    said = listened.heard()
    assert [line for line in said if line.startswith("STATUS=")] == [
        f"STATUS=Round {number}: 0 of 5 meters answered" for number in (1, 2, 3)
    ]
    assert said.count("WATCHDOG=1") >= 3


def test_an_hour_between_two_rounds_does_not_starve_the_watchdog(
    home: Home,
    changed: Callable[..., None],
    clock: FakeClock,
    listened: Spy,
    simulated: SimulatedLine,
) -> None:
    changed(poll=Poll(interval_s=3600))
    poller = Poller(files.load(home.folder), clock)
    poller.schedule.begin()
    poller.scan()
    poller.watchdog.round_done("")
    listened.heard()
    signs: list[float] = []
    real_sleep = clock.sleep

    def sleep(seconds: float) -> None:
        real_sleep(seconds)
        if "WATCHDOG=1" in listened.heard():
            signs.append(clock.monotonic())

    clock.sleep = sleep  # type: ignore[method-assign]
    began = clock.monotonic()
    poller.rest()
    poller.stop()
    assert clock.monotonic() - began > 3500
    gaps = [later - earlier for earlier, later in zip([began, *signs], signs, strict=False)]
    assert len(signs) > 500
    assert max(gaps) < 60 / 3


def test_a_long_round_does_not_starve_the_watchdog(poller: Poller, clock: FakeClock, listened: Spy) -> None:
    poller.watchdog.round_done("")
    listened.heard()
    signs = 0
    for _ in range(247):  # as `plant.round` does between two requests
        clock.advance(0.5)
        poller.between_requests()
        signs += listened.heard().count("WATCHDOG=1")
    assert signs == 24


def test_a_loop_that_hangs_falls_silent(poller: Poller, clock: FakeClock, listened: Spy) -> None:
    def hang() -> None:
        clock.advance(120)
        raise KeyboardInterrupt

    poller.run(1)
    listened.heard()
    poller.keep_live = hang  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        poller.run(2)
    assert "WATCHDOG=1" not in listened.heard()


def test_the_process_is_ready_when_its_stores_are_open_alive_while_it_polls_and_says_when_it_ends(
    simulated: SimulatedLine,
    listened: Spy,
    process: Start,
    home: Home,
) -> None:
    assert not home.history.exists()
    running = process()
    assert listened.wait_for("READY=1")[0] == "READY=1"
    assert home.history.exists()
    listened.wait_for("STATUS=Round 3: 5 of 5 meters answered")
    running.send_signal(signal.SIGTERM)
    said = listened.wait_for("STOPPING=1")
    assert said[-1] == "STOPPING=1"
    running.communicate(timeout=10)
    assert running.returncode == 0


def test_a_stopped_process_gives_no_sign_of_life(
    simulated: SimulatedLine,
    listened: Spy,
    process: Start,
) -> None:
    running = process()
    listened.wait_for("WATCHDOG=1")
    running.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, running.pid, os.WSTOPPED | os.WNOWAIT)
    listened.heard()
    with pytest.raises(AssertionError, match="never came"):
        listened.wait_for("WATCHDOG=1", seconds=1.0)  # ten rounds would have been done
    running.send_signal(signal.SIGCONT)
    listened.wait_for("WATCHDOG=1")


def test_the_dashboard_is_ready_when_gunicorn_serves(home: Home, listened: Spy) -> None:
    running = subprocess.Popen(
        [sys.executable, str(PROJECT / "app.py"), "--port", str(free_port())],
        env={**os.environ, "SUBSTATION_HOME": str(home.folder), "SUBSTATION_VENV": sys.prefix},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        listened.wait_for("READY=1")
    finally:
        running.terminate()
        _, err = running.communicate(timeout=20)
    assert running.returncode == 0, err


def test_of_several_lines_one_that_moves_keeps_the_watchdog_fed(
    home: Home, changed: Callable[..., None], clock: FakeClock, listened: Spy
) -> None:
    lines = (Line(name="yard", port="/dev/no-one"), Line(name="house", port="/dev/no-two"))
    meters = tuple(
        meter.model_copy(update={"line": "yard" if meter.id < 3 else "house"}) for meter in CARD_METERS
    )
    changed(lines=lines, meters=meters)
    poller = Poller(files.load(home.folder), clock)
    crew = poller.plant._drive
    assert isinstance(crew, Crew)
    crew._still = {"yard": (0, 31.0), "house": (0, 0.0)}
    clock.advance(10)
    poller.between_requests()
    assert "WATCHDOG=1" in listened.heard()
    crew._still = {"yard": (0, 31.0), "house": (0, 31.0)}  # now only a restart can help
    clock.advance(10)
    poller.between_requests()
    poller.do_chores()
    assert "WATCHDOG=1" not in listened.heard()
    poller.stop()
