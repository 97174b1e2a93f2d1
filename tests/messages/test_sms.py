"""Text messages: their form bit by bit, and the conversation with a modem that is played on a pty."""

from typing import Any

import pytest
import serial
from hypothesis import given, settings
from hypothesis import strategies as st

from substation.clock import SystemClock
from substation.messages import sms
from substation.messages.pdu import BASIC, EXTENSION, MOST_PARTS, Pdu, packed, submits
from substation.messages.sms import Modem
from substation.messages.ways import Job, Outcome
from substation.messages.wording import Text
from tests.fake_clock import FakeClock
from tests.messages.played_modem import PlayedModem, playing

NUMBER = "+919800000001"


# the form


def test_the_example_that_everybody_knows() -> None:
    """`hellohello` in ten septets is E8329BFD4697D9EC37 (3GPP TS 23.038, clause 6.1.2.1)."""
    assert (
        packed([BASIC.index(character) for character in "hellohello"]).hex().upper() == "E8329BFD4697D9EC37"
    )
    (one,) = submits("+46708251358", "hellohello", 7)
    assert one.text == "0011000B916407281553F80000A70AE8329BFD4697D9EC37"
    assert one.octets == len(one.text) // 2 - 1


def read_back(pdus: list[Pdu]) -> str:
    """Return the text as a telephone joins it: written without the code that made it."""
    pieces = {}
    for one in pdus:
        raw = bytes.fromhex(one.text)
        assert raw[0] == 0
        assert one.octets == len(raw) - 1
        assert one.octets <= 164
        has_head = bool(raw[1] & 0x40)
        at = 5 + (raw[3] + 1) // 2
        scheme, length, data = raw[at + 1], raw[at + 3], raw[at + 4 :]
        order = data[5] if has_head else 1
        if has_head:
            assert data[:3] == bytes([5, 0, 3])
            assert data[4] == len(pdus)
        if scheme == 8:
            assert length == len(data) <= 140
            pieces[order] = data[6 if has_head else 0 :].decode("utf-16-be")
            continue
        bits = int.from_bytes(data, "little")
        values = [bits >> (7 * n) & 0x7F for n in range(7 if has_head else 0, length)]
        back = {code: character for character, code in EXTENSION.items()}
        text, escaped = "", False
        for value in values:
            if value == 27:
                escaped = True
            else:
                text += back[value] if escaped else BASIC[value]
                escaped = False
        pieces[order] = text
    return "".join(pieces[order] for order in sorted(pieces))


LATIN = st.text(alphabet=[c for c in BASIC + "".join(EXTENSION) if c != "\x1b"], max_size=470)
ANY = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=210)


@settings(max_examples=60, deadline=None)
@given(LATIN | ANY, st.sampled_from([NUMBER, "12345", "+3581"]))
def test_a_telephone_reads_what_was_written(text: str, number: str) -> None:
    pdus = submits(number, text, 200)
    read = read_back(pdus)
    assert len(pdus) <= MOST_PARTS
    assert read == text or (read.endswith(" ...") and text.startswith(read[:-4]))
    if len(text.encode("utf-16-be")) <= 2 * 70:
        assert len(pdus) == 1


def test_a_name_in_hindi_goes_as_it_is_written() -> None:
    text = "SIMULATED रामपुर:\nHIGH Supply lost"
    (one,) = submits(NUMBER, text, 1)
    assert read_back([one]) == text


# the conversation


def sent(modem: PlayedModem, text: str = "HIGH Supply lost") -> Outcome:
    return Modem(modem.port, 115_200, SystemClock()).send(Job(3, "SSE", NUMBER, Text("t", "b", text)))


def test_a_text_goes_through_with_the_signal_told() -> None:
    with playing(PlayedModem()) as modem:
        said = sent(modem)
    assert (said.arrived, said.words) == (True, "the network has taken it; signal good (-79 dBm)")
    ((length, pdu),) = modem.texts
    assert read_back([Pdu(pdu, length)]) == "HIGH Supply lost"


