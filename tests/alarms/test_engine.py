"""The states of an alarm, transition by transition (ISA-18.2, IEC 62682)."""

from substation.alarms import engine
from substation.alarms.engine import Signal
from substation.alarms.state import Alarms, Announced, Command, from_json, to_json
from substation.settings.alarms import AlarmChange
from substation.settings.model import CARD_METERS, Settings
from tests.alarms.desk import CARD, RULES, START_MS, Desk

LOW = "voltage_low@meter:3"
LOST = "supply_lost@meter:1"


def low_desk() -> Desk:
    """Return a desk whose feeder 3 has had a low voltage for its delay of 10 s."""
    desk = Desk()
    desk.say("voltage_lowest", "meter:3", 100.0)
    desk.wait(3)
    desk.say("voltage_lowest", "meter:3", 88.0)
    assert desk.wait(11) == ["alarm.raised"]
    assert desk.shown(LOW) == "Unacknowledged"
    return desk


def test_raised_acknowledged_cleared_it_is_normal() -> None:
    desk = low_desk()
    raised = desk.noted[0]
    assert (raised.at_ms, raised.old, raised.new) == (START_MS + 3000, "Normal", "Unacknowledged")
    assert raised.words == (
        "Voltage low, meter 3 NonEssentialLoad: lowest voltage 88.0 V = 88.0 %, "
        "limit below 90 % of nominal voltage; for 10 s"
    )
    assert (desk.one(LOW).since_ms, desk.one(LOW).raised_ms) == (START_MS + 3000, START_MS + 14_000)
    assert desk.do("acknowledge", LOW, words="tap  changed") == (True, "acknowledged; it is Acknowledged now")
    assert (desk.one(LOW).acked_by, desk.one(LOW).note) == ("asha", "asha: tap changed")
    desk.say("voltage_lowest", "meter:3", 95.0)
    back_ms = desk.now_ms
    assert desk.wait(11) == ["alarm.cleared"]
    assert (desk.noted[-1].at_ms, desk.noted[-1].new) == (back_ms, "Normal")


def test_cleared_before_it_was_acknowledged_it_waits_and_is_raised_anew() -> None:
    desk = low_desk()
    desk.say("voltage_lowest", "meter:3", 95.0)
    desk.wait(11)
    assert desk.shown(LOW) == "RTN-unacknowledged"
    first = desk.one(LOW).occurrence
    desk.say("voltage_lowest", "meter:3", 88.0)
    assert desk.wait(11) == ["alarm.raised"]
    assert (desk.noted[-1].old, desk.shown(LOW)) == ("RTN-unacknowledged", "Unacknowledged")
    assert desk.do("acknowledge", LOW, occurrence=first) == (
        False,
        "it has cleared and been raised anew since; look at it again",
    )
    desk.say("voltage_lowest", "meter:3", 95.0)
    desk.wait(11)
    assert desk.do("acknowledge", LOW) == (True, "acknowledged; it is Normal now")


def test_what_is_gone_or_acknowledged_already_is_declined_in_words() -> None:
    desk = low_desk()
    assert desk.do("acknowledge", LOST) == (
        False,
        "it is not standing any more: there is nothing to acknowledge",
    )
    assert desk.do("acknowledge", "voltage_low@meter:9")[1] == (
        "there is no such alarm: meter 9 is not part of the configuration any more"
    )
    assert desk.do("acknowledge", "full_moon@meter:1")[1].endswith("there is no rule 'full_moon' any more")
    assert desk.do("dance", LOW)[1].startswith("'dance' is not known; known: acknowledge, shelve")
    assert desk.do("acknowledge", LOW, by=" ")[1] == "nobody is named who asks; log in with a name"
    assert desk.do("acknowledge", LOW)[0]
    assert desk.do("acknowledge", LOW, by="ravi") == (False, "asha has acknowledged it already")
    assert desk.do("unshelve", LOW)[1] == "it is not shelved any more"
    assert desk.do("in_service", LOW)[1] == "it is in service already"
    assert desk.do("note", LOW)[1] == "the note is empty"


def test_a_command_is_obeyed_once() -> None:
    desk = low_desk()
    ack = Command("same", desk.now_ms, "acknowledge", "voltage_low", "meter:3", "asha")
    desk.step(1, ack)
    desk.step(1, ack, ack)
    assert [one.kind for one in desk.noted] == ["alarm.raised", "alarm.acknowledged"]
    assert [answer.uid for answer in desk.alarms.answers] == ["same"]


