"""The messenger on a fake clock: who is told what, and when; through a night, over a link that goes away."""

from pathlib import Path

import pytest

from substation.errors import Busy, Damaged
from substation.messages import pdu
from substation.messages.queue import Queue
from substation.messages.ways import Outcome
from substation.settings.messages import Hourly, Messages, Siren
from substation.store import heartbeat, message_requests, requests
from substation.store.operator_db import OperatorDb
from tests.messages.station import SHIFT, SSE, PlayedWay, Station, at, who


def station(folder: Path, *recipients: object, **more: object) -> Station:
    more = {"grouping_s": 5.0, **more}
    return Station(folder, Messages(recipients=tuple(recipients), **more))  # type: ignore[arg-type]


def test_an_alarm_is_told_once_with_its_end_and_says_that_it_is_simulated(tmp_path: Path) -> None:
    here = station(tmp_path, who())
    messenger = here.messenger()
    here.run(messenger, 10)
    assert here.way.taken == []
    here.alarm()
    here.run(messenger, 30)
    (begin,) = here.way.to(SSE)
    assert begin.splitlines()[0] == "SIMULATED Substation"
    assert "HIGH Supply lost, meter 1 Transformer, since 02:00:10. 0 V of 415 V. To do: Look whether" in begin
    assert here.way.taken[0].text.title.startswith("SIMULATED Substation: HIGH Supply lost")
    here.over()
    here.run(messenger, 60)
    assert "Over: Supply lost, meter 1 Transformer: 02:00:10 to 02:00:40, 30 s." in here.way.to(SSE)[1]
    assert messenger.queue is not None
    assert messenger.queue.unsettled() == []
    messenger.close()
    again = here.messenger()
    here.run(again, 60)
    assert len(here.way.taken) == 2


def test_priority_meter_and_hours_decide_who_is_told(tmp_path: Path) -> None:
    here = station(
        tmp_path,
        who(),
        who("low", priorities=("low",)),
        who("feeder", meters=(2,)),
        who("day", hours=("06:00-14:00",)),
        who("night", hours=("22:00-06:00",)),
        who("readings", after_min=()),
    )
    messenger = here.messenger()
    here.alarm()
    here.run(messenger, 30)
    assert sorted(job.recipient for job in here.way.taken) == [SSE, "night"]


def test_through_a_night_it_goes_on_to_the_next_until_somebody_acknowledges(tmp_path: Path) -> None:
    here = station(
        tmp_path,
        who(SHIFT, hours=("22:00-06:00",), after_min=(0, 20)),
        who(SSE, after_min=(30,)),
        who("morning", hours=("06:00-14:00",)),
    )
    messenger = here.messenger()
    here.alarm()
    here.run(messenger, 19 * 60, 10)
    assert [job.recipient for job in here.way.taken] == [SHIFT]
    here.clock.step(3600)  # a clock that is set makes nobody impatient
    here.run(messenger, 2 * 60, 10)
    here.clock.step(-3600)
    assert [job.recipient for job in here.way.taken] == [SHIFT, SHIFT]
    assert "Not acknowledged for 20 min: HIGH Supply lost" in here.way.to(SHIFT)[1]
    messenger.close()
    messenger = here.messenger()  # a restart neither forgets nor repeats
    here.run(messenger, 15 * 60, 10)
    assert [job.recipient for job in here.way.taken] == [SHIFT, SHIFT, SSE]
    here.clock.ms = at("05:59")
    here.run(messenger, 120, 10)
    assert "since 02:00:00" in here.way.to("morning")[0]
    assert "Late" not in here.way.to("morning")[0]
    here.alarm(acked=True, acked_by="admin")
    here.run(messenger, 3600, 60)
    assert len(here.way.taken) == 4
    here.over()
    here.run(messenger, 120, 10)
    ends = [job.recipient for job in here.way.taken[4:]]
    assert sorted(ends) == sorted([SHIFT, SSE, "morning"])
    assert "acknowledged by admin" in here.way.taken[-1].text.body


def test_who_acknowledges_in_time_wakes_nobody_else(tmp_path: Path) -> None:
    here = station(tmp_path, who(SHIFT), who(SSE, after_min=(30,)))
    messenger = here.messenger()
    here.alarm()
    here.run(messenger, 60)
    here.alarm(acked=True, acked_by="admin")
    here.run(messenger, 3600, 30)
    here.over()
    here.run(messenger, 60)
    assert [job.recipient for job in here.way.taken] == [SHIFT, SHIFT]


