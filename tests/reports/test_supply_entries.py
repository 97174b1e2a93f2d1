"""What is typed into the register and the DG log: what is taken, what is refused in words, what follows."""

import pytest

from substation.alarms.interruptions import Interruption, Stretch
from substation.alarms.spans import Run
from substation.reports import supply_entries as forms
from substation.store.entries import Entry, Place

NUMBER = forms.fields("dg_log")["consumed"]


@pytest.mark.parametrize(
    ("typed", "kept"), [(" 12,5 ", "12.5"), ("7", "7.0"), ("", ""), ("  ", ""), ("0", "0.0")]
)
def test_litres_are_kept_with_a_point(typed: str, kept: str) -> None:
    assert forms.read(NUMBER, typed) == kept


@pytest.mark.parametrize("typed", ["a lot", "-1", "nan", "inf", "1e9", "100001", "1.2.3", "1_0"])
def test_what_is_no_amount_of_diesel_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"is no number|lies outside 0 to 100000 l"):
        forms.read(NUMBER, typed)


def test_a_cause_is_one_of_the_list_and_a_remark_ends_somewhere() -> None:
    fields = forms.fields("interruption")
    assert forms.read(fields["cause"], "discom") == "discom"
    assert forms.read(fields["remark"], "  a\n b\u00a0c ") == "a b c"
    with pytest.raises(ValueError, match="cannot be printed"):
        forms.read(fields["remark"], "=1+1\x00\x07")
    with pytest.raises(ValueError, match="direction of writing"):
        forms.read(fields["remark"], "permit \u202eevil")
    with pytest.raises(ValueError, match="no cause"):
        forms.read(fields["cause"], "gremlins")
    with pytest.raises(ValueError, match="at most 80"):
        forms.read(fields["reported_to"], "x" * 81)
    with pytest.raises(ValueError, match="neither"):
        forms.read(fields["planned"], "perhaps")


def test_litres_of_a_run_are_what_the_dip_stick_says() -> None:
    typed = {"opening": "200.0", "received": "50.0", "closing": "238.0"}
    assert forms.consumed(typed) == 12.0
    assert forms.consumed({"consumed": "11.0"}) == 11.0
    assert forms.consumed({"opening": "200.0"}) is None
    assert forms.faults("dg_log", typed) == {}
    assert "consumed" in forms.faults("dg_log", {**typed, "consumed": "14.0"})
    assert "closing" in forms.faults("dg_log", {"opening": "10.0", "closing": "11.0"})
    assert forms.per_litre(36_000.0, 12.0) == 3.0
    assert forms.per_litre(36_000.0, 0.0) is None


def test_a_cause_may_say_that_it_was_planned_and_the_operator_has_the_last_word() -> None:
    assert forms.is_planned({"cause": "permit"})
    assert not forms.is_planned({"cause": "permit", "planned": "no"})
    assert not forms.is_planned({"cause": "discom"})


def test_what_was_written_about_a_time_at_which_nothing_is_known_any_more_does_not_vanish() -> None:
    one = Interruption("supply", 1, Stretch(Run(5, 5, 9, 9, False, 0)))
    here, gone = Place("interruption", "meter:1", 5, "cause"), Place("interruption", "meter:1", 4, "cause")
    entries = {p: Entry(n, p, "fault", "ram", 1) for n, p in enumerate((here, gone))}
    assert forms.texts(entries, one) == {"cause": "fault"}
    assert [entry.place for entry in forms.astray(entries, [one])] == [gone]
