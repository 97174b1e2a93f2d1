"""The messenger is killed at every step of the queue: nothing is lost, nothing told twice in silence.

The one moment in which nobody can know - handed over, and the outside's word not yet written down - must
choose: an alarm is told again and says so, readings are not.
"""

from collections.abc import Callable
from pathlib import Path

from substation.messages.messenger import Messenger
from substation.messages.ways import Job
from substation.messages.wording import TWICE
from substation.settings.messages import Messages
from tests.fake_clock import FakeClock
from tests.messages.station import SSE, PlayedWay, Station, at, who


class Killed(BaseException):
    """The process is no more."""


class Fate:
    """Kills at the n-th point; counts them where n is none."""

    def __init__(self, at_point: int | None) -> None:
        self.at_point, self.points = at_point, 0
        self.where = ""

    def point(self, where: str = "transaction") -> None:
        self.points += 1
        if self.points == self.at_point:
            self.where = where
            raise Killed


class FatalWay(PlayedWay):
    """The outside, reached by somebody who may die on the way there or back."""

    def __init__(self, point: Callable[[str], None]) -> None:
        super().__init__()
        self._point = point

    def hand(self, job: Job) -> None:
        self._point("before")
        super().hand(job)
        self._point("after")


def play(folder: Path, kill_at: int | None) -> tuple[Station, Fate]:
    """Let an alarm come and go, and an hour strike; the messenger dies once and is started again."""
    recipients = (who(hourly=True), who("second", after_min=(1,)))
    clock = FakeClock(now_ms=at("02:00") + 60_000)
    here = Station(folder, Messages(recipients=recipients, grouping_s=0.0), clock=clock)
    fate = Fate(kill_at)
    here.way = FatalWay(fate.point)
    script: list[Callable[[], object]] = [
        here.save,
        here.alarm,
        lambda: here.clock.advance(65),
        here.over,
    ]
    messenger: Messenger | None = None
    for number, step in enumerate([*script, None]):
        if step is None:
            fate.at_point = None  # whoever was killed last is started again
        else:
            step()
        for _ in range(3 if number else 1):
            here.clock.advance(1.5)
            try:
                if messenger is None:
                    messenger = here.messenger(before=fate.point)
                messenger.tick()
            except Killed:
                if messenger is not None and messenger.queue is not None:
                    messenger.queue.close()
                here.way.answers.clear()  # nobody hears them any more
                messenger = None
    return here, fate


EXPECTED = {
    (SSE, "HIGH Supply lost"),
    ("second", "Not acknowledged for 1 min: HIGH Supply lost"),
    (SSE, "Over: Supply lost"),
    ("second", "Over: Supply lost"),
    (SSE, "Readings of 02:00"),
}


def told(here: Station) -> list[tuple[str, str, bool]]:
    """Return what the outside has: to whom, what, and whether it says that it may have come before."""
    found = []
    for job in here.way.taken:
        for recipient, words in EXPECTED:
            lines = [line.removeprefix("- ") for line in job.text.body.splitlines()]
            if job.recipient == recipient and any(line.startswith(words) for line in lines):
                found.append((recipient, words, TWICE in job.text.body))
    return found


def test_the_play_without_a_kill_tells_everything_once(tmp_path: Path) -> None:
    here, fate = play(tmp_path, None)
    assert sorted(told(here)) == sorted((name, words, False) for name, words in EXPECTED)
    assert fate.points > 15


def test_killed_at_each_step_nothing_is_lost_and_nothing_told_twice_in_silence(tmp_path: Path) -> None:
    """SQLite takes a transaction whole or not at all: commits, and the way out, are all the steps it has."""
    for point in range(1, 500):
        here, fate = play(tmp_path / str(point), point)
        if not fate.where:
            break
        found = told(here)
        kept = {(name, words) for name, words, _ in found}
        lost = EXPECTED - kept
        if lost and _is_unsure(here):  # readings that were handed over, and perhaps went out
            lost -= {(SSE, "Readings of 02:00")}
        assert lost == set(), (point, fate.where)
        for one in kept:
            marks = [mark for name, words, mark in found if (name, words) == one]
            assert marks.count(False) <= 1, (point, fate.where, one)
            if len(marks) == 2:  # handed over, and not yet written down what came of it
                assert fate.where in ("after", "transaction")
                assert marks == [False, True]
            else:
                assert len(marks) == 1


def _is_unsure(here: Station) -> bool:
    messenger = here.messenger()
    assert messenger.queue is not None
    given_up = messenger.queue.last("given up")
    messenger.close()
    return given_up is not None and "may have gone out" in given_up[2]