def test_an_outage_with_twelve_alarms_is_one_message(tmp_path: Path) -> None:
    here = station(tmp_path, who(), grouping_s=20.0)
    messenger = here.messenger()
    rules = ("phase_loss", "voltage_low", "voltage_high")
    for meter in (1, 2, 3, 5):
        for rule in rules:
            here.alarm(rule, meter)
        here.run(messenger, 4)
    assert here.way.taken == []
    here.run(messenger, 30)
    (text,) = here.way.to(SSE)
    assert text.count("\n- ") == 12
    assert here.way.taken[0].text.title == "SIMULATED Substation: 12 messages"


def test_the_limit_of_an_hour_holds_back_and_sums_up_but_not_what_is_urgent(tmp_path: Path) -> None:
    here = station(tmp_path, who(most_an_hour=2), grouping_s=0.0)
    messenger = here.messenger()
    for _ in range(6):
        here.alarm("voltage_low", 2)
        here.run(messenger, 40)
        here.over("voltage_low", 2)
        here.run(messenger, 40)
    assert len(here.way.taken) == 2
    here.alarm()  # of high priority
    here.run(messenger, 20)
    assert len(here.way.taken) == 3
    assert "Supply lost" in here.way.to(SSE)[-1]
    assert "Held back by the limit of 2 messages an hour" in here.way.to(SSE)[-1]
    here.run(messenger, 3700, 60)
    told = "".join(here.way.to(SSE))
    assert told.count("Over: Voltage low") == 6


def test_link_away_and_back(tmp_path: Path) -> None:
    here = station(tmp_path, who())
    messenger = here.messenger()
    here.way.away = "no network"
    here.alarm()
    here.run(messenger, 60)
    here.over()
    here.run(messenger, 2 * 3600, 60)
    assert here.way.taken == []
    messenger.close()
    messenger = here.messenger()
    here.way.away = ""
    here.run(messenger, 400, 5)
    first, second = here.way.to(SSE)
    assert first.splitlines()[1].startswith("Late: of 02:00, could not be sent before 04:")
    assert first.splitlines()[1].endswith(": no network.")
    assert "another message could not leave (no network)" in second
    assert "Over: Supply lost" in second
    here.run(messenger, 3600, 60)
    assert len(here.way.taken) == 2


def test_when_one_message_gets_through_the_others_need_not_wait_for_their_turn(tmp_path: Path) -> None:
    here = station(tmp_path, who(), who("second", after_min=(3,)))
    messenger = here.messenger()
    here.way.away = "no network"
    here.alarm()
    here.run(messenger, 1200, 10)  # by now each is tried every five minutes
    here.way.away = ""
    while not here.way.taken:
        here.run(messenger, 5, 5)
    here.run(messenger, 5)
    assert sorted(job.recipient for job in here.way.taken) == [SSE, "second"]


def test_one_that_gets_through_lets_those_that_never_do_have_one_try_alone(tmp_path: Path) -> None:
    dead = [f"dead{number}" for number in range(6)]
    here = station(tmp_path, *[who(name) for name in dead], who())
    messenger = here.messenger()
    here.way.dead = set(dead)
    here.alarm()
    here.run(messenger, 400, 10)  # by now each of them waits for five minutes
    here.over()
    here.way.tried.clear()
    here.run(messenger, 20)
    assert here.way.tried[0] == SSE
    assert len(here.way.tried) == 2


def test_what_can_never_leave_is_given_up_with_its_reason(tmp_path: Path) -> None:
    here = station(tmp_path, who(), give_up_hours=1)
    messenger = here.messenger()
    here.way.away = "no network"
    here.alarm()
    here.run(messenger, 3590, 10)
    here.alarm(acked=True, acked_by="admin")  # what nobody has acknowledged is not given up
    here.run(messenger, 110, 10)
    assert messenger.queue is not None
    assert messenger.queue.counts() == {"given up": 1, "unbound": 0}
    assert messenger.queue.last("given up") == (
        SSE,
        at("03:00") + 10_000,
        "it could not leave for 1 h (no network)",
    )
    audited = (tmp_path / "dashboard_audit.log").read_text()
    assert "message.given_up" in audited
    assert "canary" not in audited


