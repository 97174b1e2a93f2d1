"""The line as a master sees it: raw bytes through the pseudo-terminal."""

import errno
import fcntl
import os
import struct
import termios
import threading
import time
from pathlib import Path

import pytest

from substation.meters.decode import float32
from substation.meters.profile import Profile
from substation.quantities import KEYS
from substation.simulator.line import SimulatedLine, t35_s
from substation.simulator.site import METERS, Failure, Site
from tests.fake_clock import FakeClock
from tests.simulator.conftest import FAST
from tests.simulator.master import Master, crc, request, wait_until

EVERYTHING = 157


def values_in(reply: bytes, order: str = "CDAB") -> list[float]:
    words = [int.from_bytes(reply[i : i + 2]) for i in range(3, len(reply) - 2, 2)]
    return [float32(words[i : i + 2], order) for i in range(0, len(words), 2)]  # type: ignore[arg-type]


def single(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


@pytest.mark.parametrize("meter", METERS)
def test_every_quantity_of_every_meter_crosses_the_wire(
    meter: int, site: Site, clock: FakeClock, master: Master
) -> None:
    reply = master.ask(request(meter))
    assert len(reply) == EVERYTHING
    assert reply[:3] == bytes((meter, 3, 152))
    assert reply[-2:] == crc(reply[:-2])
    truth = site.at(clock.now_ms())[meter]
    assert values_in(reply) == [single(truth[key]) for key in KEYS]


def test_a_frame_of_the_frequency_reads_as_in_the_manual(
    master: Master, site: Site, clock: FakeClock
) -> None:
    hz = site.at(clock.now_ms())[1]["frequency"]
    reply = master.ask(request(1, 156, 2))
    assert 45 < hz < 65
    assert reply[:3].hex() == "010304"
    assert float32((int.from_bytes(reply[5:7]), int.from_bytes(reply[3:5])), "ABCD") == single(hz)


def test_what_the_meters_say_changes_with_the_clock(
    master: Master, clock: FakeClock, line: SimulatedLine
) -> None:
    line.site.fail(Failure(clock.now_ms() + 1000, clock.now_ms() + 60_000))
    assert values_in(master.ask(request(3, 132, 2)))[0] > 400
    clock.advance(2)
    assert values_in(master.ask(request(3, 132, 2))) == [0.0]


def test_function_04_answers_for_a_profile_of_input_registers(
    site: Site, clock: FakeClock, profile: Profile
) -> None:
    moved = {
        key: row.model_copy(update={"printed": row.printed - 10_000})
        for key, row in profile.registers.items()
    }
    inputs = profile.model_copy(update={"function": 4, "registers": moved, "word_order": "ABCD"})
    with (
        SimulatedLine(site, clock, baud=FAST, turnaround_ms=1, profile=inputs) as line,
        Master(line.port) as master,
    ):
        reply = master.ask(request(2, function=4))
        assert reply[1] == 4
        assert values_in(reply, "ABCD")[28] == single(site.at(clock.now_ms())[2]["frequency"])
        assert master.ask(request(2, function=3))[1:3] == b"\x83\x01"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (request(1, function=4), 1),
        (request(1, function=6), 1),
        (request(1, function=0x2B), 1),
        (request(1, 99, 2), 2),
        (request(1, 300, 53), 2),
        (request(1, 352, 1), 2),
        (request(1, 65535, 2), 2),
        (request(1, 100, 0), 3),
        (request(1, 100, 126), 3),
    ],
)
def test_a_wrong_question_gets_the_right_exception(asked: bytes, code: int, master: Master) -> None:
    reply = master.ask(asked)
    assert reply[:-2] == bytes((1, asked[1] | 0x80, code))
    assert reply[-2:] == crc(reply[:-2])


def test_a_write_of_many_registers_is_refused_too(master: Master) -> None:
    body = bytes((1, 16, 0, 100, 0, 2, 4, 1, 2, 3, 4))
    assert master.ask(body + crc(body))[:3] == bytes((1, 0x90, 1))


@pytest.mark.parametrize(
    "asked",
    [
        request(9),
        request(0),
        request(1)[:-1] + b"\x00",
        request(1)[:-1],
        b"\xff" + request(1),
        b"\x00",
    ],
    ids=["another meter", "broadcast", "wrong CRC", "cut", "noise before", "noise"],
)
def test_it_keeps_silent(asked: bytes, master: Master, line: SimulatedLine) -> None:
    assert master.ask(asked, first_s=0.15) == b""
    assert line.requests == [asked]
    assert len(master.ask(request(1))) == EVERYTHING, "and answers the next"


def test_only_the_given_meters_answer(site: Site, clock: FakeClock, profile: Profile) -> None:
    with (
        SimulatedLine(site, clock, baud=FAST, turnaround_ms=1, profile=profile, meter_ids=(2,)) as line,
        Master(line.port) as master,
    ):
        assert master.ask(request(1), first_s=0.15) == b""
        assert master.ask(request(2))[0] == 2


