"""The state line: what is wrong, where, since when; and above all whether anybody can see it."""

import pytest

from substation.dashboard import statusline
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
    parts = statusline.line_parts(in_state(state), ZONE)
    shown = [
        f"{parts[f'b{place}'][0]} {parts[f't{place}'][0]}"
        for place in range(statusline.FACTS)
        if parts[f"f{place}"][1] != "ss-none"
    ]
    assert shown == facts


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