def test_what_came_and_went_while_nobody_looked_is_told_afterwards(tmp_path: Path) -> None:
    here = station(tmp_path, who(), who("later", after_min=(30,)))
    here.event("poller", 0, "", "", "")
    here.save()
    messenger = here.messenger()
    here.run(messenger, 5)
    messenger.close()
    here.event("alarm.raised", 7, "Normal", "Unacknowledged", "0 V of 415 V")
    here.clock.advance(300)
    here.event("alarm.cleared", 8, "Unacknowledged", "RTN-unacknowledged", "415 V")
    here.clock.advance(3600)
    messenger = here.messenger()
    here.run(messenger, 30)
    (told,) = here.way.to(SSE)
    assert "Came and went: HIGH Supply lost, meter 1 Transformer: 02:00:05 to 02:05:05, 5 min 0 s" in told
    assert "could not be sent before 03:05: the messenger did not run" in told
    assert here.way.to("later") == []
    assert messenger.queue is not None
    assert messenger.queue.meta("cursor") == "3"


def test_events_that_come_behind_the_file_say_nothing_twice(tmp_path: Path) -> None:
    here = station(tmp_path, who())
    here.event("poller", 0, "", "", "")
    messenger = here.messenger()
    here.save()
    here.run(messenger, 5)
    here.alarm()
    here.run(messenger, 10)
    here.alarm(acked=True, acked_by="admin")
    here.run(messenger, 5)
    here.event("alarm.raised", 1, "Normal", "Unacknowledged", "0 V of 415 V")
    here.run(messenger, 5)
    here.event("alarm.acknowledged", 2, "Unacknowledged", "Acknowledged", "by admin")
    here.run(messenger, 30)
    assert len(here.way.taken) == 1


def test_what_is_shelved_or_only_written_down_is_told_to_nobody(tmp_path: Path) -> None:
    here = station(tmp_path, who(priorities=("high", "medium", "low")))
    here.event("poller", 0, "", "", "")
    here.save()
    messenger = here.messenger()
    here.run(messenger, 5)
    here.alarm("voltage_low", 2, suppressed="incomer_dead", told=False)
    here.event("alarm.raised", 90, "Normal", "Shelved", "0 V of 415 V")
    here.event("alarm.cleared", 91, "Shelved", "Normal", "415 V")
    here.run(messenger, 60)
    assert here.way.taken == []
    here.alarm("voltage_low", 2, suppressed="", told=True)
    here.run(messenger, 60)
    assert len(here.way.taken) == 1


@pytest.mark.parametrize("beat", [{"at_ms": 10**13, "mono_ms": 10**12}, {"at_ms": 1, "mono_ms": 1}, None])
def test_a_poller_that_gives_no_new_sign_is_told_whatever_its_last_one_says(
    tmp_path: Path, beat: dict[str, int] | None
) -> None:
    """Of before a boot, of a clock that is behind or ahead, or none at all."""
    here = Station(tmp_path, Messages(recipients=(who(SSE),)))
    here.beats = False
    if beat:
        heartbeat.write(here.home.heartbeat, {"simulated": True, "boot": "", "state": "running", **beat})
    messenger = here.messenger()
    here.run(messenger, 300, 10.0)
    assert len(here.way.to(SSE)) == 1
    here.clock.step(-3600)
    here.run(messenger, 60, 10.0)
    assert len(here.way.to(SSE)) == 1


def test_a_history_on_a_medium_that_fails_is_said_and_alarms_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = station(tmp_path, who())
    messenger = here.messenger()
    real = Path.exists

    def exists(path: Path) -> bool:
        if path == here.home.history:
            raise OSError(5, "Input/output error")
        return real(path)

    monkeypatch.setattr(Path, "exists", exists)
    here.alarm()
    here.run(messenger, 30)
    assert len(here.way.to(SSE)) == 1
    assert "Input/output error" in (heartbeat.read(here.home.messenger) or {})["problems"][0]


def test_a_poller_that_falls_silent_is_told_by_nobody_else(tmp_path: Path) -> None:
    here = station(tmp_path, who(), siren=Siren(port="/dev/siren", longest_min=1))
    here.beats = False
    messenger = here.messenger()
    here.beat()
    here.run(messenger, 170, 10)
    assert here.way.taken == []
    here.run(messenger, 60, 10)
    assert "HIGH The poller is silent, since 02:00:00. it has left no word" in here.way.to(SSE)[0]
    assert here.pin.rts
    here.run(messenger, 20, 10)
    assert not here.pin.rts  # nobody can acknowledge it
    here.beat()
    here.run(messenger, 60, 10)
    assert "Over: The poller is silent: 02:00:00 to 02:04:10" in here.way.to(SSE)[1]


def test_after_a_power_cut_the_poller_has_its_chance(tmp_path: Path) -> None:
    here = station(tmp_path, who())
    here.beats = False
    here.beat()
    here.clock.advance(7200)
    messenger = here.messenger()
    here.run(messenger, 120, 10)
    here.beat()
    here.run(messenger, 120, 10)
    assert here.way.taken == []


