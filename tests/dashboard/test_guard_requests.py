"""After the login: only from our own pages, only what we understand, and never a trace of the inside."""

import json
from typing import Any

import dash
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dashboard.conftest import Browser, Station, browse, make_app, page_request

CALLBACK = "/_dash-update-component"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def fail() -> None:
    raise ZeroDivisionError("a secret place: /etc/substation")


@pytest.fixture
def failing(station: Station) -> Browser:
    app = make_app(station)
    app.server.add_url_rule("/fail", "fail", fail)
    return browse(app)


def test_every_answer_carries_the_headers(failing: Browser) -> None:
    asked: dict[str, int] = {
        "/": 200, "/meter/1": 200, "/meter/99": 404, "/nothing": 404, "/fail": 500, "/healthz": 200,
        "/api/live": 200, "/api/live?keys=x": 400, "/assets/live.js": 200, "/assets/none.js": 404,
        "/_dash-layout": 200, "/_dash-dependencies": 200, "/_favicon.ico": 200,
        "/_dash-component-suites/dash/deps/react@18.3.1.min.js": 200,
        "/_dash-component-suites/dash/none.js": 404,
    }  # fmt: skip
    answers = [(failing.get(path), status) for path, status in asked.items()]
    answers.append((failing.post("/"), 405))
    answers.append((failing.get("/", headers={"Authorization": None}), 401))
    answers.append((failing.get("/", headers={"Host": "evil.example"}), 421))
    answers.append((failing.post(CALLBACK, json={}), 400))
    answers.append((failing.post(CALLBACK, data=b"x" * 1_100_000, content_type="application/json"), 413))
    answers.append((failing.get("/", headers={"X-Forwarded-For": "1.2.3.4"}), 403))
    for answer, status in answers:
        assert answer.status_code == status, answer.request.path
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, answer.request.path
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-eval" not in policy
        assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
        assert "camera=()" in answer.headers["Permissions-Policy"]
        assert "Cache-Control" in answer.headers
        assert "Server" not in answer.headers
        assert b"Traceback" not in answer.data


def test_every_inline_script_is_named_in_the_policy(client: Browser) -> None:
    import base64  # noqa: PLC0415
    import hashlib  # noqa: PLC0415
    import re  # noqa: PLC0415

    answer = client.get("/")
    inline = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>(.*?)</script>", answer.text, flags=re.DOTALL)
    run = [text for attributes, text in inline if "application/json" not in attributes]
    assert run
    for text in run:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in answer.headers["Content-Security-Policy"]
    assert 'lang="en"' in answer.text
    assert 'name="viewport"' in answer.text


def test_nothing_leads_to_another_host(client: Browser) -> None:
    for path in ("/", "/_dash-layout", "/assets/live.js"):
        text = client.get(path).text
        assert "http://" not in text.replace("http://www.w3.org/", "")
        assert "https:" not in text.replace("https:\\u002f", "https:")


def test_only_what_cannot_change_is_cached(client: Browser) -> None:
    document = client.get("/")
    script = document.text.partition('<script src="')[2].partition('"')[0]
    assert document.headers["Cache-Control"] == "no-store"
    assert "immutable" in client.get(script).headers["Cache-Control"]
    assert "private" in client.get(script).headers["Cache-Control"]
    assert "immutable" in client.get("/assets/live.js?m=1").headers["Cache-Control"]
    assert "no-cache" in client.get("/assets/live.js").headers["Cache-Control"]
    plain = "/_dash-component-suites/dash/deps/react@18.3.1.min.js"
    assert "no-cache" in client.get(plain).headers["Cache-Control"]
    assert client.post(CALLBACK, json=page_request("/")).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("coding", "first"), [("gzip, deflate", "gzip"), ("gzip, br", "br"), ("", None)])
def test_scripts_come_compressed_as_the_browser_likes(
    client: Browser, coding: str, first: str | None
) -> None:
    path = "/_dash-component-suites/dash/deps/react-dom@18.3.1.min.js"
    answer = client.get(path, headers={"Accept-Encoding": coding})
    assert answer.headers.get("Content-Encoding") == first
    tag = answer.headers["ETag"]
    again = client.get(path, headers={"Accept-Encoding": coding, "If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    "path", ["dash/../app.py", "dash/dash.py", "os/path.py", "plotly/__init__.py", "dash/%00"]
)
def test_only_registered_files_are_served(client: Browser, path: str) -> None:
    assert client.get(f"/_dash-component-suites/{path}").status_code == 404


# by which name


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8050", "127.0.0.1", "127.0.0.1:9", "[::1]:8050", "LOCALHOST:8050"]
)
def test_this_machine_knows_itself_by_many_names(client: Browser, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8050", "10.0.0.5:8050", "localhost.evil.example", "x@y"]
)
def test_an_unknown_name_is_refused_before_the_login(client: Browser, host: str) -> None:
    answer = client.get("/", headers={"Host": host, "Authorization": None})
    assert answer.status_code == 421
    assert "web.allowed_hosts" in answer.text
    assert "GS Substation" not in answer.text


