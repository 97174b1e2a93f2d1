"""In which language a request is answered: the viewer's, else the station's; never another viewer's."""

import json
import re
import threading
import typing
from pathlib import Path
from typing import Any

import pytest

from substation.clock import site_time
from substation.dashboard import alarm_sound, browser_words, heard, language, phases, tongue
from substation.dashboard import format as f
from substation.dashboard.application import ASSETS
from substation.dashboard.feed import Feed
from substation.settings.model import Display, Language
from tests.dashboard.conftest import Browser, Station, browse, make_app, page_request

QUESTION = "/api/live?keys=&screen=now:0,line:0,m1:0"


def choosing(client: Browser, chosen: str) -> Browser:
    client.set_cookie(language.COOKIE, chosen)
    return client


def screen(client: Browser) -> dict[str, Any]:
    answer = client.get(QUESTION)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = json.loads(answer.text)["screen"]
    return told


def words(told: dict[str, Any]) -> str:
    return " ".join(text for group in told.values() for text, _ in group["parts"].values())


def devanagari(text: str) -> bool:
    return any("\u0900" <= letter <= "\u097f" for letter in text)


@pytest.fixture
def running(station: Station) -> Station:
    station.read()
    station.beat()
    return station


def test_settings_and_screens_have_the_same_languages() -> None:
    assert set(typing.get_args(Language)) == set(tongue.languages())


def test_two_viewers_of_one_board_are_told_each_in_his_language(running: Station) -> None:
    app = make_app(running)
    one, other = browse(app), choosing(browse(app), "hi")
    english, hindi = screen(one), screen(other)
    assert not devanagari(words(english))
    assert devanagari(words(hindi))
    for group, told in english.items():
        assert told["parts"].keys() == hindi[group]["parts"].keys()
    # what one holds is not taken for what the other holds
    for client, told in ((one, english), (other, hindi)):
        held = ",".join(f"{name}:{group['mark']}" for name, group in told.items())
        again = client.get(f"/api/live?keys=&screen={held}")
        assert json.loads(again.text)["screen"] == {}


def test_two_at_once_over_and_over_are_never_told_in_the_others(running: Station) -> None:
    app = make_app(running)
    wrong: list[str] = []

    def look(chosen: str) -> None:
        client = choosing(browse(app), chosen)
        for _ in range(8):
            running.clock.advance(0.3)
            if devanagari(words(screen(client))) != (chosen == "hi"):
                wrong.append(chosen)

    threads = [threading.Thread(target=look, args=(chosen,)) for chosen in ("en", "hi") * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_language_ends_with_its_request(running: Station, client: Browser) -> None:
    assert devanagari(words(screen(choosing(client, "hi"))))
    assert tongue.spoken() == "en"
    client.get("/no/such/page")
    assert tongue.spoken() == "en"


def test_programs_are_told_the_same_whatever_the_station_speaks(running: Station) -> None:
    running.configure(running.settings.model_copy(update={"display": Display(language="hi")}))
    client = browse(make_app(running))
    assert devanagari(words(screen(client)))
    assert not devanagari(client.get("/api/live").text)


def test_the_document_says_its_language(running: Station, client: Browser) -> None:
    assert '<html lang="en">' in client.get("/").text
    assert '<html lang="hi">' in choosing(client, "hi").get("/").text


@pytest.mark.parametrize("value", ["xx", "HI", "../hi", "hi-IN", ""])
def test_a_cookie_that_is_no_language_counts_as_none(client: Browser, value: str) -> None:
    assert '<html lang="en">' in choosing(client, value).get("/").text


def test_a_viewer_chooses_and_comes_back_to_his_page(client: Browser) -> None:
    came = {"Referer": "http://localhost:8050/trends?meters=1"}
    answer = client.post(language.CHOOSE, data={"language": "hi"}, headers=came)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/trends?meters=1")
    kept = next(told for told in answer.headers.getlist("Set-Cookie") if told.startswith(language.COOKIE))
    assert kept.startswith(f"{language.COOKIE}=hi;")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in kept.split(";")}
    assert client.post(language.CHOOSE, data={"language": "xx"}).status_code == 400


