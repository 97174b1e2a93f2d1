"""Before the login nothing is parsed and nothing is told."""

import base64
import re
from collections.abc import Iterator

import argon2
import dash
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from substation.access import users
from substation.dashboard.rights import current_user
from substation.settings import files, vault
from substation.settings.model import User
from tests.dashboard.conftest import (
    PASSWORD,
    ROLES,
    Browser,
    Station,
    Stranger,
    basic,
    browse,
    make_app,
    own_settings,
    page_request,
    reading,
)

SECRETS = ("151317", "151.3", "233.77", "233.8", "Transformer", "GS Substation", "EB supply", "admin")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
CALLBACK = "/_dash-update-component"
FORGED = {
    "output": "..children...",
    "inputs": [{"id": "x", "property": "pathname", "value": "/healthz"}],
    "changedPropIds": ["x.pathname"],
}


@pytest.fixture
def telling(station: Station) -> Station:
    """A station with a reading nobody may see: 151317.5 W, 233.77 V."""
    now = station.clock.now_ms()
    station.read(*(reading(n, now, watts_total=151317.5, v_r=233.77) for n in range(1, 6)))
    station.beat()
    return station


@pytest.fixture
def outside(telling: Station) -> Iterator[Browser]:
    with browse(make_app(telling), Stranger) as made:
        yield made


def addresses(app: Flask) -> set[str]:
    """Return every address of the server with something in its variable parts, and some more."""
    fill = {"package_name": "dash", "fingerprinted_path": "deps/react@18.3.1.min.js", "filename": "live.js"}
    found = set()
    for rule in app.url_map.iter_rules():
        found.add(re.sub(r"<(?:[^:>]+:)?([^>]+)>", lambda match: fill.get(match[1], "meter/1"), rule.rule))
    more = (
        "/_dash-anything",
        "/_mcp",
        "/_dash-ws-callback",
        "/_alive_x",
        "/static/x",
        "/..",
        "//",
        "/healthz/",
    )
    return found | set(more) | {"/_dash-debug", "/%00", "/meter/1", "/patterns", "/nothing"}


def says_nothing(answer: object) -> None:
    text = answer.text + str(answer.headers)
    for secret in (
        "151317",
        "151.3",
        "233.77",
        "233.8",
        "Transformer",
        "GS Substation",
        "EB supply",
        "admin",
    ):
        assert secret not in text


def test_every_route_with_every_method_asks_for_a_login(outside: Browser) -> None:
    walked = addresses(outside.application)
    assert {"/", "/api/live", CALLBACK, "/_dash-layout", "/_dash-dependencies", "/meter/1"} <= walked
    for address in sorted(walked):
        for method in METHODS:
            answer = outside.open(address, method=method)
            if method == "GET" and address in {"/healthz", "/logged-out"}:
                assert answer.status_code == 200
            else:
                assert answer.status_code == 401, (address, method)
                assert answer.headers["WWW-Authenticate"].startswith("Basic ")
            says_nothing(answer)


def test_every_callback_asks_for_a_login(outside: Browser, telling: Station) -> None:
    app = make_app(telling)
    assert app.callback_map
    for output, callback in app.callback_map.items():
        body = {
            "output": output,
            "inputs": callback["inputs"],
            "state": callback["state"],
            "changedPropIds": [],
        }
        answer = outside.post(CALLBACK, json=body)
        assert answer.status_code == 401, output
        says_nothing(answer)


def test_a_forged_public_path_opens_nothing(outside: Browser) -> None:
    for path in ("/healthz", "/", "/assets/live.js", "/public", ""):
        for output in ("_pages_content.children", "..x.children.._pages_content.children.."):
            body = {**FORGED, "output": output}
            body["inputs"] = [{"id": "_pages_location", "property": "pathname", "value": path}]
            answer = outside.post(CALLBACK, json=body)
            assert answer.status_code == 401
            says_nothing(answer)
    assert outside.get("/_dash-layout").status_code == 401


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"{", b"\xff", b'{"output": 1}', b"[" * 5000])
def test_no_body_is_parsed_before_the_login(outside: Browser, body: bytes) -> None:
    answer = outside.post(CALLBACK, data=body, content_type="application/json")
    assert answer.status_code == 401


MALFORMED = (
    "Basic", "Basic ", "Basic !!!", "Basic Og==", "Basic YWRtaW4=", "Basic //79/A==", "Bearer x", "basic",
    "\t",
    "Digest realm=x", "Basic YTpi, Basic YTpi", "Negotiate", "Basic " + "A" * 4000, "Basic =", "Basic YQ",
)  # fmt: skip


@pytest.mark.parametrize("header", MALFORMED)
def test_a_malformed_header_is_401_however_often(outside: Browser, header: str) -> None:
    for _ in range(7):
        assert outside.get("/api/live", headers={"Authorization": header}).status_code == 401


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    scheme=st.sampled_from(["", "Basic ", "basic ", "BASIC  ", "Basic\t", "Bearer "]),
    rest=st.one_of(
        st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=80),
        st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode()),
    ),
)
def test_no_header_breaks_the_login(quiet: Browser, scheme: str, rest: str) -> None:
    answer = quiet.get("/", headers={"Authorization": scheme + rest})
    assert answer.status_code in {401, 429, 503}


