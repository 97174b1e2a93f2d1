"""Several lines of real wire at once: one unplugged, one dead, one flooded with noise, and one that works."""

import contextlib
import os
import random
import signal
import statistics
import subprocess
import threading
import time
import tty
import zoneinfo
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from substation.acquisition.ending import Ending
from substation.acquisition.spine import Poller
from substation.clock import SystemClock
from substation.meters.profile import load
from substation.settings import files
from substation.settings.model import CARD_METERS, Home, Line, Poll
from substation.simulator.line import SimulatedLine
from substation.simulator.site import Site
from substation.store import heartbeat, live, requests
from substation.store.history import HistoryReader
from substation.store.operator_db import OperatorDb
from tests.acquisition.conftest import FAST
from tests.fake_clock import FakeClock

NAMES = {1: "works", 2: "works", 3: "dead", 4: "unplugged", 5: "flooded"}
INTERVAL_S = 0.2


@contextlib.contextmanager
def flooded(link: Path) -> Iterator[None]:
    """A line on which somebody talks without end."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    link.symlink_to(os.ttyname(theirs))
    over = threading.Event()
    dice = random.Random(7)

    def talk() -> None:
        while not over.wait(0.002):
            with contextlib.suppress(OSError):
                os.write(ours, dice.randbytes(32))

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        yield
    finally:
        over.set()
        talking.join()
        os.close(ours)
        os.close(theirs)


@pytest.fixture
def lines(
    home: Home,
    changed: Callable[..., None],
    site: Site,
    station_clock: FakeClock,
    tmp_path: Path,
    zone: zoneinfo.ZoneInfo,
) -> Iterator[dict[str, SimulatedLine]]:
    names = list(dict.fromkeys(NAMES.values()))
    changed(
        lines=tuple(Line(name=name, port=str(tmp_path / name), baud=FAST) for name in names),
        meters=tuple(meter.model_copy(update={"line": NAMES[meter.id]}) for meter in CARD_METERS),
        poll=Poll(interval_s=INTERVAL_S),
    )
    with contextlib.ExitStack() as stack:
        made = {
            name: stack.enter_context(
                SimulatedLine(
                    site,
                    station_clock,
                    link=tmp_path / name,
                    baud=FAST,
                    turnaround_ms=1,
                    profile=load("elmeasure_lgplus"),
                    meter_ids=[key for key, line in NAMES.items() if line == name],
                )
            )
            for name in names[:3]
        }
        stack.enter_context(flooded(tmp_path / "flooded"))
        made["dead"].faults.order(3, "dead")
        made["unplugged"].unplug()
        yield made


def test_the_faults_of_three_lines_leave_the_fourth_at_its_pace(
    lines: dict[str, SimulatedLine], home: Home
) -> None:
    ending = Ending()
    poller = Poller(files.load(home.folder), SystemClock(), ending)
    ages_ms: list[int] = []
    keep = poller.keep_live

    def keep_live() -> None:
        keep()
        now_ms = poller.clock.now_ms()
        ages_ms.extend(now_ms - reading.at_ms for reading in poller.readings if reading.answered)

    poller.keep_live = keep_live  # type: ignore[method-assign]
    timer = threading.Timer(3.0, setattr, (ending, "asked", True))
    timer.start()
    poller.run()
    timer.join()
    started_s = time.monotonic()
    poller.stop()
    assert time.monotonic() - started_s < 2.5
    rows = Counter(row.reading.meter_id for row in live.read(home.live) if row.reading.answered)
    assert rows[1] >= 0.6 * 3.0 / INTERVAL_S  # one round after the other would leave a fifth of it
    assert abs(rows[1] - rows[2]) <= 1
    assert set(rows) == {1, 2}
    assert statistics.median(ages_ms) < 500
    beat = heartbeat.read(home.heartbeat)
    assert beat is not None
    states = {line["name"]: line["state"] for line in beat["lines"]}
    assert states == {"works": "up", "dead": "up", "unplugged": "down", "flooded": "up"}
    meters = {meter["id"]: meter for meter in beat["meters"]}
    assert [meters[key]["comm_status"] == "OK" for key in (1, 2, 3, 4, 5)] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert meters[5]["noise"] + meters[5]["crc"] + meters[5]["wrong"] > 0
    assert [words for words in beat["problems"] if "unplugged: port missing" in words]
    events = HistoryReader(home.history).events(0, poller.clock.now_ms() + 1000)
    (down,) = [event for event in events if event.kind == "comm.line_down"]
    assert (down.old, down.new) == ("unplugged: up", "unplugged: down")
    (lost,) = [event for event in events if event.kind == "comm.lost" and event.meter_id == 3]
    assert (lost.old, lost.new) == ("OK", "Communication failed")


def test_a_line_that_comes_back_is_read_while_the_others_go_on(
    lines: dict[str, SimulatedLine], home: Home
) -> None:
    ending = Ending()
    poller = Poller(files.load(home.folder), SystemClock(), ending)
    polling = threading.Thread(target=poller.run)
    polling.start()
    try:
        until(lambda: 1 in answered(home))
        lines["unplugged"].replug()
        lines["dead"].faults.clear(3)
        until(lambda: {3, 4} <= answered(home))
    finally:
        ending.asked = True
        polling.join()
        poller.stop()


def answered(home: Home) -> set[int]:
    return {row.reading.meter_id for row in live.read(home.live) if row.reading.answered}


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end_s, "it never came to be"
        time.sleep(0.02)


Start = Callable[..., subprocess.Popen[str]]


def ask(home: Home, kind: str, **arguments: object) -> requests.Answer:
    """Ask as the dashboard does, and wait for the end of it."""
    db = OperatorDb(home.operator, simulated=True)
    try:
        number = requests.ask(db, SystemClock(), kind, arguments, "asha")  # type: ignore[arg-type]
    finally:
        db.close()
    until(lambda: (said := requests.answered(home.answers, number)) is not None and said.state != "running")
    found = requests.answered(home.answers, number)
    assert found is not None
    return found


def test_rounds_of_several_lines_are_summed_up_line_by_line(
    lines: dict[str, SimulatedLine], process: Start
) -> None:
    out, err = process("--rounds", "2").communicate(timeout=30)
    said = [line for line in out.splitlines() if not line.startswith("meter ")]
    assert [line.split(":")[0] for line in said] == ["works", "dead", "unplugged", "flooded"], err
    assert "rounds, median 0." in said[0]
    assert "unplugged: no round on the wire: unplugged: port missing" in said[2]


def test_a_scan_of_one_line_goes_beside_the_polling_of_another(
    lines: dict[str, SimulatedLine], process: Start, home: Home
) -> None:
    running = process()
    until(lambda: {1, 2} <= answered(home))
    said = ask(home, "scan", line="works", ids="1-3")
    assert said.state == "done", said.words
    rounds = len([row for row in live.read(home.live) if row.reading.meter_id == 1])
    until(lambda: len([row for row in live.read(home.live) if row.reading.meter_id == 1]) > rounds + 2)
    declined = ask(home, "scan", line="attic")
    assert (declined.state, "there is no line 'attic'" in declined.words) == ("refused", True)
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=10)
    assert running.returncode == 0, err
    log = home.audit.read_text(encoding="utf-8")
    assert log.count('"request.obeyed"') == log.count('"request.declined"') == 1


def test_the_only_line_is_scanned_and_polled_on(simulated: SimulatedLine, process: Start, home: Home) -> None:
    running = process()
    until(lambda: len(answered(home)) == 5)
    simulated.faults.order(2, "dead")
    said = ask(home, "scan", ids="1-5")
    assert said.state == "done", said.words
    simulated.faults.clear(2)
    probed = ask(home, "probe", meter=2)
    assert probed.state == "done", probed.words
    before = len(simulated.requests)
    until(lambda: len(simulated.requests) > before + 10)
    beat = heartbeat.read(home.heartbeat)
    assert beat is not None
    assert beat["problems"] == []
    assert beat["lines"][0]["paused"] == ""
    assert {request[1] for request in simulated.requests} <= {3, 4}  # nothing but reads ever left
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=10)
    assert running.returncode == 0, err
