"""A station in a temporary folder, its feed, and a browser that is logged in."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import dash
import pytest
from dash._hooks import HooksManager
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from substation.clock import Clock
from substation.dashboard import create_app
from substation.dashboard.feed import Feed, set_current
from substation.quantities import KEYS
from substation.readings import Quality, Reading, missing
from substation.settings import files, vault
from substation.settings.model import CARD_METERS, Home, Settings, Site, User, UserRole
from substation.settings.passwords import verify_password
from substation.store import heartbeat
from substation.store.live import LiveFile, LiveRow
from tests.fake_clock import FakeClock

PASSWORD = "a long walk to the bus coupler"
"""Of all users but `admin`, who has the documented demo password."""
ROLES: tuple[UserRole, ...] = ("viewer", "operator", "engineer", "administrator")


@cache
def hashed(password: str) -> str:
    """Hashing costs 40 ms: once a run for each password."""
    return vault.hash_password(password)


def demo_settings(**changes: Any) -> Settings:
    """Return the settings of a demo: five meters, a user for each role, `admin` with the demo password."""
    users = (
        User(name="admin", role="administrator", password_hash=hashed(vault.DEMO_PASSWORDS["admin"])),
        *(User(name=role, role=role, password_hash=hashed(PASSWORD)) for role in ROLES),
    )
    parts: dict[str, Any] = {
        "simulated": True,
        "site": Site(name="GS Substation"),
        "meters": CARD_METERS,
        "users": users,
        "export_password_hash": hashed(vault.DEMO_PASSWORDS["export"]),
    }
    return Settings(**{**parts, **changes})


def own_settings(**changes: Any) -> Settings:
    """Return settings without demo passwords, so that they may be reached from elsewhere."""
    users = tuple(User(name=role, role=role, password_hash=hashed(PASSWORD)) for role in ROLES)
    return demo_settings(**{"users": users, "export_password_hash": hashed(PASSWORD), **changes})


def basic(user: str = "admin", password: str = vault.DEMO_PASSWORDS["admin"]) -> str:
    """Return an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@dataclass
class Station:
    """A station's home, written to as the poller would."""

    folder: Path
    settings: Settings
    clock: FakeClock
    home: Home = field(init=False)
    beats: int = 0

    def __post_init__(self) -> None:
        self.home = Home(self.folder, self.settings.paths)
        (self.folder / "config_key.key").touch(mode=0o600)
        (self.folder / "config_key.key").write_bytes(vault.new_key())
        self.home.state.mkdir()
        files.save(self.folder, self.settings)

    def configure(self, settings: Settings) -> None:
        """Change the configuration, as `encrypt_config.py` does."""
        self.settings = settings
        files.save(self.folder, settings)

    def beat(self, **changes: Any) -> None:
        """Write the poller's heartbeat; keywords replace its fields, `meter_N` those of meter N."""
        self.beats += 1
        now = self.clock.now_ms()
        meters = []
        for meter in self.settings.meters:
            words = {"incomer": "EB supply On", "generator": "DG set On", "feeder": "OK"}[meter.role]
            entry: dict[str, Any] = {
                "id": meter.id, "supply": "live", "status": words, "since_ms": now - 3_600_000,
                "evidence": "RY 415.1, YB 414.4, BR 413.9 V of 415 V", "comm_status": "OK", "comm_detail": "",
                "last_good_ms": now, "asked": self.beats, "ok": self.beats, "timeout": 0, "crc": 0,
                "wrong": 0, "refused": 0, "noise": 0, "turnaround_ms": 30.1,
            }  # fmt: skip
            entry.update(changes.pop(f"meter_{meter.id}", {}))
            meters.append(entry)
        beat: dict[str, Any] = {
            "state": "running", "at_ms": now, "started_ms": now - 60_000, "pid": 4711,
            "simulated": self.settings.simulated, "interval_s": self.settings.poll.interval_s,
            "round": self.beats, "round_s": 1.15, "limit_s": 1.135,
            "lines": [{"name": "line 1", "port": "/dev/ttyUSB0", "state": "up", "detail": "", "busy": 0.57}],
            "meters": meters, "problems": [],
        }  # fmt: skip
        heartbeat.write(self.home.heartbeat, {**beat, **changes})

    def read(self, *readings: Reading) -> None:
        """Write a round to the live file; without readings a good one of every meter."""
        now = self.clock.now_ms()
        rows = readings or [reading(meter.id, now) for meter in self.settings.meters]
        live = LiveFile(self.home.live, self.settings.site.zone, self.settings.simulated)
        live.append([LiveRow(row, "OK" if row.answered else "Communication failed", "OK") for row in rows])
        live.close()

    def audit_lines(self, event: str | None = None) -> list[dict[str, Any]]:
        """Return the audit lines, all or those of one event."""
        if not self.home.audit.exists():
            return []
        lines = [json.loads(line) for line in self.home.audit.read_text().splitlines()]
        return [line for line in lines if event in (None, line["event"])]


