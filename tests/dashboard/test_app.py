"""The door `app.py` as a person uses it: a real process on a loopback port."""

import base64
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from substation import audit
from substation.audit import KEY_INFO
from substation.settings import vault
from substation.settings.model import Web
from tests.dashboard.conftest import Station, demo_settings
from tests.fake_clock import FakeClock

PROJECT = Path(__file__).resolve().parents[2]
PORTS = range(8061, 8070)


def free_port() -> int:
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    pytest.skip("no port from 8061 to 8069 is free")


@dataclass
class Running:
    """A dashboard that runs, and its station."""

    process: subprocess.Popen[str]
    port: int
    station: Station

    def ask(self, path: str, login: str = "admin:password123", host: str = "localhost") -> tuple[int, bytes]:
        """Return status and body of a GET."""
        headers = {"Host": f"{host}:{self.port}"}
        if login:
            headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    port = free_port()
    clock = FakeClock(now_ms=time.time_ns() // 1_000_000)
    station = Station(tmp_path_factory.mktemp("home"), demo_settings(web=Web(port=port)), clock)
    station.read()
    station.beat()
    process = subprocess.Popen(
        [sys.executable, str(PROJECT / "app.py")],
        env={**os.environ, "SUBSTATION_HOME": str(station.folder), "SUBSTATION_VENV": "/nonexistent"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert f"http://127.0.0.1:{port}/" in first, process.communicate(timeout=10)
        assert "SIMULATED" in first
        yield Running(process, port, station)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


def wait_for(running: Running) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            assert running.ask("/healthz", login="")[0] == 200
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < end
            time.sleep(0.05)
        else:
            return


@pytest.mark.whole
def test_it_serves_a_page_and_the_live_values(running: Running) -> None:
    wait_for(running)
    assert running.ask("/", login="")[0] == 401
    status, body = running.ask("/")
    assert status == 200
    assert b"react-entry-point" in body
    status, body = running.ask("/api/live?keys=v_r&meters=1")
    assert (status, json.loads(body)["meters"][0]["values"]["v_r"]["value"]) == (200, 239.5)
    assert running.ask("/", host="evil.example")[0] == 421


@pytest.mark.whole
def test_a_second_dashboard_on_the_port_is_refused_by_name(running: Running) -> None:
    """R26: in clear words, exit 75."""
    wait_for(running)
    second = subprocess.run(
        [sys.executable, str(PROJECT / "app.py"), "--port", str(running.port)],
        check=False,
        env={**os.environ, "SUBSTATION_HOME": str(running.station.folder), "SUBSTATION_VENV": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert second.returncode == 75
    assert f"port {running.port} " in second.stderr
    assert running.ask("/healthz", login="")[0] == 200


@pytest.mark.whole
def test_slow_clients_do_not_make_others_fail(running: Running) -> None:
    wait_for(running)
    slow = []
    for _ in range(500):
        client = socket.create_connection(("127.0.0.1", running.port), timeout=5)
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        slow.append(client)
    for _ in range(20):
        assert running.ask("/api/live?keys=v_r")[0] == 200
    assert running.ask("/")[0] == 200
    for client in slow:
        client.close()


@pytest.mark.whole
def test_a_head_may_come_in_pieces_and_two_requests_in_one(running: Running) -> None:
    wait_for(running)
    host = f"Host: localhost:{running.port}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as client:
        for piece in (b"GET /heal", b"thz HTTP/1.1\r\nHo", host[2:] + b"GET /healthz HTTP/1.1\r\n" + host):
            client.sendall(piece)
            time.sleep(0.05)
        answers = b""
        while answers.count(b'{"ok": true}') < 2:
            more = client.recv(65_536)
            assert more, answers
            answers += more
    assert answers.count(b"HTTP/1.1 200") == 2


@pytest.mark.whole
def test_what_no_framework_sees_is_refused_without_a_trace(running: Running) -> None:
    wait_for(running)
    long = b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"
    for raw in (long, b"\x16\x03\x01\r\n\r\n", b"GET /\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", running.port), timeout=15) as client:
            try:
                client.sendall(raw)
                answer = client.recv(65_536)
            except ConnectionError:
                assert raw is long  # refused while it was still being sent
                continue
        assert answer.split(b" ")[1] in {b"400", b"431"}
        assert b"Traceback" not in answer
        assert b"/27" not in answer


@pytest.mark.whole
def test_it_stops_within_five_seconds_and_says_so(running: Running) -> None:
    """Last in this file: it ends the dashboard of the tests above."""
    wait_for(running)
    held = socket.create_connection(("127.0.0.1", running.port), timeout=5)
    held.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert held.recv(4096).startswith(b"HTTP/1.1 200")
    began = time.monotonic()
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(timeout=10) == 0
    assert time.monotonic() - began < 5
    held.close()
    events = [line["event"] for line in running.station.audit_lines()]
    assert events[0] == "start"
    assert events[-1] == "stop"
    assert "login" in events
    home = running.station.home
    key = vault.derive(vault.read_key(running.station.folder), KEY_INFO)
    assert not audit.verify(home.audit, key).problems
    log = home.dashboard_log.read_text()
    assert "dashboard stopped" in log
    assert "Traceback" not in log
    assert "password123" not in log + home.audit.read_text()
    for file in (home.dashboard_log, home.audit, home.operator, home.config):
        assert not stat.S_IMODE(file.stat().st_mode) & 0o007, file
