"""A digest does not depend on the order of rows, on Python, or on luck."""

import pytest

from substation.store import digest

ROWS = [(1, 0, None, 0, -5), (2, 3, "timeout", 0, None), (3, 0, "d\u00e9j\u00e0 \U0001f50c", 1, 2.5)]


def test_a_digest_is_the_same_on_every_machine():
    """Golden: whoever changes this makes every digest on every card wrong."""
    assert digest.of_rows(ROWS) == (3, 7_564_484_066_660_027_558)


def test_it_does_not_depend_on_the_order_and_adds_up():
    assert digest.of_rows(reversed(ROWS)) == digest.of_rows(ROWS)
    assert digest.together(digest.of_rows(ROWS[:1]), digest.of_rows(ROWS[1:])) == digest.of_rows(ROWS)


@pytest.mark.parametrize(
    "other", [(1, 0, None, 0, -5.0), (1, 0, "", 0, -5), (1, 0, None, 0, 5), (1, 0, None, b"\x00", -5)]
)
def test_a_row_that_is_changed_in_value_or_type_has_another_digest(other):
    assert digest.of_rows([other]) != digest.of_rows(ROWS[:1])


def test_sixty_three_bits_fit_into_a_table():
    assert 0 <= digest.of_rows((n,) for n in range(100))[1] < 2**63
