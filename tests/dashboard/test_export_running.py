"""One export at a time, how far it is, and every way in which it ends but the good one."""

import dash
import pytest

from substation.access import tickets
from substation.dashboard import stopping
from substation.errors import StoreError
from tests.dashboard.conftest import Browser, Station, browse
from tests.dashboard.export_fakes import CHUNKS, FILE, Engine, FakeRunning, as_user, ask, events, put_in, why


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    return put_in(monkeypatch)


@pytest.fixture
def engineer(app: dash.Dash, engine: Engine) -> Browser:
    return browse(app, as_user("engineer"))


def test_one_export_at_a_time(app: dash.Dash, engineer: Browser, engine: Engine, station: Station) -> None:
    token = ask(engineer).json["token"]
    another = browse(app, as_user("administrator"))
    for begun in (False, True):
        if begun:
            file = engineer.get(FILE + token, buffered=False)
        answer = ask(another)
        assert answer.status_code == 429
        assert "one is made at a time" in answer.json["error"]
        assert "engineer" not in answer.json["error"]
        assert why(station) == "another export is under way"
    assert "cancel it" in ask(engineer).json["error"]
    assert b"".join(file.response) == b"".join(CHUNKS)
    file.close()
    assert ask(another).status_code == 200


def test_asking_anew_gives_up_what_waits(engineer: Browser, engine: Engine, station: Station) -> None:
    first, second = (ask(engineer).json["token"] for _ in range(2))
    assert engineer.get(FILE + first).status_code == 410
    assert engineer.get(FILE + second).status_code == 200
    assert [line["d"]["why"] for line in station.audit_lines("export.aborted")] == ["asked for anew"]


def test_a_browser_that_goes_away_ends_the_work(engineer: Browser, engine: Engine, station: Station) -> None:
    file = engineer.get(FILE + ask(engineer).json["token"], buffered=False)
    next(iter(file.response))
    file.close()
    assert engine.running is not None
    assert engine.running.cancelled
    (line,) = station.audit_lines("export.aborted")
    assert (line["d"]["rows"], line["d"]["why"], line["ok"]) == (
        100,
        "the browser broke the download off",
        False,
    )
    assert ask(engineer).status_code == 200


def test_one_that_goes_before_the_first_byte_too(
    app: dash.Dash, engineer: Browser, engine: Engine, station: Station
) -> None:
    """A generator that was never begun would not notice its end; this stream does."""
    token = ask(engineer).json["token"]
    exports = app.server.extensions["export"].exports
    download = exports.begin(token, "engineer", "127.0.0.1", lambda: None)
    download.close()
    assert engine.running is not None
    assert engine.running.cancelled
    assert why(station) == "the browser broke the download off"


def test_a_part_never_ends_like_a_whole(engineer: Browser, engine: Engine, station: Station) -> None:
    engine.next = FakeRunning(fails="the history is damaged")
    file = engineer.get(FILE + ask(engineer).json["token"], buffered=False)
    with pytest.raises(BrokenPipeError, match="damaged"):
        b"".join(file.response)
    file.close()
    assert why(station) == "the history is damaged"
    told = engineer.get("/api/export/progress").json
    assert (told["state"], told["words"]) == ("failed", "The history is damaged.")


def test_an_export_that_cannot_begin_says_why(engineer: Browser, engine: Engine, station: Station) -> None:
    engine.next = StoreError("daily_data.db: cannot be read")
    answer = engineer.get(FILE + ask(engineer).json["token"])
    assert answer.status_code == 503
    assert "daily_data.db" in answer.json["error"]
    assert events(station)[-1] == "export.aborted"


def test_a_fault_of_ours_writes_no_token_into_the_log(
    engineer: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token = ask(engineer).json["token"]
    monkeypatch.setattr(tickets.Tickets, "redeem", lambda *_: 1 / 0)
    assert engineer.get(FILE + token).status_code == 500
    assert "/api/export/file/<token>" in caplog.text
    assert token not in caplog.text


def test_progress_is_told_to_whoever_asked(app: dash.Dash, engineer: Browser, engine: Engine) -> None:
    assert engineer.get("/api/export/progress").json == {"state": "none"}
    token = ask(engineer).json["token"]
    waiting = engineer.get("/api/export/progress").json
    assert (waiting["state"], waiting["rows"], waiting["of"]) == ("waiting", 0, 300)
    file = engineer.get(FILE + token, buffered=False)
    stream = iter(file.response)
    next(stream)
    told = engineer.get("/api/export/progress").json
    assert told == {
        "state": "running",
        "rows": 100,
        "of": 300,
        "bytes": 10,
        "left_s": 2.0,
        "fresh": False,
        "words": "",
    }
    another = browse(app, as_user("administrator"))
    assert another.get("/api/export/progress").json["state"] == "none"
    assert another.post("/api/export/cancel").json == {"cancelled": False}
    assert b"".join(stream) == b"".join(CHUNKS[1:])
    file.close()
    told = engineer.get("/api/export/progress").json
    assert (told["state"], told["rows"], told["bytes"], told["left_s"]) == ("done", 300, 22, None)


@pytest.mark.parametrize("begun", [False, True])
def test_cancel_ends_it(engineer: Browser, engine: Engine, station: Station, begun: bool) -> None:
    token = ask(engineer).json["token"]
    if begun:
        file = engineer.get(FILE + token, buffered=False)
        stream = iter(file.response)
        next(stream)
    assert engineer.post("/api/export/cancel").json == {"cancelled": True}
    if begun:
        with pytest.raises(BrokenPipeError):
            next(stream)
        file.close()
    else:
        assert engineer.get(FILE + token).status_code == 410
    assert engineer.get("/api/export/progress").json["state"] == "cancelled"
    assert [line["d"]["why"] for line in station.audit_lines("export.aborted")] == [
        "cancelled by whoever asked for it"
    ]
    assert engineer.post("/api/export/cancel").json == {"cancelled": False}


def test_a_stop_ends_it_and_gives_nothing_more(engineer: Browser, engine: Engine, station: Station) -> None:
    file = engineer.get(FILE + ask(engineer).json["token"], buffered=False)
    stream = iter(file.response)
    next(stream)
    stopping.end_long_answers()
    assert engine.running is not None
    assert engine.running.cancelled
    assert why(station) == "the dashboard was stopped"
    with pytest.raises(BrokenPipeError):
        next(stream)
    file.close()
    assert "stopping" in ask(engineer).json["error"]
    assert len(station.audit_lines("export.aborted")) == 1
