import errno
import hmac
import json
import multiprocessing
import os
import stat
import threading
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from substation.audit import Audit, chain, tail, verify
from substation.clock import SystemClock
from tests.audit.many import write_many
from tests.fake_clock import FakeClock

KEY = bytes(range(32))
INDIA = ZoneInfo("Asia/Kolkata")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dashboard_audit.log"


@pytest.fixture
def audit(path: Path, clock: FakeClock) -> Audit:
    return Audit(path, KEY, "dashboard", clock, INDIA)


def records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_line_says_who_did_what_when_and_from_where(path: Path, audit: Audit, clock: FakeClock) -> None:
    clock.ms = 1_795_500_000_123
    assert audit.write("login", user="admin", src="10.0.0.7", method="basic")
    (record,) = records(path)
    mac = record.pop("mac")
    assert isinstance(mac, str)
    assert len(mac) == 64
    assert record.pop("boot") == Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    assert record == {
        "seq": 1,
        "utc": "2026-11-24T06:00:00.123Z",
        "local": "2026-11-24T11:30:00.123+05:30",
        "svc": "dashboard",
        "pid": os.getpid(),
        "event": "login",
        "user": "admin",
        "src": "10.0.0.7",
        "ok": True,
        "d": {"method": "basic"},
        "prev": "0" * 64,
    }


def test_each_line_carries_the_seal_of_the_one_before(path: Path, audit: Audit) -> None:
    for event in ("start", "login", "stop"):
        audit.write(event)
    first, second, third = records(path)
    assert [first["seq"], second["seq"], third["seq"]] == [1, 2, 3]
    assert second["prev"] == first["mac"]
    assert third["prev"] == second["mac"]
    assert verify(path, KEY).ok


def test_the_seal_covers_the_line_and_the_seal_before_it_as_documented(path: Path, audit: Audit) -> None:
    audit.write("start")
    audit.write("login", user="admin")
    first, second = path.read_text().splitlines()
    before = json.loads(first)["mac"]
    body, seal = second.split(f',"prev":"{before}","mac":"')
    assert hmac.new(KEY, (before + body + "}").encode(), "sha256").hexdigest() + '"}' == seal


HOSTILE = [
    'eve\r\n{"seq":99}',
    "\x1b[2J\x1b]0;owned\x07",
    "a\u2028b\u2029c\u0085d",
    "\ud800",
    "\x00",
    "\u202enimda",
    "v" * 300_000,
    '","ok":true,"d":{},"x":"',
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_stays_one_short_ascii_line(path: Path, audit: Audit, name: str) -> None:
    assert audit.write("login.failed", user=name, src=name, ok=False, agent=name, **{name[:50]: name})
    content = path.read_bytes()
    assert content.count(b"\n") == 1
    assert content.endswith(b"\n")
    assert len(content) <= chain.MAX_LINE
    assert all(0x20 <= byte < 0x7F for byte in content[:-1])
    (record,) = records(path)
    assert record["user"] == name[: chain.MAX_TEXT]
    assert record["ok"] is False
    assert verify(path, KEY).ok
    (line,) = tail(path)
    assert line.isprintable()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    user=st.text(max_size=300),
    source=st.text(max_size=300),
    details=st.dictionaries(
        st.text(max_size=30).filter(lambda name: name not in ("self", "event", "user", "src", "ok")),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=20),
            lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=5), inner),
            max_leaves=40,
        ),
        max_size=40,
    ),
)
def test_whatever_is_written_verifies(
    path: Path, clock: FakeClock, user: str, source: str, details: dict[str, object]
) -> None:
    path.unlink(missing_ok=True)
    audit = Audit(path, KEY, "dashboard", clock, INDIA)
    assert audit.write("page", user=user, src=source, **details)
    assert audit.write("stop")
    content = path.read_bytes()
    assert content.count(b"\n") == 2
    assert content.isascii()
    assert max(map(len, content.splitlines())) < chain.MAX_LINE
    assert verify(path, KEY).ok


def test_too_many_details_are_left_out_and_it_says_so(path: Path, audit: Audit) -> None:
    assert audit.write("page", **{f"detail{n}": "é" * 200 for n in range(19)})
    (record,) = records(path)
    assert record["d"] == {"cut": "19 details left out: too long for one line"}


@pytest.mark.parametrize(
    "details",
    [
        {"password": "four quiet herons"},
        {"new_password": "four quiet herons"},
        {"Authorization": "Basic four quiet herons"},
        {"token": "four quiet herons"},
        {"after": "$argon2id$v=19$four quiet herons"},
        {"after": "gAAAAABrAqZ40hqGOIAS32iT four quiet herons"},
        {"form": {"password": "four quiet herons"}},
        {"password": ["four quiet herons"]},
    ],
)
def test_a_secret_never_reaches_the_log(path: Path, audit: Audit, details: dict[str, object]) -> None:
    assert audit.write("config.changed", **details)
    assert b"herons" not in path.read_bytes()
    assert b"(hidden)" in path.read_bytes()


def test_the_files_are_never_for_the_world(path: Path, audit: Audit) -> None:
    before = os.umask(0)
    try:
        audit.write("start")
    finally:
        os.umask(before)
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o660


