"""Duties are met by children of the poller, one at a time, and end with it."""

import os
import time
from pathlib import Path

import pytest

from substation.acquisition.jobs import NICE, Jobs
from substation.acquisition.tending import Tender
from substation.settings.model import CARD_METERS, Settings

SETTINGS = Settings(meters=CARD_METERS)


@pytest.fixture
def door(tmp_path: Path) -> Path:
    """A door that does what its second argument says, in words of Python."""
    path = tmp_path / "door.py"
    path.write_text("import os, sys, time\nexec(sys.argv[2])\n")
    return path


class Plain:
    """A duty that is due while it has something to do."""

    def __init__(self, name: str, *to_do: str) -> None:
        self.name, self.to_do = name, list(to_do)
        self.ends: list[tuple[int, str]] = []
        self.advice = [f"{name} says so"]

    def due(self, settings: Settings) -> list[str] | None:
        return [self.to_do.pop(0)] if self.to_do else None

    def done(self, code: int, words: str) -> None:
        self.ends.append((code, words))


def until(tender: Tender, is_so) -> None:
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        tender.look(SETTINGS)
        time.sleep(0.01)


def test_duties_are_done_one_at_a_time_and_the_most_urgent_first(door, tmp_path):
    said = tmp_path / "said"
    words = f"time.sleep(0.05); open({str(said)!r}, 'a').write(sys.argv[1] + ' ')"
    first, second = Plain("first", words, words), Plain("second", words)
    tender = Tender(Jobs(tmp_path, door), [first, second])
    assert tender.advice == ["first says so", "second says so"]
    until(tender, lambda: second.ends)
    assert said.read_text() == "first first second "
    assert first.ends == [(0, ""), (0, "")]


def test_a_command_that_fails_is_told_with_its_words(door, tmp_path):
    duty = Plain("check", "print('no', 'such', 'medium', file=sys.stderr); sys.exit(78)")
    until(tender := Tender(Jobs(tmp_path, door), [duty]), lambda: duty.ends)
    assert duty.ends == [(78, "no such medium")]
    tender.stop()


def test_a_job_steps_back_behind_the_poller_and_knows_its_station(door, tmp_path):
    home = tmp_path / "home"
    words = (
        "print(os.environ['SUBSTATION_HOME'], file=sys.stderr)\n"
        f"while os.getpriority(os.PRIO_PROCESS, 0) < {NICE}: time.sleep(0.01)"
    )
    duty = Plain("check", words)
    until(Tender(Jobs(home, door), [duty]), lambda: duty.ends)
    assert duty.ends == [(0, str(home))]


def test_what_is_under_way_ends_with_the_poller(door, tmp_path):
    jobs = Jobs(tmp_path, door)
    tender = Tender(jobs, [Plain("backup", "time.sleep(600)")])
    tender.look(SETTINGS)
    assert jobs.running == "backup"
    pid = jobs._child.pid
    tender.stop()
    assert jobs.running == ""
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_without_duties_nothing_is_done():
    tender = Tender()
    tender.look(SETTINGS)
    tender.stop()
    assert tender.advice == []
