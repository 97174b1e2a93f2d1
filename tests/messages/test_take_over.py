"""A changed configuration: when it is in force, and what becomes of what was on its way or waits."""

from pathlib import Path
from unittest import mock

from substation.messages.ways import Job, Outcome
from substation.settings import files
from substation.settings.messages import Messages
from tests.messages.station import SSE, PlayedWay, Station, who


class HangingWay(PlayedWay):
    """Takes a message, and says nothing of it until it is told to."""

    def hand(self, job: Job) -> None:
        self.taken.append(job)
        self.busy = True

    def end(self) -> None:
        self.busy = False
        self.answers += [Outcome(job.number, True, "taken") for job in self.taken]


def test_a_way_that_hangs_delays_no_change_and_what_comes_of_it_counts(tmp_path: Path) -> None:
    here = Station(tmp_path, Messages(grouping_s=0.0))
    here.change(Messages(recipients=(who(),), grouping_s=0.0))
    here.way = old = HangingWay()
    messenger = here.messenger()
    here.alarm()
    here.run(messenger, 5)
    assert [job.recipient for job in old.taken] == [SSE]
    here.way = PlayedWay()
    here.change(Messages(recipients=(who(), who("new")), grouping_s=0.0))
    with mock.patch.object(files, "load", wraps=files.load) as load:
        here.run(messenger, 60, 5)
    assert load.call_count == 1
    assert messenger.queue is not None
    assert messenger.queue.counts() == {"sending": 1, "waiting": 1, "unbound": 0}
    old.end()
    here.run(messenger, 10, 5)
    assert [job.recipient for job in here.way.taken] == ["new"]
    assert messenger.queue.counts() == {"sent": 2, "unbound": 0}
