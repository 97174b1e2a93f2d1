"""The audit page: who did what, and was the log changed?"""

import json
from collections.abc import Mapping
from typing import Any

import dash
import pytest

from substation.audit import Audit
from substation.dashboard import audit_asked, audit_view, audit_watch, desk
from substation.dashboard.feed import current
from substation.store import anchors
from tests.dashboard.conftest import PASSWORD, Browser, Station, basic, browse, page_request
from tests.dashboard.tree import attribute, classes, text, walk


@pytest.fixture
def log(app: dash.Dash, station: Station) -> Audit:
    """The dashboard's own log, with something in it."""
    made = desk.current().audit
    made.write("start", address="http://127.0.0.1:8050/")
    made.write("login", user="ravi", src="10.0.0.7", role="engineer")
    made.write("login.failed", user="eve", src="10.0.0.9", ok=False)
    station.clock.advance(86_400)
    made.write("config.changed", user="ravi", src="terminal", setting="poll.interval_s", before=2, after=3)
    return made


def page(**query: str) -> Any:
    layout = dash.page_registry["substation.dashboard.pages.audit"]["layout"]
    return layout(**query)


def rows(drawn: Any) -> list[str]:
    """The words of each line shown, day headings left out."""
    found = [one for one in walk(drawn) if type(one).__name__ == "Tr" and "ss-grp" not in classes(one)]
    return [" | ".join(text(cell) for cell in row.children) for row in found[1:]]


def test_the_newest_line_comes_first_under_its_day(log: Audit) -> None:
    drawn = page()
    shown = rows(drawn)
    assert shown[0].startswith(
        "11:30:00 | config.changed | ravi | terminal | dashboard | setting poll.interval_s"
    )
    assert shown[1].startswith("11:30:00 | login.failed")
    assert "refused" in shown[1]
    days = [text(one) for one in walk(drawn) if "ss-grp" in classes(one)]
    assert days == ["Today, Wed 25 Nov 2026", "Tue 24 Nov 2026"]


@pytest.mark.parametrize(
    ("query", "events"),
    [
        ({"event": "login.*"}, ["login.failed", "login"]),
        ({"event": "login"}, ["login"]),
        ({"user": "ravi"}, ["config.changed", "login"]),
        ({"source": "10.0.0.9"}, ["login.failed"]),
        ({"process": "poller"}, []),
        ({"text": "POLL.interval"}, ["config.changed"]),
        ({"first": "2026-11-25"}, ["config.changed"]),
        ({"last": "2026-11-24"}, ["login.failed", "login", "start"]),
        ({"refused": "1"}, ["login.failed"]),
        ({"user": "ravi", "event": "login.*"}, ["login"]),
        ({"before": "2"}, ["start"]),
        (
            {"before": "nonsense", "first": "soon", "unknown": "x"},
            ["config.changed", "login.failed", "login", "start"],
        ),
    ],
)
def test_the_address_says_which_lines_are_shown(log: Audit, query: dict[str, str], events: list[str]) -> None:
    drawn = page(**query)
    assert [row.split(" | ")[1].removesuffix("refused") for row in rows(drawn)] == events
    if not events:
        assert "No line of the log is like that" in text(drawn)
        links = {text(one): one.href for one in walk(drawn) if hasattr(one, "href")}
        assert links["Show all lines"] == "/audit"


def test_an_address_says_again_what_it_asked_for() -> None:
    for query in (
        {"event": "login.*", "refused": "1"},
        {"first": "2026-11-01", "before": "77", "user": "é ü"},
    ):
        asked = audit_asked.asked(query)
        parts = dict(part.split("=") for part in asked.address.partition("?")[2].split("&"))
        assert parts.keys() == query.keys()
    assert audit_asked.asked({"user": "x" * 5000}).wanted.user == "x" * 100
    assert audit_asked.asked({"before": ["1"]}).before == 0


def test_a_value_leads_to_all_lines_with_it(log: Audit) -> None:
    links = {text(one): one.href for one in walk(page(refused="1")) if hasattr(one, "href")}
    assert links["eve"] == "/audit?user=eve&refused=1"
    assert links["10.0.0.9"] == "/audit?source=10.0.0.9&refused=1"
    assert links["Exports"] == "/audit?event=export.*"


