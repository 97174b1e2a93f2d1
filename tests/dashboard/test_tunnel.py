"""Through a tunnel: exactly its own name is let in, its people are told apart by user alone."""

import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from substation.access import tunnel
from substation.dashboard.tunnel import Tunnel
from substation.settings.model import Home, Web
from tests.dashboard.conftest import (
    PASSWORD,
    Browser,
    Station,
    basic,
    browse,
    make_app,
    own_settings,
    page_request,
)
from tests.fake_clock import FakeClock
from tests.fake_ngrok import LocalApi, local_api

HOST = "quiet-lark-42.ngrok-free.app"
PORT = 8050


@pytest.fixture(autouse=True)
def _no_other_ngrok(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that happens to run on this machine is none of ours."""
    monkeypatch.setattr(tunnel, "API_PORTS", ())


@pytest.fixture
def ngrok(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalApi]:
    with local_api() as api:
        monkeypatch.setattr(tunnel, "API_PORTS", (api.port,))
        yield api


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "state").mkdir()
    return Home(tmp_path)


def opened(home: Home, host: str = HOST) -> int:
    """Open a tunnel as its process does; return the handle that holds its lock."""
    handle = tunnel.take_lock(home.tunnel, FakeClock())
    tunnel.write(home.tunnel, tunnel.Record(host, f"https://{host}", 1, 1, "boot", 1))
    return handle


@pytest.fixture
def open_tunnel(station: Station) -> Iterator[None]:
    handle = opened(station.home)
    yield
    os.close(handle)


def test_the_name_of_the_running_tunnel_is_let_in(home: Home, clock: FakeClock) -> None:
    known = Tunnel(home, clock)
    assert not known.carries(HOST, PORT)
    handle = opened(home)
    clock.advance(1)
    assert known.carries(HOST, PORT)
    assert known.carries(f"{HOST.upper()}:443", PORT)
    for other in ("", "evil.ngrok-free.app", f"evil.{HOST}", "ngrok-free.app", "localhost", "127.0.0.1:8050"):
        assert not known.carries(other, PORT), other
    os.close(handle)


def test_a_record_that_a_killed_tunnel_left_lets_nobody_in(home: Home, clock: FakeClock) -> None:
    known = Tunnel(home, clock)
    os.close(opened(home))  # the kernel gives the lock back, the record stays
    assert tunnel.read(home.tunnel) is not None
    assert not known.carries(HOST, PORT)


def test_a_second_tunnel_of_one_station_is_refused_and_a_look_at_the_lock_is_no_tunnel(home: Home) -> None:
    assert not tunnel.is_held(home.tunnel)
    handle = tunnel.take_lock(home.tunnel, FakeClock())
    assert tunnel.is_held(home.tunnel)
    with pytest.raises(tunnel.Busy, match="already runs"):
        tunnel.take_lock(home.tunnel, FakeClock())
    os.close(handle)
    assert not tunnel.is_held(home.tunnel)
    os.close(tunnel.take_lock(home.tunnel, FakeClock()))


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"v": 2, "host": "x"}', '{"v": 1, "host": "x"}', "\0"])
def test_a_damaged_record_is_none(home: Home, content: str) -> None:
    home.tunnel.write_text(content)
    assert tunnel.read(home.tunnel) is None


def test_an_ngrok_typed_by_hand_is_known_by_the_name_it_gives_itself(
    home: Home, clock: FakeClock, ngrok: LocalApi
) -> None:
    known = Tunnel(home, clock)
    ngrok.leads(HOST, PORT)
    ngrok.leads("other-station.ngrok.app", 9999)
    assert known.carries(HOST, PORT)
    assert not known.carries("evil.ngrok-free.app", PORT)
    assert not known.carries("other-station.ngrok.app", PORT)
    assert ngrok.asked == 1


def test_a_local_ngrok_is_asked_once_in_ten_seconds_and_only_about_names_like_its_own(
    home: Home, clock: FakeClock, ngrok: LocalApi
) -> None:
    known = Tunnel(home, clock)
    for _ in range(50):
        known.carries("station.example", PORT)
    assert ngrok.asked == 0
    for _ in range(50):
        known.carries(HOST, PORT)
    assert ngrok.asked == 1
    ngrok.leads(HOST, PORT)
    assert not known.carries(HOST, PORT)
    clock.advance(10)
    assert known.carries(HOST, PORT)
    ngrok.tunnels.clear()
    clock.advance(10)
    assert not known.carries(HOST, PORT)
    assert ngrok.asked == 3


def test_an_ngrok_that_hangs_holds_up_one_request_for_a_moment_and_no_other(
    home: Home, clock: FakeClock, ngrok: LocalApi
) -> None:
    known = Tunnel(home, clock)
    ngrok.hang = threading.Event()
    began = time.monotonic()
    first = threading.Thread(target=known.carries, args=(HOST, PORT))
    first.start()
    while ngrok.asked == 0:
        time.sleep(0.001)
    meanwhile = time.monotonic()
    assert not known.carries(HOST, PORT)
    assert time.monotonic() - meanwhile < 0.1
    first.join(5)
    assert 0.2 < time.monotonic() - began < 1.0


def answering(words: bytes) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]

        def answer() -> None:
            with server.accept()[0] as visitor:
                visitor.recv(1000)
                visitor.sendall(words)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield port
        thread.join(2)


@pytest.mark.parametrize(
    "words",
    [
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"tunnels": [3]}',
        b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"tunnels": {}}',
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
        b"",
    ],
)
def test_whatever_else_answers_there_is_no_tunnel(words: bytes) -> None:
    for port in answering(words):
        assert tunnel.ask(port) == []


def test_nobody_there_is_no_tunnel() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert tunnel.ask(port) == []


# through the guard


@pytest.fixture
def far(station: Station, open_tunnel: None) -> Browser:
    """A browser far away, on a station with passwords of its own."""
    station.configure(own_settings())
    return browse(make_app(station))


def asked(browser: Browser, path: str = "/api/live", **headers: Any) -> Any:
    said = {"Host": HOST, "X-Forwarded-For": "203.0.113.9", "Authorization": basic("viewer", PASSWORD)}
    return browser.get(path, headers={**said, **headers})


def test_a_request_through_the_tunnel_is_answered(far: Browser) -> None:
    assert asked(far).status_code == 200
    assert asked(far, Host="evil.ngrok-free.app").status_code == 421


def test_the_tunnels_name_counts_only_where_a_tunnel_ends(far: Browser) -> None:
    said = {"Host": HOST, "Authorization": basic("viewer", PASSWORD)}
    answer = far.get("/api/live", headers=said, environ_overrides={"REMOTE_ADDR": "192.168.1.7"})
    assert answer.status_code == 421


def test_demo_passwords_open_nothing_through_a_tunnel(station: Station, open_tunnel: None) -> None:
    browser = browse(make_app(station))
    answer = asked(browser, Authorization=basic(), **{"X-Forwarded-For": None})
    assert answer.status_code == 403
    assert "demo passwords" in answer.get_json()["error"]
    assert asked(browser, Host="localhost:8050", Authorization=basic()).status_code == 403  # it was relayed


def test_behind_a_tunnel_failed_logins_are_counted_by_user_whatever_the_far_end_says(
    station: Station, far: Browser
) -> None:
    for number in range(6):
        answer = asked(
            far, Authorization=basic("viewer", "wrong"), **{"X-Forwarded-For": f"203.0.113.{number}"}
        )
    assert answer.status_code == 429
    assert asked(far, Authorization=basic("engineer", PASSWORD)).status_code == 200
    near = far.get(
        "/api/live", headers={"Authorization": basic("viewer", PASSWORD), "Host": "localhost:8050"}
    )
    assert near.status_code == 200
    sources = {line["src"] for line in station.audit_lines("login.failed")}
    assert sources == {"tunnel"}


def test_the_far_ends_address_is_a_detail_of_the_audit_line(station: Station, far: Browser) -> None:
    asked(far, "/", **{"X-Forwarded-For": "203.0.113.9, 10.0.0.1" + "x" * 500})
    (page,) = station.audit_lines("page")
    assert page["src"] == "tunnel"
    assert page["d"]["forwarded_for"].startswith("203.0.113.9, 10.0.0.1x")
    assert len(page["d"]["forwarded_for"]) == 100
    far.get("/", headers={"Host": "localhost:8050", "Authorization": basic("viewer", PASSWORD)})
    assert "forwarded_for" not in station.audit_lines("page")[-1]["d"]


# how often a page asks


def layout(browser: Browser, host: str) -> str:
    answer = browser.get("/_dash-layout", headers={"Host": host, "Authorization": basic("viewer", PASSWORD)})
    assert answer.status_code == 200
    return str(answer.get_data(as_text=True))


def charts_pace_ms(browser: Browser, host: str) -> int:
    said = {"Host": host, "Authorization": basic("viewer", PASSWORD)}
    answer = browser.post("/_dash-update-component", json=page_request("/"), headers=said)
    (found,) = re.findall(r'"interval":\s*(\d+)', answer.get_data(as_text=True))
    return int(found)


def test_a_page_is_told_to_ask_seldom_through_the_tunnel_and_says_so(station: Station, far: Browser) -> None:
    station.configure(own_settings(web=Web(tunnel_refresh_s=45.0)))
    station.clock.advance(1)
    assert '"data-every":"45"' in layout(far, HOST).replace(": ", ":")
    assert "Values are asked for every 45 s; each shows its age." in layout(far, HOST)
    near = layout(far, "localhost:8050")
    assert '"data-every":"1"' in near.replace(": ", ":")
    assert "Values are asked for" not in near


def test_charts_are_renewed_ten_times_more_seldom_than_live_values(far: Browser) -> None:
    assert charts_pace_ms(far, HOST) == 300_000
    assert charts_pace_ms(far, "localhost:8050") == 60_000


def test_our_own_pages_are_told_when_a_reading_of_this_station_is_late_and_stale(
    station: Station, far: Browser
) -> None:
    station.clock.advance(1)  # past the board that was made with the application
    station.read()
    station.beat(interval_s=10.0)
    assert asked(far, "/api/live?screen=line:0").get_json()["limits"] == [20.0, 50.0]
