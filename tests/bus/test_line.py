"""Through the wire: our line against simulated meters with every fault they know."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from substation.bus import line as lines
from substation.bus.frame import crc16
from substation.bus.line import Line
from substation.clock import SystemClock
from substation.errors import BadFrame, LineDown, NoAnswer, Refused
from substation.meters.blocks import Block, values
from substation.meters.profile import Profile
from substation.settings.model import Line as LineSettings
from substation.simulator.line import SimulatedLine
from tests.bus.conftest import Truth
from tests.bus.played import PlayedPort
from tests.fake_clock import FakeClock

PATIENCE_S = 2.0
"""Long enough for a machine that is busy elsewhere."""
IN_VAIN_S = 0.25
"""Where a wait is meant to be in vain."""


def test_it_reads_what_the_meter_holds(line: Line, block: Block, profile: Profile, truth: Truth) -> None:
    for meter_id in (1, 2, 3, 4, 5):
        answer = line.read(meter_id, block, PATIENCE_S)
        assert values(profile, block, answer.words) == truth.of(meter_id)


def test_the_time_stamp_is_the_arrival_of_the_answer(line: Line, block: Block) -> None:
    before = SystemClock().now_ms()
    answer = line.read(1, block, PATIENCE_S)
    assert before <= answer.at_ms <= SystemClock().now_ms()
    assert 0.0005 <= answer.turnaround_s < 0.1  # the simulated meter thinks for 1 ms


@pytest.mark.parametrize(
    ("fault", "parameters", "kind"),
    [
        ("dead", {}, "timeout"),
        ("late", {"delay_s": 0.6}, "timeout"),
        ("crc", {}, "crc"),
        ("noise_inside", {}, "crc"),
        ("noise_inside", {"insert": True}, "crc"),
        ("short", {}, "length"),
        ("wrong_slave", {}, "wrong_id"),
        ("wrong_function", {}, "wrong_function"),
        *[("exception", {"code": code}, f"exception_{code}") for code in (1, 2, 3, 4, 6)],
    ],
)
def test_each_fault_has_its_own_name(
    simulated: SimulatedLine, line: Line, block: Block, fault: str, parameters: dict, kind: str
) -> None:
    simulated.faults.order(3, fault, times=1, **parameters)
    with pytest.raises((NoAnswer, BadFrame, Refused)) as caught:
        line.read(3, block, IN_VAIN_S if kind == "timeout" else 1.5 if kind == "wrong_id" else PATIENCE_S)
    assert caught.value.kind == kind
    assert "meter 3" in str(caught.value)


@pytest.mark.parametrize("fault", ["noise_before", "echo", "split"])
def test_what_does_not_touch_the_answer_does_not_spoil_it(
    simulated: SimulatedLine, line: Line, block: Block, profile: Profile, truth: Truth, fault: str
) -> None:
    simulated.faults.order(2, fault, times=1)
    answer = line.read(2, block, PATIENCE_S)
    assert values(profile, block, answer.words) == truth.of(2)
    assert answer.noise == (fault != "split")


def test_an_echoing_adapter_is_recognised(simulated: SimulatedLine, line: Line, block: Block) -> None:
    line.read(1, block, PATIENCE_S)
    assert not line.echoes
    simulated.faults.order(1, "echo", times=1)
    line.read(1, block, PATIENCE_S)
    assert line.echoes
    line.read(1, block, PATIENCE_S)
    assert not line.echoes


def test_a_damaged_answer_is_known_at_once_and_may_be_asked_for_again(
    simulated: SimulatedLine, line: Line, block: Block
) -> None:
    line.read(3, block, PATIENCE_S)
    simulated.faults.order(3, "crc", times=1)
    started = time.monotonic()
    with pytest.raises(BadFrame):
        line.read(3, block, 5.0)
    assert time.monotonic() - started < 1.0  # not the whole time-out
    assert not line.owed(3)
    line.read(3, block, PATIENCE_S)
    assert [request[5] for request in simulated.requests] == [76, 76, 76]


def test_a_reply_that_is_owed_is_not_asked_for_again_in_its_length(
    simulated: SimulatedLine, line: Line, block: Block
) -> None:
    simulated.faults.order(4, "dead", times=3)
    with pytest.raises(NoAnswer, match="no answer"):
        line.read(4, block, 0.05)
    with pytest.raises(NoAnswer, match="not asked"):
        line.read(4, block, 0.05)
    for _ in range(2):
        with pytest.raises(NoAnswer, match="no answer"):
            line.probe(4, block, 0.05)
    assert [request[5] for request in simulated.requests] == [76, 2, 4]
    assert line.owed(4) == {76, 2, 4}
    assert line.owed(1) == frozenset()


def test_a_dead_meter_is_probed_for_ever(simulated: SimulatedLine, line: Line, block: Block) -> None:
    simulated.faults.order(4, "dead", times=12)
    for _ in range(12):
        with pytest.raises(NoAnswer, match="no answer"):
            line.probe(4, block, 0.1)
    assert [request[5] for request in simulated.requests] == [2, 4, 6, 8, 10, 2, 4, 6, 8, 10, 2, 4]
    line.probe(4, block, PATIENCE_S)


def test_an_owed_reply_that_is_seen_is_owed_no_more(
    simulated: SimulatedLine, line: Line, block: Block
) -> None:
    simulated.faults.order(4, "late", times=1, delay_s=0.06)
    with pytest.raises(NoAnswer):
        line.read(4, block, 0.02)
    assert line.owed(4) == {76}
    time.sleep(0.1)
    line.probe(4, block, PATIENCE_S)
    assert line.owed(4) == frozenset()
    line.read(4, block, PATIENCE_S)


def test_a_late_reply_of_one_meter_is_noise_to_the_next(
    simulated: SimulatedLine, line: Line, block: Block, profile: Profile, truth: Truth
) -> None:
    simulated.faults.order(1, "late", times=1, delay_s=0.06)
    with pytest.raises(NoAnswer):
        line.read(1, block, 0.02)
    simulated.faults.order(2, "late", times=1, delay_s=0.1)
    answer = line.read(2, block, PATIENCE_S)
    assert values(profile, block, answer.words) == truth.of(2)
    assert answer.noise


@pytest.mark.parametrize("function", [1, 2, 5, 6, 15, 16, 22, 23, 43])
def test_anything_but_a_read_is_refused_where_bytes_are_written(
    simulated: SimulatedLine, line: Line, function: int
) -> None:
    body = bytes((1, function, 0, 100, 0, 1))
    with pytest.raises(ValueError, match="only reads may leave"):
        line._transport.write(body + crc16(body))
    with pytest.raises(ValueError, match="only reads may leave"):
        line.read(1, Block(function, 100, 1, ()), PATIENCE_S)
    assert simulated.requests == []


def test_the_silence_between_frames_is_kept(site, station_clock, profile, block, tmp_path) -> None:
    link = tmp_path / "slow"
    with SimulatedLine(site, station_clock, link=link, baud=19_200, turnaround_ms=1, profile=profile) as slow:
        ours = Line(LineSettings(port=str(link), baud=19_200), SystemClock())
        ours.open()
        try:
            for _ in range(3):
                ours.read(1, block, PATIENCE_S)
                slow.faults.order(2, "crc", times=1)
                with pytest.raises(BadFrame):
                    ours.read(2, block, PATIENCE_S)
        finally:
            ours.close()
        assert slow.frames == 6
        assert slow.violations == 0


def test_a_lost_port_is_down_at_once_and_up_again_under_another_number(
    simulated: SimulatedLine, line: Line, block: Block
) -> None:
    line.read(1, block, PATIENCE_S)
    old_port = simulated.port
    simulated.unplug()
    started = time.monotonic()
    with pytest.raises(LineDown, match="port lost"):
        line.read(1, block, 5.0)
    assert time.monotonic() - started < 2.0
    assert not line.is_open
    with pytest.raises(LineDown, match="port missing"):
        line.open()
    with Path(old_port).parent.joinpath("ptmx").open("rb"):  # somebody else takes the old number
        simulated.replug()
        line.open()
        line.read(1, block, PATIENCE_S)


@pytest.mark.parametrize("gap_s", [0.0, 0.04])
def test_a_meter_gets_the_gap_that_it_wants_and_no_other_does(
    settings: LineSettings, block: Block, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, gap_s: float
) -> None:
    ports = []

    def played(settings: LineSettings, may_leave: Callable[[bytes], bool], _: Path) -> PlayedPort:
        ports.append(PlayedPort(settings, may_leave, clock))
        return ports[0]

    monkeypatch.setattr(lines, "SerialTransport", played)
    line = Line(settings, clock)
    line.open()
    line.gaps_s = {3: gap_s}
    for meter_id in (1, 2, 3, 4, 3):
        line.read(meter_id, block, PATIENCE_S)
    least_s = line.pace.silence_s
    assert ports[0].silences == [
        (meter_id, pytest.approx(least_s + (gap_s if meter_id == 3 else 0.0), abs=1e-6))
        for meter_id in (2, 3, 4, 3)
    ]


def test_a_port_can_be_lost_in_the_middle_of_an_answer(
    simulated: SimulatedLine, line: Line, block: Block
) -> None:
    simulated.faults.order(1, "dead")
    threading.Timer(0.1, simulated.unplug).start()
    with pytest.raises(LineDown):
        line.read(1, block, 2.0)


def test_a_held_port_names_its_holder(simulated: SimulatedLine, line: Line, settings: LineSettings) -> None:
    second = Line(settings, SystemClock())
    with pytest.raises(LineDown, match="port busy"):
        second.open()
    line.close()
    second.open()
    second.close()


def test_a_missing_port_says_what_to_do() -> None:
    missing = Line(LineSettings(port="/dev/serial/by-id/none"), SystemClock())
    with pytest.raises(LineDown, match=r"port missing: /dev/serial/by-id/none .* plug the adapter in"):
        missing.open()


def test_reading_a_closed_line_says_so(settings: LineSettings, block: Block) -> None:
    with pytest.raises(LineDown, match="not open"):
        Line(settings, SystemClock()).read(1, block, PATIENCE_S)
