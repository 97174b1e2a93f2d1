"""An administrator adds, changes and removes who may log in; each change counts at once and is audited."""

import json
import threading
from typing import Any

import dash
import pytest
from werkzeug.security import generate_password_hash

from substation.access import users
from substation.dashboard import people_table
from substation.errors import Crowded, SettingsError
from substation.settings import files, people, vault
from substation.settings.model import User
from tests.commands.test_configuration_make import PASSWORD as GENERATED
from tests.dashboard.conftest import PASSWORD, Browser, Station, browse, own_settings, page_request
from tests.dashboard.test_account import as_
from tests.dashboard.tree import find, text, walk

TYPED = "rain over seven bridges"


@pytest.fixture
def station(station: Station) -> Station:
    station.configure(own_settings())
    return station


@pytest.fixture
def admin(app: dash.Dash) -> Browser:
    return browse(app, as_("administrator"))


def ask(client: Browser, action: str = "", **body: Any) -> Any:
    return client.post(f"/api/users{action}", json=body)


def user(station: Station, name: str) -> User | None:
    return people.find(files.load(station.folder).settings, name)


def page_of(client: Browser) -> str:
    answer = client.post("/_dash-update-component", json=page_request("/users"))
    assert answer.status_code == 200
    return answer.text


def audited(station: Station, event: str) -> dict[str, Any]:
    (line,) = station.audit_lines(event)
    assert (line["user"], line["src"], line["ok"]) == ("administrator", "127.0.0.1", True)
    details: dict[str, Any] = line["d"]
    return details


def test_a_user_is_added_with_a_password_that_is_shown_once(
    app: dash.Dash, admin: Browser, station: Station
) -> None:
    answer = ask(admin, name="meera", role="engineer")
    assert answer.status_code == 200
    assert (answer.json["done"], answer.json["of"]) == ("Added meera, engineer.", "meera")
    password = answer.json["secret"]
    assert GENERATED.fullmatch(password)
    assert browse(app, as_("meera", password)).get("/api/live").status_code == 200
    assert "meera" in json.dumps(answer.json["table"])
    assert password not in json.dumps(answer.json["table"])
    assert audited(station, "user.added") == {"of": "meera", "role": "engineer"}
    page = page_of(admin)
    assert "meera" in page
    assert password not in page
    kept = b"".join(path.read_bytes() for path in station.folder.rglob("*") if path.is_file())
    assert password.encode() not in kept
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_typed_password_is_taken_and_not_sent_back(app: dash.Dash, admin: Browser) -> None:
    answer = ask(admin, name="ravi", role="viewer", password=TYPED)
    assert answer.status_code == 200
    assert "secret" not in answer.json
    assert TYPED not in answer.text
    assert browse(app, as_("ravi", TYPED)).get("/api/live").status_code == 200


def test_a_role_is_changed_and_counts_at_once(app: dash.Dash, admin: Browser, station: Station) -> None:
    operator = browse(app, as_("operator"))
    assert operator.post("/api/users", json={}).status_code == 403
    answer = ask(admin, "/role", name="operator", role="administrator")
    assert answer.json["done"] == "operator is administrator now, operator before."
    assert audited(station, "user.role") == {"of": "operator", "before": "operator", "after": "administrator"}
    assert operator.post("/api/users", json={}).status_code == 400
    assert (
        "operator is administrator already"
        in ask(admin, "/role", name="operator", role="administrator").json["done"]
    )
    assert len(station.audit_lines("user.role")) == 1


def test_a_disabled_user_is_out_at_once_and_comes_back_with_his_password(
    app: dash.Dash, admin: Browser, station: Station
) -> None:
    operator = browse(app, as_("operator"))
    assert operator.get("/", headers={"Accept": "text/html"}).status_code == 200
    assert ask(admin, "/disable", name="operator").status_code == 200
    assert operator.get("/api/live").status_code == 401
    assert browse(app, as_("operator")).get("/api/live").status_code == 401
    assert audited(station, "user.disabled") == {"of": "operator"}
    assert "disabled already" in ask(admin, "/disable", name="operator").json["done"]
    assert ask(admin, "/enable", name="operator").status_code == 200
    assert audited(station, "user.enabled") == {"of": "operator"}
    assert browse(app, as_("operator")).get("/api/live").status_code == 200
    assert "enabled already" in ask(admin, "/enable", name="operator").json["done"]


def test_a_new_password_ends_every_login_of_the_user(
    app: dash.Dash, admin: Browser, station: Station
) -> None:
    operator = browse(app, as_("operator"))
    assert operator.get("/", headers={"Accept": "text/html"}).status_code == 200
    answer = ask(admin, "/password", name="operator")
    assert operator.get("/api/live").status_code == 401
    new = browse(app, as_("operator", answer.json["secret"]))
    assert new.get("/api/live").status_code == 200
    assert audited(station, "password.changed") == {"of": "operator"}


