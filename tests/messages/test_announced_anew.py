"""An alarm that stands when its shelf runs out asks people again: they are told again, once."""

import sqlite3
from pathlib import Path

from substation.alarms.state import Announced, Aside
from substation.messages.queue import Queue
from substation.messages.queue_file import VERSION
from substation.messages.wording import TWICE
from substation.settings.messages import Messages
from tests.messages.station import SSE, Station, who


def test_what_still_stands_when_its_shelf_runs_out_is_told_again_and_once(tmp_path: Path) -> None:
    here = Station(tmp_path, Messages(recipients=(who(), who("second", after_min=(1,))), grouping_s=0.0))
    here.event("poller", 0, "", "", "")
    messenger = here.messenger()
    here.alarm()
    here.run(messenger, 120, 10)
    here.alarm(acked=True, acked_by="admin", shelf=Aside("asha", "work", here.clock.now_ms()))
    here.run(messenger, 3600, 120)
    assert [job.recipient for job in here.way.taken] == [SSE, "second"]

    out = Announced("u-9", here.clock.now_ms(), "alarm.unshelved", "its time is over")
    here.alarm(acked=False, acked_by="", shelf=None, announced=out)
    here.run(messenger, 10)
    here.event("alarm.unshelved", 9, "Shelved", "Unacknowledged", "its time is over")
    here.run(messenger, 20, 5)
    messenger.close()
    messenger = here.messenger()
    here.run(messenger, 20, 5)
    assert len(here.way.taken) == 3
    told = here.way.to(SSE)[1]
    words = "HIGH Supply lost, meter 1 Transformer, since 02:00:00; its shelf ran out at 03:02:00. 0 V of"
    assert f"Still stands: {words}" in told
    assert "Late" not in told
    here.run(messenger, 30, 5)  # escalation counts from then
    assert [job.recipient for job in here.way.taken] == [SSE, "second", SSE, "second"]
    assert f"Not acknowledged for 1 min: {words}" in here.way.to("second")[1]

    here.alarm(shelf=Aside("asha", "work", here.clock.now_ms()))
    here.run(messenger, 20, 5)
    messenger.close()  # it does not see the rest
    back = Announced("u-12", here.clock.now_ms(), "alarm.unshelved", "by asha: done")
    here.event("alarm.unshelved", 12, "Shelved", "Unacknowledged", "by asha: done")
    here.alarm(shelf=None, announced=back)
    messenger = here.messenger()
    here.run(messenger, 5)
    assert "; asha took it off the shelf at 03:03:40. 0 V" in here.way.to(SSE)[2]
    here.alarm(acked=True, acked_by="admin")
    here.run(messenger, 120, 10)
    here.over()
    here.run(messenger, 60, 10)
    assert sum("Over: " in job.text.body for job in here.way.taken) == 2
    assert len(here.way.taken) == 7


def test_one_that_is_first_announced_when_its_suppression_ends_is_not_late(tmp_path: Path) -> None:
    here = Station(tmp_path, Messages(recipients=(who(),), grouping_s=0.0))
    messenger = here.messenger()
    here.alarm(suppressed="incomer_dead", told=False)
    here.run(messenger, 1800, 60)
    assert here.way.taken == []
    over = Announced("u-2", here.clock.now_ms(), "alarm.unsuppressed", "still stands: 0 V of 415 V")
    here.alarm(suppressed="", told=True, announced=over)
    here.run(messenger, 60, 5)
    (told,) = here.way.to(SSE)
    assert (
        "Still stands: HIGH Supply lost, meter 1 Transformer, since 02:00:00; its suppression ended" in told
    )
    assert "Late" not in told


def test_what_a_queue_that_is_no_more_may_have_told_says_so_when_it_is_told_again(tmp_path: Path) -> None:
    reader = who(hourly=True)
    here = Station(tmp_path, Messages(recipients=(reader,), grouping_s=0.0))
    messenger = here.messenger()
    here.alarm("phase_loss")
    here.run(messenger, 120, 5)
    messenger.close()
    here.home.messages.write_bytes(b"nonsense" * 200)
    messenger = here.messenger()
    here.run(messenger, 20, 5)
    here.alarm()
    here.run(messenger, 20, 5)
    alarm, readings, again, new = here.way.to(SSE)
    assert "Readings of 02:00" in readings
    assert [TWICE in text for text in (alarm, again, new)] == [False, True, False]
    here.over("phase_loss")
    here.run(messenger, 120, 5)
    messenger.close()
    (tmp_path / "messages.db.corrupt-99999999999999").touch()  # by a clock that was wrong
    messenger = here.messenger()
    here.alarm("voltage_low", 2)
    here.run(messenger, 20, 5)
    assert [TWICE in text for text in here.way.to(SSE)[4:]] == [False, False]


def test_a_queue_of_the_version_before_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "messages.db"
    Queue(path, simulated=True).close()
    with sqlite3.connect(path) as db:
        for name in ("announced", "announced_ms", "anew"):
            db.execute(f"ALTER TABLE occurrence DROP COLUMN {name}")
        for name in ("announced", "twice"):
            db.execute(f"ALTER TABLE note DROP COLUMN {name}")
        db.execute("PRAGMA user_version = 1")
    db.close()
    for _ in range(2):
        queue = Queue(path, simulated=True)
        assert queue.unsettled() == []
        assert queue._rows("PRAGMA user_version") == [(VERSION,)]
        queue.close()
