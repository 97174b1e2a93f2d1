"""A ticket is good once, for a minute, for one person in one place, and leaves no password behind."""

import pytest

from substation.access.tickets import LIFE_S, Tickets
from tests.fake_clock import FakeClock

PASSWORD = "canary under the busbar"


@pytest.fixture
def tickets(clock: FakeClock) -> Tickets[str]:
    return Tickets(clock)


def test_a_ticket_brings_back_what_was_granted(tickets: Tickets[str]) -> None:
    token = tickets.issue("devi", "10.0.0.7", PASSWORD, "a year")
    ticket = tickets.redeem(token, "devi", "10.0.0.7")
    assert ticket is not None
    assert ticket.errand == "a year"
    assert ticket.secret.reveal() == PASSWORD


def test_it_is_good_once(tickets: Tickets[str]) -> None:
    token = tickets.issue("devi", "10.0.0.7", PASSWORD, "a year")
    assert tickets.redeem(token, "devi", "10.0.0.7") is not None
    assert tickets.redeem(token, "devi", "10.0.0.7") is None


@pytest.mark.parametrize(("user", "source"), [("nair", "10.0.0.7"), ("devi", "10.0.0.8")])
def test_a_stranger_neither_uses_nor_spoils_it(tickets: Tickets[str], user: str, source: str) -> None:
    token = tickets.issue("devi", "10.0.0.7", PASSWORD, "a year")
    assert tickets.redeem(token, user, source) is None
    assert tickets.redeem(token, "devi", "10.0.0.7") is not None


def test_it_expires_after_a_minute(tickets: Tickets[str], clock: FakeClock) -> None:
    token = tickets.issue("devi", "here", PASSWORD, "a year")
    clock.advance(LIFE_S - 0.1)
    assert tickets.sweep() == []
    clock.advance(0.1)
    assert tickets.redeem(token, "devi", "here") is None
    assert tickets.sweep() == ["a year"]
    assert tickets.sweep() == []


def test_a_step_of_the_wall_clock_does_not_lengthen_its_life(tickets: Tickets[str], clock: FakeClock) -> None:
    token = tickets.issue("devi", "here", PASSWORD, "a year")
    clock.step(-3600)
    clock.advance(LIFE_S)
    assert tickets.redeem(token, "devi", "here") is None


def test_a_wrong_token_opens_nothing(tickets: Tickets[str]) -> None:
    token = tickets.issue("devi", "here", PASSWORD, "a year")
    for wrong in ("", token[:-1], token + "A", token.swapcase(), "\udcff"):
        assert tickets.redeem(wrong, "devi", "here") is None


def test_tokens_are_long_and_never_the_same(tickets: Tickets[str]) -> None:
    tokens = {tickets.issue("devi", "here", PASSWORD, "x") for _ in range(100)}
    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {43}


def test_tickets_are_withdrawn_by_their_user_or_all(tickets: Tickets[str]) -> None:
    first = tickets.issue("devi", "here", PASSWORD, "a year")
    tickets.issue("nair", "here", PASSWORD, "a month")
    assert tickets.withdraw("devi") == ["a year"]
    assert tickets.redeem(first, "devi", "here") is None
    assert tickets.withdraw() == ["a month"]


@pytest.mark.parametrize("how", ["expired", "withdrawn", "revealed"])
def test_the_password_is_overwritten(tickets: Tickets[str], clock: FakeClock, how: str) -> None:
    token = tickets.issue("devi", "here", PASSWORD, "a year")
    (secret,) = [ticket.secret for ticket in tickets._open.values()]
    held = secret._bytes
    if how == "expired":
        clock.advance(LIFE_S)
        tickets.sweep()
    elif how == "withdrawn":
        tickets.withdraw()
    else:
        ticket = tickets.redeem(token, "devi", "here")
        assert ticket is not None
        assert ticket.secret.reveal() == PASSWORD
        assert ticket.secret.reveal() == ""
    assert secret.wiped
    assert held == bytearray()


def test_neither_password_nor_token_stands_in_what_is_kept(tickets: Tickets[str]) -> None:
    token = tickets.issue("devi", "here", PASSWORD, "a year")
    assert PASSWORD not in repr(tickets._open)
    assert token not in repr(tickets._open)