def test_a_meter_that_the_site_lacks_is_refused(site: Site, clock: FakeClock, profile: Profile) -> None:
    with pytest.raises(ValueError, match="has \\(1, 2, 3, 4, 5\\) only"):
        SimulatedLine(site, clock, profile=profile, meter_ids=(1, 6))


def test_a_meter_fed_from_its_own_circuit_falls_silent_with_it(
    site: Site, clock: FakeClock, profile: Profile
) -> None:
    site.fail(Failure(clock.now_ms() + 1000, clock.now_ms() + 60_000))
    with (
        SimulatedLine(site, clock, baud=FAST, turnaround_ms=1, profile=profile, own_supply=(3,)) as line,
        Master(line.port) as master,
    ):
        assert len(master.ask(request(3))) == EVERYTHING
        clock.advance(2)
        assert master.ask(request(3), first_s=0.15) == b""
        assert len(master.ask(request(4))) == EVERYTHING


class TestWireTime:
    """Lower bounds are physics; upper bounds are wide, because the machine may be busy."""

    @pytest.mark.parametrize(("baud", "turnaround_ms"), [(9600, 30), (19200, 5), (115200, 0)])
    def test_a_reply_takes_the_time_of_its_characters(
        self, baud: int, turnaround_ms: float, site: Site, clock: FakeClock, profile: Profile
    ) -> None:
        character_s = 11 / baud
        due_s = (8 + EVERYTHING) * character_s + t35_s(baud) + turnaround_ms / 1000
        with (
            SimulatedLine(site, clock, baud=baud, turnaround_ms=turnaround_ms, profile=profile) as line,
            Master(line.port) as master,
        ):
            took = []
            for _ in range(3):
                time.sleep(t35_s(baud))
                began = time.monotonic()
                master.send(request(1))
                pieces = master.pieces(gap_s=1.0, length=EVERYTHING)  # a busy machine pauses inside a reply
                took.append(pieces[-1][0] - began)
                first_byte_s = pieces[0][0] - began
                assert first_byte_s >= due_s - (EVERYTHING - 8) * character_s
            assert min(took) >= due_s
            assert min(took) <= due_s + 0.1
            assert line.violations == 0

    def test_a_reply_comes_bit_by_bit(self, site: Site, clock: FakeClock, profile: Profile) -> None:
        with (
            SimulatedLine(site, clock, baud=9600, turnaround_ms=1, profile=profile) as line,
            Master(line.port) as master,
        ):
            seen = 0
            for _ in range(10):  # a busy machine wakes us late, and we find several pieces at once
                master.send(request(1))
                pieces = master.pieces()
                assert sum(len(data) for _, data in pieces) == EVERYTHING
                seen = max(seen, len(pieces))
                if seen >= 10:
                    break
        assert seen >= 10

    def test_the_silence_between_frames_is_fixed_above_19200(self) -> None:
        assert t35_s(9600) == pytest.approx(0.00401, abs=1e-5)
        assert t35_s(19200) == pytest.approx(0.002005, abs=1e-6)
        assert t35_s(19201) == t35_s(4_000_000) == 0.00175


class TestViolations:
    def test_a_patient_master_breaks_nothing(self, master: Master, line: SimulatedLine) -> None:
        for _ in range(50):
            assert len(master.read(request(1), EVERYTHING)) == EVERYTHING
            time.sleep(t35_s(FAST))
        assert line.violations == 0
        assert line.frames == line.answered == 50

    def test_a_request_right_after_a_reply_is_counted(
        self, site: Site, clock: FakeClock, profile: Profile
    ) -> None:
        # 300 baud: t3.5 lasts 128 ms, so long that even a busy machine hardly passes it three times.
        with (
            SimulatedLine(site, clock, baud=300, turnaround_ms=0, profile=profile) as line,
            Master(line.port) as master,
        ):
            for _ in range(4):
                assert len(master.read(request(1, 156, 2), 9)) == 9
            assert 1 <= line.violations <= 3
            assert line.answered == 4

    def test_a_request_into_a_running_reply_is_counted_and_lost(
        self, site: Site, clock: FakeClock, profile: Profile
    ) -> None:
        with (
            SimulatedLine(site, clock, baud=1200, turnaround_ms=0, profile=profile) as line,
            Master(line.port) as master,
        ):
            first = master.read(request(1, 100, 40), 8)
            master.send(request(2))
            assert len(first + master.hear(gap_s=0.3)) == 85
            assert (line.violations, line.lost, line.answered) == (1, 1, 1)
            assert line.requests == [request(1, 100, 40), request(2)]

    def test_two_requests_glued_together_are_counted(self, master: Master, line: SimulatedLine) -> None:
        both = master.read(request(1, 156, 2) + request(2, 156, 2), 18)
        assert (both[0], both[9]) == (1, 2)
        assert line.violations == 1
        assert line.requests == [request(1, 156, 2), request(2, 156, 2)]


