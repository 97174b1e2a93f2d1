"""Who asks for pictures without end is told to wait, and nobody else waits for him."""

from contextlib import ExitStack

import dash
import pytest

from substation.dashboard import trends_pace
from substation.dashboard.trends_pace import AT_ONCE, EACH, EARNED, LEAST_S, SAVED_S, Later, Turns
from tests.dashboard.conftest import Browser, Station, basic, browse
from tests.fake_clock import FakeClock

ANN, BOB, CLO = (("ann", "10.0.0.7"), ("bob", "10.0.0.7"), ("clo", "10.0.0.9"))


@pytest.fixture
def turns(clock: FakeClock) -> Turns:
    return Turns(clock, wait_s=0.0)


def test_one_viewer_has_a_part_of_the_time_and_others_all_they_ask_for(
    turns: Turns, clock: FakeClock
) -> None:
    def drawn(seconds: float) -> int:
        end, count = clock.monotonic() + seconds, 0
        while clock.monotonic() < end:
            try:
                with turns.turn(ANN):
                    clock.advance(0.25)
                    count += 1
            except Later as later:
                assert later.own
                with turns.turn(BOB):  # at any moment
                    pass
                clock.advance(later.after_s)
        return count

    assert drawn(20) * 0.25 == pytest.approx(SAVED_S + 20 * EARNED, abs=1)
    assert drawn(600) * 0.25 == pytest.approx(600 * EARNED, rel=0.1)


def test_who_moves_about_in_a_picture_is_never_told_to_wait(turns: Turns, clock: FakeClock) -> None:
    for _ in range(100):  # a key held down: four a second at most, of 50 ms
        with turns.turn(ANN):
            clock.advance(LEAST_S)
        clock.advance(0.2)


def test_a_few_are_drawn_at_once_and_one_viewer_has_a_few_of_them(turns: Turns) -> None:
    with ExitStack() as drawn:
        for _ in range(AT_ONCE):
            drawn.enter_context(turns.turn(ANN))
        with pytest.raises(Later) as found:
            drawn.enter_context(turns.turn(BOB))
        assert (found.value.own, found.value.after_s) == (False, 5)
        turns._viewer(ANN).here = EACH
        with pytest.raises(Later) as found:
            drawn.enter_context(turns.turn(ANN))
        assert found.value.own
        turns._viewer(ANN).here = AT_ONCE
    with turns.turn(BOB), turns.turn(CLO):
        pass
    assert (turns._drawn, turns._waiting, turns._viewer(ANN).here) == (0, 0, 0)


def test_no_crowd_of_names_is_remembered(turns: Turns) -> None:
    for number in range(2 * trends_pace.VIEWERS):
        with turns.turn((f"n{number}", "")):
            pass
    assert len(turns._viewers) <= trends_pace.VIEWERS


def test_a_program_that_asks_without_end_gets_429_and_everybody_else_his_picture(
    app: dash.Dash, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trends_pace, "SAVED_S", 4 * LEAST_S)
    station.beat()
    endless = browse(app)
    answers = [endless.get("/api/trend?range=hour") for _ in range(5)]
    assert [one.status_code for one in answers[:-1]] == [200] * (len(answers) - 1)
    refused = answers[-1]
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "1"
    assert refused.json["error"] == (
        "One moment, please. More was asked for here than the station draws for one viewer. "
        "It goes on in 1 s."
    )
    assert endless.post("/api/trend/csv?range=day").status_code == 429
    other: Browser = browse(app)
    said = {"Authorization": basic("viewer", "a long walk to the bus coupler")}
    assert other.get("/api/trend?range=hour", headers=said).status_code == 200
    station.clock.advance(1)
    assert endless.get("/api/trend?range=hour").status_code == 200