@pytest.mark.parametrize(
    "came", ["http://elsewhere.example/x", "http://localhost:8050//elsewhere.example", "http://[", "", "x"]
)
def test_the_way_back_leads_nowhere_else(client: Browser, came: str) -> None:
    answer = client.post(language.CHOOSE, data={"language": "en"}, headers={"Referer": came})
    assert answer.headers["Location"] == "/"


def test_phases_are_called_as_the_station_says_and_keys_stay_as_they_are(running: Station) -> None:
    running.configure(running.settings.model_copy(update={"display": Display(phase_names="L123")}))
    client = browse(make_app(running))
    page = json.dumps(client.post("/_dash-update-component", json=page_request("/meter/1")).json)
    for told in ('"children": "L1", "className": "ss-ph ss-ph-r"', "Watts L2 phase", "V L3-L1", '"v_ry"'):
        assert told in page
    for other in ("Watts Y phase", "Vbr Phase", '"children": "R"', '"children": "RY"', "R Y B"):
        assert other not in page
    assert phases.label("v_ry") == "Vry Phase", "only while it is answered"


def test_the_board_is_shared_by_all_and_told_to_each(running: Station) -> None:
    yesterday = running.clock.now_ms() - 86_400_000
    running.beat(meter_2={"frozen_since_ms": yesterday})
    made = Feed(running.settings, running.home, running.clock)
    with tongue.speaking("hi"):
        meter = made.board().meter(2)
        assert meter is not None
        month = f.month(site_time(yesterday, running.settings.site.zone).month)
        assert f" {month} " not in meter.frozen
        assert f" {month} " in heard.told(meter.frozen)
        assert heard.told(meter.frozen).endswith("मीटर वही मान दोहराता है")
    assert heard.told(meter.frozen) == meter.frozen


def test_why_a_line_is_down_is_told_to_the_end() -> None:
    lost = "line 1: port lost: /dev/ttyUSB0: nothing behind it any more; plug the adapter in again; for 5 s"
    gone = "line 1: port missing: /dev/ttyUSB0 is not there; plug the adapter in, or correct lines.*.port"
    far = "line 2: gateway tcp:10.0.0.9:502 not reached: no answer to the call; look at its "
    with tongue.speaking("hi"):
        for english in (lost, f"still stands: {gone}", f"{far}supply, the network cable and lines.*.port"):
            words = re.sub(r"line \d|/dev/ttyUSB0|tcp:[0-9.:]+|lines\.\*\.port", "", heard.told(english))
            assert re.findall("[A-Za-z]{2,}", words) == [], heard.told(english)


def test_a_new_language_needs_one_table_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = (
        'language.name = "Pretend"\n[sentences]\nHome = "Omehay"\n[quantities]\nv_ry = "{phase} oltsvay"\n'
    )
    (tmp_path / "xx.toml").write_text(table, encoding="utf-8")
    monkeypatch.setattr(tongue, "FOLDER", tmp_path)
    kept = (tongue.languages, tongue.table, tongue._read)
    for one in kept:
        one.cache_clear()
    try:
        assert dict(tongue.languages()) == {"en": "English", "xx": "Pretend"}
        with tongue.speaking("xx"):
            assert (tongue.say("Home"), tongue.say("Trends")) == ("Omehay", "Trends")
            assert phases.label("v_ry") == "RY oltsvay"
    finally:
        for one in kept:
            one.cache_clear()


def test_what_the_browser_says_by_itself_is_on_the_page_in_the_language() -> None:
    said: set[str] = set()
    for path in ASSETS.glob("*.js"):
        script = path.read_text(encoding="utf-8").replace("\\u2019", "\u2019")
        said |= set(re.findall(r"\bssSay\('([^']+)'", script))
        if path.name in ("live.js", "alarm.js"):
            said |= set(re.findall(r"\bsay\('([^']+)'", script))
    assert len(said) > 100
    assert {*browser_words.SENTENCES, *alarm_sound.SENTENCES} == said
    with tongue.speaking("hi"):
        assert set(browser_words.browser_words()) == said | {*f.DAYS, *f.MONTHS}
    assert browser_words.browser_words() == {}, "English stands in the script"