def test_a_user_is_removed_and_out_at_once(app: dash.Dash, admin: Browser, station: Station) -> None:
    operator = browse(app, as_("operator"))
    assert operator.get("/", headers={"Accept": "text/html"}).status_code == 200
    assert ask(admin, "/remove", name="operator").json["done"] == "Removed operator."
    assert user(station, "operator") is None
    assert operator.get("/api/live").status_code == 401
    assert audited(station, "user.removed") == {"of": "operator", "role": "operator"}


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("/remove", {}),
        ("/disable", {}),
        ("/role", {"role": "engineer"}),
    ],
)
def test_the_last_administrator_stays(
    admin: Browser, station: Station, action: str, body: dict[str, str]
) -> None:
    before = files.load(station.folder).settings
    answer = ask(admin, action, name="administrator", **body)
    assert answer.status_code == 409
    assert answer.json["error"].startswith("Nothing was changed. Nobody could administrate this station")
    assert files.load(station.folder).settings == before
    assert [line for line in station.audit_lines() if line["event"].startswith("user.")] == []


def test_one_of_two_administrators_may_remove_himself(admin: Browser, station: Station) -> None:
    assert ask(admin, "/role", name="engineer", role="administrator").status_code == 200
    assert ask(admin, "/remove", name="administrator").status_code == 200
    assert admin.get("/api/live").status_code == 401
    assert user(station, "administrator") is None


def test_of_two_administrators_who_disable_each_other_at_once_one_remains(
    app: dash.Dash, admin: Browser, station: Station
) -> None:
    assert ask(admin, "/role", name="engineer", role="administrator").status_code == 200
    other = browse(app, as_("engineer"))
    assert (admin.get("/api/live").status_code, other.get("/api/live").status_code) == (200, 200)
    threads = [
        threading.Thread(target=ask, args=(client, "/disable"), kwargs={"name": name})
        for client, name in ((admin, "engineer"), (other, "administrator"))
    ]
    with files.locked(station.folder):  # both are past the door before either may write
        for thread in threads:
            thread.start()
        threads[0].join(0.3)
    for thread in threads:
        thread.join(30)
    left = [user(station, name) for name in ("administrator", "engineer")]
    assert sorted(one.disabled for one in left if one) == [False, True]


