"""S25, S37, R36: who gets readings out, how often he may guess, and what the audit log says of it."""

from typing import Any

import dash
import pytest

from substation.access import users
from substation.access.tickets import LIFE_S
from substation.settings import files
from tests.dashboard.conftest import (
    PASSWORD,
    Browser,
    Station,
    basic,
    browse,
    demo_settings,
    make_app,
    own_settings,
)
from tests.dashboard.export_fakes import CHUNKS, FILE, RIGHT, Engine, as_user, ask, events, put_in, why
from tests.fake_clock import FakeClock


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    return put_in(monkeypatch)


@pytest.fixture
def engineer(app: dash.Dash, engine: Engine) -> Browser:
    return browse(app, as_user("engineer"))


def test_the_right_password_opens_one_download(engineer: Browser, engine: Engine, station: Station) -> None:
    granted = ask(engineer, every="hour", meters=[1, 4])
    assert granted.status_code == 200
    assert granted.json["rows"] == 300
    assert granted.json["archive_password"] is None
    file = engineer.get(FILE + granted.json["token"], headers={"Accept-Encoding": "gzip, br"})
    assert file.status_code == 200
    assert file.data == b"".join(CHUNKS)
    assert file.mimetype == "application/zip"
    assert file.headers["Content-Disposition"] == 'attachment; filename="meter_data_1year.zip"'
    assert file.headers["Cache-Control"] == "no-store"
    assert "Content-Length" not in file.headers
    assert "Content-Encoding" not in file.headers, (
        "a compressed stream would wait for memory, not for the reader"
    )
    (started,) = engine.started
    assert (started["password"], started["asked_by"]) == (RIGHT, "engineer")
    assert (started["order"].resolution, started["order"].meter_ids) == ("hour", (1, 4))
    assert events(station) == ["export.asked", "export.granted", "export.done"]
    done = station.audit_lines("export.done")[0]
    assert (done["user"], done["src"], done["ok"]) == ("engineer", "127.0.0.1", True)
    assert done["d"].keys() == {"from", "to", "every", "rows", "bytes", "sha256", "ms"}
    assert (done["d"]["rows"], done["d"]["bytes"], done["d"]["sha256"]) == (300, 22, "ab" * 32)


def test_the_stream_is_not_read_ahead(engineer: Browser, engine: Engine) -> None:
    token = ask(engineer).json["token"]
    file = engineer.get(FILE + token, buffered=False)
    assert engine.running is not None
    assert engine.running.sent == 1, "the test client takes the first bytes to see the headers"
    stream = iter(file.response)
    assert [next(stream), next(stream)] == list(CHUNKS[:2])
    assert engine.running.sent == 2
    file.close()


def test_a_token_is_good_once(engineer: Browser, engine: Engine) -> None:
    token = ask(engineer).json["token"]
    assert engineer.get(FILE + token).status_code == 200
    again = engineer.get(FILE + token)
    assert again.status_code == 410
    assert "Ask for the export anew" in again.json["error"]
    assert len(engine.started) == 1


def test_a_look_at_the_address_does_not_spend_it(engineer: Browser, engine: Engine) -> None:
    token = ask(engineer).json["token"]
    assert engineer.head(FILE + token).status_code == 405
    assert engineer.get(FILE + token).status_code == 200


def test_a_token_is_good_for_a_minute(
    engineer: Browser, engine: Engine, station: Station, clock: FakeClock
) -> None:
    token = ask(engineer).json["token"]
    clock.advance(LIFE_S)
    assert engineer.get(FILE + token).status_code == 410
    assert engine.started == []
    assert events(station)[-1] == "export.aborted"
    assert why(station) == "nobody fetched it within 60 s"
    assert ask(engineer).status_code == 200


def test_a_token_is_good_for_nobody_else(app: dash.Dash, engineer: Browser, engine: Engine) -> None:
    token = ask(engineer).json["token"]
    another = browse(app, as_user("administrator"))
    assert another.get(FILE + token).status_code == 410
    assert engine.started == []
    assert engineer.get(FILE + token).status_code == 200


def test_a_token_is_good_nowhere_else(station: Station, engine: Engine) -> None:
    station.configure(own_settings())
    engineer = browse(make_app(station), as_user("engineer"))
    token = ask(engineer, PASSWORD).json["token"]
    elsewhere = {"REMOTE_ADDR": "10.0.0.9"}
    assert engineer.get(FILE + token, environ_overrides=elsewhere).status_code == 410
    assert engineer.get(FILE + token).status_code == 200


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_engineers_and_administrators_export(
    app: dash.Dash, engine: Engine, station: Station, role: str
) -> None:
    client = browse(app, as_user(role))
    for answer in (
        ask(client),
        client.get("/api/export/estimate"),
        client.get("/api/export/progress"),
        client.post("/api/export/cancel"),
        client.get(FILE + "x" * 43),
    ):
        assert answer.status_code == 403
        assert "engineer" in answer.json["error"]
    assert events(station) == []


