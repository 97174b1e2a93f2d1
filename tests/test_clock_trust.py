"""Who vouches for the clock of the machine."""

from pathlib import Path

import pytest

from substation.clock_trust import BATTERY, RELEASED_MS, TIME_SERVER, WORD, ClockTrust
from substation.errors import StoreError
from tests.fake_clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def trust(clock: FakeClock, tmp_path: Path) -> ClockTrust:
    return ClockTrust(clock, tmp_path / "state" / "clock.json", tmp_path, boot="one")


def rtc(root: Path, says_s: int, hctosys: str = "1") -> None:
    folder = root / "sys/class/rtc/rtc0"
    folder.mkdir(parents=True)
    (folder / "hctosys").write_text(f"{hctosys}\n", encoding="ascii")
    (folder / "since_epoch").write_text(f"{says_s}\n", encoding="ascii")


def test_nobody_vouches_for_a_clock_on_its_own(trust: ClockTrust) -> None:
    assert trust.source() is None


def test_a_time_server_does(trust: ClockTrust, tmp_path: Path) -> None:
    mark = tmp_path / "run/systemd/timesync/synchronized"
    mark.parent.mkdir(parents=True)
    mark.touch()
    assert trust.source() == TIME_SERVER


def test_a_battery_clock_does_that_the_kernel_took_the_time_from(
    trust: ClockTrust, clock: FakeClock, tmp_path: Path
) -> None:
    rtc(tmp_path, clock.ms // 1000 + 2)
    assert trust.source() == BATTERY


@pytest.mark.parametrize(("says_s", "hctosys"), [(120, "1"), (1_795_500_000, "0"), (1_795_500_060, "1")])
def test_a_battery_clock_does_not_that_is_empty_unused_or_otherwise(
    trust: ClockTrust, tmp_path: Path, says_s: int, hctosys: str
) -> None:
    rtc(tmp_path, says_s, hctosys)
    assert trust.source() is None


def test_the_administrators_word_counts_until_the_machine_starts_again(
    trust: ClockTrust, clock: FakeClock, tmp_path: Path
) -> None:
    trust.give_word("asha")
    assert trust.source() == WORD
    assert ClockTrust(clock, trust.word, tmp_path, boot="two").source() is None


def test_nothing_helps_a_clock_before_what_has_been(
    trust: ClockTrust, clock: FakeClock, tmp_path: Path
) -> None:
    trust.give_word("asha")
    assert trust.source(newest_ms=clock.ms + 1) is None
    clock.ms = RELEASED_MS - 1
    assert trust.source() is None
    with pytest.raises(StoreError, match="set it first"):
        trust.give_word("asha")


def test_a_damaged_word_is_none(trust: ClockTrust) -> None:
    trust.word.parent.mkdir()
    trust.word.write_text('{"boot"', encoding="utf-8")
    assert trust.source() is None