def reading(meter_id: int, at_ms: int, **changes: float | None) -> Reading:
    """Return a good reading whose values differ by meter and quantity."""
    values: dict[str, float | None] = {key: 100.0 * meter_id + place for place, key in enumerate(KEYS)}
    values.update({key: 0.9 for key in KEYS if key.startswith("pf_")})
    values.update(dict.fromkeys(("vln_average", "v_r", "v_y", "v_b"), 239.5))
    values.update(dict.fromkeys(("vll_average", "v_ry", "v_yb", "v_br"), 414.9))
    return Reading(meter_id, at_ms, {**values, "frequency": 50.01, **changes})


def no_answer(meter_id: int, at_ms: int) -> Reading:
    """Return the record of a poll that timed out."""
    return missing(meter_id, at_ms, Quality.NO_ANSWER, "timeout")


@pytest.fixture
def station(tmp_path: Path, clock: FakeClock) -> Station:
    """A demo station that nothing has run on yet."""
    return Station(tmp_path, demo_settings(), clock)


@pytest.fixture
def feed(station: Station) -> Feed:
    """The feed of that station, as pages get it."""
    made = Feed(station.settings, station.home, station.clock)
    set_current(made)
    return made


@pytest.fixture
def app(station: Station) -> dash.Dash:
    """The whole dashboard of that station."""
    return make_app(station)


def make_app(station: Station, clock: Clock | None = None) -> dash.Dash:
    """Return the dashboard of a station; its clock moves by hand."""
    made = create_app(station.folder, clock or station.clock)
    HooksManager._registered = True  # else each one looks for plugins among all packages anew
    return made


_builder_of = Rule._compile_builder
_builders: dict[tuple[object, ...], Any] = {}


def _builder_once(rule: Rule, append_unknown: bool = True) -> Any:
    """Return what builds an address of a rule; to compile it is half of making an app, of the same rules."""
    key = (append_unknown, tuple(rule._trace), repr(rule.defaults), repr(sorted(rule._converters)))
    if key not in _builders:
        _builders[key] = _builder_of(rule, append_unknown)
    return _builders[key]


Rule._compile_builder = _builder_once  # type: ignore[method-assign]


class Browser(FlaskClient):
    """A test client that says who it is and by which name it came; None for a header leaves it out."""

    said: Mapping[str, str] = {"Authorization": basic(), "Host": "localhost:8050"}

    def open(self, *args: Any, **kwargs: Any) -> Any:
        given = kwargs.pop("headers", None) or {}
        headers = {**self.said, **dict(given)}
        kwargs["headers"] = {name: value for name, value in headers.items() if value is not None}
        kwargs.setdefault("buffered", True)
        return super().open(*args, **kwargs)


class Stranger(Browser):
    """The same without a login."""

    said: Mapping[str, str] = {"Host": "localhost:8050"}


def browse(app: dash.Dash, kind: type[Browser] = Browser) -> Browser:
    """Return a browser of that kind on the dashboard."""
    app.server.test_client_class = kind
    made = app.server.test_client()
    assert isinstance(made, Browser)
    return made


def page_request(path: str, search: str = "") -> dict[str, Any]:
    """Return the body with which Dash asks for the content of a page."""
    content = [{"id": "_pages_content", "property": "children"}, {"id": "_pages_store", "property": "data"}]
    return {
        "output": ".._pages_content.children..._pages_store.data..",
        "outputs": content,
        "inputs": [
            {"id": "_pages_location", "property": "pathname", "value": path},
            {"id": "_pages_location", "property": "search", "value": search},
        ],
        "changedPropIds": ["_pages_location.pathname"],
    }


@pytest.fixture
def client(app: dash.Dash) -> Iterator[Browser]:
    """A browser that is logged in as `admin`."""
    with browse(app) as made:
        yield made


@pytest.fixture
def stranger(app: dash.Dash) -> Iterator[Browser]:
    """A browser that has not logged in."""
    with browse(app, Stranger) as made:
        yield made


@cache
def _verified(password_hash: str, password: str) -> bool:
    return verify_password(password_hash, password)


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verify each pair of hash and password once a run: 40 ms a time would be most of the test time."""
    monkeypatch.setattr(vault, "verify_password", _verified)