def test_another_web_site_asks_for_nothing(engineer: Browser, station: Station) -> None:
    answer = engineer.post(
        "/api/export",
        json={"password": RIGHT},
        headers={"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert events(station) == []


def test_a_wrong_password_is_refused_and_noted(engineer: Browser, engine: Engine, station: Station) -> None:
    answer = ask(engineer, "not it")
    assert answer.status_code == 403
    assert "not right" in answer.json["error"]
    assert events(station) == ["export.asked", "export.refused"]
    assert why(station) == "wrong password"


def test_the_sixth_wrong_password_waits_and_the_login_does_not(
    engineer: Browser, engine: Engine, station: Station, clock: FakeClock
) -> None:
    for _ in range(5):
        assert ask(engineer, "not it").status_code == 403
        clock.advance(10)
    for _ in range(3):
        waiting = ask(engineer)
        assert waiting.status_code == 429
        assert "Try again in 15 min" in waiting.json["error"]
        assert int(waiting.headers["Retry-After"]) == 850
    assert events(station).count("export.refused") == 6, "the tries while waiting are one line"
    stranger = {"Authorization": basic("engineer", PASSWORD + "?")}
    assert engineer.get("/", headers=stranger).status_code == 401, "checked, not throttled"
    assert engineer.get("/").status_code == 200
    clock.advance(850)
    assert ask(engineer).status_code == 200


def test_wrong_logins_do_not_lock_the_export(engineer: Browser, engine: Engine) -> None:
    assert engineer.get("/").status_code == 200
    for _ in range(5):
        engineer.get("/", headers={"Authorization": basic("engineer", "not it")})
    assert engineer.get("/", headers={"Authorization": basic("engineer", "not it")}).status_code == 429
    assert ask(engineer).status_code == 200


def test_a_right_password_forgets_the_wrong_ones(engineer: Browser, engine: Engine) -> None:
    for _ in range(2):
        for _ in range(4):
            assert ask(engineer, "not it").status_code == 403
        token = ask(engineer).json["token"]
        assert engineer.get(FILE + token).status_code == 200


def test_without_an_audit_log_nothing_leaves(engineer: Browser, engine: Engine, station: Station) -> None:
    assert engineer.get("/").status_code == 200
    station.home.audit.unlink()
    station.home.audit.mkdir()
    answer = ask(engineer)
    assert answer.status_code == 503
    assert "audit log cannot be written" in answer.json["error"]
    assert engine.started == []
    assert engineer.get("/").status_code == 200
    assert engineer.get("/api/live").status_code == 200
    station.home.audit.rmdir()
    assert ask(engineer).status_code == 200


def test_a_grant_that_cannot_be_noted_is_none(
    engineer: Browser, engine: Engine, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_the_log(*_: object) -> None:
        station.home.audit.rename(station.folder / "away")
        station.home.audit.mkdir()

    monkeypatch.setattr(users, "rehash_export", break_the_log)
    answer = ask(engineer)
    assert answer.status_code == 503
    assert "token" not in answer.json
    assert engineer.get("/api/export/progress").json["state"] == "cancelled"


def test_a_fresh_password_is_shown_once_and_seals_the_file(
    engineer: Browser, engine: Engine, station: Station
) -> None:
    granted = ask(engineer, archive="fresh").json
    fresh = granted["archive_password"]
    assert len(fresh) > 20
    assert fresh != RIGHT
    engineer.get(FILE + granted["token"])
    assert engine.started[0]["password"] == fresh
    assert fresh not in engineer.get("/api/export/progress").text
    assert fresh not in station.home.audit.read_text()
    assert fresh != ask(engineer, archive="fresh").json["archive_password"]


def test_a_station_without_export_password_says_how_to_set_one(station: Station, engine: Engine) -> None:
    station.configure(demo_settings(export_password_hash=None))
    answer = ask(browse(make_app(station)))
    assert answer.status_code == 409
    assert "encrypt_config.py passwd --export" in answer.json["error"]


def test_a_hash_of_the_original_is_renewed_at_its_first_right_use(station: Station, engine: Engine) -> None:
    werkzeug = pytest.importorskip("werkzeug.security")
    old = werkzeug.generate_password_hash(RIGHT, method="pbkdf2:sha256:1000")
    station.configure(demo_settings(export_password_hash=old))
    client = browse(make_app(station))
    assert ask(client, "not it").status_code == 403
    assert files.load(station.folder).settings.export_password_hash == old
    assert ask(client).status_code == 200
    renewed = files.load(station.folder).settings.export_password_hash
    assert renewed is not None
    assert renewed.startswith("$argon2id$")
    station.clock.advance(1)
    assert ask(client).status_code == 200


def test_nothing_is_no_file(engineer: Browser, engine: Engine, station: Station) -> None:
    engine.rows = 0
    answer = ask(engineer)
    assert answer.status_code == 409
    assert answer.json["error"] == "There is nothing to export. No rows."
    assert events(station)[-1] == "export.refused"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "no order"),
        ({}, "password is missing"),
        ({"password": 7}, "password is missing"),
        ({"password": RIGHT, "every": "second"}, "'Every'"),
        ({"password": RIGHT, "meters": [9]}, "no meter 9"),
        ({"password": RIGHT, "archive": "none"}, "unclear"),
    ],
)
def test_what_is_no_order_is_refused_in_words(
    engineer: Browser, station: Station, body: Any, words: str
) -> None:
    answer = engineer.post("/api/export", json=body)
    assert answer.status_code == 400
    assert words in answer.json["error"]
    assert events(station) == []


def test_the_estimate_warns_of_what_no_spreadsheet_opens(engineer: Browser, engine: Engine) -> None:
    query = "?every=quarter&from=2026-11-01&to=2026-11-20&meters=1,2"
    assert engineer.get(f"/api/export/estimate{query}").json["spreadsheet"] is True
    engine.rows = 1_048_576
    assert engineer.get(f"/api/export/estimate{query}").json["spreadsheet"] is False
    wrong = engineer.get("/api/export/estimate?from=2026-13-01")
    assert wrong.status_code == 400
    assert "2026-11-23" in wrong.json["error"]