def test_where_the_stations_folder_was_no_second_one_is_made(tmp_path: Path) -> None:
    here = station(tmp_path / "home", who())
    here.beats = False
    messenger = here.messenger()
    here.run(messenger, 5)
    here.folder.rename(tmp_path / "away")
    here.run(messenger, 30)
    assert not here.folder.exists()
    (tmp_path / "away").rename(here.folder)
    here.alarm()
    here.run(messenger, 60)
    assert len(here.way.taken) == 1


def test_the_siren_sounds_until_somebody_acknowledges_or_its_time_is_over(tmp_path: Path) -> None:
    here = station(tmp_path, siren=Siren(port="/dev/siren", longest_min=10))
    messenger = here.messenger()
    here.alarm("voltage_low", 2)
    here.run(messenger, 20)
    assert not here.pin.rts
    here.alarm()
    here.run(messenger, 20)
    assert here.pin.rts
    here.alarm(acked=True, acked_by="admin")
    here.run(messenger, 5)
    assert not here.pin.rts
    here.over()
    here.run(messenger, 5)
    here.alarm()
    here.run(messenger, 9 * 60, 10)
    assert here.pin.rts
    here.run(messenger, 120, 10)
    assert not here.pin.rts
    messenger.close()
    assert here.way.taken == []


def test_hourly_readings_are_those_of_the_hour_or_say_why_not(tmp_path: Path) -> None:
    here = station(tmp_path, who(hourly=True, after_min=()), who("other"), hourly=Hourly(meters=(1, 2)))
    messenger = here.messenger()
    here.run(messenger, 60, 5)
    assert here.way.taken == []
    here.run(messenger, 60, 5)
    (text,) = here.way.to(SSE)
    assert "Readings of 02:00" in text
    assert "Transformer: - (there is no history yet)" in text
    assert "NonEssentialLoad" not in text
    here.run(messenger, 3600, 20)
    assert len(here.way.taken) == 2
    assert here.way.to("other") == []


def test_hourly_readings_that_could_not_leave_give_way_to_the_next(tmp_path: Path) -> None:
    here = station(tmp_path, who(hourly=True, after_min=()))
    messenger = here.messenger()
    here.way.away = "no network"
    here.run(messenger, 5 * 3600 + 60, 120)
    here.run(messenger, 60, 10)
    here.clock.step(7200)  # a clock that is set gives nothing up
    here.run(messenger, 60, 10)
    here.way.away = ""
    here.run(messenger, 400, 5)
    assert [job.text.body.partition("Readings of ")[2][:5] for job in here.way.taken] == ["07:00", "09:00"]


def test_a_recipient_that_is_gone_gets_nothing_more(tmp_path: Path) -> None:
    here = station(tmp_path, who(), who("other"))
    messenger = here.messenger()
    here.way.away = "no network"
    here.alarm()
    here.run(messenger, 30)
    messenger.close()
    here.settings = here.settings.model_copy(update={"messages": Messages(recipients=(who("other"),))})
    here.way.away = ""
    messenger = here.messenger()
    here.run(messenger, 30)
    assert [job.recipient for job in here.way.taken] == ["other"]


@pytest.mark.parametrize("content", [b"", b"nonsense" * 200])
def test_a_queue_that_is_no_queue_is_set_aside(tmp_path: Path, content: bytes) -> None:
    here = station(tmp_path, who())
    here.home.messages.write_bytes(content)
    messenger = here.messenger()
    here.alarm()
    here.run(messenger, 30)
    assert len(here.way.taken) == 1
    assert len(list(tmp_path.glob("messages.db.corrupt-*"))) == (1 if content else 0)


def test_a_test_message_is_sent_at_once_and_answered_once(tmp_path: Path) -> None:
    here = station(tmp_path, who(), grouping_s=600.0)
    messenger = here.messenger()
    database = OperatorDb(here.home.operator, True)
    first = message_requests.ask(database, here.clock, SSE, "asha")
    nobody = message_requests.ask(database, here.clock, "nobody", "asha")
    here.run(messenger, 2)
    assert "Test message. Nothing has happened; asha asked for it." in here.way.to(SSE)[0]
    here.way.away = "no network"
    here.way.busy = True
    second = message_requests.ask(database, here.clock, SSE, "asha")
    here.run(messenger, 5)
    here.clock.step(3600)  # NTP sets it after the boot
    here.run(messenger, 5)
    here.way.busy = False
    here.run(messenger, 600, 10)
    messenger.close()
    late = message_requests.ask(database, here.clock, SSE, "asha")
    here.clock.advance(40)
    here.way.away = ""
    messenger = here.messenger()
    here.run(messenger, 10)
    answers = [requests.answered(here.home.messenger_answers, one) for one in (first, nobody, second, late)]
    said = [(one.state, one.words) for one in answers if one is not None]
    assert said == [
        ("done", "taken"),
        ("refused", "there is no such recipient"),
        ("refused", "no network"),
        ("refused", "it waited for a messenger that was not there; ask again"),
    ]
    assert len(here.way.taken) == 1
    database.close()


