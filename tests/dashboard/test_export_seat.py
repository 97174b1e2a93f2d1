"""The one seat of the export: who has it keeps it only as long as he may, and lets others have it after."""

from collections.abc import Callable, Iterator

import dash
import pytest

from substation.dashboard import export_pace
from substation.dashboard.export_pace import AT_FIRST_S, LEAST_BYTES_PER_S, WINDOW_S, Pace
from substation.dashboard.exporting import Exports, Taken
from substation.errors import StoreError
from substation.settings import people
from substation.settings.model import Settings
from tests.dashboard.conftest import Browser, Station, browse, demo_settings, hashed, make_app
from tests.dashboard.export_fakes import CHUNKS, FILE, RIGHT, Engine, FakeRunning, as_user, ask, put_in, why
from tests.fake_clock import FakeClock

PIECE = 65_536


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    return put_in(monkeypatch)


@pytest.fixture
def engineer(app: dash.Dash, engine: Engine) -> Browser:
    return browse(app, as_user("engineer"))


@pytest.fixture
def administrator(app: dash.Dash, engine: Engine) -> Browser:
    return browse(app, as_user("administrator"))


@pytest.fixture
def exports(app: dash.Dash) -> Exports:
    made = app.server.extensions["export"].exports
    assert isinstance(made, Exports)
    return made


def begun(client: Browser) -> Iterator[bytes]:
    """Return the download of somebody, at its first bytes."""
    stream = iter(client.get(FILE + ask(client).json["token"], buffered=False).response)
    next(stream)
    return stream


