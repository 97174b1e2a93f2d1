"""The state line: what is wrong, where, since when; and above all whether anybody can see it."""

from dataclasses import replace

import pytest

from substation.dashboard import statusline
from substation.dashboard.board import Board
from tests.dashboard.boards import ZONE, in_state

SAID = {
    "normal": ("ok", "All normal", ""),
    "supply lost, on DG": ("alarm", "Supply lost", "Transformer, since 16:17:56, 2 min 12 s"),
    "supply lost, no DG": ("alarm", "Supply lost", "Transformer, since 16:17:56, 2 min 12 s"),
    "power failure of a feeder": ("alarm", "Power failure", "NonEssentialLoad, since 16:10:08, 10 min 0 s"),
    "no current": ("ok", "All normal", ""),
    "phase lost": ("alarm", "Phase lost", "NonEssentialLoad, since 16:19:07, 1 min 1 s"),
    "late": ("ok", "All normal", ""),
    "dead meter": ("warn", "Communication failed", "ColonyLoad, no answer since 15:38:07"),
    "never-seen meter": ("warn", "Communication failed", "ColonyLoad, never answered"),
    "doubtful value": ("warn", "1 warning", "EssentialLoad: doubtful value"),
    "voltage outside": ("warn", "1 warning", "EssentialLoad: voltage outside ±10 %"),
    "above 80 %": ("warn", "1 warning", "EssentialLoad: current above 80 %"),
    "above rating": ("alarm", "Current above rating", "EssentialLoad"),
    "empty store": ("blind", "No reading yet", "No poller has run here yet."),
    "first round": ("blind", "No reading yet", "The poller runs; the first round is under way."),
}


@pytest.mark.parametrize("state", SAID)
def test_the_state_line_says(state: str) -> None:
    said = statusline.headline(in_state(state), ZONE)
    assert (said.kind, said.title, said.detail) == SAID[state]


@pytest.mark.parametrize("state", ["stopped poller", "line down", "all meters silent"])
def test_nobody_sees_anything_comes_before_all_else(state: str) -> None:
    said = statusline.headline(in_state(state), ZONE)
    assert said.kind == "blind"
    assert "Every value here is old." in said.detail


def shown(board: Board) -> list[str]:
    """Return the facts that stand beside the headline."""
    parts = statusline.line_parts(board, ZONE)
    return [
        f"{parts[f'b{place}'][0]} {parts[f't{place}'][0]}"
        for place in range(statusline.FACTS)
        if parts[f"f{place}"][1] != "ss-none"
    ]


@pytest.mark.parametrize(
    ("state", "facts"),
    [
        ("normal", ["Supply on 26 d 4 h", "DG stopped", "5 of 5 meters fresh", "RS-485 57 % busy"]),
        (
            "supply lost, on DG",
            ["Supply off 2 min 12 s", "On DG 1 min 59 s", "5 of 5 meters fresh", "RS-485 57 % busy"],
        ),
        ("stopped poller", ["Last reading 16:16:47"]),
        ("empty store", ["0 of 5 meters seen"]),
        ("line down", ["Supply not known", "DG not known", "0 of 5 meters fresh", "RS-485 down"]),
    ],
)
def test_facts_stand_beside_it(state: str, facts: list[str]) -> None:
    assert shown(in_state(state)) == facts


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        ("normal", (5, 0, 0, 0)),
        ("supply lost, on DG", (2, 3, 0, 0)),
        ("dead meter", (4, 0, 1, 0)),
        ("stopped poller", (0, 0, 0, 5)),
        ("all meters silent", (0, 0, 5, 0)),
    ],
)
def test_the_summary_counts_every_circuit_once(state: str, counts: tuple[int, ...]) -> None:
    parts = statusline.summary_parts(in_state(state))
    assert tuple(int(parts[kind][0]) for kind in ("ok", "fail", "comm", "unk")) == counts


def test_the_summary_names_what_is_wrong() -> None:
    parts = statusline.summary_parts(in_state("dead meter"))
    assert parts["commn"][0] == ": ColonyLoad"
    assert parts["commc"][1] == "ss-warn"
    assert parts["failc"][1] == ""


@pytest.mark.parametrize("state", ["supply lost, on DG", "stopped poller", "dead meter"])
def test_what_is_read_aloud_does_not_count_seconds(state: str) -> None:
    spoken = statusline.headline(in_state(state), ZONE).spoken
    assert spoken
    assert " s" not in spoken.replace(" stopped", "").replace(" since", "")
    assert " min" not in spoken


def test_what_the_headline_says_is_not_said_again_beside_it() -> None:
    down = in_state("line down")
    detail = down.lines[0].detail
    assert detail
    assert not any("problem" in fact for fact in shown(replace(down, problems=(detail,))))
    assert shown(replace(down, problems=(detail, "the disk is full")))[-1] == (
        "1 further problem The disk is full."
    )


def test_every_problem_is_said_once() -> None:
    board = replace(in_state("normal"), problems=("The first.", "the second", "the third", "the fourth"))
    said = statusline.headline(board, ZONE)
    assert (said.title, said.detail) == ("4 problems", "The first. The second.")
    assert shown(board)[-1] == "2 further problems The third. The fourth."
    parts = statusline.line_parts(board, ZONE)
    assert parts["f4"] == ("", "ss-f-long")


def test_a_problem_keeps_its_place_among_many_facts_and_while_nobody_polls() -> None:
    board = in_state("dead meter")
    many = replace(board, lines=board.lines * 4, problems=("The disk is full.",))
    assert len(shown(many)) == statusline.FACTS
    assert shown(many)[-1] == "1 problem The disk is full."
    still = replace(in_state("stopped poller"), problems=("The disk is full.",))
    assert shown(still) == ["Last reading 16:16:47", "1 problem The disk is full."]
