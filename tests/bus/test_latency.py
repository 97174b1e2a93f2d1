"""The latency timer of a USB adapter, in a sysfs of our own."""

from pathlib import Path

import pytest

from substation.bus import latency, port
from substation.bus.line import Line
from substation.clock import SystemClock
from substation.settings.model import Line as LineSettings


class Adapter:
    """What `shorten` needs of a serial port; a driver that obeys sets its own timer."""

    def __init__(self, name: str, obeys: Path | None = None) -> None:
        self.name = name
        self.asked = 0
        self._obeys = obeys

    def set_low_latency_mode(self, low: bool) -> None:
        assert low
        self.asked += 1
        if self._obeys is None:
            raise ValueError("not known to this driver")
        self._obeys.write_text("1\n")


@pytest.fixture
def timer(tmp_path: Path) -> Path:
    folder = tmp_path / "bus/usb-serial/devices/ttyUSB3"
    folder.mkdir(parents=True)
    (folder / "latency_timer").write_text("16\n")
    return folder / "latency_timer"


def test_a_driver_that_knows_low_latency_is_asked_for_it(tmp_path: Path, timer: Path) -> None:
    adapter = Adapter("/dev/ttyUSB3", obeys=timer)
    assert latency.shorten(adapter, tmp_path) == ""
    assert adapter.asked == 1


def test_where_the_driver_does_not_the_timer_is_written(tmp_path: Path, timer: Path) -> None:
    assert latency.shorten(Adapter("/dev/ttyUSB3"), tmp_path) == ""
    assert timer.read_text() == "1\n"


def test_a_timer_that_stays_long_is_told_with_its_remedy(
    tmp_path: Path, timer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refused)
    words = latency.shorten(Adapter("/dev/ttyUSB3"), tmp_path)
    assert "ttyUSB3 holds bytes back for 16 ms" in words
    assert f"echo 1 | sudo tee {timer}" in words
    assert latency.UDEV_RULE in words


def test_an_adapter_without_a_timer_and_a_port_that_is_no_adapter_are_left_alone(tmp_path: Path) -> None:
    assert latency.shorten(Adapter("/dev/ttyUSB0"), tmp_path) == ""
    uart = Adapter("/dev/ttyAMA0")
    assert latency.shorten(uart, tmp_path) == ""
    assert uart.asked == 0


def test_the_line_gives_the_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Port(Adapter):
        def fileno(self) -> int:
            return -1

        def close(self) -> None: ...

    monkeypatch.setattr(port, "open_port", lambda settings: Port("/dev/ttyUSB3"))
    monkeypatch.setattr(latency, "shorten", lambda opened, sysfs: f"{opened.name} is slow, {sysfs}")
    line = Line(LineSettings(name="yard"), SystemClock(), sysfs=tmp_path)
    assert line.advice() == []
    line.open()
    assert line.advice() == [f"yard: /dev/ttyUSB3 is slow, {tmp_path}"]


def test_the_rule_that_is_shipped_is_the_one_that_is_told() -> None:
    rules = Path(__file__).parents[2] / "systemd" / "60-substation.rules"
    assert latency.UDEV_RULE in rules.read_text(encoding="utf-8").splitlines()
