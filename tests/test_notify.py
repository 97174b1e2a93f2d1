"""What the service manager is told, and when it hears nothing any more."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from substation import notify
from tests.fake_clock import FakeClock
from tests.notify_spy import Spy, spying


@pytest.fixture(params=["path", "abstract"])
def spy(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spy]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@substation-test-{os.getpid()}"
    with spying(address) as made:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        yield made


@pytest.fixture
def listened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spy]:
    with spying(str(tmp_path / "notify")) as made:
        monkeypatch.setenv("NOTIFY_SOCKET", made.address)
        yield made


def test_messages_arrive_at_both_kinds_of_socket(spy: Spy) -> None:
    assert notify.tell(notify.READY, notify.status("two\nlines\tof words"))
    assert spy.heard() == ["READY=1", "STATUS=two lines of words"]


def test_a_status_is_one_short_line() -> None:
    assert len(notify.status("x" * 5000)) < 250


@pytest.mark.parametrize("address", [None, "", "relative/path", "/no/such/socket", "@nobody-listens-here"])
def test_without_a_service_manager_nothing_is_said_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not notify.tell(notify.ALIVE)


def test_a_service_manager_that_does_not_read_holds_nobody_up(listened: Spy) -> None:
    results = [notify.tell(notify.ALIVE) for _ in range(2000)]
    assert results[0]
    assert not results[-1]  # its queue is full: given up at once, not waited for


@pytest.mark.parametrize(
    ("wanted", "pid", "seconds"),
    [
        ("60000000", "", 60.0),
        ("60000000", "own", 60.0),
        ("60000000", "1", None),
        ("0", "", None),
        ("x", "", None),
    ],
)
def test_the_watchdogs_limit_is_the_service_managers(
    monkeypatch: pytest.MonkeyPatch, wanted: str, pid: str, seconds: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", wanted)
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "own" else pid)
    assert notify.watchdog_s() == seconds


def test_a_short_watchdog_is_fed_three_times_within_its_limit(
    listened: Spy, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    dog = notify.Watchdog(clock)
    for _ in range(30):
        dog.feed()
        clock.advance(0.1)
    assert listened.heard() == ["WATCHDOG=1"] * 3