def test_between_limit_and_dead_band_nothing_changes() -> None:
    desk = low_desk()
    desk.say("voltage_lowest", "meter:3", 90.6)
    assert desk.wait(30) == []
    desk.say("voltage_lowest", "meter:3", 91.1)
    desk.wait(5)
    desk.say("voltage_lowest", "meter:3", 90.9)  # the off-delay begins anew
    desk.wait(2)
    desk.say("voltage_lowest", "meter:3", 91.1)
    assert desk.wait(10) == []
    assert desk.wait(1) == ["alarm.cleared"]


def test_a_shelf_has_a_user_a_reason_and_an_end_and_is_written_down_meanwhile() -> None:
    desk = low_desk()
    assert desk.do("shelve", LOW, minutes=5)[1].startswith("say why")
    assert desk.do("shelve", LOW, words="tap changer", minutes=481)[1] == (
        "an alarm is shelved for 1 to 480 minutes, not 481"
    )
    assert desk.do("shelve", LOW, words="tap changer", minutes=5) == (True, "shelved for 5 min")
    shelf = desk.one(LOW).shelf
    assert shelf and (shelf.by, shelf.reason, shelf.until_ms) == (
        "asha",
        "tap changer",
        desk.now_ms + 300_000,
    )
    assert desk.do("acknowledge", LOW)[1] == "it is Shelved: it asks nobody to acknowledge it"
    desk.say("voltage_lowest", "meter:3", 95.0)
    assert desk.wait(11) == ["alarm.cleared"]
    desk.say("voltage_lowest", "meter:3", 88.0)
    assert desk.wait(11) == ["alarm.raised"]
    assert (desk.noted[-1].new, desk.shown(LOW)) == ("Shelved", "Shelved")
    assert desk.one(LOW).announced is None
    assert desk.wait(300) == ["alarm.unshelved"]
    assert (desk.noted[-1].words.rpartition(": ")[2], desk.shown(LOW)) == (
        "its time is over",
        "Unacknowledged",
    )
    announced, noted = desk.one(LOW).announced, desk.noted[-1]
    assert announced == Announced(noted.id, noted.at_ms, "alarm.unshelved", "its time is over")
    assert desk.do("note", LOW, words="seen")[0]
    assert desk.one(LOW).announced == announced


def test_a_shelf_ends_by_the_clock_or_by_the_time_that_passed() -> None:
    for passed_s, clock_s in ((1, 3600), (30, -3600)):
        desk = low_desk()
        desk.do("shelve", LOW, words="work", minutes=1)
        for _ in range(1 if passed_s == 1 else 2):
            assert desk.shown(LOW) == "Shelved"
            desk.step(passed_s, clock_s=clock_s)
        assert desk.shown(LOW) == "Unacknowledged"
    late = Command("x", desk.now_ms - 120_000, "shelve", "voltage_low", "meter:3", "asha", "work", 1)
    desk.step(1, late)
    assert desk.alarms.answers[-1].words.startswith("the poller did not run then")


def test_an_acknowledged_alarm_that_stands_when_its_shelf_ends_is_announced_anew() -> None:
    desk = low_desk()
    desk.do("acknowledge", LOW)
    desk.do("shelve", LOW, words="work", minutes=1)
    assert desk.wait(61) == ["alarm.unshelved"]
    assert desk.shown(LOW) == "Unacknowledged"
    desk.do("out_of_service", LOW, words="meter is exchanged")
    assert desk.shown(LOW) == "Out of service"
    assert desk.do("shelve", LOW, words="work", minutes=1)[1].startswith("it is out of service")
    desk.say("voltage_lowest", "meter:3", 95.0)
    assert desk.wait(11) == ["alarm.cleared"]
    assert desk.do("in_service", LOW) == (True, "in service; it is Normal now")


def test_no_more_than_ten_are_shelved() -> None:
    desk = Desk()
    keys = [watch.key for watch in desk.plan.watches[:11]]
    assert [desk.do("shelve", key, words="work", minutes=9)[0] for key in keys] == [True] * 10 + [False]
    assert "10 alarms are shelved already" in desk.alarms.answers[-1].words


