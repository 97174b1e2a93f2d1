"""An engineer changes settings in the browser: by the typed model, nothing unseen, each change told."""

import json
from typing import Any

import dash
import pytest

from substation.audit import in_force
from substation.dashboard import settings_desk, settings_form, settings_view
from substation.dashboard.samples import board
from substation.dashboard.settings_form import Refused, Typed
from substation.settings import files
from substation.settings.model import Display, Settings, Site
from tests.dashboard.conftest import Browser, Station, browse, own_settings, page_request
from tests.dashboard.test_account import as_
from tests.dashboard.test_recorded import spoil
from tests.dashboard.tree import text

NAME, RATING = "meters.#2.name", "meters.#2.rated_kva"


@pytest.fixture
def station(station: Station) -> Station:
    station.configure(own_settings())
    return station


@pytest.fixture
def engineer(app: dash.Dash) -> Browser:
    return browse(app, as_("engineer"))


def stored(station: Station) -> Settings:
    return files.load(station.folder).settings


def post(client: Browser, station: Station | None, loaded: dict[str, str] | None = None, **typed: str) -> Any:
    """Post the whole form, as a browser does, with some fields changed (`site__name`, `meters__2__name`)."""
    made = loaded or settings_form.shown(stored(station))  # type: ignore[arg-type]
    changed = {key.replace("meters__", "meters.#").replace("__", "."): text for key, text in typed.items()}
    return client.post(settings_desk.SAVE, data={**made, **changed, "loaded": json.dumps(made)})


def after(client: Browser, answer: Any) -> str:
    """Return the page to which an answer leads back."""
    assert answer.status_code == 303
    path, _, search = answer.headers["Location"].partition("?")
    assert path == settings_desk.PATH
    page = client.post("/_dash-update-component", json=page_request(path, f"?{search}"))
    assert page.status_code == 200
    return json.dumps(page.json, ensure_ascii=False)


def changes(station: Station) -> list[dict[str, Any]]:
    return station.audit_lines("config.changed")


def test_a_change_is_stored_told_and_shown_everywhere(engineer: Browser, station: Station) -> None:
    told = after(engineer, post(engineer, station, meters__4__name="Ward B", meters__4__rated_kva="250"))
    assert "Saved, and written to the audit log." in told
    assert "ColonyLoad → Ward B" in told
    lines = changes(station)
    assert [line["d"] for line in lines] == [
        {"setting": "meters.3.name", "before": "ColonyLoad", "after": "Ward B"},
        {"setting": "meters.3.rated_kva", "before": 160.0, "after": 250.0},
    ]
    assert {(line["user"], line["src"], line["ok"]) for line in lines} == {("engineer", "127.0.0.1", True)}
    for path in ("/", "/meter/4", "/trends", "/wall", "/events"):
        page = engineer.post("/_dash-update-component", json=page_request(path)).text
        assert "ColonyLoad" not in page, path
        assert "Ward B" in page or path == "/events", path