@pytest.mark.parametrize(
    ("action", "body", "status", "said"),
    [
        ("", {"name": "Operator", "role": "viewer"}, 409, "too easily confused with the user operator"),
        ("", {"name": "operator", "role": "viewer"}, 409, "there is already a user operator"),
        ("", {"name": "a:b", "role": "viewer"}, 409, "cannot be typed into a login"),
        ("", {"name": "", "role": "viewer"}, 409, "at least 1 character"),
        ("", {"name": "meera", "role": "king"}, 400, "viewer, operator, engineer, administrator"),
        ("", {"name": "meera", "role": "viewer", "password": "short"}, 422, "at least 15"),
        ("", {"name": "meera", "role": "viewer", "password": "meera meera meera"}, 422, "tried first"),
        ("", {"name": "meera"}, 400, "JSON object"),
        ("", {"name": "meera", "role": "viewer", "hash": "x"}, 400, "JSON object"),
        ("/role", {"name": "eve", "role": "viewer"}, 404, "no user eve"),
        ("/role", {"name": "operator", "role": "king"}, 400, "no such role"),
        ("/disable", {"name": "eve"}, 404, "no user eve"),
        ("/enable", {"name": "eve"}, 404, "no user eve"),
        ("/remove", {"name": "eve"}, 404, "no user eve"),
        ("/remove", {"name": ["operator"]}, 400, "JSON object"),
        ("/password", {"name": "eve"}, 404, "no user eve"),
        ("/password", {"name": "operator", "password": "short"}, 422, "at least 15"),
        ("/password", {"name": "administrator", "password": TYPED}, 409, "on the page Your login"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words_and_changes_nothing(
    admin: Browser, station: Station, action: str, body: dict[str, Any], status: int, said: str
) -> None:
    before = files.load(station.folder).settings
    answer = ask(admin, action, **body)
    assert (answer.status_code, said.lower() in answer.json["error"].lower()) == (status, True), answer.text
    assert files.load(station.folder).settings == before
    assert [line for line in station.audit_lines() if line["event"].startswith(("user.", "password."))] == []


def test_a_configuration_that_cannot_be_written_is_said_with_its_reason(
    app: dash.Dash, admin: Browser, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object) -> None:
        raise SettingsError("config.json: cannot be written (Read-only file system)")

    before = files.load(station.folder).settings
    monkeypatch.setattr(files, "write_atomic", read_only)
    for action, more in (("", {"role": "viewer"}), ("/remove", {}), ("/password", {})):
        answer = ask(admin, action, name="meera" if not action else "operator", **more)
        assert answer.status_code == 503
        assert "Read-only file system" in answer.json["error"]
        assert "secret" not in answer.json
    monkeypatch.undo()
    assert files.load(station.folder).settings == before
    assert browse(app, as_("operator")).get("/api/live").status_code == 200


def test_a_change_under_way_elsewhere_is_said(
    admin: Browser, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LOCK_WAIT_S", 0.01)
    with files.locked(station.folder):
        answer = ask(admin, "/disable", name="operator")
    assert (answer.status_code, "Somebody else is changing" in answer.json["error"]) == (503, True)


def test_too_many_hashes_at_once_are_asked_to_come_again(
    admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crowded(*_: object) -> str:
        raise Crowded("too many")

    admin.get("/api/live")
    monkeypatch.setattr(users, "hashed", crowded)
    assert ask(admin, name="meera", role="viewer").status_code == 503


# -- the page


def test_the_page_lists_every_user_and_shows_no_hash(admin: Browser, station: Station) -> None:
    page = page_of(admin)
    for known in station.settings.users:
        assert known.name in page
        assert known.password_hash not in page
    assert "argon2" not in page


def test_the_table_tells_who_is_disabled_and_whose_password_is_of_the_original() -> None:
    old = generate_password_hash(PASSWORD, "pbkdf2:sha256:1000")
    settings = people.disabled(people.with_password(own_settings(), "viewer", old), "engineer", True)
    rows = {
        text(row.children[0]): row
        for row in walk(people_table.table(settings, "operator"))
        if getattr(row, "_type", "") == "Tr"
    }
    assert set(rows) == {"Name", "viewer", "operator you", "engineer", "administrator"}
    assert "password of the original system" in text(rows["viewer"].children[2])
    assert "disabled" in text(rows["engineer"].children[2])
    assert text(rows["administrator"].children[2]) == "enabled"


def asks(settings: Any, me: str, name: str) -> dict[str, dict[str, Any]]:
    """Return the dialogs that can be opened for a user, by the text of their button."""
    found = {}
    for part in walk(people_table.table(settings, me)):
        spec = json.loads(getattr(part, "data-ask", "null"))
        if spec and spec["send"].get("name") == name:
            found[text(part)] = spec
    return found


def test_each_dialog_names_the_user_and_its_button_says_what_it_does() -> None:
    found = asks(own_settings(), "administrator", "viewer")
    assert set(found) == {"Role", "Password", "Disable", "Remove"}
    for spec in found.values():
        assert "viewer" in spec["title"]
        assert spec["url"].startswith("/api/users/")
        assert spec["send"] == {"name": "viewer"}
    assert found["Remove"]["go"] == "Remove viewer"
    assert found["Role"]["fields"][0]["value"] == "viewer"
    (password,) = found["Password"]["fields"]
    assert (password["autocomplete"], password["optional"]) == ("new-password", True)
    off = asks(people.disabled(own_settings(), "viewer", True), "administrator", "viewer")
    assert set(off) == {"Role", "Password", "Enable", "Remove"}


def test_whoever_changes_himself_is_warned_and_sets_his_password_on_his_own_page() -> None:
    two = people.with_role(own_settings(), "viewer", "administrator")
    own = asks(two, "administrator", "administrator")
    assert set(own) == {"Role", "Disable", "Remove"}
    for spec in own.values():
        assert people_table.YOURSELF in spec["words"]
    for spec in asks(own_settings(), "administrator", "viewer").values():
        assert people_table.YOURSELF not in spec["words"]
    links = [
        one.href for one in walk(people_table.table(own_settings(), "administrator")) if hasattr(one, "href")
    ]
    assert links == ["/account"]


def test_nobody_is_told_of_another_administrator_where_there_is_none() -> None:
    one_is_off = people.disabled(people.with_role(own_settings(), "viewer", "administrator"), "viewer", True)
    for settings in (own_settings(), one_is_off):
        own = asks(settings, "administrator", "administrator")
        assert own["Disable"]["words"] == own["Remove"]["words"] == [people_table.ONLY]
        assert own["Role"]["words"] == [people_table.ONLY]


def test_a_name_that_looks_like_markup_stays_text(admin: Browser, station: Station) -> None:
    name = "<img src=x onerror=alert(1)>"
    assert ask(admin, name=name, role="viewer").status_code == 200
    assert user(station, name)
    answer = page_of(admin)
    assert name in json.dumps(json.loads(answer), ensure_ascii=False)
    table = people_table.table(files.load(station.folder).settings, "")
    assert find(table, className="ss-off") == []
    assert name in [text(part) for part in walk(table)]


def test_the_generated_password_is_as_strong_as_those_of_the_command_line() -> None:
    assert people.refusal(own_settings(), "meera", vault.generated_password()) is None
