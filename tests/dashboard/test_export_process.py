"""S26, S33, R23, R36 on a real dashboard process: what leaves it, what stays behind, how it ends."""

import base64
import http.client
import shutil
import signal
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from substation.settings.files import load, update
from substation.settings.people import disabled
from tests.browser.stage import Stage
from tests.dashboard.conftest import basic
from tests.dashboard.export_station import RIGHT, Caller, children_of, serving, until
from tests.lacking import lacking

CANARY = "canary: on the busbar ~ 7"
SEVEN_ZIP = shutil.which("7zz") or shutil.which("7z") or shutil.which("7za")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with serving(tmp_path_factory.mktemp("export")) as made:
        yield made


@pytest.fixture
def caller(stage: Stage) -> Iterator[Caller]:
    made = Caller(stage)
    yield made
    made.close()


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def exporting(stage: Stage) -> bool:
    assert stage.process is not None
    return any("substation.export" in command for command in children_of(stage.process.pid))


def resident_mb(stage: Stage) -> float:
    """Return the memory of the worker, the export's child not counted, MB."""
    assert stage.process is not None
    workers = Path(f"/proc/{stage.process.pid}/task/{stage.process.pid}/children").read_text().split()
    lines = Path(f"/proc/{workers[0]}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def settled_mb(stage: Stage) -> float:
    """Return the worker's memory once it packs its scripts no more, MB."""
    seen = [0.0]

    def still() -> bool:
        time.sleep(0.5)
        seen.append(resident_mb(stage))
        return abs(seen[-1] - seen[-2]) < 0.5

    until(still, 20)
    return seen[-1]


def last_why(stage: Stage) -> str:
    lines = stage.audit_lines("export.aborted")
    return str(lines[-1]["d"]["why"]) if lines else ""


def opened(archive: Path, password: str) -> subprocess.CompletedProcess[bytes]:
    if SEVEN_ZIP is None:
        lacking("7-Zip is missing: apt install 7zip")
    command = [SEVEN_ZIP, "x", "-so", f"-p{password}", str(archive), "meter_data_1year.csv"]
    return subprocess.run(command, check=False, capture_output=True, timeout=60)


def test_a_whole_file_leaves_and_nothing_stays_behind(stage: Stage, caller: Caller, tmp_path: Path) -> None:
    """S26, S33; R35 in memory. Password and token are looked for in all that was written or answered."""
    names = names_in(stage.folder)
    before, worst = settled_mb(stage), 0.0
    told = caller.post("/api/export", {"password": RIGHT, "every": "poll"})
    archive = tmp_path / "meter_data_1year.zip"
    answer = caller.get(f"/api/export/file/{told['token']}")
    assert answer.status == 200
    assert answer.getheader("Content-Length") is None
    with archive.open("wb") as file:
        while chunk := answer.read(1 << 20):
            file.write(chunk)
            worst = max(worst, resident_mb(stage))
    assert archive.stat().st_size > 10_000_000
    assert worst - before < 8, f"the dashboard grew by {worst - before:.0f} MB"
    plain = opened(archive, RIGHT)
    assert plain.returncode == 0
    done = stage.audit_lines("export.done")[-1]["d"]
    assert plain.stdout.count(b"\r\n") == done["rows"] + 1
    assert done["rows"] > 100_000
    assert told["rows"] > 50_000
    assert done["bytes"] == archive.stat().st_size
    assert opened(archive, "not it").returncode != 0
    assert names_in(stage.folder) == names, "a file was left behind"
    kept = b"".join(path.read_bytes() for path in stage.folder.rglob("*") if path.is_file())
    for secret in (RIGHT, told["token"]):
        for form in forms(secret):
            assert form not in kept


def test_a_mistyped_password_is_found_nowhere(stage: Stage, caller: Caller) -> None:
    answer = caller.post("/api/export", {"password": CANARY, "every": "day"})
    assert "not right" in answer["error"]
    kept = b"".join(path.read_bytes() for path in stage.folder.rglob("*") if path.is_file())
    assert b"wrong password" in kept
    for form in forms(CANARY):
        assert form not in kept
        assert form not in caller.heard


def forms(secret: str) -> list[bytes]:
    """Return a secret as it would stand in a log, an address or a header."""
    plain = secret.encode()
    inner = [base64.b64encode(b"x" * shift + plain)[4:-4] for shift in range(3)]
    return [
        plain,
        urllib.parse.quote(secret).encode(),
        urllib.parse.quote_plus(secret).encode(),
        plain.hex().encode(),
        *inner,
    ]


def test_pages_are_answered_while_a_file_leaves(stage: Stage, caller: Caller) -> None:
    answer = caller.begin()
    answer.read(100_000)
    took = []
    for _ in range(10):
        start = time.monotonic()
        assert caller.get("/api/live").status == 200
        took.append(time.monotonic() - start)
    assert sorted(took)[5] < 0.25
    assert caller.post("/api/export/cancel", {})["cancelled"]
    answer.close()


def test_a_client_that_goes_away_leaves_no_work_and_no_file(stage: Stage, caller: Caller) -> None:
    """R36: the audit log says how many rows were given."""
    names = names_in(stage.folder)
    connection = caller.connection()
    told = caller.post("/api/export", {"password": RIGHT, "every": "poll"})
    answer = caller.get(f"/api/export/file/{told['token']}", connection)
    answer.read(1_000_000)
    assert exporting(stage)
    answer.close()
    connection.close()
    assert until(lambda: last_why(stage) == "the browser broke the download off")
    assert stage.audit_lines("export.aborted")[-1]["d"]["rows"] > 0
    assert until(lambda: not exporting(stage))
    assert names_in(stage.folder) == names


def test_cancel_frees_a_client_that_does_not_read(stage: Stage, caller: Caller) -> None:
    answer = caller.begin()
    answer.read(1)
    time.sleep(0.5)  # the sockets between us fill up, the dashboard waits in the middle of a write
    assert caller.post("/api/export/cancel", {})["cancelled"]
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        answer.read()
    assert until(lambda: not exporting(stage))
    assert last_why(stage) == "cancelled by whoever asked for it"
    assert caller.begin().status == 200, "the next one may begin"


def test_a_user_who_is_disabled_loses_a_download_that_he_does_not_read(stage: Stage, caller: Caller) -> None:
    """S10: no request comes and no byte moves; the seat is looked after all the same."""
    assert until(lambda: not exporting(stage))
    before = load(stage.folder).settings
    answer = caller.begin()
    answer.read(1)
    time.sleep(0.5)  # the dashboard waits in the middle of a write
    update(stage.folder, lambda settings: disabled(settings, "admin", True))
    try:
        assert until(lambda: not exporting(stage))
        assert last_why(stage) == "the user was disabled"
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
    finally:
        update(stage.folder, lambda _: before)
    time.sleep(1.5)  # a change counts within a second; whoever knocks every moment until then is locked out
    assert caller.get("/api/export/progress").status == 200


def test_a_stop_ends_an_export_in_order(stage: Stage, caller: Caller) -> None:
    """R23. Runs last: it ends the dashboard."""
    assert until(lambda: not exporting(stage))
    answer = caller.begin()
    answer.read(1)
    time.sleep(0.3)
    process = stage.process
    assert process is not None
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    assert time.monotonic() - start < 5
    assert [line["event"] for line in stage.audit_lines()][-2:] == ["export.aborted", "stop"]
    assert last_why(stage) == "the dashboard was stopped"
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        answer.read()
    stage.process = None
    assert "Traceback" not in stage.home.dashboard_log.read_text()
    assert basic() not in stage.home.dashboard_log.read_text()