@pytest.fixture
def quiet(outside: Browser, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """A stranger whose wrong passwords cost nothing."""
    monkeypatch.setattr(users, "check", lambda *_: None)
    return outside


def test_the_page_without_a_login_says_what_to_do(outside: Browser) -> None:
    answer = outside.get("/")
    assert answer.mimetype == "text/html"
    assert "Please log in" in answer.text
    assert "<script" not in answer.text
    assert outside.get("/api/live").json["error"].startswith("Please log in")


@pytest.mark.parametrize("role", ROLES)
def test_every_role_sees_every_page_of_first_light(station: Station, role: str) -> None:
    app = make_app(station)
    headers = {"Authorization": basic(role, PASSWORD)}
    client = browse(app)
    for path in ("/", "/meter/1", "/meter/5", "/patterns", "/api/live", "/_dash-layout"):
        assert client.get(path, headers=headers).status_code == 200, path


def test_a_route_learns_who_asks(station: Station) -> None:
    app = make_app(station)
    app.server.add_url_rule("/who", "who", lambda: f"{current_user().name} {current_user().role}")
    headers = {"Authorization": basic("engineer", PASSWORD)}
    assert browse(app).get("/who", headers=headers).text == "engineer engineer"


def test_nobody_is_logged_in_outside_a_request(app: dash.Dash) -> None:
    with app.server.test_request_context("/"), pytest.raises(RuntimeError, match="nobody"):
        current_user()


def test_a_disabled_user_is_refused(station: Station) -> None:
    changed = [user.model_copy(update={"disabled": user.name == "viewer"}) for user in station.settings.users]
    station.configure(station.settings.model_copy(update={"users": tuple(changed)}))
    client = browse(make_app(station))
    assert client.get("/", headers={"Authorization": basic("viewer", PASSWORD)}).status_code == 401
    assert client.get("/", headers={"Authorization": basic("operator", PASSWORD)}).status_code == 200


def test_a_changed_password_counts_within_a_second(station: Station, client: Browser) -> None:
    header = {"Authorization": basic("engineer", PASSWORD)}
    assert client.get("/", headers=header).status_code == 200
    kept = tuple(user for user in station.settings.users if user.name != "engineer")
    other = station.settings.users[0].model_copy(update={"name": "engineer"})  # now with the demo password
    station.configure(station.settings.model_copy(update={"users": (*kept, other)}))
    station.clock.advance(1)
    assert client.get("/", headers=header).status_code == 401
    assert client.get("/", headers={"Authorization": basic("engineer")}).status_code == 200


def test_the_sixth_wrong_password_has_to_wait_in_words(client: Browser) -> None:
    wrong = {"Authorization": basic("admin", "wrong")}
    assert [client.get("/", headers=wrong).status_code for _ in range(5)] == [401] * 5
    answer = client.get("/", headers=wrong)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 300
    assert "Too many wrong passwords" in answer.text
    assert "min" in answer.text
    assert "WWW-Authenticate" not in answer.headers
    right = client.get("/")
    assert right.status_code == 429  # from the same address even the right one: no answer tells which it is


def test_a_flood_of_wrong_passwords_is_few_lines(station: Station, client: Browser) -> None:
    wrong = {"Authorization": basic("admin", "wrong")}
    for _ in range(60):
        client.get("/", headers=wrong)
    assert [line["event"] for line in station.audit_lines()] == ["login.failed"] * 5 + ["login.throttled"]


def test_an_old_hash_becomes_a_strong_one_at_the_next_login(station: Station) -> None:
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    users = (User(name="viewer", role="viewer", password_hash=weak),)
    station.configure(station.settings.model_copy(update={"users": users}))
    client = browse(make_app(station))
    header = {"Authorization": basic("viewer", PASSWORD)}
    assert client.get("/", headers=header).status_code == 200
    stored = files.load(station.folder).settings.users[0].password_hash
    assert stored != weak
    assert not vault.needs_rehash(stored)
    station.clock.advance(1)
    assert client.get("/", headers=header).status_code == 200


def test_the_audit_log_tells_logins_and_pages_but_no_polls(station: Station, client: Browser) -> None:
    client.get("/")
    client.get("/meter/2")
    client.get("/nothing")
    for _ in range(10):
        client.get("/api/live")
        client.get("/_dash-layout")
    client.get("/", headers={"Authorization": basic("mallory\r\n", "wrong")})
    client.get("/", headers={"Authorization": basic("mallory", "canary password")})
    told = [(line["event"], line["user"].split("(")[0], line["ok"]) for line in station.audit_lines()]
    assert told == [
        ("login", "admin", True),
        ("page", "admin", True),
        ("page", "admin", True),
        ("login.failed", "ma... ", False),
    ]
    assert [line["d"]["path"] for line in station.audit_lines("page")] == ["/", "/meter/2"]
    assert {line["src"] for line in station.audit_lines()} == {"127.0.0.1"}
    assert "canary" not in station.home.audit.read_text()


def test_a_page_and_its_content_are_one_look(station: Station, client: Browser) -> None:
    body = page_request("/meter/2")
    client.get("/meter/2")
    assert client.post(CALLBACK, json=body).status_code == 200
    assert len(station.audit_lines("page")) == 1
    client.get("/")
    assert client.post(CALLBACK, json=body).status_code == 200  # back, without a new document
    assert [line["d"]["path"] for line in station.audit_lines("page")] == ["/meter/2", "/", "/meter/2"]


def test_own_passwords_open_from_elsewhere(station: Station) -> None:
    station.configure(own_settings(web=station.settings.web.model_copy(update={"bind": "0.0.0.0"})))  # noqa: S104
    client = browse(make_app(station))
    answer = client.get(
        "/",
        headers={"Authorization": basic("viewer", PASSWORD), "X-Forwarded-For": "10.0.0.9"},
        environ_base={"REMOTE_ADDR": "10.0.0.9"},
    )
    assert answer.status_code == 200
