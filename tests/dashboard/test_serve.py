"""The dashboard's process: what is wrong is said before anything listens."""

import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from substation.dashboard import operators, serve
from substation.dashboard.serve import LazyServer, bound, main
from substation.errors import (
    EXIT_BUSY,
    EXIT_CONFIG,
    EXIT_MEDIUM,
    EXIT_OK,
    EXIT_USAGE,
    Busy,
    SettingsError,
)
from substation.settings.model import Web
from substation.store.history import History
from substation.store.operator_db import OperatorDb
from tests.dashboard.conftest import Station, basic, browse, demo_settings, make_app, own_settings

ANY = "0.0.0.0"  # noqa: S104  refused before it is opened


@pytest.fixture
def home(station: Station, monkeypatch: pytest.MonkeyPatch) -> Station:
    """A station named by SUBSTATION_HOME; serving it is not part of these tests."""
    monkeypatch.setenv("SUBSTATION_HOME", str(station.folder))
    monkeypatch.delenv("SUBSTATION_PORT", raising=False)
    monkeypatch.setattr(serve, "_run_gunicorn", _must_not_run)
    monkeypatch.setattr(serve.memory, "thrifty", lambda: None)
    return station


def _must_not_run(*_: object) -> int:
    raise AssertionError("nothing may be served")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_station_without_a_configuration_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    assert main([]) == EXIT_CONFIG
    assert "python3 encrypt_config.py" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "80 80"])
def test_a_wrong_port_is_wrong_usage(home: Station, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", port]) == EXIT_USAGE
    assert capsys.readouterr().err


def test_help_needs_no_station(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    assert main(["--help"]) == EXIT_OK
    assert "--port" in capsys.readouterr().out


def test_an_unknown_argument_is_wrong_usage(home: Station) -> None:
    assert main(["--bind", "0.0.0.0"]) == EXIT_USAGE  # noqa: S104


def test_a_busy_port_is_named(home: Station, taken: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", str(taken)]) == EXIT_BUSY
    assert f"port {taken} " in capsys.readouterr().err
    assert home.audit_lines() == []


def test_the_port_may_come_from_the_environment(
    home: Station, taken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUBSTATION_PORT", str(taken))
    assert main([]) == EXIT_BUSY
    assert f"port {taken} " in capsys.readouterr().err


def test_demo_passwords_refuse_the_network(home: Station, capsys: pytest.CaptureFixture[str]) -> None:
    home.configure(demo_settings(web=Web(bind=ANY)))
    assert main([]) == EXIT_CONFIG
    words = capsys.readouterr().err
    assert "web.bind" in words
    assert "admin" in words
    assert "encrypt_config.py passwd" in words
    assert "password123" not in words


def test_own_passwords_may_serve_the_network(home: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    served: list[str] = []
    monkeypatch.setattr(serve, "bound", lambda bind, _port: served.append(bind) or socket.socket())
    monkeypatch.setattr(serve, "_run_gunicorn", lambda fd, *_: socket.socket(fileno=fd).close() or 0)
    monkeypatch.setattr(serve, "_log_to", lambda _path: None)
    home.configure(own_settings(web=Web(bind=ANY, port=port)))
    assert main([]) == EXIT_OK
    assert served == [ANY]


def test_the_operators_database_of_the_other_kind_is_refused(
    home: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    OperatorDb(home.home.operator, simulated=False).close()
    assert main([]) == EXIT_CONFIG
    assert "real station" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["directory", "rubbish", "empty"])
def test_a_damaged_operators_database_costs_no_reading(station: Station, damage: str) -> None:
    if damage == "directory":
        station.home.operator.mkdir()
    else:
        station.home.operator.write_bytes(b"rubbish " * 999 if damage == "rubbish" else b"")
    operators.prove(station.home, station.settings)
    client = browse(make_app(station))
    station.read()
    station.beat()
    station.clock.advance(1)
    told = client.get("/api/live").json
    assert told["meters"][0]["values"]["v_r"]["quality"] == "good"
    assert any("Failed logins are counted in memory" in words for words in told["problems"])
    wrong = {"Authorization": basic("admin", "wrong")}
    assert [client.get("/", headers=wrong).status_code for _ in range(6)] == [401] * 5 + [429]


def test_the_history_of_the_other_kind_is_refused(home: Station, capsys: pytest.CaptureFixture[str]) -> None:
    History(home.home.history, False, home.clock, home.settings.site.zone).close()
    assert main([]) == EXIT_CONFIG
    assert "daily_data.db" in capsys.readouterr().err


def test_an_address_of_another_machine_is_a_setting_to_correct(home: Station) -> None:
    home.configure(own_settings(web=Web(bind="192.0.2.1")))
    assert main([]) == EXIT_CONFIG
    with pytest.raises(SettingsError, match=r"web\.bind"):
        bound("192.0.2.1", 8061)
    with pytest.raises(SettingsError, match=r"web\.bind"):
        bound("no such name.invalid", 8061)


def test_binding_twice_says_that_the_port_is_busy(taken: int) -> None:
    with pytest.raises(Busy, match=str(taken)):
        bound("127.0.0.1", taken)


def call(server: LazyServer, path: str = "/healthz") -> tuple[str, bytes]:
    """Ask a WSGI server for a path."""
    told: list[str] = []

    def start(status: str, _headers: list[tuple[str, str]], _exc: object = None) -> None:
        told.append(status)

    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": "localhost", "SERVER_PORT": "80",
        "HTTP_HOST": "localhost", "REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http", "wsgi.input": None,
    }  # fmt: skip
    body: Iterable[bytes] = server(environ, start)
    return told[0], b"".join(body)


def test_the_server_works_as_soon_as_there_is_a_configuration(tmp_path: Path, station: Station) -> None:
    server = LazyServer(tmp_path / "nothing here")
    status, body = call(server)
    assert status.startswith("503")
    assert b"app.log" in body
    assert str(tmp_path).encode() not in body
    server._folder = station.folder
    assert call(server)[0].startswith("200")


def test_importing_the_door_touches_no_station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib  # noqa: PLC0415

    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    door = importlib.import_module("app")
    assert callable(door.server)
    assert call(LazyServer())[0].startswith("503")
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_is_not_there_does_not_end_the_service_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path / "card"))
    monkeypatch.setattr(serve.memory, "thrifty", lambda: None)
    assert main([]) == EXIT_MEDIUM
    assert "card: the station's folder is not there. Put its medium in" in capsys.readouterr().err
