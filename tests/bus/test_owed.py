"""Replies that may still come: each one counts, and none is taken for another."""

import pytest

from substation.bus.frame import Question, crc16
from substation.bus.owed import OWED_S, Owed
from tests.fake_clock import FakeClock

FAST = Question(3, 3, 100, 10)
SLOW = Question(3, 3, 158, 10)
"""Another block of the same meter, by chance of one length: the replies look alike."""


def reply(question: Question, word: int = 7) -> bytes:
    body = bytes((question.meter_id, question.function, 2 * question.count))
    body += word.to_bytes(2, "big") * question.count
    return body + crc16(body)


@pytest.fixture
def owed(clock: FakeClock) -> Owed:
    return Owed(clock)


def test_of_two_replies_that_look_alike_seeing_one_leaves_one_to_come(owed: Owed) -> None:
    owed.add(FAST)
    owed.add(SLOW)
    owed.seen(reply(SLOW))
    assert owed.lengths(3) == (10,)
    owed.seen(reply(SLOW))
    assert owed.lengths(3) == ()
    assert owed.late == {3: 2}


def test_two_in_one_stretch_of_bytes_are_both_seen(owed: Owed) -> None:
    owed.add(FAST)
    owed.add(FAST)
    owed.seen(b"\x00" + reply(FAST) + b"\xff" + reply(FAST))
    assert owed.lengths(3) == ()


def test_an_answer_that_may_be_an_old_one_leaves_as_many_owed_as_before(owed: Owed, clock: FakeClock) -> None:
    owed.add(FAST)
    clock.advance(OWED_S - 1)
    owed.renew(SLOW)
    clock.advance(OWED_S - 1)
    assert owed.lengths(3) == (10,)
    clock.advance(2)
    assert owed.lengths(3) == ()
    owed.renew(FAST)
    assert owed.lengths(3) == (), "nothing was owed: the answer is its own"


def test_a_reply_is_owed_for_a_while_and_by_its_meter(owed: Owed, clock: FakeClock) -> None:
    owed.add(FAST)
    assert (owed.lengths(3), owed.lengths(4)) == ((10,), ())
    clock.advance(OWED_S + 1)
    assert owed.lengths(3) == ()


@pytest.mark.parametrize(
    "stray",
    [
        reply(Question(4, 3, 100, 10)),
        reply(Question(3, 4, 100, 10)),
        reply(Question(3, 3, 100, 11)),
        reply(FAST)[:-1],
        reply(FAST)[:-1] + b"\x00",
        b"",
    ],
)
def test_nothing_else_clears_it(owed: Owed, stray: bytes) -> None:
    owed.add(FAST)
    owed.seen(stray)
    assert owed.lengths(3) == (10,)
    assert owed.late == {}


def test_lengths_stand_in_the_order_in_which_they_were_asked_last(owed: Owed) -> None:
    for count in (2, 4, 2, 6):
        owed.add(Question(3, 3, 100, count))
    assert owed.lengths(3) == (4, 2, 6)


def test_refusals_do_not_prolong_the_doubt_about_refusals(owed: Owed, clock: FakeClock) -> None:
    """Else a meter that was silent once and refuses a register for good would never be believed."""
    assert not owed.doubts_refusals(3)
    owed.add(FAST)
    assert owed.doubts_refusals(3)
    assert not owed.doubts_refusals(4)
    for _ in range(10):
        clock.advance(OWED_S / 10)
        owed.add_refused(SLOW)
    clock.advance(0.1)
    assert owed.lengths(3) == (10,)
    assert not owed.doubts_refusals(3)


def test_a_late_reply_that_was_seen_ends_the_doubt(owed: Owed) -> None:
    owed.add(FAST)
    owed.seen(reply(FAST))
    assert not owed.doubts_refusals(3)
