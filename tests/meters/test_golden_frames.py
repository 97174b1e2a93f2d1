"""Whole frames in hex, from the wire to readings: what a change must never alter."""

import tomllib
from pathlib import Path

import pytest

from substation.bus.frame import Question, find_answer
from substation.meters.blocks import plan, values
from substation.meters.profile import load

FRAMES = tomllib.loads((Path(__file__).parent / "golden_frames.toml").read_text(encoding="utf-8"))["frame"]


@pytest.mark.parametrize("golden", FRAMES, ids=[golden["name"] for golden in FRAMES])
def test_a_golden_frame_decodes_to_its_reading(golden: dict) -> None:
    profile = load(golden["profile"])
    (block,) = plan(profile)
    question = Question(golden["meter"], block.function, block.address, block.count)
    assert question.request == bytes.fromhex(golden["request"])
    found = find_answer(question, bytes.fromhex(golden["reply"]))
    assert found is not None
    data = found.frame[3:-2]
    words = [int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2)]
    read = values(profile, block, words)
    assert {key: read[key] for key in golden["values"]} == pytest.approx(golden["values"], rel=1e-6)
    assert [key for key, value in read.items() if value is None] == golden["missing"]