def test_every_field_goes_there_and_back(engineer: Browser, station: Station) -> None:
    """What is typed into each field stands in the settings, and the page shows it again."""
    typed = {
        "site.name": "GS 2", "site.description": "11/0.415 kV", "site.nominal_voltage_v": "400",
        "site.bus_coupler": "yes", "site.momentary": "EN 50160", "display.language": "en",
        "display.phase_names": "L123",
        "display.theme": "dark", NAME: "Ward B", "meters.#2.role": "generator", RATING: "99.5",
        "meters.#2.nominal_voltage_v": "433", "meters.#2.bus_section": "2",
        "site.demand_minutes": "15", "meters.#2.group": "Colony",
    }  # fmt: skip
    before = stored(station)
    assert {key.replace("#2", "#0") for key in typed} == {
        key.replace("#1", "#0") for key in settings_form.fields(before) if "#" not in key or "#1." in key
    }
    result = settings_form.edited(before, Typed(typed, settings_form.shown(before)))
    assert {key: settings_form.shown(result)[key] for key in typed} == typed
    meter = result.meters[1]
    assert (meter.rated_kva, meter.bus_section, meter.nominal_voltage_v) == (99.5, 2, 433.0)
    assert meter.group_name == "Colony"
    assert result.site == Site(
        name="GS 2",
        description="11/0.415 kV",
        nominal_voltage_v=400.0,
        bus_coupler=True,
        momentary="EN 50160",
        demand_minutes=15,
    )
    back = settings_form.edited(
        result, Typed({"meters.#2.nominal_voltage_v": ""}, settings_form.shown(result))
    )
    assert back.meters[1].nominal_voltage_v is None
    answer = engineer.get("/settings")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"meters__2__rated_kva": "much"}, "'much' is no number"),
        ({"meters__2__rated_kva": "-3"}, "-3.0 lies outside 0 to 1000000"),
        ({"meters__2__rated_kva": ""}, "'' is no number"),
        ({"meters__2__bus_section": "1.5"}, "'1.5' is no whole number"),
        ({"meters__2__bus_section": "13"}, "13 lies outside 1 to 12"),
        ({"meters__2__role": "king"}, "'king' is none of incomer, feeder, generator"),
        ({"meters__2__name": "x" * 41}, "at most 40 characters"),
        ({"meters__2__name": "  "}, "at least 1 character"),
        ({"meters__2__name": "ColonyLoad"}, "'ColonyLoad' is used twice"),
        ({"site__name": "x" * 500}, "at most 80 characters"),
        ({"site__bus_coupler": "perhaps"}, "is neither yes nor no"),
        ({"display__theme": "pink"}, "'pink' is none of auto, light, dark"),
    ],
)
def test_what_the_model_refuses_is_told_at_its_field(typed: dict[str, str], said: str) -> None:
    ((name, value),) = typed.items()
    key, settings = name.replace("meters__", "meters.#").replace("__", "."), own_settings()
    with pytest.raises(Refused) as refused:
        settings_form.edited(settings, Typed({key: value}, settings_form.shown(settings)))
    ((at, words),) = refused.value.faults.items()
    assert at == key
    assert said in words


def test_a_refusal_stands_beside_its_field_and_everything_stays_typed(
    engineer: Browser, station: Station
) -> None:
    before = station.home.config.read_bytes()
    long = "x" * 500  # a text that is none of its kind does not hide what the model says of the others
    told = after(
        engineer,
        post(
            engineer,
            station,
            site__description="kept",
            meters__2__name=long,
            site__name="x" * 81,
            meters__3__rated_kva="lots",
        ),
    )
    for mark in ("set-meters-2-name", "set-site-name"):
        assert f'"id": "{mark}-fault"' in told
        assert f'\\"aria-describedby\\": \\"{mark}-fault\\"' in told
    assert told.count("at most") == 4  # beside each field, and at the head of the page
    assert "'lots' is no number" in told
    assert "Rating of the circuit, kVA, three-phase." in told
    assert "kept" in told
    assert long[:200] in told
    assert station.home.config.read_bytes() == before
    assert changes(station) == []


def test_somebody_elses_change_is_not_overwritten_unseen(engineer: Browser, station: Station) -> None:
    loaded = settings_form.shown(stored(station))
    assert post(engineer, station, meters__2__name="Ward B", site__name="Theirs").status_code == 303
    told = after(engineer, post(engineer, station, loaded, meters__2__name="Ward C", meters__3__name="Pump"))
    assert "Somebody else has changed this meanwhile, from EssentialLoad to Ward B." in told
    assert "Ward C" in told
    now = stored(station)
    assert (now.site.name, now.meters[1].name, now.meters[2].name) == ("Theirs", "Ward B", "NonEssentialLoad")
    # the page shows theirs now: whoever saves again knows
    post(engineer, station, meters__2__name="Ward C")
    assert stored(station).meters[1].name == "Ward C"


def test_who_left_a_field_alone_does_not_undo_what_another_put_there(
    engineer: Browser, station: Station
) -> None:
    loaded = settings_form.shown(stored(station))
    post(engineer, station, site__name="Theirs")
    post(engineer, station, loaded, meters__2__name="Ward B")
    now = stored(station)
    assert (now.site.name, now.meters[1].name) == ("Theirs", "Ward B")
    assert "everything stands as it did" in after(engineer, post(engineer, station))
    same = post(engineer, station, loaded, meters__2__name="Ward B")  # two who want the same
    assert "everything stands as it did" in after(engineer, same)


def test_a_meter_is_known_by_its_number_and_not_by_its_place(engineer: Browser, station: Station) -> None:
    loaded = settings_form.shown(stored(station))
    station.configure(own_settings(meters=stored(station).meters[:0:-1]))  # 5, 4, 3, 2
    station.clock.advance(1)
    post(engineer, station, loaded, meters__2__name="Ward B")
    assert [(meter.id, meter.name) for meter in stored(station).meters][-1] == (2, "Ward B")
    told = after(engineer, post(engineer, station, loaded, meters__1__name="Gone"))
    assert "A meter of this page is not there any more" in told


