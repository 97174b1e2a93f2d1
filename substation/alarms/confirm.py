"""When a meter is back whose circuit was said to be dead by its silence: did its registers stand still? Pure.

A verdict by silence is a conclusion. The meter's own energy register is a witness that cannot be there while
it keeps silent, and can be asked afterwards: where it stood still, there was no supply; where it went on as
before, only the communication was lost, and the verdict is corrected by an event of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from substation.alarms.advance import Register, advance
from substation.alarms.verdict import WORDS, Verdict
from substation.readings import Reading
from substation.settings.model import Meter, Settings

KEY = "wh_received"
CONFIRMED, CORRECTED = "supply.confirmed", "supply.corrected"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the registers say: an event."""

    kind: str
    """`supply.confirmed` or `supply.corrected`."""
    meter_id: int
    at_ms: int
    """When the circuit was said to have become dead, UTC ms."""
    old: str
    new: str
    detail: str


@dataclass(slots=True)
class _Case:
    """One verdict by silence."""

    since_ms: int
    heard_ms: int
    register: Register
    load_w: float | None
    back_ms: int | None = None
    back_w: float | None = None


class Registers:
    """Follows the registers of every meter from round to round."""

    def __init__(self) -> None:
        self._known: dict[int, Register] = {}
        self._cases: dict[int, _Case] = {}

    def follow(
        self, settings: Settings, readings: Mapping[int, Reading], verdicts: Mapping[int, Verdict]
    ) -> list[Finding]:
        """Take a round; return what is settled by it."""
        found = []
        for meter in settings.meters:
            verdict, reading = verdicts.get(meter.id), readings.get(meter.id)
            if verdict is not None:
                self._begin(meter, verdict)
            if reading is not None and reading.answered:
                finding = self._answered(meter, reading)
                found += [finding] if finding else []
        return found

    def _begin(self, meter: Meter, verdict: Verdict) -> None:
        by_silence = verdict.supply == "dead" and verdict.silent_ms is not None
        register = self._known.get(meter.id)
        if by_silence and meter.id not in self._cases and register and verdict.heard:
            heard = verdict.heard
            self._cases[meter.id] = _Case(verdict.since_ms, heard.at_ms, register, heard.watts)

    def _answered(self, meter: Meter, reading: Reading) -> Finding | None:
        case = self._cases.get(meter.id)
        if case and case.back_ms is None:
            case.back_ms, case.back_w = reading.at_ms, reading.values.get("watts_total")
        wh = reading.values.get(KEY)
        if wh is None or KEY in reading.implausible:
            return None
        register = Register(reading.at_ms, wh)
        self._known[meter.id] = register
        return self._settle(meter, self._cases.pop(meter.id), register) if case else None

    def _settle(self, meter: Meter, case: _Case, after: Register) -> Finding | None:
        back_ms = case.back_ms or after.at_ms
        went = advance(case.register, after, case.heard_ms, back_ms, load_w=(case.load_w, case.back_w))
        if went is None or went.word == "cannot_tell":
            return None
        dead, live = WORDS[meter.role]["dead"], WORDS[meter.role]["live"]
        silent_s = (back_ms - case.heard_ms) / 1000
        facts = f"silent for {silent_s:.0f} s, its register went on by {went.wh:.0f} Wh"
        if went.word == "stood_still":
            words = f"{facts}, with supply about {went.expected_wh:.0f} Wh: it had none"
            return Finding(CONFIRMED, meter.id, case.since_ms, dead, dead, words)
        words = f"{facts}: it had supply, only its communication was lost"
        return Finding(CORRECTED, meter.id, case.since_ms, dead, live, words)