def test_a_flood_of_throttled_logins_becomes_one_line_a_minute(
    path: Path, audit: Audit, clock: FakeClock
) -> None:
    for _ in range(500):
        assert audit.write("login.throttled", user="admin", src="10.0.0.7", ok=False)
    assert len(records(path)) == 1
    clock.advance(61)
    audit.write("login.throttled", user="admin", src="10.0.0.7", ok=False)
    first, counted, again = records(path)
    assert counted["d"] == {"times": 499}
    assert (counted["user"], counted["event"], counted["ok"]) == ("admin", "login.throttled", False)
    assert again["d"] == {}
    assert first["seq"] == 1


def test_what_was_only_counted_is_written_at_the_end(path: Path, audit: Audit) -> None:
    for _ in range(3):
        audit.write("login.throttled", user="admin", src="10.0.0.7", ok=False)
    audit.close()
    assert [record["d"] for record in records(path)] == [{}, {"times": 2}]
    audit.close()
    assert len(records(path)) == 2


def test_failed_logins_are_each_written(path: Path, audit: Audit) -> None:
    for _ in range(5):
        audit.write("login.failed", user="admin", src="10.0.0.7", ok=False)
    assert len(records(path)) == 5


def test_a_flood_of_names_fills_neither_memory_nor_card(path: Path, audit: Audit) -> None:
    for number in range(3000):
        audit.write("login.throttled", user=f"user{number}", src="10.0.0.7", ok=False)
    assert len(audit._flood) <= 1001
    assert len(records(path)) <= 1001


def unwritable(path: Path) -> None:
    path.mkdir()


def linked(path: Path) -> None:
    path.symlink_to(path.parent / "elsewhere")


def piped(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("spoil", [unwritable, linked, piped])
def test_a_log_that_cannot_be_written_stops_nobody(path: Path, audit: Audit, spoil: object) -> None:
    assert callable(spoil)
    spoil(path)
    assert audit.write("start") is False
    assert str(path) in str(audit.last_problem)
    assert not (path.parent / "elsewhere").exists()


def test_a_full_disk_tears_a_line_and_the_chain_goes_on_when_there_is_space(
    path: Path, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit.write("start")
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, content: real(handle, content[:40]))
    assert audit.write("login", user="admin") is False
    assert "bytes could be written" in str(audit.last_problem)

    def full(handle: int, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert audit.write("login", user="admin") is False
    assert "No space left" in str(audit.last_problem)
    monkeypatch.setattr(os, "write", real)
    assert audit.write("stop") is True
    assert audit.last_problem is None
    verdict = verify(path, KEY)
    assert verdict.ok
    assert (verdict.last_seq, verdict.torn) == (3, ((path.name, 2),))  # 2 tells that two were lost


def test_a_missing_folder_is_a_problem_in_words(tmp_path: Path, clock: FakeClock) -> None:
    audit = Audit(tmp_path / "none" / "audit.log", KEY, "poller", clock, INDIA)
    assert audit.write("start") is False
    assert "No such file" in str(audit.last_problem)


def test_a_stuck_holder_of_the_lock_delays_a_writer_only_for_a_while(path: Path, audit: Audit) -> None:
    with chain.locked(path, SystemClock()):
        assert audit.write("start") is False
    assert "lock" in str(audit.last_problem)
    assert audit.write("start") is True


def test_a_tail_of_garbage_longer_than_a_line_does_not_restart_the_chain(path: Path, audit: Audit) -> None:
    audit.write("start")
    with path.open("ab") as file:
        file.write(b"\x00" * 100_000 + b"\n" + b"x" * 30_000)
    assert audit.write("stop")
    assert records_seq(path)[-1] == 2
    assert verify(path, KEY).ok


def records_seq(path: Path) -> list[int]:
    found = [chain.read_line(line) for line in path.read_bytes().split(b"\n")]
    return [int(str(record["seq"])) for record in found if record]


def test_threads_of_one_program_share_it(path: Path) -> None:
    audit = Audit(path, KEY, "dashboard", SystemClock(), INDIA)

    def work() -> None:
        for _ in range(50):
            assert audit.write("page")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify(path, KEY).last_seq == 200


def test_four_processes_write_one_chain(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=write_many, args=(str(path), KEY, f"service{n}", 250), name=f"service{n}")
        for n in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(90)
        assert worker.exitcode == 0
    verdict = verify(path, KEY)
    assert verdict.ok
    assert (verdict.lines, verdict.last_seq, verdict.torn) == (1000, 1000, ())
    by_service: dict[object, list[object]] = {}
    for record in records(path):
        assert isinstance(record["d"], dict)
        by_service.setdefault(record["svc"], []).append(record["d"]["number"])
    assert by_service == {f"service{n}": list(range(250)) for n in range(4)}


def test_a_killed_writer_leaves_a_chain_that_goes_on(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    for _ in range(4):
        before = path.stat().st_size if path.exists() else 0
        worker = context.Process(target=write_many, args=(str(path), KEY, "victim", 1_000_000))
        worker.start()
        until = time.monotonic() + 60
        while time.monotonic() < until and (not path.exists() or path.stat().st_size < before + 20_000):
            time.sleep(0.001)
        worker.kill()
        worker.join(10)
    assert Audit(path, KEY, "poller", SystemClock(), INDIA).write("start")
    verdict = verify(path, KEY)
    assert verdict.ok, verdict.words()
    assert verdict.last_seq > 4 * 50