def test_a_dead_incomer_suppresses_its_feeders_and_they_have_time_to_come_back() -> None:
    desk = Desk()
    desk.say("voltage_lowest", "meter:3", 2.0)
    desk.hold("incomer_dead", "meter:3", True)
    assert desk.wait(11) == ["alarm.raised"]
    assert desk.noted[-1].new == "Suppressed by design"
    desk.hold("incomer_dead", "meter:3", None)  # unknown: as before
    desk.hold("circuit_dead", "meter:3", False)
    assert desk.wait(60) == []
    desk.hold("incomer_dead", "meter:3", False)
    assert desk.wait(10) == []
    assert desk.wait(1) == ["alarm.unsuppressed"]
    assert desk.shown(LOW) == "Unacknowledged"
    announced = desk.one(LOW).announced
    assert announced and (announced.id, announced.kind) == (desk.noted[-1].id, "alarm.unsuppressed")
    desk.hold("incomer_dead", "meter:3", True)
    assert desk.wait(1) == ["alarm.suppressed"]
    desk.say("voltage_lowest", "meter:3", 100.0)
    assert desk.wait(11) == ["alarm.cleared"]
    assert desk.shown(LOW) == "RTN-unacknowledged"  # it was announced, and nobody has acknowledged it


def test_a_suppressed_alarm_may_be_shelved() -> None:
    desk = Desk()
    desk.say("voltage_lowest", "meter:3", 2.0)
    desk.hold("incomer_dead", "meter:3", True)
    desk.wait(11)
    assert desk.do("shelve", LOW, words="tap changer", minutes=5)[0]  # a suppressed one, too
    assert desk.shown(LOW) == "Shelved"
    assert desk.do("unshelve", LOW) == (True, "off the shelf; it is Suppressed by design now")


def test_what_asked_before_it_was_suppressed_asks_again_behind_it() -> None:
    desk = low_desk()
    desk.do("note", LOW, words="TPC informed")
    assert desk.one(LOW).note_ms == desk.now_ms
    desk.say("voltage_lowest", "meter:3", 95.0)
    desk.wait(11)
    desk.hold("incomer_dead", "meter:3", True)
    desk.say("voltage_lowest", "meter:3", 2.0)
    assert desk.wait(11) == ["alarm.raised"]
    assert desk.shown(LOW) == "Suppressed by design"
    assert (desk.one(LOW).note, desk.one(LOW).note_ms) == ("", None)  # of the raise before
    desk.say("voltage_lowest", "meter:3", 95.0)
    assert desk.wait(11) == ["alarm.cleared"]
    assert (desk.noted[-1].old, desk.shown(LOW)) == ("Suppressed by design", "RTN-unacknowledged")
    assert desk.do("acknowledge", LOW) == (True, "acknowledged; it is Normal now")


def test_who_shelves_an_alarm_has_seen_what_is_over_when_the_shelf_ends() -> None:
    for is_over in (False, True):
        desk = low_desk()
        desk.say("voltage_lowest", "meter:3", 95.0)
        desk.wait(11 if is_over else 1)
        assert desk.do("shelve", LOW, words="work", minutes=1)[0]
        desk.wait(61)
        assert (desk.noted[-1].kind, desk.shown(LOW)) == ("alarm.unshelved", "Normal")


def test_what_was_never_announced_asks_nobody_to_acknowledge_it() -> None:
    desk = Desk()
    desk.hold("incomer_dead", "meter:3", True)
    desk.hold("circuit_dead", "meter:3", False)
    desk.say("voltage_lowest", "meter:3", 2.0)
    desk.wait(12)
    desk.hold("incomer_dead", "meter:3", False)
    desk.say("voltage_lowest", "meter:3", 100.0)
    assert desk.wait(30) == ["alarm.cleared"]
    assert desk.shown(LOW) == "Normal"


def test_a_silent_meter_keeps_its_alarm_standing_and_marked() -> None:
    desk = low_desk()
    desk.say("voltage_lowest", "meter:3", None)
    silent_ms = desk.now_ms
    assert desk.wait(300) == []
    assert (desk.shown(LOW), desk.one(LOW).unseen_ms) == ("Unacknowledged", silent_ms)
    desk.say("voltage_lowest", "meter:3", 95.0)
    assert desk.wait(10) == []
    assert desk.one(LOW).unseen_ms is None
    assert desk.wait(1) == ["alarm.cleared"]


def test_an_alarm_on_what_a_dead_circuit_cannot_have_is_over_and_not_held_for_ever() -> None:
    desk = low_desk()
    gone = Signal(None, desk.now_ms, 100.0, "there is no voltage", is_absent=True)
    desk.signals["meter:3"]["voltage_lowest"] = gone
    assert desk.wait(11) == ["alarm.cleared"]
    assert desk.noted[-1].words.endswith("there is no voltage")
    assert desk.shown(LOW) == "RTN-unacknowledged"


