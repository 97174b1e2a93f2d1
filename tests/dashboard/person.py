"""A person at a browser that keeps cookies and sends its password by itself, as real ones do."""

from http.cookies import Morsel, SimpleCookie
from typing import Any

import dash

from substation.dashboard import desk
from tests.dashboard.conftest import PASSWORD, Browser, Station, Stranger, basic, browse, hashed

CALLBACK = "/_dash-update-component"
GOES = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}
POLLS = {"Accept": "application/json", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
NAME = "substation_session_8050"
VISIT = "substation_visit_8050"


class Person:
    """One person with one browser."""

    def __init__(self, app: dash.Dash, name: str = "engineer", password: str = PASSWORD) -> None:
        self.app = app
        self.browser = browse(app, Stranger)
        self.holds: str | None = basic(name, password)

    def goes(self, path: str = "/", **headers: str) -> Any:
        return self.browser.get(path, headers={**GOES, "Authorization": self.holds, **headers})

    def polls(self, **headers: str) -> Any:
        return self.browser.get("/api/live", headers={**POLLS, "Authorization": self.holds, **headers})

    def acts(self, path: str, **more: Any) -> Any:
        headers = {"Authorization": self.holds, "Origin": "http://localhost:8050", "Accept": "text/html"}
        return self.browser.post(path, headers=headers, **more)

    def another(self, **cookies: str | None) -> Browser:
        """Return another browser with these cookies."""
        made = browse(self.app, Stranger)
        for name, value in cookies.items():
            made.set_cookie(name, str(value))
        return made

    def cookie(self, name: str = NAME) -> str | None:
        found = self.browser.get_cookie(name)
        return found.value if found else None


def morsels(answer: Any) -> dict[str, Morsel[str]]:
    jar: SimpleCookie = SimpleCookie()
    for line in answer.headers.getlist("Set-Cookie"):
        jar.load(line)
    return dict(jar)


def challenged(answer: Any) -> bool:
    assert answer.status_code == 401
    return "WWW-Authenticate" in answer.headers


def kept() -> list[tuple[object, ...]]:
    """Return user and end of each session in the database."""
    return desk.current().database.rows("SELECT user, ended FROM session ORDER BY user")


def follows_a_link(person: Person) -> Any:
    """Come from another site: the browser keeps the strict cookie to itself."""
    headers = {**GOES, "Sec-Fetch-Site": "cross-site", "Authorization": person.holds}
    return person.another(**{VISIT: person.cookie(VISIT)}).get("/", headers=headers)


def dash_outputs(person: Person) -> list[str]:
    found = person.browser.get("/_dash-dependencies", headers={"Authorization": person.holds})
    return [one["output"] for one in found.json]


def set_password(station: Station, name: str, password: str, **more: Any) -> None:
    people = tuple(
        user.model_copy(update={"password_hash": hashed(password), **more}) if user.name == name else user
        for user in station.settings.users
    )
    station.configure(station.settings.model_copy(update={"users": people}))
