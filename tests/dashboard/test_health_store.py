"""What `/health` says of the history and its copies: every state in words that say what to do."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from substation.dashboard import format as f
from substation.dashboard import health_store
from substation.dashboard.health_store import COPY_ROWS, STORE_ROWS, Part, Row
from substation.dashboard.store_facts import Facts, gather
from substation.settings.model import Backup, Settings
from substation.store.growth import growth
from substation.store.history import History
from substation.store.room import Room
from substation.store.salvage import report as salvage_report
from substation.store.salvage.report import Lost, Report
from tests.dashboard.conftest import Station, demo_settings, reading
from tests.fake_clock import FakeClock

NOW_MS = 1_795_500_000_000
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
FOLDER = "/media/stick/substation"
SETTINGS = demo_settings(backup=Backup(folder=FOLDER))
YEAR = {
    "reading": (NOW_MS - 14 * DAY_MS, NOW_MS),
    "minute": (NOW_MS - 400 * DAY_MS, NOW_MS),
    "day": (NOW_MS - 800 * DAY_MS, NOW_MS),
}
WELL = Facts(
    NOW_MS,
    1_840_000_000,
    spans=YEAR,
    made_ms=NOW_MS - 800 * DAY_MS,
    room=Room(12_400_000_000, 29_000_000_000),
    check={"at_ms": NOW_MS - 3 * HOUR_MS, "state": "whole", "words": ""},
    copies={
        "at_ms": NOW_MS - HOUR_MS, "ok": True, "words": "", "folder": FOLDER, "uid": "x",
        "newest_ms": NOW_MS - HOUR_MS, "days": 412, "bytes": 1_200_000_000, "other_medium": True,
        "proof": {"at_ms": NOW_MS - HOUR_MS, "ok": True, "words": "", "days": 2},
    },
    medium={"state": "well"},
)  # fmt: skip


def facts(**changes: Any) -> Facts:
    copies, check = changes.pop("copies", {}), changes.pop("check", {})
    return replace(WELL, copies={**WELL.copies, **copies}, check={**WELL.check, **check}, **changes)


def stored(**changes: Any) -> tuple[dict[str, Row], tuple[health_store.Note, ...]]:
    return named(health_store.store(SETTINGS, facts(**changes)), STORE_ROWS)


def copied(
    settings: Settings = SETTINGS, **changes: Any
) -> tuple[dict[str, Row], tuple[health_store.Note, ...]]:
    return named(health_store.copies(settings, facts(**changes)), COPY_ROWS)


def named(part: Part, names: tuple[str, ...]) -> tuple[dict[str, Row], tuple[health_store.Note, ...]]:
    return dict(zip(names, part.rows, strict=True)), part.notes


def test_a_sound_store_says_what_it_holds_how_long_it_lasts_and_when_it_was_checked() -> None:
    rows, notes = stored()
    assert notes == ()
    assert not any(row.is_bad for row in rows.values())
    assert rows["History"].words.startswith("1.8 GB, about ")
    assert rows["Every poll since"].words == "10 Nov 11:30"
    assert rows["Minutes since"].words == "20 Oct 2025"
    assert rows["Room on its medium"].words == "12 GB of 29 GB free; full in more than 20 years"
    assert rows["Checked"] == Row("{} ago, whole", 3 * 3600.0)
    assert rows["Clock"] == Row("\u2014"), "a poller that does not run tells nothing of it"
    assert rows["Damage"].words == "none known"


def test_sound_copies_say_where_how_far_and_when_they_were_proved() -> None:
    rows, notes = copied()
    assert notes == ()
    assert rows["Second medium"].words == FOLDER
    assert rows["Last copy"] == Row("{} ago", 3600.0)
    assert rows["Holds"].words == "412 days, 1.2 GB"
    assert rows["Reaches to"].words == "10:30"
    assert rows["Proved by a restore"] == Row("{} ago, 2 days came back right", 3600.0)


def test_no_second_medium_is_a_standing_warning_with_the_command_that_sets_one() -> None:
    rows, ((sign, words),) = copied(demo_settings())
    assert (sign, rows["Second medium"].words, rows["Second medium"].is_bad) == ("warn", "none", True)
    assert "python3 encrypt_config.py set backup.folder /media/stick/substation" in words
    assert {row.words for name, row in rows.items() if name != "Second medium"} == {f.DASH}


def test_a_new_station_says_nothing_that_is_not_known() -> None:
    empty = Facts(NOW_MS)
    rows, notes = named(health_store.store(SETTINGS, empty), STORE_ROWS)
    assert rows["History"].words.startswith("none yet")
    assert rows["Room on its medium"].words == f.DASH
    assert rows["Checked"].words == "not yet"
    assert notes == ()
    rows, ((sign, words),) = named(health_store.copies(SETTINGS, empty), COPY_ROWS)
    assert (rows["Last copy"].words, sign) == ("none yet", "late")
    assert "No copy has been taken there yet" in words


def test_a_check_that_found_damage_is_an_alarm_and_one_that_is_old_a_warning() -> None:
    rows, notes = stored(check={"state": "damaged", "words": "minutes of 2026-11-20 differ"})
    assert notes == (("alarm", "The last check found: minutes of 2026-11-20 differ"),)
    assert rows["Checked"] == Row("{} ago, damaged", 3 * 3600.0, is_bad=True)
    rows, ((sign, words),) = stored(check={"at_ms": NOW_MS - 5 * DAY_MS})
    assert (sign, rows["Checked"].is_bad) == ("warn", True)
    assert "python3 datalogger.py check" in words
    never = replace(WELL, check={})
    rows, ((sign, _),) = named(health_store.store(SETTINGS, never), STORE_ROWS)
    assert (sign, rows["Checked"].words) == ("warn", "not yet")


@pytest.mark.parametrize("check", [{"at_ms": "x"}, {"at_ms": None}, {"at_ms": True}, {"at_ms": math.nan}])
def test_a_foreign_state_file_is_not_known_and_no_error(check: dict[str, Any]) -> None:
    rows, _ = stored(check=check)
    assert rows["Checked"].words == "not yet"
    rows, _ = copied(copies={**check, "proof": check, "days": "x", "newest_ms": None})
    assert rows["Last copy"].words == "none yet"
    assert rows["Proved by a restore"].words == "not yet"


def test_long_words_are_cut_where_a_note_has_no_room_for_them() -> None:
    _, ((_, words),) = copied(copies={"ok": False, "words": "one day differs; " * 90})
    assert words.endswith(" … (all in the log)")
    assert len(words) < 350


def test_a_proof_that_failed_is_said_once() -> None:
    bad = {"at_ms": NOW_MS - HOUR_MS, "ok": False, "words": "2026-11-20 differs"}
    _, notes = copied(copies={"ok": False, "words": "2026-11-20 differs", "proof": bad})
    assert [sign for sign, _ in notes] == ["alarm"]


def test_what_is_under_way_is_said() -> None:
    assert stored(job="check")[0]["Checked"].words == "under way"
    assert copied(job="backup")[0]["Last copy"].words == "under way"
    rows, ((sign, words),) = stored(job="salvage", salvage=Report(progress="40 %"))
    assert (rows["Damage"].words, sign) == ("being salvaged", "warn")
    assert "40 %" in words


def test_a_salvage_says_what_was_lost_and_is_forgotten_in_time() -> None:
    done = Report(
        salvage_report.DONE,
        found_ms=NOW_MS - DAY_MS,
        lost=[Lost("reading", "2026-11-20", 12), Lost("minute", "2026-11-21", None)],
    )
    rows, ((sign, words),) = stored(salvage=done)
    assert rows["Damage"] == Row("{} ago, salvaged: 12 rows lost", 86_400.0)
    assert sign == "warn"
    assert "2026-11-20 to 2026-11-21" in words
    assert stored(salvage=replace(done, lost=[]))[1] == ()
    assert stored(salvage=replace(done, found_ms=NOW_MS - 40 * DAY_MS))[1] == ()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (salvage_report.FOUND, "its salvage waits"),
        (salvage_report.FAILED, "nothing could be read"),
        (salvage_report.NOTHING, "nothing in it could be read"),
    ],
)
def test_a_damaged_history_that_was_not_brought_back_is_an_alarm(state: str, words: str) -> None:
    progress = "" if state == salvage_report.FOUND else words
    found = Report(state, file="daily_data.db.corrupt-x", found_ms=NOW_MS - HOUR_MS, progress=progress)
    rows, ((sign, said),) = stored(salvage=found)
    assert (sign, rows["Damage"].is_bad) == ("alarm", True)
    assert words in said


def test_a_medium_that_takes_nothing_and_a_history_that_cannot_be_read_are_alarms() -> None:
    rows, ((sign, words),) = stored(medium={"state": "read-only"})
    assert (sign, rows["Room on its medium"].is_bad) == ("alarm", True)
    assert words.startswith("The station's medium is read-only: nothing new is stored on it.")
    _, ((sign, words),) = stored(problem="daily_data.db is damaged")
    assert (sign, words) == ("alarm", "The history cannot be read: daily_data.db is damaged")


def test_a_medium_that_is_nearly_full_says_in_how_many_days_and_what_helps() -> None:
    young = {"reading": (NOW_MS - DAY_MS, NOW_MS), "minute": (NOW_MS - DAY_MS, NOW_MS)}
    rows, ((sign, words),) = stored(spans=young, room=Room(300_000_000, 8_000_000_000))
    assert (sign, rows["Room on its medium"].is_bad) == ("warn", True)
    assert "full in about 9 days" in rows["Room on its medium"].words
    assert "store.raw_days" in words


@pytest.mark.parametrize("made_days_ago", [800, 0.5])
def test_how_fast_it_grows_is_not_told_before_a_whole_day_of_polls(made_days_ago: float) -> None:
    """Nor where an import reaches far back: what was polled since shows it."""
    day = DAY_MS if made_days_ago < 1 else DAY_MS - 1
    spans = {"reading": (NOW_MS - day, NOW_MS), "minute": (NOW_MS - day, NOW_MS)}
    made_ms = NOW_MS - round(made_days_ago * DAY_MS)
    rows, notes = stored(
        spans=spans, made_ms=made_ms, polls_a_day=400.0, room=Room(300_000_000, 8_000_000_000)
    )
    assert rows["History"].words == "1.8 GB, how much more a day is known after one whole day"
    assert "full in" not in rows["Room on its medium"].words
    assert notes == ()


def test_a_copy_that_failed_is_named_with_its_reason_and_still_says_how_far_the_copies_reach() -> None:
    rows, notes = copied(copies={"ok": False, "words": "the medium is read-only"})
    assert notes == (("warn", "The last copy failed: the medium is read-only"),)
    assert rows["Last copy"] == Row("failed {} ago", 3600.0, is_bad=True)
    assert rows["Reaches to"].words == "10:30"


def test_copies_that_are_old_or_lie_on_the_same_medium_are_warned_of() -> None:
    rows, ((sign, words),) = copied(copies={"at_ms": NOW_MS - 4 * HOUR_MS})
    assert (sign, rows["Last copy"].is_bad) == ("warn", True)
    assert "plugged in and mounted" in words
    weekly = demo_settings(backup=Backup(folder=FOLDER, every_minutes=1440))
    assert copied(weekly, copies={"at_ms": NOW_MS - 40 * HOUR_MS})[1] == ()
    rows, ((sign, words),) = copied(copies={"other_medium": False})
    assert (sign, rows["Second medium"].is_bad) == ("warn", True)
    assert "same medium" in words


def test_a_proof_that_is_bad_old_or_missing_is_said() -> None:
    bad = {"at_ms": NOW_MS - HOUR_MS, "ok": False, "words": "2026-11-20 differs", "days": 2}
    rows, ((sign, words),) = copied(copies={"proof": bad})
    assert (sign, rows["Proved by a restore"].words) == ("alarm", "{} ago, NOT GOOD")
    assert "2026-11-20 differs" in words
    _, ((sign, words),) = copied(copies={"proof": {**bad, "ok": True, "at_ms": NOW_MS - 8 * DAY_MS}})
    assert (sign, "is old" in words) == ("warn", True)
    _, ((sign, words),) = copied(copies={"proof": None})
    assert "python3 datalogger.py verify" in words


def test_a_report_of_another_folder_tells_nothing_of_this_one() -> None:
    rows, _ = copied(copies={"folder": "/media/another"})
    assert (rows["Last copy"].words, rows["Holds"].words) == ("none yet", f.DASH)


def test_the_worst_comes_first() -> None:
    _, notes = stored(medium={"state": "full"}, check={"at_ms": NOW_MS - 9 * DAY_MS}, room=Room(0, 10**9))
    assert [sign for sign, _ in notes] == ["alarm", "warn", "warn"]


class TestGrowth:
    """`store.growth`: about how long the medium lasts."""

    def test_a_full_grown_history_grows_by_its_coarse_rows_only(self) -> None:
        grown = growth(SETTINGS, {"reading": 14.0, "minute": 400.0}, 1e9)
        assert grown.bytes_a_day == pytest.approx(5 * (96 + 24 + 1) * 570)
        assert grown.days_left == pytest.approx(1e9 / grown.bytes_a_day)

    def test_a_young_one_grows_by_every_poll_first_then_by_minutes_then_slowly(self) -> None:
        polls, minutes, coarse = 5 * 43_200 * 126, 5 * 1440 * 126, 5 * 121 * 570
        whole = 14 * polls + 400 * minutes + 4000 * coarse
        assert growth(SETTINGS, {}, whole).days_left == pytest.approx(4000, rel=0.01)
        assert growth(SETTINGS, {}, 7 * (polls + minutes + coarse)).days_left == pytest.approx(7)
        assert growth(SETTINGS, {}, 0.0).days_left == 0

    def test_few_rows_that_reach_far_back_leave_the_rest_to_be_filled(self) -> None:
        reach = {"reading": 14.0, "minute": 400.0}
        few = growth(SETTINGS, reach, 1e12, {"reading": 500.0, "minute": 500.0})
        assert few.bytes_a_day == pytest.approx(growth(SETTINGS, {}, 1e12).bytes_a_day)
        an_outage = {"reading": 13.9 * 5 * 43_200, "minute": 399 * 5 * 1440}
        assert growth(SETTINGS, reach, 1e12, an_outage) == growth(SETTINGS, reach, 1e12)

    def test_a_line_slower_than_asked_for_is_reckoned_with_its_own_pace(self) -> None:
        reach, polls = {"reading": 14.0, "minute": 400.0}, 5 * 28_800.0
        held = {"reading": 14 * polls, "minute": 400 * 5 * 1440}
        assert growth(SETTINGS, reach, 1e12, held, polls) == growth(SETTINGS, reach, 1e12)
        assert growth(SETTINGS, {}, 1e12, {}, polls).bytes_a_day < growth(SETTINGS, {}, 1e12).bytes_a_day

    def test_a_line_without_pause_is_reckoned_with_a_round_a_second(self) -> None:
        quick = demo_settings(poll={"interval_s": 0.0})
        assert growth(quick, {}, 1e9).bytes_a_day > 1.9 * growth(SETTINGS, {}, 1e9).bytes_a_day * 0.95


def test_the_facts_are_asked_of_history_medium_and_files(station: Station, clock: FakeClock) -> None:
    home = station.home
    assert gather(home, clock, None, running=False).spans == {}
    store = History(home.history, True, clock)
    store.add([reading(1, clock.now_ms() - n * 60_000) for n in range(5)])
    store.close()
    home.checked.write_text(json.dumps({"v": 1, "at_ms": 5, "state": "whole"}))
    home.copied.write_text("{torn")
    beat = {"medium": {"state": "full"}, "job": "check"}
    found = gather(home, clock, beat, running=True)
    assert found.spans["reading"] == (clock.now_ms() - 240_000, clock.now_ms())
    assert found.history_bytes
    assert found.room
    assert (found.check["at_ms"], found.copies, found.salvage) == (5, {}, None)
    assert (found.medium, found.job) == ({"state": "full"}, "check")
    home.checked.write_text(json.dumps({"v": 1, "at_ms": 5, "state": "whole", "uid": "another history"}))
    assert gather(home, clock, beat, running=True).check == {}
    past = gather(home, clock, beat, running=False)
    assert (past.medium, past.job) == ({}, "")
    home.history.unlink()
    home.history.write_bytes(b"")
    assert "empty (0 bytes)" in gather(home, clock, None, running=False).problem


def test_the_page_and_its_address_say_the_same_of_the_stores(client: FlaskClient, station: Station) -> None:
    station.beat(job="backup")
    for _ in range(2):  # it stands, however often one looks
        ((sign, words),) = client.get("/api/health").get_json()["copies"]
        assert (sign, "set backup.folder" in words) == ("warn", True)
        station.clock.advance(1)
    station.beat(job="backup")
    station.configure(SETTINGS)
    station.clock.advance(1)
    told = client.get("/api/health").get_json()
    assert told["cells"]["k0"] == FOLDER
    assert told["cells"]["k1"] == "under way"
    assert told["store"] == []
    assert len([name for name in told["cells"] if name[0] == "s"]) == len(STORE_ROWS)