def test_a_delay_goes_on_over_a_short_blind_spot_and_begins_anew_after_a_long_one() -> None:
    for blind_s, kinds in ((20, ["alarm.raised"]), (90, [])):
        desk = Desk()
        desk.say("voltage_lowest", "meter:3", 88.0)
        desk.wait(3)
        desk.say("voltage_lowest", "meter:3", None)
        assert desk.wait(blind_s) == []
        desk.say("voltage_lowest", "meter:3", 88.0)
        assert desk.wait(1) == kinds
    desk = Desk()
    desk.say("voltage_lowest", "meter:3", 88.0)
    desk.step()
    assert desk.step(600).transitions == ()  # nobody looked for ten minutes
    assert [one.kind for one in desk.step(10).transitions] == ["alarm.raised"]


def test_a_clock_that_is_set_raises_and_clears_nothing_and_stamps_by_the_clock_as_it_is_now() -> None:
    for clock_s in (3600, -3600):
        desk = Desk()
        desk.say("voltage_lowest", "meter:3", 88.0)
        desk.wait(3)
        assert desk.step(1, clock_s=clock_s).transitions == ()
        assert desk.wait(6) == []
        assert desk.wait(1) == ["alarm.raised"]
        assert desk.noted[-1].at_ms == desk.now_ms - 11_000
        desk.step(1, clock_s=-clock_s)
        desk.do("acknowledge", LOW)
        assert desk.noted[-1].at_ms <= desk.now_ms


def test_a_journal_alarm_is_written_down_and_asks_nobody() -> None:
    changed = Settings(meters=CARD_METERS, alarms=(AlarmChange(rule="voltage_low", priority="journal"),))
    desk = Desk(changed)
    desk.say("voltage_lowest", "meter:3", 88.0)
    desk.wait(11)
    assert desk.shown(LOW) == "Acknowledged"
    desk.say("voltage_lowest", "meter:3", 95.0)
    desk.wait(11)
    assert [(one.kind, one.new) for one in desk.noted] == [
        ("alarm.raised", "Acknowledged"),
        ("alarm.cleared", "Normal"),
    ]


def test_alarms_that_are_watched_no_more_end_in_words() -> None:
    desk = low_desk()
    without = Settings(meters=tuple(meter for meter in CARD_METERS if meter.id != 3))
    disabled = Settings(meters=CARD_METERS, alarms=(AlarmChange(rule="voltage_low", disabled=True),))
    fewer = tuple(rule for rule in RULES if rule.key != "voltage_low")
    for settings, rules, words in (
        (without, RULES, "meter 3 is not part of the configuration any more"),
        (disabled, RULES, "it is disabled in the configuration"),
        (CARD, fewer, "there is no rule 'voltage_low' any more"),
    ):
        other = Desk(settings, rules)
        other.alarms, other.now_ms = desk.alarms, desk.now_ms
        (ended,) = other.step().transitions
        assert (ended.kind, ended.meter_id, ended.old, ended.new) == (
            "alarm.ended",
            3,
            "Unacknowledged",
            "Normal",
        )
        assert words in ended.words
        assert other.step().transitions == ()
        assert other.alarms.alarms == {}


def test_a_changed_limit_counts_from_the_next_step_on() -> None:
    desk = low_desk()
    desk.plan = Desk(
        Settings(meters=CARD_METERS, alarms=(AlarmChange(rule="voltage_low", limit=85.0, off_delay_s=0.0),))
    ).plan
    assert desk.wait(1) == ["alarm.cleared"]


def test_the_state_is_plain_json_and_what_is_none_is_refused() -> None:
    desk = low_desk()
    desk.do("shelve", LOW, words="tap changer", minutes=5)
    assert from_json(to_json(desk.alarms)) == desk.alarms
    for text in (b"", b"[]", b'{"uid": 3}', to_json(desk.alarms)[:-9]):
        try:
            from_json(text)
        except ValueError:
            continue
        raise AssertionError(text)


def test_what_cannot_be_noted_for_long_is_given_up_and_counted() -> None:
    desk = low_desk()
    (one,) = desk.alarms.outbox
    waiting = tuple(one for _ in range(engine.MOST_WAITING))
    desk.alarms = Alarms("uid", 5, desk.now_ms, desk.alarms.alarms, waiting)
    desk.do("acknowledge", LOW)
    assert (len(desk.alarms.outbox), desk.alarms.given_up) == (engine.MOST_WAITING, 1)
    assert desk.alarms.outbox[-1].kind == "alarm.acknowledged"
    assert engine.noted(desk.alarms, frozenset({one.id})).outbox == desk.alarms.outbox[-1:]
