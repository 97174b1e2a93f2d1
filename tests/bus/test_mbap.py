"""The bytes of Modbus TCP, judged: without a wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from substation.bus import mbap
from substation.bus.frame import Question

QUESTION = Question(5, 3, 100, 2)
ANSWER = bytes((3, 4, 0x12, 0x34, 0x56, 0x78))

questions = st.builds(
    Question, st.integers(1, 247), st.sampled_from((3, 4)), st.integers(0, 65_000), st.integers(1, 125)
)
frames = st.builds(
    mbap.Frame, st.integers(0, 65_535), st.integers(0, 255), st.binary(min_size=2, max_size=253)
)


def framed(frame: mbap.Frame) -> bytes:
    head = frame.transaction.to_bytes(2) + b"\0\0" + (len(frame.pdu) + 1).to_bytes(2)
    return head + bytes((frame.unit,)) + frame.pdu


@given(questions, st.integers(0, 65_535))
def test_a_request_is_a_frame_and_a_read(question: Question, transaction: int) -> None:
    data = mbap.request(question, transaction)
    assert mbap.is_read_request(data)
    assert mbap.take(data) == (mbap.Frame(transaction, question.meter_id, question.pdu), b"")


@given(st.lists(frames, max_size=5), st.lists(st.integers(1, 40), min_size=1, max_size=9))
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(
    sent: list[mbap.Frame], cuts: list[int]
) -> None:
    data, stream, got = b"".join(map(framed, sent)), b"", []
    at = turn = 0
    while at < len(data):
        size = cuts[turn % len(cuts)]
        stream, at, turn = stream + data[at : at + size], at + size, turn + 1
        while True:
            frame, stream = mbap.take(stream)
            if frame is None:
                break
            got.append(frame)
    assert (got, stream) == (sent, b"")


@pytest.mark.parametrize(
    "stream", ["0001 00 01", "0001 01", "0001 0000 0002 05", "0001 0000 00ff 05", "0001 0000 ffff"]
)
def test_what_is_no_header_is_not_trusted(stream: str) -> None:
    with pytest.raises(mbap.Untrusted, match="no header"):
        mbap.take(bytes.fromhex(stream))


@pytest.mark.parametrize("size", range(13))
def test_a_frame_that_is_not_whole_is_waited_for(size: int) -> None:
    data = framed(mbap.Frame(1, 5, ANSWER))
    assert mbap.take(data[:size]) == ((None, data[:size]) if size < len(data) else (None, b""))


def test_the_answer_fits() -> None:
    assert mbap.misfit(QUESTION, mbap.Frame(1, 5, ANSWER)) is None


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (mbap.Frame(1, 6, ANSWER), "wrong_id"),
        (mbap.Frame(1, 5, b"\x04" + ANSWER[1:]), "wrong_function"),
        (mbap.Frame(1, 5, b"\x84\x02"), "wrong_function"),
        (mbap.Frame(1, 5, bytes((3, 2, 0x12, 0x34))), "length"),
        (mbap.Frame(1, 5, ANSWER[:-1]), "length"),
        (mbap.Frame(1, 5, ANSWER + b"\0"), "length"),
        (mbap.Frame(1, 5, bytes((3, 2)) + ANSWER[2:]), "length"),
        (mbap.Frame(1, 5, b"\x83\x02"), "exception_2"),
        (mbap.Frame(1, 5, b"\x83\x0a"), "gateway_path"),
        (mbap.Frame(1, 5, b"\x83\x0b"), "gateway_target"),
        (mbap.Frame(1, 5, b"\x83\x02\x00"), "wrong_function"),
    ],
)
def test_what_does_not_fit_says_how(frame: mbap.Frame, kind: str) -> None:
    trouble = mbap.misfit(QUESTION, frame)
    assert trouble is not None
    assert trouble.kind == kind
    assert "meter 5" in str(trouble)


@given(questions, frames)
def test_only_the_exact_answer_fits(question: Question, frame: mbap.Frame) -> None:
    exact = (
        frame.unit == question.meter_id
        and frame.pdu[:2] == bytes((question.function, 2 * question.count))
        and len(frame.pdu) == 2 + 2 * question.count
    )
    assert (mbap.misfit(question, frame) is None) == exact


@given(st.binary(max_size=20))
def test_nothing_but_a_read_of_one_meter_is_a_read(data: bytes) -> None:
    if mbap.is_read_request(data):
        assert len(data) == 12
        assert data[7] in {3, 4}
        assert 1 <= data[6] <= 247
