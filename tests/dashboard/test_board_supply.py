"""What the board says of supply: never more than the values that it rests on can bear."""

from typing import Any

import pytest

from substation.dashboard import samples, statusline, words
from substation.dashboard.board import Board, LiveMeter
from substation.readings import Reading
from tests.dashboard.boards import ZONE

COLONY = 4
REFUSES: dict[str, Any] = {
    "supply": "unknown",
    "status": "Unknown",
    "evidence": "answers, but refuses to be read (exception 6, meter is busy)",
    "comm_detail": "meter 4, 76 registers from 100: refused with exception 6, meter is busy",
}


def board_with(*ids: int, age_s: float | None, **said: Any) -> Board:
    """Return a board on which these meters' last readings are so old and the poller says so of them."""

    def change(reports: Any, readings: Any, _: Any) -> None:
        for key in ids:
            reports[key].update(said)
            old = None if age_s is None else samples.NOW_MS - round(age_s * 1000)
            readings[key] = None if old is None else Reading(key, old, readings[key].values)

    return samples.board(change)


def colony(board: Board) -> LiveMeter:
    found = board.meter(COLONY)
    assert found is not None
    return found


@pytest.mark.parametrize("age_s", [5, 600, None])
def test_a_meter_that_refuses_is_named_and_counted_as_not_known(age_s: float | None) -> None:
    board = board_with(COLONY, age_s=age_s, **REFUSES)
    shown = colony(board)
    assert (shown.status, shown.supply, shown.evidence) == ("Unknown", "unknown", REFUSES["evidence"])
    said = statusline.headline(board, ZONE)
    assert (said.kind, said.title) == ("warn", "A meter cannot be read")
    assert said.detail == f"ColonyLoad, {REFUSES['evidence']}"
    summary = statusline.summary_parts(board)
    assert (summary["ok"][0], summary["unk"][0], summary["unkn"][0]) == ("4", "1", ": ColonyLoad")


def test_several_that_refuse_are_named_together() -> None:
    said = statusline.headline(board_with(2, COLONY, age_s=5, **REFUSES), ZONE)
    assert (said.title, said.detail) == ("Meters cannot be read", "EssentialLoad, ColonyLoad")


@pytest.mark.parametrize(
    ("age_s", "freshness", "evidence"),
    [(34, "stale", "no reading for 34 s"), (None, "never", "no reading yet")],
)
def test_supply_is_not_known_where_the_values_are_old_whatever_the_poller_says(
    age_s: float | None, freshness: str, evidence: str
) -> None:
    board = board_with(COLONY, age_s=age_s, supply="live", status="OK")
    shown = colony(board)
    assert (shown.freshness, shown.status, shown.supply) == (freshness, "Unknown", "unknown")
    assert shown.evidence == evidence
    assert shown.since_ms == (None if age_s is None else samples.NOW_MS - 34_000)
    assert statusline.summary_parts(board)["unkn"][0] == ": ColonyLoad"
    assert statusline.headline(board, ZONE).title == "Waiting for answers"


def test_a_late_value_still_bears_its_state() -> None:
    assert colony(board_with(COLONY, age_s=9)).status == "OK"


def test_what_the_silence_itself_proves_stands_without_values() -> None:
    evidence = "fed from its own circuit and silent together with EssentialLoad, while Transformer answers"
    board = board_with(
        COLONY,
        age_s=600,
        supply="dead",
        status="Power failure",
        evidence=evidence,
        comm_status="Communication failed",
    )
    shown = colony(board)
    assert (shown.freshness, shown.status, shown.supply) == ("stale", "Power failure", "dead")
    assert shown.evidence == evidence


@pytest.mark.parametrize("supply", ["live", "dead"])
def test_no_old_state_stands_for_a_meter_that_is_silent(supply: str) -> None:
    board = board_with(COLONY, age_s=600, supply=supply, status="as before")
    assert (colony(board).supply, colony(board).status) == ("unknown", "Unknown")


PAUSE = "scan, asked for by asha; polling goes on by itself"


def paused(*ids: int, age_s: float | None, **said: Any) -> Board:
    """Return a board whose line is held for a scan, while these meters' readings have grown so old."""

    def change(reports: Any, readings: Any, beat: Any) -> None:
        beat["lines"][0]["paused"] = PAUSE
        for key in ids:
            reports[key].update(said)
            readings[key] = Reading(key, samples.NOW_MS - round((age_s or 0) * 1000), readings[key].values)

    return samples.board(change)


def test_a_meter_that_was_not_asked_for_the_sake_of_a_scan_is_not_called_silent() -> None:
    board = paused(1, 2, 3, 4, 5, age_s=14)
    said = statusline.headline(board, ZONE)
    assert (said.kind, said.title) == ("warn", "Polling pauses")
    assert said.detail == "Scan, asked for by asha; polling goes on by itself."
    shown = colony(board)
    assert (shown.supply, shown.evidence) == ("unknown", f"no reading for 14 s, polling pauses: {PAUSE}")
    assert words.tag(board, shown) == ("Not asked", "ss-tag-warn")
    assert ("RS-485", "pauses: scan") in facts(board)


def test_a_short_pause_changes_no_headline() -> None:
    board = paused(age_s=None)
    assert statusline.headline(board, ZONE).title == "All normal"
    assert ("RS-485", "pauses: scan") in facts(board)
    assert words.tag(board, colony(board)) == ("", "ss-none")


def test_a_meter_that_was_silent_before_the_pause_stays_named() -> None:
    board = paused(COLONY, age_s=60, comm_status="Communication failed", supply="unknown")
    assert statusline.headline(board, ZONE).title == "Communication failed"
    assert words.tag(board, colony(board))[0] == "No answer"


def facts(board: Board) -> list[tuple[str, str]]:
    parts = statusline.line_parts(board, ZONE)
    return [(parts[f"b{place}"][0], parts[f"t{place}"][0]) for place in range(words.FACTS)]
