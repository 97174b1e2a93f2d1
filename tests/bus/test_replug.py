"""Pulled out and put in again: read at once under whatever number, nothing leaks, nothing is burnt."""

import gc
import statistics
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import pytest

from substation.bus.line import Line
from substation.bus.scan import Scanner
from substation.clock import SystemClock
from substation.errors import LineDown
from substation.meters.profile import Profile
from substation.settings.model import CARD_METERS
from substation.settings.model import Line as LineSettings
from substation.simulator.gateway import Gateway
from substation.simulator.line import SimulatedLine
from tests.bus.conftest import remote_settings

pytestmark = pytest.mark.timeout(3600)

ATTEMPT_CPU_S = 0.02
"""At two attempts a second that is 4 % of a processor."""


@pytest.fixture
def cycles(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--replugs"))


def held() -> tuple[int, int]:
    """Return open files and threads of this process."""
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


def reads_again(scanner: Scanner) -> bool:
    """Return whether all meters answer; on a crowded machine a round or two may be lost to the crowd."""
    return any(
        [reading.answered for reading in scanner.round()] == [True] * len(CARD_METERS) for _ in range(10)
    )


def grown_kib(cycle: object, times: int) -> float:
    """Return by how much the memory in use grows over some cycles, KiB, after some to warm up.

    Without what the simulator keeps: it remembers ten thousand requests.
    """
    for _ in range(5):
        cycle()  # type: ignore[operator]
    gc.collect()
    tracemalloc.start()
    for _ in range(times):
        cycle()  # type: ignore[operator]
    gc.collect()
    kept = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, "*/simulator/*")])
    tracemalloc.stop()
    return sum(row.size for row in kept.statistics("filename")) / 1024


def test_a_thousand_replugs_leave_nothing_behind(
    simulated: SimulatedLine, scanner: Scanner, cycles: int
) -> None:
    """Fifty by default, `--replugs 1000` for the long run. The first try after each return reads again."""
    scanner.round()
    names = set()

    def cycle() -> None:
        simulated.unplug()
        assert not any(reading.answered for reading in scanner.round())
        assert not scanner.reopen()
        assert scanner.down
        simulated.replug()
        names.add(simulated.port)
        assert scanner.reopen(), "the first try opens it"
        assert reads_again(scanner)
        assert not scanner.down
        scanner.notices()

    before = held()
    assert grown_kib(cycle, cycles) < 200
    assert held() == before


def test_the_node_may_come_back_under_another_number(
    simulated: SimulatedLine, scanner: Scanner, tmp_path: Path
) -> None:
    scanner.round()
    old = simulated.port
    simulated.unplug()
    scanner.round()
    with Path("/dev/ptmx").open("rb"):  # somebody else gets the old number
        simulated.replug()
        assert simulated.port != old
        assert (tmp_path / "line1").readlink() == Path(simulated.port)
        assert reads_again(scanner)


def test_waiting_for_a_port_that_is_missing_burns_no_processor(
    simulated: SimulatedLine, settings: LineSettings
) -> None:
    simulated.unplug()
    assert cpu_of_an_attempt_s(settings) < ATTEMPT_CPU_S


def test_waiting_for_a_port_that_is_held_burns_no_processor(
    simulated: SimulatedLine, settings: LineSettings
) -> None:
    """Who holds it is found once in all processes, then looked at alone."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, simulated.port], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        line = Line(settings, SystemClock())
        for _ in range(2):
            with pytest.raises(LineDown, match=f"held by process {holder.pid};"):
                line.open()
        assert cpu_of_an_attempt_s(settings) < ATTEMPT_CPU_S
    finally:
        holder.communicate()


HOLDER = (
    "import sys; from substation.bus.port import open_port; from substation.settings.model import Line\n"
    "held = open_port(Line(port=sys.argv[1])); print('held', flush=True); sys.stdin.read()"
)


def cpu_of_an_attempt_s(settings: LineSettings) -> float:
    line, spent_s = Line(settings, SystemClock()), []
    for _ in range(20):
        started_s = time.thread_time()
        with pytest.raises(LineDown):
            line.open()
        spent_s.append(time.thread_time() - started_s)
    return statistics.median(spent_s)


@pytest.mark.parametrize("kind", ["rtu_tcp", "tcp"])
def test_a_gateway_that_goes_and_comes_leaves_nothing_behind(
    gateway: Gateway, profile: Profile, cycles: int, kind: str
) -> None:
    line = Line(remote_settings(gateway, kind), SystemClock())
    scanner = Scanner(line, [(meter, profile) for meter in CARD_METERS], SystemClock())
    scanner.round()

    def callers(number: int) -> None:
        give_up_s = time.monotonic() + 10
        while len(gateway._callers) != number:
            assert time.monotonic() < give_up_s
            time.sleep(0.001)

    def cycle() -> None:
        gateway.refuse()
        callers(0)
        assert not any(reading.answered for reading in scanner.round())
        assert scanner.down
        gateway.accept()
        assert scanner.reopen(), "the first call is taken"
        assert reads_again(scanner)
        scanner.notices()

    try:
        before = held()
        assert grown_kib(cycle, max(10, cycles // 5)) < 200
        assert held() == before
    finally:
        line.close()


def test_an_adapter_that_is_missing_at_the_start_is_said_and_waited_for(
    simulated: SimulatedLine, scanner: Scanner, line: Line
) -> None:
    line.close()
    simulated.unplug()
    readings = scanner.round()
    assert {reading.reason for reading in readings} == {"line_down"}
    assert "port missing" in str(scanner.down)
    assert "plug the adapter in" in str(scanner.down)
    simulated.replug()
    assert scanner.reopen()
    assert reads_again(scanner)
