"""Duties are met by children of the poller, one at a time, and end with it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from substation import notify
from substation.acquisition.jobs import DOOR, MOST_WORDS, NICE, Jobs, shortened
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
    def look() -> bool:
        tender.look(SETTINGS)
        return is_so()

    wait_until(look)


def wait_until(is_so) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
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


def test_a_job_ends_with_a_poller_that_is_killed(tmp_path):
    """The next poller must not meet the old one's salvage."""
    door = tmp_path / "door.py"
    door.write_text(
        "import os, sys, time\n"
        f"sys.path.insert(0, {str(DOOR.parent)!r})\n"
        "from substation import notify\n"
        "notify.end_with_parent()\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(600)\n"
    )
    poller = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import sys, time; sys.path.insert(0, {str(DOOR.parent)!r})\n"
            "from pathlib import Path\n"
            "from substation.acquisition.jobs import Jobs\n"
            f"Jobs(Path('.'), Path({str(door)!r})).start('check')\n"
            "time.sleep(600)",
        ]
    )
    try:
        wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    finally:
        poller.kill()
        poller.wait()
    job = Path("/proc") / (tmp_path / "pid").read_text()
    wait_until(lambda: not job.exists() or "State:\tZ" in (job / "status").read_text())


def test_a_typed_command_ends_with_nobody(monkeypatch):
    monkeypatch.delenv(notify.JOB_OF, raising=False)
    notify.end_with_parent()


def test_a_job_gives_no_signs_of_life_in_the_pollers_place(door, tmp_path, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/none")
    duty = Plain("check", "print(os.environ.get('NOTIFY_SOCKET', 'none'), file=sys.stderr)")
    until(Tender(Jobs(tmp_path, door), [duty]), lambda: duty.ends)
    assert duty.ends == [(0, "none")]


@pytest.mark.parametrize("sentence", ["The card is full. ", "word " * 30, "x" * 500])
def test_many_words_are_cut_at_their_end_and_the_first_stay_whole(sentence):
    words = (sentence * 40).strip()
    said = shortened(words)
    assert len(said) <= MOST_WORDS
    assert said.endswith(" …")
    assert words.startswith(said.removesuffix(" …"))
    assert shortened("All of it.") == "All of it."
    if "." in sentence:
        assert said.endswith("full. …")


def test_a_job_that_is_held_up_by_another_is_no_failure(door, tmp_path, caplog):
    duty = Plain("backup", "print('another copy is under way', file=sys.stderr); sys.exit(75)")
    with caplog.at_level("INFO", "poller"):
        until(Tender(Jobs(tmp_path, door), [duty]), lambda: duty.ends)
    (told,) = [record for record in caplog.records if "under way" in record.getMessage()]
    assert (told.levelname, duty.ends) == ("INFO", [(75, "another copy is under way")])