def test_a_configured_name_is_known_at_once(station: Station, client: Browser) -> None:
    web = station.settings.web.model_copy(update={"allowed_hosts": ("substation.local",)})
    station.configure(station.settings.model_copy(update={"web": web}))
    station.clock.advance(1)
    assert client.get("/", headers={"Host": "Substation.local:8050"}).status_code == 200


# from where


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "http://localhost.evil.example:8050"},
        {"Origin": "http://[bad"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_another_site_cannot_act_in_a_persons_name(client: Browser, headers: dict[str, str]) -> None:
    answer = client.post(CALLBACK, json=page_request("/"), headers=headers)
    assert answer.status_code == 403


def test_our_own_pages_and_programs_may_act(client: Browser) -> None:
    for headers in ({}, {"Origin": "http://localhost:8050", "Sec-Fetch-Site": "same-origin"}):
        assert client.post(CALLBACK, json=page_request("/"), headers=headers).status_code == 200


def test_another_site_may_link_to_a_page_but_not_load_from_us(client: Browser) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=link).status_code == 200
    load = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert client.get("/api/live", headers=load).status_code == 403


# demo passwords


@pytest.mark.parametrize("source", ["10.0.0.9", "192.168.1.4", "2001:db8::1", "::ffff:10.0.0.9", ""])
def test_demo_passwords_open_nothing_from_elsewhere(client: Browser, source: str) -> None:
    answer = client.get("/", environ_base={"REMOTE_ADDR": source})
    assert answer.status_code == 403
    assert "encrypt_config.py passwd" in answer.text


@pytest.mark.parametrize("source", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_demo_passwords_open_on_this_machine(client: Browser, source: str) -> None:
    assert client.get("/", environ_base={"REMOTE_ADDR": source}).status_code == 200


@pytest.mark.parametrize(
    "name",
    ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "Via", "Ngrok-Skip-Browser-Warning"],
)
def test_demo_passwords_open_nothing_through_a_tunnel(client: Browser, name: str) -> None:
    assert client.get("/", headers={name: "x"}).status_code == 403


def test_demo_passwords_are_found_when_they_are_set_later(station: Station) -> None:
    from tests.dashboard.conftest import own_settings  # noqa: PLC0415

    demo = station.settings
    station.configure(own_settings())
    client = browse(make_app(station))
    elsewhere: dict[str, Any] = {"environ_base": {"REMOTE_ADDR": "10.0.0.9"}}
    assert client.get("/healthz", **elsewhere).status_code == 200
    station.configure(demo)
    station.clock.advance(1)
    assert client.get("/healthz", **elsewhere).status_code == 403


# bodies