HOSTILE = (
    "\x1b[31mred",
    "\u202egnp.exe",
    "a\r\nb",
    "\ud800",
    "<script>alert(1)</script>",
    "\u200bhidden",
    "x" * 300,
)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_somebody_wrote_into_the_log_is_shown_harmless(log: Audit, name: str) -> None:
    log.write("login.failed", user=name, src=name, ok=False, agent=name, more={"a": [name]})
    drawn = page()
    words = text(drawn)
    assert all(character.isprintable() for character in words)
    assert json.dumps(drawn.to_plotly_json(), default=lambda part: part.to_plotly_json())
    assert name[:20].encode("ascii", "backslashreplace").decode() in words or not name.isprintable()


def test_a_line_that_was_edited_says_so_itself(log: Audit) -> None:
    log.path.write_bytes(log.path.read_bytes().replace(b'"user":"eve"', b'"user":"bob"'))
    (row,) = [row for row in rows(page()) if "login.failed" in row]
    assert "changed" in row


def test_a_torn_line_is_shown_as_what_it_is(log: Audit) -> None:
    with log.path.open("ab") as file:
        file.write(b'{"seq":5,"utc":"\x1b\xff')
    row = rows(page())[0]
    assert "no line of this log" in row
    assert "\\x1b" in row


def test_an_empty_log_and_an_unreadable_one_are_said_in_words(app: dash.Dash, station: Station) -> None:
    station.home.audit.unlink(missing_ok=True)
    assert "cannot be read" in text(page())
    station.home.audit.touch()
    assert "The log is empty" in text(page())
    station.home.audit.unlink()
    station.home.audit.mkdir()
    assert "cannot be read" in text(page())
    assert "exports are refused" in text(page())


def test_two_hundred_lines_are_a_page_and_the_rest_is_behind_a_link(log: Audit) -> None:
    for number in range(396):
        log.write("page", user="admin", path=f"/meter/{number}")
    drawn = page()
    assert len(rows(drawn)) == 200
    (older,) = [one.href for one in walk(drawn) if text(one) == "Older lines" and hasattr(one, "href")]
    assert older == "/audit?before=201"
    second = page(before="201")
    assert len(rows(second)) == 200
    assert rows(second)[-1].split(" | ")[1] == "start"
    assert "This is the beginning of the log" in text(second)


def test_a_log_over_closed_files_is_read_as_one(log: Audit, station: Station) -> None:
    station.clock.advance(10 * 86_400)
    log.write("page", user="admin")
    assert len(list(station.folder.glob("dashboard_audit-*.log"))) == 1
    assert [row.split(" | ")[1] for row in rows(page())][:3] == ["page", "audit.rotate", "config.changed"]


def test_only_administrators_may_see_it_and_the_refusal_is_written(
    log: Audit, app: dash.Dash, station: Station
) -> None:
    class Viewer(Browser):
        said: Mapping[str, str] = {"Authorization": basic("viewer", PASSWORD), "Host": "localhost:8050"}

    with browse(app, Viewer) as viewer:
        assert viewer.get("/audit").status_code == 403
        assert viewer.post("/_dash-update-component", json=page_request("/audit")).status_code == 403
    assert {line["d"]["path"] for line in station.audit_lines("page.refused")} == {"/audit"}


def test_an_administrator_gets_what_the_address_asks_for(log: Audit, client: Browser) -> None:
    answer = client.post("/_dash-update-component", json=page_request("/audit", "?event=login.failed"))
    assert answer.status_code == 200
    assert "login.failed" in answer.text
    assert "poll.interval_s" not in answer.text


def chain(drawn: Any) -> str:
    (found,) = [one for one in walk(drawn) if "ss-audit-chain" in classes(one)]
    return text(found)


def test_before_the_first_walk_the_chain_is_not_called_whole(log: Audit) -> None:
    assert "Not verified yet" in chain(page())
    assert audit_watch.current().problem == ""


def test_a_whole_chain_is_said_with_its_time_and_last_number(log: Audit) -> None:
    audit_watch.current().verify()
    said = chain(page())
    assert "The chain is whole" in said
    assert "11:30:00" in said
    assert anchors.written((4, log.anchor()[1][:16])) in said


def test_a_changed_log_is_named_on_the_page_and_on_every_state_line(log: Audit, client: Browser) -> None:
    content = log.path.read_bytes()
    log.path.write_bytes(content.replace(b'"user":"eve"', b'"user":"bob"'))
    audit_watch.current().verify()
    said = chain(page())
    assert "The log was changed in 1 place" in said
    assert "dashboard_audit.log line 3: was edited" in said
    desk.current().clock.sleep(1)
    assert audit_watch.CHANGED in current().board().problems
    log.path.write_bytes(content)
    audit_watch.current().verify()
    desk.current().clock.sleep(1)
    assert audit_watch.CHANGED not in current().board().problems