@pytest.mark.parametrize("user", ["engineer", "administrator"])
def test_the_seat_is_taken_while_an_export_starts(
    engineer: Browser, engine: Engine, exports: Exports, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    """Starting the child takes a while: whoever asked then, was given the seat too."""
    token = ask(engineer).json["token"]
    refused: list[str] = []
    usual = engine.start

    def start(*given: object, **named: object) -> FakeRunning:
        try:
            exports.check_free(user)
        except Taken as exc:
            refused.append(str(exc))
        return usual(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("substation.export.start", start)
    assert engineer.get(FILE + token).data == b"".join(CHUNKS)
    assert len(refused) == 1, "the seat was given away"
    exports.check_free(user)


@pytest.mark.parametrize("fault", [StoreError("the card is gone"), OSError("no more processes")])
def test_an_export_that_cannot_start_frees_the_seat(
    engineer: Browser, exports: Exports, station: Station, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def start(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("substation.export.start", start)
    assert engineer.get(FILE + ask(engineer).json["token"]).status_code in (500, 503)
    assert len(station.audit_lines("export.aborted")) == 1
    exports.check_free("administrator")


def test_others_are_told_of_a_running_export_and_an_administrator_ends_it(
    app: dash.Dash, engineer: Browser, administrator: Browser, engine: Engine, station: Station
) -> None:
    stream = begun(engineer)
    told = administrator.get("/api/export/progress").json
    assert told["other"]["words"] == "An export by an engineer, not you, runs since 11:30."
    assert "other" not in engineer.get("/api/export/progress").json, "it is his own"
    since = told["other"]["cancel"]
    for wrong in (since + 1, str(since), [since], True):
        assert administrator.post("/api/export/cancel", json={"of_another": wrong}).json == {
            "cancelled": False
        }
    assert administrator.post("/api/export/cancel", json={"of_another": since}).json == {"cancelled": True}
    assert engine.running is not None
    assert engine.running.cancelled
    with pytest.raises(BrokenPipeError):
        next(stream)
    assert why(station) == "ended by the administrator administrator"
    assert station.audit_lines()[-1]["user"] == "engineer"
    told = engineer.get("/api/export/progress").json
    assert (told["state"], told["words"]) == ("failed", "Ended by the administrator administrator.")
    assert ask(administrator).status_code == 200


def test_who_is_no_administrator_ends_his_own_export_only(
    app: dash.Dash, engineer: Browser, administrator: Browser, engine: Engine
) -> None:
    stream = begun(administrator)
    other = engineer.get("/api/export/progress").json["other"]
    assert other == {"words": "An export by an administrator, not you, runs since 11:30.", "cancel": None}
    answer = engineer.post("/api/export/cancel", json={"of_another": 1_795_500_000_000})
    assert answer.status_code == 403
    assert "administrator" in answer.json["error"]
    assert b"".join(stream) == b"".join(CHUNKS[1:])


def without_engineer(settings: Settings) -> Settings:
    return people.removed(settings, "engineer")


CHANGES: list[tuple[Callable[[Settings], Settings], str]] = [
    (lambda s: people.disabled(s, "engineer", True), "the user was disabled"),
    (without_engineer, "the user was removed"),
    (
        lambda s: people.with_role(s, "engineer", "operator"),
        "the user's role does not allow exports any more",
    ),
    (
        lambda s: people.with_password(s, "engineer", hashed("another one 17")),
        "the user's password was changed",
    ),
    (
        lambda s: s.model_copy(update={"export_password_hash": hashed("another one 18")}),
        "the export password was changed",
    ),
]


@pytest.mark.parametrize(("change", "words"), CHANGES)
@pytest.mark.parametrize("running", [True, False])
def test_what_an_export_rests_on_takes_it_along(
    engineer: Browser,
    engine: Engine,
    exports: Exports,
    station: Station,
    clock: FakeClock,
    change: Callable[[Settings], Settings],
    words: str,
    running: bool,
) -> None:
    if running:
        stream = begun(engineer)
    else:
        token = ask(engineer).json["token"]
    station.configure(change(demo_settings()))
    clock.advance(1)
    if running:
        with pytest.raises(BrokenPipeError):
            next(stream)
        assert engine.running is not None
        assert engine.running.cancelled
    else:
        assert exports.begin(token, "engineer", "127.0.0.1", lambda: None) is None
        assert engine.started == []
    assert why(station) == words
    exports.check_free("administrator")


def test_what_does_not_concern_an_export_lets_it_run(
    engineer: Browser, engine: Engine, station: Station, clock: FakeClock
) -> None:
    stream = begun(engineer)
    station.configure(
        people.with_role(people.disabled(demo_settings(), "viewer", True), "engineer", "administrator")
    )
    clock.advance(1)
    assert b"".join(stream) == b"".join(CHUNKS[1:])


def test_a_browser_that_takes_nothing_is_ended_while_it_is_waited_for(
    app: dash.Dash, engineer: Browser, engine: Engine, exports: Exports, station: Station, clock: FakeClock
) -> None:
    """No request and no byte is needed for it: the thread that minds the seat asks the same."""
    hung_up: list[bool] = []
    token = ask(engineer).json["token"]
    download = exports.begin(token, "engineer", "127.0.0.1", lambda: hung_up.append(True))
    assert download is not None
    next(download)
    clock.advance(AT_FIRST_S - 1)
    exports.mind()
    assert not hung_up
    clock.advance(1)
    exports.mind()
    assert hung_up == [True]
    assert engine.running is not None
    assert engine.running.cancelled
    assert why(station) == "the browser took less than 2 kB a second; ask again over a quicker way"
    download.close()
    assert len(station.audit_lines("export.aborted")) == 1


def take(pace: Pace, clock: FakeClock, bytes_per_s: float, seconds: float) -> bool:
    """Let a browser take pieces so quickly for so long; return whether it was too slow at any second."""
    ever = False
    left = seconds
    while left > 0:
        pace.handed(PIECE)
        needs = PIECE / bytes_per_s
        while needs > 0 and left > 0:
            step = min(1.0, needs)
            clock.advance(step)
            needs -= step
            left -= step
            ever = ever or pace.too_slow
        if needs <= 0:
            pace.taken()
    return ever


@pytest.mark.parametrize("bytes_per_s", [LEAST_BYTES_PER_S + 10, 2_300, 9_600, 1e6])
def test_a_slow_phone_is_let_alone(clock: FakeClock, bytes_per_s: float) -> None:
    assert not take(Pace(clock), clock, bytes_per_s, 1800)


@pytest.mark.parametrize("bytes_per_s", [1, 220, 1_000, 1_600])
def test_a_browser_that_only_holds_the_seat_is_not(clock: FakeClock, bytes_per_s: float) -> None:
    assert take(Pace(clock), clock, bytes_per_s, 1800)


def test_a_phone_may_lose_its_network_for_minutes_but_not_for_ever(clock: FakeClock) -> None:
    pace = Pace(clock)
    assert not take(pace, clock, 100_000, 120)
    pace.handed(PIECE)
    clock.advance(WINDOW_S - 20)
    assert not pace.too_slow
    clock.advance(40)
    assert pace.too_slow


def test_the_time_in_which_the_file_is_made_does_not_count(clock: FakeClock) -> None:
    pace = Pace(clock)
    for _ in range(100):
        pace.handed(100)
        clock.advance(0.01)
        pace.taken()
        clock.advance(60)  # the card is slow
        assert not pace.too_slow
    assert len(pace._marks) <= export_pace.WINDOW_S + 2


@pytest.mark.parametrize("body", ['{"a":' * 2000, "[" * 100_000, '{"of_another":' * 60_000])
@pytest.mark.parametrize("address", ["/api/export", "/api/export/cancel"])
def test_a_body_however_deep_is_answered(
    engineer: Browser, engine: Engine, station: Station, body: str, address: str
) -> None:
    answer = engineer.post(address, data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == (400 if address == "/api/export" else 200)
    assert station.audit_lines("export.asked") == []


def test_the_password_of_an_original_hash_seals_after_its_renewal(station: Station, engine: Engine) -> None:
    """The renewal changes the hash on which the export rests; it must not end it."""
    werkzeug = pytest.importorskip("werkzeug.security")
    old = werkzeug.generate_password_hash(RIGHT, method="pbkdf2:sha256:1000")
    station.configure(demo_settings(export_password_hash=old))
    client = browse(make_app(station))
    token = ask(client).json["token"]
    station.clock.advance(2)
    assert client.get(FILE + token).data == b"".join(CHUNKS)
