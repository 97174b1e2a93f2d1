"""The tunnel's own process, with a stand-in for ngrok on the PATH."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from substation.access import tunnel as known
from substation.audit import KEY_INFO, verify
from substation.commands import stop
from substation.commands.doors import PROJECT
from substation.commands.processes import start_time
from substation.commands.tunnel import NoTunnel, refuse
from substation.settings import files, vault
from substation.settings.model import Home, Line, Settings, Web
from tests.dashboard.conftest import demo_settings, own_settings
from tests.notify_spy import spying
from tests.station_run import NO_PROXY, StationRun

HOST = "quiet-lark-42.ngrok-free.app"
PORT = 8374
FAKE = PROJECT / "tests" / "fake_ngrok_program.py"


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.02)


class Station:
    """A home with passwords of its own, a fake ngrok on the PATH, and the tunnel's process."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "home")
        self.home.folder.mkdir(mode=0o700)
        vault.write_key(self.home.key, vault.new_key())
        self.configure(own_settings())
        self.programs = folder / "bin"
        self.programs.mkdir()
        self.plan = folder / "plan.json"
        self.does(host=HOST)
        self.install()
        self.running: list[subprocess.Popen[str]] = []

    def configure(self, settings: Settings) -> None:
        files.save(self.home.folder, settings)

    def install(self) -> None:
        program = self.programs / "ngrok"
        program.write_text(f"#!{sys.executable}\n{FAKE.read_text(encoding='utf-8')}")
        program.chmod(0o755)

    def does(self, **plan: Any) -> None:
        self.plan.write_text(json.dumps({"host": HOST, **plan}))

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": str(self.programs),
            "FAKE_NGROK": str(self.plan),
            "SUBSTATION_HOME": str(self.home.folder),
        }

    def start(self, **more: str) -> subprocess.Popen[str]:
        running = subprocess.Popen(
            [sys.executable, "-m", "substation.commands.tunnel", "--port", str(PORT)],
            cwd=PROJECT,
            env={**self.environment, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.running.append(running)
        return running

    def refused(self) -> str:
        """Run it to its end; return its words, which come with exit code 78."""
        running = self.start()
        out, err = running.communicate(timeout=30)
        assert running.returncode == 78, out + err
        assert "Traceback" not in err
        return err

    @property
    def record(self) -> known.Record | None:
        return known.read(self.home.tunnel) if known.is_held(self.home.tunnel) else None

    def wait_until_open(self, host: str = HOST) -> known.Record:
        wait_for(lambda: self.record is not None and self.record.host == host, f"a tunnel from {host}")
        assert self.record is not None
        return self.record

    @property
    def starts(self) -> list[dict[str, Any]]:
        path = self.plan.with_suffix(".starts")
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def audited(self) -> list[tuple[str, dict[str, Any]]]:
        lines = [json.loads(line) for line in self.home.audit.read_text().splitlines()]
        return [(line["event"], line["d"]) for line in lines]

    def log(self) -> str:
        return self.home.tunnel_log.read_text(encoding="utf-8") if self.home.tunnel_log.exists() else ""

    def close(self) -> None:
        for running in self.running:
            if running.poll() is None:
                running.kill()
            running.communicate()
        for pid in [each["pid"] for each in self.starts]:
            try:
                if str(self.programs).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                continue


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    made = Station(tmp_path)
    yield made
    made.close()


def test_it_opens_says_so_and_takes_the_name_back_when_it_is_told_to_end(station: Station) -> None:
    running = station.start()
    record = station.wait_until_open()
    assert record.url == f"https://{HOST}"
    assert record.start == start_time(record.pid)
    assert record.pid == station.starts[0]["pid"]
    assert station.starts[0]["arguments"][:4] == ["http", str(PORT), "--log", "stdout"]
    assert station.home.tunnel.stat().st_mode & 0o077 == 0
    assert station.home.tunnel_log.stat().st_mode & 0o007 == 0
    running.terminate()
    out, err = running.communicate(timeout=20)
    assert running.returncode == 0, err
    assert "The tunnel is closed." in out
    assert f"open: https://{HOST} leads to port {PORT}" in err
    assert start_time(record.pid) is None
    assert not station.home.tunnel.exists()
    assert station.audited() == [
        ("tunnel.opened", {"url": f"https://{HOST}", "port": PORT}),
        ("tunnel.closed", {"url": f"https://{HOST}", "port": PORT}),
    ]
    key = vault.derive(vault.read_key(station.home.folder), KEY_INFO)
    assert verify(station.home.audit, key).ok
    assert 'msg="starting web service"' in station.log()


def test_nothing_that_comes_through_is_kept_by_ngrok_where_it_knows_that_wish(station: Station) -> None:
    station.start()
    station.wait_until_open()
    assert "--inspect=false" in station.starts[0]["arguments"]


def test_an_ngrok_that_does_not_know_that_wish_is_started_without_it(station: Station) -> None:
    station.does(old=True)
    station.start()
    station.wait_until_open()
    assert [("--inspect=false" in each["arguments"]) for each in station.starts] == [True, False]


def test_it_starts_ngrok_again_when_it_dies_and_the_name_is_gone_meanwhile(station: Station) -> None:
    station.start()
    first = station.wait_until_open()
    station.does(host="brave-newt-7.ngrok-free.app")
    os.kill(first.pid, signal.SIGKILL)
    wait_for(lambda: not station.home.tunnel.exists(), "the name taken back")
    second = station.wait_until_open("brave-newt-7.ngrok-free.app")
    assert second.pid != first.pid
    assert [event for event, _ in station.audited()] == ["tunnel.opened", "tunnel.closed", "tunnel.opened"]


def test_it_waits_longer_each_time_and_says_what_ngrok_said(station: Station) -> None:
    station.does(lives_s=0.3)
    running = station.start()
    wait_for(lambda: "trying again in 2 s" in station.log(), "the second wait")
    assert "ngrok ended (the far end hung up); trying again in 1 s" in station.log()
    assert running.poll() is None
    running.terminate()
    running.communicate(timeout=20)
    assert running.returncode == 0


def test_without_a_token_ngroks_own_words_are_quoted_and_it_does_not_try_for_ever(station: Station) -> None:
    station.does(
        fails="ERROR:  authentication failed: Usage of ngrok requires a verified account and authtoken.\n"
        "ERROR:  Install yours: ngrok config add-authtoken\nERROR:  \nERROR:  ERR_NGROK_4018\nERROR:  "
    )
    words = station.refused()
    assert "ngrok refuses: authentication failed: Usage of ngrok requires a verified account" in words
    assert "ERR_NGROK_4018" in words
    assert len(station.starts) == 1
    (refusal,) = station.audited()
    assert refusal[0] == "tunnel.refused"
    assert refusal[1]["reason"] == "ngrok's account"


def test_a_token_in_ngroks_words_is_hidden(station: Station) -> None:
    token = "2abcDEFghiJKLmnoPQRstu_3vwxYZ0123456789abcd"
    station.does(fails=f'ERROR:  Your authtoken: "{token}" is not right\nERROR:  ERR_NGROK_105')
    words = station.refused()
    assert "ERR_NGROK_105" in words
    for text in (words, station.log(), station.home.audit.read_text()):
        assert token not in text


def test_demo_passwords_are_refused_before_anything_is_started(station: Station) -> None:
    station.configure(demo_settings())
    words = station.refused()
    assert "No tunnel while demo passwords are in use (admin" in words
    assert "encrypt_config.py passwd" in words
    assert station.starts == []
    assert station.audited()[0][1]["reason"] == "demo passwords"


def test_demo_passwords_that_come_into_use_close_the_tunnel(station: Station) -> None:
    running = station.start()
    record = station.wait_until_open()
    station.configure(demo_settings())
    running.communicate(timeout=30)
    assert running.returncode == 78
    assert start_time(record.pid) is None
    assert not station.home.tunnel.exists()
    assert [event for event, _ in station.audited()] == ["tunnel.opened", "tunnel.closed", "tunnel.refused"]


def test_without_ngrok_it_says_how_to_get_it(station: Station) -> None:
    (station.programs / "ngrok").unlink()
    words = station.refused()
    assert "ngrok is not installed" in words
    assert "add-authtoken" in words
    assert station.audited()[0] == ("tunnel.refused", {"reason": "no ngrok", "words": words.strip()[:200]})


@pytest.mark.parametrize(("bind", "fits"), [("192.168.1.20", False), ("0.0.0.0", True), ("::1", True)])  # noqa: S104
def test_a_tunnel_needs_a_dashboard_that_listens_where_it_ends(
    station: Station, monkeypatch: pytest.MonkeyPatch, bind: str, fits: bool
) -> None:
    monkeypatch.setenv("PATH", str(station.programs))
    settings = own_settings(web=Web(bind=bind))
    if fits:
        assert refuse(settings) == str(station.programs / "ngrok")
    else:
        with pytest.raises(NoTunnel, match=r"web\.bind is 192"):
            refuse(settings)


def test_there_is_one_tunnel_a_station(station: Station) -> None:
    station.start()
    station.wait_until_open()
    second = station.start()
    _, err = second.communicate(timeout=20)
    assert second.returncode == 75
    assert "already runs" in err
    assert len(station.starts) == 1


def test_killed_it_leaves_a_name_that_counts_for_nothing_and_an_ngrok_that_ends(station: Station) -> None:
    running = station.start()
    record = station.wait_until_open()
    running.kill()
    running.communicate()
    assert known.read(station.home.tunnel) is not None
    assert not known.is_held(station.home.tunnel)
    wait_for(lambda: start_time(record.pid) is None, "the end of its ngrok, whose log nobody reads")
    station.start()
    wait_for(lambda: station.record is not None and station.record.pid != record.pid, "the next tunnel")


def test_stop_ends_an_ngrok_whose_keeper_was_killed(
    station: Station, capfd: pytest.CaptureFixture[str]
) -> None:
    running = station.start()
    record = station.wait_until_open()
    os.kill(record.pid, signal.SIGSTOP)  # so that it does not notice the broken pipe
    running.kill()
    running.communicate()
    assert [process.pid for process in stop.running_in(station.home.folder)] == [record.pid]
    os.kill(record.pid, signal.SIGCONT)
    assert stop.stop(station.home.folder) == 0
    wait_for(lambda: start_time(record.pid) is None, "its end")


def test_stop_leaves_a_tunnel_alone_that_somebody_else_keeps(station: Station) -> None:
    station.start()  # as its service does
    station.wait_until_open()
    assert stop.running_in(station.home.folder) == []


def test_its_service_is_ready_at_once_and_told_what_goes_on(station: Station, tmp_path: Path) -> None:
    with spying(str(tmp_path / "n")) as spy:
        running = station.start(NOTIFY_SOCKET=spy.address)
        assert spy.wait_for("STATUS=waiting for ngrok")[0] == "READY=1"
        spy.wait_for(f"STATUS=open: https://{HOST}")
        running.terminate()
        spy.wait_for("STOPPING=1")


# start.sh --tunnel


@pytest.fixture
def run(station: Station, monkeypatch: pytest.MonkeyPatch) -> Iterator[StationRun]:
    """A real station without an adapter, started by the script."""
    settings = own_settings(simulated=False, lines=(Line(port=str(station.plan.with_name("no-adapter"))),))
    station.home.config.unlink()
    station.configure(settings)
    monkeypatch.setenv("PATH", f"{station.programs}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_NGROK", str(station.plan))
    started = StationRun(station.home.folder)
    yield started
    started.stop()


def asked_for(run: StationRun, host: str) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{run.port}/api/live", headers={"Host": host})
    try:
        with NO_PROXY.open(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code


def test_start_with_a_tunnel_says_its_address_and_stop_ends_it(station: Station, run: StationRun) -> None:
    done = run.start("--tunnel", "--port", str(run.port))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"From the internet: https://{HOST}" in done.stdout
    assert [process.name for process in run.processes] == ["poller", "dashboard", "tunnel"]
    assert station.starts[0]["arguments"][1] == str(run.port)
    assert asked_for(run, HOST) == 401  # it asks for a login: the name is known
    assert asked_for(run, "evil.ngrok-free.app") == 421
    ended = run.stop()
    assert ended.returncode == 0
    assert "Stopped poller, dashboard, tunnel" in ended.stdout
    assert start_time(station.starts[0]["pid"]) is None
    assert run.every_process() == []
    assert not station.home.tunnel.exists()


def test_a_station_goes_on_without_its_tunnel_and_says_why(station: Station, run: StationRun) -> None:
    station.does(fails="ERROR:  authentication failed\nERROR:  ERR_NGROK_4018")
    done = run.start("--tunnel", "--port", str(run.port))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No tunnel; the station runs without it." in done.stdout
    assert "ERR_NGROK_4018" in done.stdout
    assert {process.name for process in run.processes if process.runs} == {"poller", "dashboard"}


def test_start_with_a_tunnel_and_demo_passwords_starts_nothing(station: Station, run: StationRun) -> None:
    station.configure(demo_settings(simulated=False))
    done = run.start("--tunnel", "--port", str(run.port))
    assert done.returncode == 78
    assert "No tunnel while demo passwords are in use" in done.stderr
    assert run.every_process() == []
