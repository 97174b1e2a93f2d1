"""R16, R17: the poller on a card that is full, read-only, gone: a real one, small, mounted for the test."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.acquisition.conftest import PROJECT
from tests.lacking import lacking, not_proved

ACTS = ("full", "read-only", "boot", "gone", "killed")
PATIENCE_S = 120
CLAUSE = "the live board goes on and nothing is lost on a medium really full, read-only, gone (R16, R17)"
Told = dict[str, Any]


def unshared() -> list[str]:
    """Return the command that gives a program mounts of its own.

    Without the programs it is a failure in CI; where the machine refuses (a container without privileges)
    the summary names the clause, of which `tests/store/test_endurance.py` and `test_relief.py` then are
    all the proof: there errors are imitated.
    """
    for program in ("unshare", "mount"):
        if shutil.which(program) is None:
            lacking(f"NOT PROVED HERE: {CLAUSE}: {program} is missing: apt install util-linux mount")
    how = ["unshare", "-m" if os.geteuid() == 0 else "-rm", "--propagation", "private"]
    tried = subprocess.run(
        [*how, "mount", "-t", "tmpfs", "none", "/mnt"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if tried.returncode:
        not_proved(CLAUSE, f"this machine lets nobody mount: {tried.stderr.strip()}")
    return how


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Told]:
    """What was seen in each play; all are played at the same time."""
    how = unshared()
    plays = {}
    for act in ACTS:
        folder = tmp_path_factory.mktemp(act)
        command = [*how, sys.executable, "-m", "tests.acquisition.medium_play", act, str(folder)]
        plays[act] = subprocess.Popen(
            command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    said: dict[str, tuple[str, str]] = {}
    try:
        for act, play in plays.items():
            said[act] = play.communicate(timeout=PATIENCE_S)
    finally:
        for play in plays.values():
            if play.poll() is None:
                play.kill()
                play.communicate()

    def of(act: str) -> Told:
        out, err = said[act]
        assert plays[act].returncode == 0, err[-2000:]
        found = json.loads(out)
        assert isinstance(found, dict)
        return found

    return of


@pytest.mark.parametrize("act", ACTS)
def test_the_live_board_goes_on(played: Callable[[str], Told], act: str) -> None:
    broken = played(act)["broken"]
    assert (broken["poller"], broken["fresh"]) == ("running", 5)
    assert broken["medium"]["live"].startswith("/dev/shm/")
    state = {"boot": "read-only", "killed": "read-only"}.get(act, act)
    assert broken["medium"]["state"] == state
    assert any(f"the medium is {state} since" in words for words in broken["problems"])


@pytest.mark.parametrize("act", ACTS)
def test_it_recovers_by_itself_and_no_reading_is_lost(played: Callable[[str], Told], act: str) -> None:
    told = played(act)
    mended = told["mended"]
    assert (mended["poller"], mended["fresh"], mended["problems"]) == ("running", 5, [])
    assert mended["medium"]["live"] is None
    assert told["left"] == []
    assert told["stored"] == 5 * told["rounds"] + told.get("kept", 0)


@pytest.mark.parametrize("act", ACTS)
def test_the_gap_is_recorded_with_its_reason(played: Callable[[str], Told], act: str) -> None:
    word = {"boot": "read-only", "killed": "read-only"}.get(act, act)
    gaps = played(act)["events"]
    assert gaps
    for kind, detail in gaps:
        assert kind == "store.gap"
        assert f"the medium was {word}" in detail
        assert "no reading was lost" in detail


def test_a_full_card_gives_the_ballast_first(played: Callable[[str], Told]) -> None:
    told = played("full")
    assert (told["ballast"], told["freed"]) == (True, True)
    assert told["relief"][0][0] == "ballast"
    assert any("Largest here: daily_data.db" in words for words in told["broken"]["problems"])


def test_a_full_card_gives_up_the_oldest_polls_and_keeps_their_minutes(played: Callable[[str], Told]) -> None:
    told = played("full")
    before, after = told["polls"]
    assert 0 <= len(after) < len(before)
    assert after == before[len(before) - len(after) :]  # the oldest went, and of those that stay none
    kept, still = told["coarser"]
    assert still == kept
    assert len(kept["minute"]) == 30
    assert any("these single polls were given up" in detail for _, detail in told["relief"])
    assert any("The oldest single polls make room" in words for words in told["broken"]["problems"])


def test_a_read_only_card_can_still_be_asked(played: Callable[[str], Told]) -> None:
    assert played("read-only")["broken"]["history"]


def test_nothing_is_made_in_the_empty_folder_where_the_card_was(played: Callable[[str], Told]) -> None:
    assert played("gone")["made_meanwhile"] == []