NO_FORMS: list[dict[str, Any]] = [
    {},
    {"site.name": "x"},
    {"site.name": "x", "loaded": "["},
    {"site.name": "x", "loaded": '{"site.name": 1}'},
    {"site.name": ["x", "y"], "loaded": '{"site.name": "a"}'},
    {"users.0.role": "administrator", "loaded": '{"users.0.role": "viewer"}'},
    {"simulated": "no", "loaded": '{"simulated": "yes"}'},
    {"web.port": "80", "loaded": '{"web.port": "8050"}'},
    {"meters.0.name": "x", "loaded": '{"meters.0.name": "y"}'},
]


def test_what_is_no_form_of_this_page_is_refused_whole(engineer: Browser, station: Station) -> None:
    before = station.home.config.read_bytes()
    for body in NO_FORMS:
        answer = engineer.post(settings_desk.SAVE, data=body)
        assert answer.status_code == 400, body
        assert "Nothing was changed" in answer.text
    assert station.home.config.read_bytes() == before


def test_a_forged_page_reaches_no_setting_that_is_none_of_its_fields(
    engineer: Browser, station: Station
) -> None:
    before = station.home.config.read_bytes()
    for name in ("meters.#2.port", "meters.#2.device_id", "meters.#2.profile"):
        answer = engineer.post(settings_desk.SAVE, data={name: "9", "loaded": json.dumps({name: "1"})})
        assert "not there any more" in after(engineer, answer)
    assert station.home.config.read_bytes() == before


def test_who_is_no_engineer_is_told_in_words(app: dash.Dash, station: Station) -> None:
    for client in (browse(app, as_("viewer")), browse(app, as_("operator"))):
        for answer in (client.get("/settings"), post(client, station, site__name="Mine")):
            assert answer.status_code == 403
            assert "engineer" in answer.text
    assert stored(station).site.name == "GS Substation"


def test_another_site_changes_nothing(engineer: Browser, station: Station) -> None:
    made = settings_form.shown(stored(station))
    forged = {**made, "site.name": "Evil", "loaded": json.dumps(made)}
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert engineer.post(settings_desk.SAVE, data=forged, headers=headers).status_code == 403
    assert stored(station).site.name == "GS Substation"


def test_without_an_audit_line_nothing_is_changed_and_what_was_typed_stays(
    engineer: Browser, station: Station
) -> None:
    engineer.get("/settings")
    before = stored(station)
    spoil(station)
    told = after(engineer, post(engineer, station, site__name="Unheard"))
    assert "audit log cannot be written" in told
    assert "Unheard" in told
    assert stored(station) == before


def test_what_was_typed_is_shown_to_nobody_else(app: dash.Dash, engineer: Browser, station: Station) -> None:
    answer = post(engineer, station, meters__2__rated_kva="mine alone")
    assert "mine alone" in after(engineer, answer)
    assert "mine alone" not in after(browse(app, as_("administrator")), answer)


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("", "Not known"),
        ("another", "Not yet"),
        (in_force.fingerprint(own_settings()), "The poller works with these settings."),
    ],
)
def test_the_page_says_whether_the_poller_has_the_settings(mark: str, said: str) -> None:
    now = board(lambda _reports, _readings, beat: beat.update(config=mark))
    assert settings_view.parts(now, own_settings())["taken"][0].startswith(said)
    still = board(lambda _reports, _readings, beat: beat.update(state="stopped", config=mark))
    assert settings_view.parts(still, own_settings())["taken"][0].startswith("The poller does not run")


def test_the_station_s_colours_are_those_of_who_has_chosen_none(
    app: dash.Dash, engineer: Browser, station: Station
) -> None:
    assert "data-theme" not in engineer.get("/").text
    post(engineer, station, display__theme="dark")
    assert stored(station).display == Display(theme="dark")
    assert '<html lang="en" data-theme="dark">' in engineer.get("/").text


def test_the_page_tells_what_is_not_changed_here() -> None:
    page = text(settings_view.content(own_settings(), board(), None))
    for words in ("Asia/Kolkata. It cannot be changed", "encrypt_config.py set NAME", "216-264 V, 223 A"):
        assert words in page
    with pytest.raises(Refused):
        settings_form.edited(own_settings(), Typed({"site.name": ""}, {"site.name": "GS Substation"}))
