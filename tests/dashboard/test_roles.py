"""Who gets 403 where: every page and every address, for every role."""

from collections.abc import Iterator
from typing import Any

import dash
import pytest

from substation.access.users import ROLES, role_at_least
from substation.settings.model import UserRole
from tests.dashboard.conftest import Browser, Station, browse, own_settings, page_request
from tests.dashboard.test_account import as_

PAGES: dict[str, UserRole] = {
    "/commissioning": "engineer",
    "/reports": "engineer",
    "/settings": "engineer",
    "/users": "administrator",
    "/audit": "administrator",
}
"""Pages that need more than a viewer. Whoever adds one adds it here."""
ADDRESSES: dict[str, UserRole] = {
    "/api/messages/test": "engineer",
    "/api/export": "engineer",
    "/api/export/cancel": "engineer",
    "/api/export/estimate": "engineer",
    "/api/export/file/x": "engineer",
    "/api/export/progress": "engineer",
    "/api/trend/csv": "engineer",
    "/alarms/ask": "operator",
    "/api/log/file": "operator",
    "/api/log/write": "operator",
    "/api/statement/file": "operator",
    "/register/write": "operator",
    "/register/file": "operator",
    "/settings/save": "engineer",
    "/api/users": "administrator",
    "/api/users/role": "administrator",
    "/api/users/disable": "administrator",
    "/api/users/enable": "administrator",
    "/api/users/password": "administrator",
    "/api/users/remove": "administrator",
}
"""Addresses that need more than a viewer. Whoever adds one adds it here."""
FILL = {"package_name": "dash", "fingerprinted_path": "deps/react@18.3.1.min.js", "filename": "live.js"}


@pytest.fixture
def station(station: Station) -> Station:
    station.configure(own_settings())
    return station


def as_role(app: dash.Dash, role: UserRole) -> Browser:
    return browse(app, as_(role))


def pages() -> dict[str, UserRole]:
    """Return every page with the role that it must need."""
    found: dict[str, UserRole] = {}
    for page in dash.page_registry.values():
        path = (page["path_template"] or page["path"]).replace("<meter_id>", "1")
        if not page["module"].endswith("not_found_404"):
            found.update({path.replace("/1", f"/{n}"): "viewer" for n in range(2, 6) if path == "/meter/1"})
            found[path] = PAGES.get(path, "viewer")
    return found


def parts(layout: Any) -> Iterator[dict[str, Any]]:
    """Give every component of a layout as it is sent."""
    if isinstance(layout, list):
        for one in layout:
            yield from parts(one)
    elif isinstance(layout, dict) and "props" in layout:
        yield layout
        yield from parts(layout["props"].get("children"))


def addresses(app: dash.Dash) -> list[tuple[str, str, UserRole]]:
    """Return (method, address, needed role) of everything that the server answers beside pages."""
    found = []
    for rule in app.server.url_map.iter_rules():
        if rule.endpoint in {"/", "/<path:path>"}:
            continue
        path = rule.rule
        for argument in rule.arguments:
            for kind in ("", "path:", "string:"):
                path = path.replace(f"<{kind}{argument}>", FILL.get(argument, "x"))
        for method in sorted((rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"}):
            found.append((method, path, ADDRESSES.get(path, "viewer")))
    return found


@pytest.mark.parametrize("role", ROLES)
def test_a_page_is_shown_to_its_role_and_those_above_and_to_nobody_else(
    app: dash.Dash, role: UserRole
) -> None:
    client = as_role(app, role)
    told: dict[str, Any] = {}
    for path in pages():
        document, content = client.get(path), client.post("/_dash-update-component", json=page_request(path))
        told[path] = (document.status_code, content.status_code)
    assert told == {
        path: (200, 200) if role_at_least(role, needed) else (403, 403) for path, needed in pages().items()
    }


@pytest.mark.parametrize("role", ROLES)
def test_an_address_answers_its_role_and_those_above_and_nobody_else(
    app: dash.Dash, station: Station, role: UserRole
) -> None:
    before = station.home.config.read_bytes()
    refused, expected = set(), set()
    for method, path, needed in addresses(app):
        # each anew: one of them logs out
        answer = as_role(app, role).open(path, method=method, json={} if method != "GET" else None)
        assert answer.status_code != 500, path
        if answer.status_code == 403:
            refused.add((method, path))
        if not role_at_least(role, needed):
            expected.add((method, path))
    assert refused == expected
    assert station.home.config.read_bytes() == before


def test_the_tables_name_what_there_is(app: dash.Dash) -> None:
    assert set(ADDRESSES) <= {path for _, path, _ in addresses(app)}
    assert {"/", "/meter/1", "/users", "/account"} <= set(pages())


@pytest.mark.parametrize("role", ROLES)
def test_links_lead_only_to_pages_that_may_be_seen(app: dash.Dash, role: UserRole) -> None:
    frame = as_role(app, role).get("/_dash-layout")
    assert frame.status_code == 200
    links = {part["props"]["href"] for part in parts(frame.json) if "href" in part["props"]} - {"#main"}
    assert {"/", "/account"} < links
    assert {link for link in links if not role_at_least(role, pages()[link])} == set()
    if role == "administrator":
        assert "/users" in links


def test_a_refused_page_is_audited(app: dash.Dash, station: Station) -> None:
    as_role(app, "engineer").get("/users")
    (line,) = station.audit_lines("page.refused")
    assert (line["user"], line["ok"], line["d"]) == (
        "engineer",
        False,
        {"path": "/users", "needs": "administrator"},
    )