def test_a_long_text_goes_in_parts() -> None:
    text = "\n".join(f"HIGH Supply lost, meter {n}" for n in range(14))
    with playing(PlayedModem(echoes=False)) as modem:
        assert sent(modem, text).arrived
    assert read_back([Pdu(pdu, length) for length, pdu in modem.texts]) == text
    assert len(modem.texts) == 3


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"pin": "+CME ERROR: 10"}, "there is no SIM in the modem"),
        ({"pin": "+CPIN: SIM PIN"}, "the SIM asks for its PIN; switch the PIN off in a telephone"),
        ({"network": "+CREG: 0,2", "signal": "+CSQ: 3,99"}, "has found no network; signal weak (-107 dBm)"),
        ({"network": "+CREG: 0,3"}, "the network refuses the SIM"),
        ({"refuses": "+CMS ERROR: 38"}, "the network is out of order (+CMS ERROR: 38)"),
        ({"refuses": "+CMS ERROR: 999"}, "see its manual (+CMS ERROR: 999)"),
        ({"refuses": "ERROR"}, "the modem refuses"),
    ],
)
def test_each_fault_has_its_words_and_nothing_went_out(fault: dict[str, str], words: str) -> None:
    with playing(PlayedModem(**fault)) as modem:  # type: ignore[arg-type]
        said = sent(modem)
    assert words in said.words
    assert (said.arrived, said.sure) == (False, True)
    assert NUMBER not in said.words
    assert "CIEV" not in said.words  # what nobody asked for may be a text of somebody's
    assert sms._cms(['+CMT: "+919800000002",,"26/11/23"']) == "the modem refuses: see its manual"


def test_roaming_is_a_network_too() -> None:
    with playing(PlayedModem(network="+CREG: 5")) as modem:
        assert sent(modem).arrived


def test_a_modem_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sms, "FIRST_S", 0.05)
    with playing(PlayedModem(silent=True)) as modem:
        said = sent(modem)
    assert "the modem does not answer: its supply, its cable" in said.words
    assert said.sure


def test_silence_after_the_text_may_be_a_text_that_went_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sms, "TAKEN_S", 0.05)
    with playing(PlayedModem(silent_after_text=True)) as modem:
        said = sent(modem)
    assert said.words == "the modem has taken the text and is silent since"
    assert (said.arrived, said.sure) == (False, False)


def test_a_port_that_is_not_there() -> None:
    said = sent(PlayedModem(port="/dev/nonexistent-modem"))
    assert said.words == "the modem's port /dev/nonexistent-modem is not there"
    assert said.sure


@pytest.mark.parametrize(("gone_at", "sure"), [(b"AT+CREG?\r", True), (b"AT+CMGS=", True), (b"\x1a", False)])
def test_a_modem_that_is_pulled_out_before_it_had_the_text_has_surely_sent_nothing(
    gone_at: bytes, sure: bool
) -> None:
    with playing(PlayedModem()) as modem:

        class Pulled(serial.Serial):
            def write(self, data: Any) -> int | None:
                if gone_at in data:
                    raise OSError(5, "Input/output error")
                return super().write(data)

            def close(self) -> None:
                super().close()
                raise OSError(5, "Input/output error")

        said = Modem(
            modem.port, 115_200, SystemClock(), lambda port, baud: Pulled(port, baud, timeout=0.1)
        ).send(Job(3, "SSE", NUMBER, Text("t", "b", "HIGH Supply lost")))
    assert said.words == "the modem was lost (Input/output error)"
    assert (said.arrived, said.sure) == (False, sure)


def test_a_port_that_talks_without_end_is_left() -> None:
    class Talker:
        in_waiting = 64

        def read(self, size: int) -> bytes:
            clock.advance(0.05)
            return b"$GPGGA,*47\r\n"

        def write(self, data: bytes) -> None:
            pass

        def close(self) -> None:
            pass

    clock = FakeClock()
    said = Modem("/dev/x", 9600, clock, lambda port, baud: Talker()).send(
        Job(1, "SSE", NUMBER, Text("t", "b", "short"))
    )
    assert (said.arrived, said.sure) == (False, True)
    assert "does not answer" in said.words