def test_a_test_message_behind_a_way_that_hangs_is_refused_after_a_minute(tmp_path: Path) -> None:
    here = station(tmp_path, who())
    messenger = here.messenger()
    here.way.busy = True
    database = OperatorDb(here.home.operator, True)
    number = message_requests.ask(database, here.clock, SSE, "asha")
    here.run(messenger, 70, 5)
    said = requests.answered(here.home.messenger_answers, number)
    assert said is not None
    assert (said.state, said.words) == ("refused", "its way is busy with another message; ask again")
    here.way.busy = False
    here.run(messenger, 70, 5)
    assert here.way.taken == []
    database.close()


def test_its_sign_of_life_says_how_it_is(tmp_path: Path) -> None:
    here = station(tmp_path, who())
    messenger = here.messenger()
    here.way.away = "no network"
    here.alarm()
    here.run(messenger, 30)
    beat = heartbeat.read(here.home.messenger)
    assert beat is not None
    assert (beat["waiting"], beat["sent"]) == (1, None)
    assert beat["failed"][0] == SSE
    assert beat["failed"][2] == "no network"
    assert "canary" not in here.home.messenger.read_text()


def test_in_a_text_message_the_most_urgent_stands_first_and_the_rest_is_counted(tmp_path: Path) -> None:
    here = station(tmp_path, who(), grouping_s=20.0)
    messenger = here.messenger()
    for number in (2, 3, 4, 5):
        for rule in ("voltage_high", "voltage_low"):
            here.alarm(rule, number)
    here.alarm()
    here.run(messenger, 40)
    lines = here.way.taken[0].text.short.splitlines()
    assert lines[0].startswith("SIMULATED Substation (no. ")
    assert lines[1].startswith("HIGH Supply lost")
    assert any(line.startswith("+") and line.endswith("more: see Events") for line in lines)
    assert pdu.fits(here.way.taken[0].text.short)


def test_a_queue_that_is_damaged_while_it_works_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = station(tmp_path, who())
    messenger = here.messenger()
    here.run(messenger, 5)
    assert messenger.queue is not None

    def damaged() -> None:
        here.way, old.busy = PlayedWay(), True
        raise Damaged(f"{here.home.messages}: is damaged")

    monkeypatch.setattr(messenger.queue, "unbound", damaged)
    old = here.way
    here.alarm()
    here.run(messenger, 15)
    old.answers.append(Outcome(1, True, "taken"))  # in the new queue that number is of another message
    old.busy = False
    here.run(messenger, 45)
    assert len(here.way.to(SSE)) == 1
    assert list(tmp_path.rglob("messages.db.corrupt-*"))


def test_a_start_beside_a_busy_database_settles_later_what_was_on_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = station(tmp_path, who())
    recover, tries = Queue.recover, []

    def busy(queue: Queue, *arguments: int, **more: bool) -> int:
        tries.append(1)
        if len(tries) < 3:
            raise Busy("another process holds it")
        return recover(queue, *arguments, **more)

    monkeypatch.setattr(Queue, "recover", busy)
    messenger = here.messenger()
    here.alarm()
    here.run(messenger, 60)
    assert len(tries) == 3
    assert len(here.way.to(SSE)) == 1


def test_an_alarm_of_a_meter_that_is_not_known_yet_is_told(tmp_path: Path) -> None:
    here = station(tmp_path, who())
    messenger = here.messenger()
    here.alarm("voltage_low", 77)
    here.run(messenger, 30)
    assert "HIGH voltage_low, meter:77" in here.way.to(SSE)[0]


def test_what_still_stands_is_told_however_late(tmp_path: Path) -> None:
    here = station(tmp_path, who(), give_up_hours=1)
    messenger = here.messenger()
    here.way.away = "no network"
    here.alarm()
    here.run(messenger, 60)
    here.clock.step(25 * 3600)  # the clock is set when the link comes back
    here.run(messenger, 60)
    here.way.away = ""
    here.run(messenger, 3600, 10)
    assert "HIGH Supply lost" in here.way.to(SSE)[-1]
    assert messenger.queue is not None
    assert messenger.queue.counts().get("given up", 0) == 0