def test_a_log_that_cannot_be_verified_is_a_problem_too(log: Audit) -> None:
    log.path.unlink()
    log.path.mkdir()
    audit_watch.current().verify()
    assert audit_watch.current().problem == audit_watch.UNREADABLE
    assert "Cannot be verified" in chain(page())


def test_a_cut_off_end_is_named_by_what_the_dashboard_had_noted(log: Audit) -> None:
    watch = audit_watch.current()
    watch.note_when_due()
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join(lines[:-1]))
    watch.verify()
    assert "number 4 was noted" in chain(page())


def test_the_last_number_is_noted_at_the_start_and_each_day(log: Audit, station: Station) -> None:
    watch = audit_watch.current()
    watch.note_when_due()
    watch.note_when_due()
    station.clock.advance(86_400)
    watch.note_when_due()
    assert [seq for seq, _ in anchors.of_operators(station.home.operator)] == [4, 5]
    (line,) = station.audit_lines("audit.anchor")
    assert line["d"] == {"kept": "operator.db"}


def test_opening_the_page_has_an_old_finding_made_anew(log: Audit, station: Station) -> None:
    watch = audit_watch.current()
    watch.verify()
    page()
    assert not watch.under_way
    station.clock.advance(audit_watch.AGAIN_S)
    page()
    assert watch.under_way
    assert "being verified again now" in chain(page())


def test_the_dashboard_notes_what_it_took_over_and_what_it_could_not_use(
    log: Audit, station: Station, client: Browser
) -> None:
    poll = station.settings.poll.model_copy(update={"interval_s": 5.0})
    station.configure(station.settings.model_copy(update={"poll": poll}))
    station.clock.advance(1)
    client.get("/healthz")
    (line,) = station.audit_lines("config.loaded")
    assert line["d"]["settings"] == {"poll.interval_s": "2.0 -> 5.0"}
    station.home.config.write_text("{}")
    for _ in range(3):
        station.clock.advance(1)
        client.get("/healthz")
    (line,) = station.audit_lines("config.refused")
    assert line["ok"] is False


def test_a_log_that_cannot_be_written_is_on_the_state_line(log: Audit, client: Browser) -> None:
    log.path.unlink()
    log.path.mkdir()
    assert log.write("page") is False
    desk.current().clock.sleep(1)
    assert any("audit log cannot be written" in words for words in current().board().problems)


def test_every_column_stays_with_its_words(log: Audit) -> None:
    heads = [text(one) for one in walk(page()) if attribute(one, "scope") == "col"]
    assert heads == [name for name, _ in audit_view._COLUMNS]


@pytest.mark.parametrize(
    "query", ["?text=\ud800", "?user=%ED%A0%80", "?event=\udfff&before=\ud800", "\ud800"]
)
def test_half_a_character_in_the_address_is_left_out(log: Audit, client: Browser, query: str) -> None:
    answer = client.post("/_dash-update-component", json=page_request("/audit", query))
    assert answer.status_code == 200
    assert audit_asked.asked({"text": "a\ud800b"}).wanted.text == "ab"


def test_the_last_number_is_noted_each_hour_and_after_what_matters(log: Audit, station: Station) -> None:
    watch = audit_watch.current()
    watch.note_when_due()
    log.write("page")
    watch.note_when_due()  # a page alone waits for the hour
    station.clock.advance(3600)
    watch.note_when_due()
    station.clock.advance(3600)
    watch.note_when_due()  # nothing new
    for event in ("user.role", "password.changed", "export.done", "config.changed"):
        log.write(event)
        watch.note_when_due()
    assert [seq for seq, _ in anchors.of_operators(station.home.operator)] == [4, 5, 6, 7, 8, 9]
    assert station.audit_lines("audit.anchor") == []


def test_a_cut_that_the_dashboard_meets_is_on_every_state_line(log: Audit, client: Browser) -> None:
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join(lines[:-2]))
    client.get("/")
    desk.current().clock.sleep(1)
    assert any("was cut off" in words for words in current().board().problems)
    audit_watch.current().verify()
    assert "number 4 was there and is gone" in chain(page())
