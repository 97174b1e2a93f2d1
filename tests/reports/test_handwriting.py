"""Which characters people may write by hand, and which are refused in words."""

import pytest

from substation.reports.handwriting import marked, number, readable


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" a\u00a0b\tc ", "a b c"),
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree"),
        (
            "\u0915\u094d\u200d\u0937 \u0915\u094d\u200c\u0937",
            "\u0915\u094d\u200d\u0937 \u0915\u094d\u200c\u0937",
        ),
        ("=1+1 \u20b9 5", "=1+1 \u20b9 5"),
        ("", ""),
    ],
)
def test_letters_of_every_script_are_kept_and_blanks_are_blanks(typed: str, kept: str) -> None:
    assert readable(typed) == kept


def test_a_number_is_one_in_every_script_and_with_a_comma() -> None:
    typed = {"62,5": "62.5", "\u0967\u0968": "12", "+7.": "7", "\u22123": "-3"}
    assert {one: number(one) for one in typed} == typed
    assert [number(one) for one in ("6 2", "1,2,3", "abc", "\u00b2", "", "1234567890")] == [None] * 6


@pytest.mark.parametrize("one", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\ud800"])
def test_what_cannot_be_printed_is_refused(one: str) -> None:
    with pytest.raises(ValueError, match="cannot be printed"):
        readable(f"a{one}b")
    assert marked(f"a{one}b") == "a\ufffdb"


@pytest.mark.parametrize("one", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_what_turns_the_direction_of_writing_is_refused(one: str) -> None:
    with pytest.raises(ValueError, match="direction"):
        readable(f"permit {one}evil")
