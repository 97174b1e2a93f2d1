"""No user and no password is changed in the browser that the audit log cannot tell of."""

from typing import Any

import dash
import pytest

from substation.dashboard import desk
from substation.errors import SettingsError
from substation.settings import files
from tests.dashboard.conftest import PASSWORD, Station, browse, own_settings
from tests.dashboard.test_account import as_, change
from tests.dashboard.test_people import ask

CHANGES: dict[str, dict[str, str]] = {
    "": {"name": "meera", "role": "viewer"},
    "/role": {"name": "viewer", "role": "operator"},
    "/disable": {"name": "viewer"},
    "/enable": {"name": "engineer"},
    "/password": {"name": "viewer"},
    "/remove": {"name": "viewer"},
}


@pytest.fixture
def station(station: Station) -> Station:
    users = own_settings().users
    off = tuple(one.model_copy(update={"disabled": one.name == "engineer"}) for one in users)
    station.configure(own_settings(users=off))
    return station


def stored(station: Station) -> Any:
    return files.load(station.folder).settings


def spoil(station: Station) -> None:
    station.home.audit.unlink()
    station.home.audit.mkdir()


@pytest.mark.parametrize("action", CHANGES)
def test_an_administrator_changes_nobody_without_a_line(
    app: dash.Dash, station: Station, action: str
) -> None:
    admin = browse(app, as_("administrator"))
    viewer = browse(app, as_("viewer"))
    assert viewer.get("/api/live").status_code == admin.get("/api/live").status_code == 200
    before = stored(station)
    spoil(station)
    answer = ask(admin, action, **CHANGES[action])
    assert answer.status_code == 503
    assert "audit log cannot be written" in answer.json["error"]
    assert stored(station) == before
    assert viewer.get("/api/live").status_code == 200  # nobody was logged out
    station.home.audit.rmdir()
    assert ask(admin, action, **CHANGES[action]).status_code == 200
    assert stored(station) != before
    assert [line["ok"] for line in station.audit_lines("audit.lost")] == [False]


def test_nobody_changes_his_own_password_without_a_line(app: dash.Dash, station: Station) -> None:
    viewer, elsewhere = browse(app, as_("viewer")), browse(app, as_("viewer"))
    assert elsewhere.get("/api/live").status_code == viewer.get("/api/live").status_code == 200
    before = stored(station)
    spoil(station)
    assert change(viewer, PASSWORD).status_code == 503
    assert stored(station) == before
    assert elsewhere.get("/api/live").status_code == 200


def test_a_change_that_was_told_and_could_not_be_stored_is_told_to_be_undone(
    app: dash.Dash, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = browse(app, as_("administrator"))

    def full(*_: object) -> None:
        raise SettingsError("config.json: cannot be written (No space left on device)")

    with monkeypatch.context() as patched:
        patched.setattr(files, "write_atomic", full)
        assert ask(admin, "/role", name="viewer", role="operator").status_code == 503
    asked, undone = station.audit_lines("user.role")
    assert (asked["ok"], undone["ok"]) == (True, False)
    assert undone["d"] == {**asked["d"], "why": "the configuration could not be written: nothing was changed"}
    assert desk.current().audit.last_problem is None