class TestRequestsInPieces:
    def test_a_request_written_in_two_halves_without_a_gap_is_one(
        self, site: Site, clock: FakeClock, profile: Profile
    ) -> None:
        whole = request(1, 156, 2)
        with (
            SimulatedLine(site, clock, baud=300, turnaround_ms=0, profile=profile) as line,
            Master(line.port) as master,
        ):
            master.send(whole[:3])
            assert len(master.read(whole[3:], 9)) == 9
            assert line.requests == [whole]

    def test_a_request_with_a_gap_inside_is_none(self, master: Master, line: SimulatedLine) -> None:
        whole = request(1)
        master.send(whole[:3])
        wait_until(lambda: line.requests == [whole[:3]])
        master.send(whole[3:])
        assert master.hear(first_s=0.15) == b""
        assert line.requests == [whole[:3], whole[3:]]


class TestPort:
    def test_a_master_may_close_and_open_it_again(self, line: SimulatedLine) -> None:
        port = line.port
        for _ in range(3):
            with Master(port) as master:
                assert len(master.ask(request(1))) == EVERYTHING
        assert line.port == port

    def test_what_a_master_did_not_read_is_gone_when_it_closes(self, line: SimulatedLine) -> None:
        with Master(line.port) as master:
            master.send(request(1))
            wait_until(lambda: line.answered == 1)
            assert line.connected
        wait_until(lambda: not line.connected)
        with Master(line.port) as master:
            assert master.hear(first_s=0.1) == b""
            assert master.ask(request(5))[0] == 5

    def test_a_link_names_it_and_goes_with_it(
        self, site: Site, clock: FakeClock, profile: Profile, tmp_path: Path
    ) -> None:
        link = tmp_path / "line1"
        link.symlink_to("/nowhere")  # left by a killed line
        with SimulatedLine(site, clock, link=link, baud=FAST, turnaround_ms=1, profile=profile) as line:
            assert str(link.readlink()) == line.port
            with Master(str(link)) as master:
                assert len(master.ask(request(1))) == EVERYTHING
        assert not link.is_symlink()
        assert not line.running

    def test_pulling_the_adapter_takes_port_and_link_away_and_back(
        self, site: Site, clock: FakeClock, profile: Profile, tmp_path: Path
    ) -> None:
        link = tmp_path / "line1"
        with SimulatedLine(site, clock, link=link, baud=FAST, turnaround_ms=1, profile=profile) as line:
            for _ in range(3):
                with Master(str(link)) as master:
                    assert len(master.ask(request(1))) == EVERYTHING
                    line.unplug()
                    assert line.port == ""
                    assert not link.is_symlink()
                    with pytest.raises(OSError):
                        os.write(master.fd, request(1))
                line.replug()
                line.replug()
            with Master(str(link)) as master:
                assert len(master.ask(request(1))) == EVERYTHING

    def test_an_exclusive_lock_ends_with_its_holder(self, line: SimulatedLine) -> None:
        with Master(line.port) as master:
            fcntl.ioctl(master.fd, termios.TIOCEXCL)
            assert len(master.ask(request(1))) == EVERYTHING
        wait_until(lambda: not line.connected)
        time.sleep(0.05)
        with Master(line.port) as master:
            flags = bytearray(4)
            fcntl.ioctl(master.fd, 0x80045440, flags)  # TIOCGEXCL, which termios does not name
            assert not any(flags)

    def test_a_lock_that_only_root_could_open_leaves_with_the_port(
        self, line: SimulatedLine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        locked, opened = line.port, os.open

        def refuse(path: str, flags: int, *more: int) -> int:
            if path == locked and threading.current_thread() is not threading.main_thread():
                raise OSError(errno.EBUSY, "locked")
            return opened(path, flags, *more)

        made: list[tuple[int, int]] = []
        openpty = os.openpty
        with Master(locked) as master:
            assert len(master.ask(request(1))) == EVERYTHING
            monkeypatch.setattr(os, "open", refuse)
            monkeypatch.setattr(os, "openpty", lambda: made.append(openpty()) or made[-1])
        wait_until(lambda: bool(made and line.port))
        with Master(line.port) as master:
            assert len(master.ask(request(1))) == EVERYTHING

    def test_a_second_stop_does_nothing(self, site: Site, clock: FakeClock, profile: Profile) -> None:
        line = SimulatedLine(site, clock, profile=profile)
        line.stop()
        line.stop()


def test_an_idle_line_sleeps(line: SimulatedLine, master: Master) -> None:
    assert len(master.ask(request(1))) == EVERYTHING
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.25  # a busy loop would take 0.5
