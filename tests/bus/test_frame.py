"""The judge of replies, byte by byte. Golden frames are computed by the library, which is not our code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU

from substation.bus.frame import (
    Question,
    answered_otherwise,
    complete_but_broken,
    crc16,
    find_answer,
    is_read_request,
    sealed,
    trouble,
)
from substation.errors import EXCEPTION_WORDS, BadFrame, NoAnswer, Refused

QUESTION = Question(3, 3, 100, 76)


def framed(body: bytes) -> bytes:
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


def reply(meter_id: int = 3, function: int = 3, count: int = 76) -> bytes:
    return framed(bytes((meter_id, function, 2 * count)) + bytes(n % 251 for n in range(2 * count)))


def kind_of(data: bytes, question: Question = QUESTION) -> str:
    assert find_answer(question, data) is None
    return trouble(question, data).kind


def test_the_request_is_the_one_in_the_protocol() -> None:
    assert Question(1, 3, 100, 76).request.hex(" ") == "01 03 00 64 00 4c 05 e0"
    assert Question(17, 3, 0x6B, 3).request.hex(" ") == "11 03 00 6b 00 03 76 87"


@given(st.binary(max_size=300))
def test_the_check_sum_agrees_with_the_library(data: bytes) -> None:
    assert crc16(data) == FramerRTU.compute_CRC(data).to_bytes(2, "big")
    assert sealed(data + crc16(data)) == (len(data) > 0)


def test_the_true_answer_is_found() -> None:
    found = find_answer(QUESTION, reply())
    assert found is not None
    assert found.frame == reply()
    assert found.before == b""


@given(before=st.binary(max_size=40), after=st.binary(max_size=40))
def test_noise_around_the_answer_is_skipped(before: bytes, after: bytes) -> None:
    found = find_answer(QUESTION, before + reply() + after)
    assert found is not None
    assert found.frame == reply()


@given(place=st.integers(0, 156), flip=st.integers(1, 255))
def test_one_changed_byte_anywhere_is_never_an_answer(place: int, flip: int) -> None:
    data = bytearray(reply())
    data[place] ^= flip
    assert find_answer(QUESTION, bytes(data)) is None
    assert isinstance(trouble(QUESTION, bytes(data)), BadFrame)


@given(length=st.integers(0, 156))
def test_a_cut_frame_is_never_an_answer(length: int) -> None:
    data = reply()[:length]
    assert find_answer(QUESTION, data) is None
    assert trouble(QUESTION, data).kind == ("short" if length else "timeout")


@given(st.binary(max_size=400))
def test_random_bytes_are_never_an_answer_and_always_explained(data: bytes) -> None:
    assert find_answer(QUESTION, data) is None
    assert str(trouble(QUESTION, data)).startswith("meter 3")


@given(meter=st.integers(1, 247), function=st.sampled_from((3, 4)), count=st.integers(1, 125))
def test_only_the_promised_id_function_and_length_are_taken(meter: int, function: int, count: int) -> None:
    found = find_answer(QUESTION, reply(meter, function, count))
    assert (found is not None) == ((meter, function, count) == (3, 3, 76))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "timeout"),
        (reply(meter_id=4), "wrong_id"),
        (framed(bytes((4, 0x83, 2))), "wrong_id"),
        (reply(function=4), "wrong_function"),
        (framed(bytes((3, 0x84, 2))), "wrong_function"),
        (reply(count=75), "length"),
        (reply(count=77), "length"),
        (reply()[:-1] + b"\x00", "crc"),
        (b"\x00" + reply()[:-1] + b"\x00", "crc"),
        (bytes(157), "crc"),
        (framed(bytes((3, 0x83, 2)))[:-1] + b"\x00", "crc"),
        (reply()[:100], "short"),
        (b"\x00" + reply()[:100], "short"),
        (reply()[:1], "short"),
        (b"\xff\x00\xff", "noise"),
        (QUESTION.request, "echo"),
        (QUESTION.request[:5], "echo"),
        (QUESTION.request + reply(count=75), "length"),
        (QUESTION.request + reply()[:50], "short"),
    ],
)
def test_each_kind_of_trouble_has_its_own_name(data: bytes, kind: str) -> None:
    assert kind_of(data) == kind


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 99])
def test_a_refusal_carries_its_code(code: int) -> None:
    error = trouble(QUESTION, b"\x00" + framed(bytes((3, 0x83, code))))
    assert isinstance(error, Refused)
    assert (error.code, error.kind) == (code, f"exception_{code}")


def test_silence_says_what_to_look_at() -> None:
    error = trouble(QUESTION, b"")
    assert isinstance(error, NoAnswer)
    assert "meter 3, 76 registers from 100" in str(error)
    assert "wires" in str(error)
    assert str(Question(3, 3, 100, 1)) == "meter 3, 1 register from 100"


def test_a_whole_reply_with_a_wrong_check_sum_owes_nothing_more() -> None:
    assert complete_but_broken(QUESTION, reply()[:-1] + b"\x00")
    assert not complete_but_broken(QUESTION, reply()[:-1])
    assert not complete_but_broken(QUESTION, reply(meter_id=4))


@pytest.mark.parametrize(
    ("data", "otherwise"),
    [
        (reply(function=4), True),
        (reply(count=75), True),
        (b"\x00" + reply(count=75), True),
        (reply(count=75)[:-1], False),
        (reply(meter_id=4), False),
        (reply(), False),
        (b"", False),
    ],
)
def test_a_sound_reply_in_another_form_is_recognised(data: bytes, otherwise: bool) -> None:
    assert answered_otherwise(QUESTION, data) == otherwise


@pytest.mark.parametrize(
    ("meter_id", "function", "address", "count"),
    [
        (0, 3, 100, 2),
        (248, 3, 100, 2),
        (-1, 3, 100, 2),
        (1, 6, 100, 2),
        (1, 0x83, 100, 2),
        (1, 3, -1, 2),
        (1, 3, 65_535, 2),
        (1, 3, 100, 0),
        (1, 3, 100, 126),
    ],
)
def test_what_is_no_read_of_one_meter_is_no_question(
    meter_id: int, function: int, address: int, count: int
) -> None:
    """A broadcast (id 0) is answered by nobody; the rest no meter understands, or it would write."""
    with pytest.raises(ValueError, match=r"1 to 247|only reads|1 to 125"):
        Question(meter_id, function, address, count)


def test_the_borders_can_be_asked() -> None:
    for question in (Question(1, 3, 0, 125), Question(247, 4, 65_535, 1)):
        assert is_read_request(question.request)


@pytest.mark.parametrize(("code", "kind"), [(10, "gateway_path"), (11, "gateway_target")])
def test_a_gateways_exception_is_silence_of_the_meter_and_no_refusal(code: int, kind: str) -> None:
    error = trouble(QUESTION, framed(bytes((3, 0x83, code))))
    assert isinstance(error, NoAnswer)
    assert error.kind == kind
    assert EXCEPTION_WORDS[code] in str(error)


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 7, 99])
def test_a_meters_exception_is_a_refusal(code: int) -> None:
    error = trouble(QUESTION, framed(bytes((3, 0x83, code))))
    assert isinstance(error, Refused)
    assert (error.code, error.kind) == (code, f"exception_{code}")