def test_a_large_body_is_refused_with_and_without_its_length(client: Browser) -> None:
    large = b'{"output": "' + b"x" * 10_000_000 + b'"}'
    assert client.post(CALLBACK, data=large, content_type="application/json").status_code == 413
    answer = client.post(
        CALLBACK,
        content_type="application/json",
        environ_overrides={"wsgi.input": _Endless(), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
        headers={"Transfer-Encoding": "chunked"},
    )
    assert answer.status_code == 413


class _Endless:
    def read(self, size: int = -1) -> bytes:
        return b" " * (size if size > 0 else 65_536)

    def readline(self, size: int = -1) -> bytes:
        return self.read(size)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"1", b'"x"', b"{}", b"\xff\xfe", b"[" * 200_000, b'{"a":' * 50_000,
        b'{"output": "x.y"}', b'{"output": {"a": 1}}', b'{"output": null, "inputs": 3}',
    ],
)  # fmt: skip
def test_a_body_that_belongs_to_no_callback_is_400(client: Browser, body: bytes) -> None:
    answer = client.post(CALLBACK, data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["error"]


def test_a_body_that_is_no_json_is_415(client: Browser) -> None:
    assert client.post(CALLBACK, data=b"{}", content_type="text/plain").status_code == 415


NASTY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_callback_body_breaks_the_dashboard(client: Browser, data: st.DataObject) -> None:
    app = _app(client.application)
    output = data.draw(st.sampled_from(sorted(app.callback_map)))
    declared = app.callback_map[output]
    body: dict[str, Any] = {
        "output": output,
        "outputs": dash._utils.split_callback_id(output),
        "inputs": [_sent(item, data.draw(NASTY)) for item in declared["inputs"]],
        "state": [_sent(item, data.draw(NASTY)) for item in declared["state"]],
        "changedPropIds": [],
    }
    spoilt = data.draw(
        st.sampled_from(["output", "outputs", "inputs", "state", "changedPropIds", "item", ""])
    )
    if spoilt == "item" and body["inputs"]:
        body["inputs"][0] = data.draw(NASTY)
    elif spoilt and spoilt != "item":
        body[spoilt] = data.draw(NASTY)
    router = "_pages_content" in output
    answer = client.post(CALLBACK, json=body)
    if spoilt or router:
        assert answer.status_code in {200, 204, 400}, (answer.status_code, body)


def _sent(declared: dict[str, Any], value: object) -> object:
    """Return an input as a browser sends it: one component, or a list where the id is a pattern."""
    if not declared["id"].startswith("{"):
        return {**declared, "value": value}
    identity = {
        name: "x" if isinstance(part, list) else part for name, part in json.loads(declared["id"]).items()
    }
    one = {"id": identity, "property": declared["property"], "value": value}
    return [one] if '["ALL' in declared["id"] else one


def _app(server: Flask) -> dash.Dash:
    found = server.extensions["bundles"]._app
    assert isinstance(found, dash.Dash)
    return found


# pages


def content_of(client: Browser, path: str, search: str = "") -> str:
    answer = client.post(CALLBACK, json=page_request(path, search))
    assert answer.status_code == 200, answer.text
    return json.dumps(answer.json["response"])


def test_a_query_cannot_speak_over_the_address(client: Browser) -> None:
    honest = content_of(client, "/meter/1")
    assert "Transformer" in honest
    told = json.loads(content_of(client, "/meter/1", "?meter_id=2"))
    assert told["_pages_store"]["data"]["title"] == "SIMULATED - Transformer - GS Substation"


def test_an_unknown_query_does_not_break_a_page(client: Browser) -> None:
    content_of(client, "/", "?utm_source=mail&x=1&x=2&=&%ff")
    content_of(client, "/meter/1", "?layout=1&self=2")


def test_a_page_asked_without_an_address_is_400(client: Browser) -> None:
    for path in (None, 5, "", ["/"], "meter/1"):
        assert client.post(CALLBACK, json=page_request(path)).status_code == 400  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "path", ["/nothing", "/meter/0", "/meter/6", "/meter/abc", "/meter/", "/meter/1/2", "/not-found-404"]
)
def test_an_unknown_page_is_404_in_the_frame_of_the_others(client: Browser, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "react-entry-point" in answer.text


@pytest.mark.parametrize("path", ["/favicon.ico", "/index.php", "/api/none", "/_dash-none", "/.env"])
def test_an_unknown_file_is_404_without_a_frame(client: Browser, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "react-entry-point" not in answer.text


def test_windows_are_titled_with_page_site_and_simulated(client: Browser) -> None:
    assert "<title>SIMULATED - GS Substation</title>" in client.get("/").text
    assert "SIMULATED - Home - GS Substation" in content_of(client, "/")


def test_a_site_name_is_text_and_no_html(station: Station) -> None:
    hostile = "</title><script>alert(1)</script>{%scripts%}"
    site = station.settings.site.model_copy(update={"name": hostile})
    station.configure(station.settings.model_copy(update={"site": site}))
    text = browse(make_app(station)).get("/").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


def test_a_fault_is_told_by_a_mark_in_the_log(failing: Browser, caplog: pytest.LogCaptureFixture) -> None:
    answer = failing.get("/fail")
    assert answer.status_code == 500
    mark = answer.text.partition("under ")[2].partition(".")[0]
    assert len(mark) == 8
    assert "secret place" not in answer.text
    assert "ZeroDivisionError" not in answer.text
    assert mark in caplog.text
    assert "secret place" in caplog.text


def test_no_debugging_page_is_there(client: Browser) -> None:
    for path in ("/_dash-debug", "/_reload-hash2", "/console", "/_dash-dev-tools"):
        assert client.get(path).status_code == 404
    config = client.get("/").text.partition('type="application/json">')[2].partition("</script>")[0]
    told = json.loads(config)
    assert told["ui"] is False
    assert not told["python_version"]
    assert not told["dash_version_url"]
    assert "hot_reload" not in told
