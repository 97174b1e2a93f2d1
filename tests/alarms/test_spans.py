"""Spans of noted changes: never more than was seen, never a moment of what was seen left out."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from substation.alarms.spans import UNKNOWN, Blind, Change, Piece, Run, runs, timeline, together

END = 1000
MINUTE = 60
DEAD = {"dead"}


def noted(truth, blind, lasting):
    """Return what a poller notes of a truth, a state a tick, with rule 5 of `alarms.supply`."""
    seen = [
        None if any(s.start_ms < at < s.end_ms for s in blind) else state for at, state in enumerate(truth)
    ]
    changes, known, last_at = [], UNKNOWN, None
    for at, state in enumerate(seen):
        if state is None:
            continue
        if last_at is not None and at - last_at > 1:  # a poller that starts anew
            hidden = at - last_at
            if not (hidden <= lasting and state == known):
                changes.append(Change(at, UNKNOWN, state))
        elif state != known:
            changes.append(Change(at, known, state))
        known, last_at = state, at
    return changes, seen


@st.composite
def stories(draw):
    """A truth of a thousand ticks, and when nobody looked."""
    states, lengths = st.sampled_from(["live", "dead", "phase_lost"]), st.integers(1, 150)
    pieces = draw(st.lists(st.tuples(states, lengths), min_size=1, max_size=25))
    truth = [state for state, length in pieces for _ in range(length)][:END]
    edges = sorted(draw(st.lists(st.integers(0, len(truth) - 1), max_size=10, unique=True)))
    blind = [Blind(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False) if b - a > 1]
    return truth, blind


@given(stories(), st.sampled_from([0, 20]))
def test_a_run_holds_all_that_was_seen_of_it_and_claims_no_more(story, lasting):
    truth, blind = story
    changes, seen = noted(truth, blind, lasting)
    end = len(truth)
    row = timeline(changes, blind, until_ms=end, lasting_ms=lasting)
    found = runs(row, DEAD, end)
    # what was seen dead lies in exactly one run; what was seen live lies in none
    for at, state in enumerate(seen):
        inside = [run for run in found if run.begun_by_ms <= at < run.ended_after_ms]
        assert len(inside) <= 1
        if state == "dead":
            assert len(inside) == 1 or any(run.ended_after_ms == at for run in found)
        elif state is not None:
            assert not inside
    for run in found:
        assert (run.begun_after_ms or 0) <= run.begun_by_ms <= run.ended_after_ms
        assert run.ended_by_ms is None or run.ended_after_ms <= run.ended_by_ms
        assert run.least_ms >= 0
        assert run.most_ms is None or run.least_ms <= run.most_ms
        # outside its bounds the truth was another: a real beginning and a real end lie within them
        if run.begun_after_ms:
            before = truth[max(0, run.begun_after_ms - 1) : run.begun_by_ms]
            assert any(state != "dead" for state in before)
        if run.ended_by_ms is not None:
            assert any(
                state != "dead" for state in truth[max(0, run.ended_after_ms - 1) : run.ended_by_ms + 1]
            )
        dead = sum(state == "dead" for state in truth[run.begun_by_ms : run.ended_after_ms])
        if lasting == 0:
            assert run.least_ms <= dead
    for one, other in itertools.pairwise(found):
        assert one.ended_by_ms is not None
        assert one.ended_by_ms <= other.begun_by_ms


@given(stories())
def test_with_nobody_blind_every_span_is_exact(story):
    truth, _ = story
    changes, _ = noted(truth, [], 0)
    found = runs(timeline(changes, until_ms=len(truth)), DEAD, len(truth))
    lengths = [len(list(group)) for state, group in itertools.groupby(truth) if state == "dead"]
    assert [run.least_ms for run in found] == lengths
    assert all(run.exact or run.begun_after_ms is None for run in found)


def test_a_failure_over_a_restart_is_told_between_bounds():
    live = [Change(0, UNKNOWN, "live"), Change(100, "live", "dead"), Change(400, UNKNOWN, "live")]
    row = timeline(live, [Blind(150, 400)], until_ms=500, lasting_ms=MINUTE)
    (run,) = runs(row, DEAD, 500)
    assert run == Run(100, 100, 150, 400, lasts=False, unseen_ms=0)
    assert (run.least_ms, run.most_ms, run.exact) == (50, 300, False)


def test_what_was_dead_before_and_after_a_blind_spot_is_one_run_with_its_unseen_part():
    changes = [Change(0, UNKNOWN, "live"), Change(100, "live", "dead"), Change(400, UNKNOWN, "dead")]
    row = timeline([*changes, Change(450, "dead", "live")], [Blind(150, 400)], until_ms=500)
    assert runs(row, DEAD, 500) == [Run(100, 100, 450, 450, lasts=False, unseen_ms=250)]


def test_a_short_restart_breaks_nothing_and_a_change_in_it_is_bounded():
    began = [Change(0, UNKNOWN, "live"), Change(100, "live", "dead")]
    row = timeline(began, [Blind(150, 160)], until_ms=500, lasting_ms=MINUTE)
    assert runs(row, DEAD, 500) == [Run(100, 100, 500, None, lasts=True, unseen_ms=0)]
    row = timeline([*began, Change(160, UNKNOWN, "live")], [Blind(150, 160)], until_ms=500, lasting_ms=MINUTE)
    assert runs(row, DEAD, 500) == [Run(100, 100, 150, 160, lasts=False, unseen_ms=0)]


def test_through_a_blind_spot_that_still_goes_on_nothing_is_said_to_last_however_short():
    row = timeline([Change(100, "live", "dead")], [Blind(450, 500)], until_ms=500, lasting_ms=MINUTE)
    assert runs(row, DEAD, 500) == [Run(100, 100, 450, None, lasts=False, unseen_ms=0)]


def test_what_began_before_anybody_looked_has_no_beginning_and_what_is_hidden_now_no_end():
    row = timeline([Change(100, UNKNOWN, "dead"), Change(200, "dead", UNKNOWN)], until_ms=900)
    (run,) = runs(row, DEAD, 900)
    assert (run.begun_after_ms, run.ended_after_ms, run.ended_by_ms, run.lasts) == (None, 200, None, False)
    assert run.most_ms is None


def test_a_change_that_nobody_noted_is_not_passed_over():
    row = timeline([Change(0, UNKNOWN, "live"), Change(300, "dead", "live")], until_ms=500)
    assert runs(row, DEAD, 500) == [Run(0, 300, 300, 300, lasts=False, unseen_ms=0)]


def test_supply_has_failed_when_every_incomer_is_dead():
    one = [Piece(0, "live"), Piece(100, "dead"), Piece(300, "live")]
    other = [
        Piece(0, "live"),
        Piece(200, "dead"),
        Piece(250, UNKNOWN),
        Piece(280, "dead"),
        Piece(400, "live"),
    ]
    row = together([one, other], of=["dead"], rest="live")
    assert runs(row, DEAD, 500) == [Run(200, 200, 300, 300, lasts=False, unseen_ms=30)]
    assert together([one], of=["dead"], rest="live") == one
