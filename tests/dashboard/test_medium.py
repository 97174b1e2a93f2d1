"""R16, R17: the dashboard's own stores (logins, requests, audit) on a card that is full, read-only, gone."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from substation.commands.doors import PROJECT
from tests.acquisition.test_medium import PATIENCE_S, unshared

ACTS = ("full", "boot", "gone")
Told = dict[str, Any]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Told]:
    """What was answered in each play; all are played at the same time."""
    how = unshared()
    plays = {
        act: subprocess.Popen(
            [
                *how,
                sys.executable,
                "-m",
                "tests.dashboard.medium_play",
                act,
                str(tmp_path_factory.mktemp(act)),
            ],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for act in ACTS
    }
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
@pytest.mark.parametrize("when", ["broken", "mended"])
def test_every_page_stands(played: Callable[[str], Told], act: str, when: str) -> None:
    told = played(act)
    assert set(map(tuple, told[when].values())) == {(200, 200)}, told[when]
    assert told["traces"] == []


@pytest.mark.parametrize("act", ACTS)
def test_the_door_is_no_wider_and_can_be_closed(played: Callable[[str], Told], act: str) -> None:
    told = played(act)
    assert told["wrong password"] == 401
    assert told["logout"] == 303


def test_nothing_is_made_where_the_card_was(played: Callable[[str], Told]) -> None:
    assert played("gone")["kept"] == []
