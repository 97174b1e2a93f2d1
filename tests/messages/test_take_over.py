"""A changed configuration: when it is in force, and what becomes of what was on its way or waits."""

from pathlib import Path
from unittest import mock

import pytest

from substation.messages import renaming
from substation.messages.ways import Job, Outcome
from substation.settings import files
from substation.settings.messages import Messages
from tests.messages.station import SSE, PlayedWay, Station, who


class HangingWay(PlayedWay):
    """Takes a message, and says nothing of it until it is told to."""

    def hand(self, job: Job) -> None:
        self.taken.append(job)
        self.busy = True

    def close(self) -> None:
        pass

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


@pytest.mark.parametrize("restarted", [False, True])
def test_who_is_called_otherwise_keeps_what_waits_for_him_and_what_he_was_told(
    tmp_path: Path, restarted: bool
) -> None:
    here = Station(tmp_path, Messages(grouping_s=0.0))
    here.change(Messages(recipients=(who("A", after_min=(0, 30)), who("gone")), grouping_s=0.0))
    messenger = here.messenger()
    here.alarm()
    here.run(messenger, 20, 5)
    here.way.away = "no network"
    here.alarm("phase_loss", 2)
    here.run(messenger, 20, 5)
    assert [job.recipient for job in here.way.taken] == ["A", "gone"]
    messenger.close() if restarted else None
    called_b = who("A", after_min=(0, 30)).model_copy(update={"name": "B"})
    here.change(Messages(recipients=(called_b,), grouping_s=0.0))
    messenger = here.messenger() if restarted else messenger
    here.way.away = ""
    here.run(messenger, 300, 10)
    (told,) = here.way.to("B")
    assert "Phase lost, meter 2" in told
    assert "Supply lost" not in told
    assert messenger.queue is not None
    assert messenger.queue.last("given up")[::2] == ("gone", "there is no such recipient any more")  # type: ignore[index]
    assert b"canary" not in b"".join(path.read_bytes() for path in tmp_path.glob("messages.db*"))
    here.run(messenger, 1800, 120)
    assert here.way.to("B")[1].count("Not acknowledged for 30 min") == 2


def test_a_key_is_renamed_where_it_names_the_recipient() -> None:
    keys = ("u-1|begin|0|0", "u-1|begin u-7|a|b|30", "hourly|17|0", "test|0|17|a|b")
    assert [renaming.key_of(key, "0", "x") for key in keys[::2]] == ["u-1|begin|x|0", "hourly|17|x"]
    assert [renaming.key_of(key, "a|b", "x") for key in keys[1::2]] == ["u-1|begin u-7|x|30", "test|0|17|x"]
    assert renaming.renamed({"A": "1", "B": "2"}, {"A": "2", "B": "1"}) == {}  # they have swapped
