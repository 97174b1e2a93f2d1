"""Who is on the line? Every id gets one short read; whoever is heard is asked once more.

1. A silent id costs no more than its share of the time there is: 1-32 stay below 10 s, 1-247 below
   60 s at 9600 baud. Who thinks longer than that is not lost: his answer comes while the next id is
   asked. It carries his own id, so it is not taken for the next one's; both are asked once more then,
   he with more patience.
2. Any valid answer means "there", a refusal as well. It is confirmed by a second read.
   Only a Modbus TCP gateway takes the time that it takes: each silent id its own time-out.
3. An answer that is damaged twice is a find too: something answers, perhaps two meters with one id.

The result: `line port baud format asked took_s ended`, `found` (a row an id: `id state words meter
turnaround_ms answers`), `absent` (configured here, but silent), `notes`.
`state` is `answers`, `refuses`, `unsteady` or `damaged`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from substation.bus.commission.ask import LONGEST_PATIENCE_S, Asker, Ended, Said, meter_of
from substation.bus.line import SETTLE_S
from substation.meters.profile import Profile
from substation.settings.model import Meter

ID_S = 0.26
"""Of a short scan for each id: 32 of them take 9 s with the patience for the last."""
WHOLE_S = 55.0
"""Of the longest scan."""
LEAST_PATIENCE_S = 0.15
MOST_PATIENCE_S = 0.30
FIRST = (3, 156, 2)
"""Function, address and registers of the question to an id of which nothing is known: the frequency of
the 40101 family. Any other model refuses it, and is found as well."""
GATEWAY_S = 3.0
"""Through a Modbus TCP gateway: until it says itself that the meter is silent. It asks one after the other,
so whoever does not wait for that lets the questions pile up there, and hears nobody in time."""
LATE_FOR_S = 3.0
"""So long a silent id is watched for an answer that comes after all."""
DAMAGED = (
    "something answers, but damaged: two meters with this id, a wrong baud rate or format, noise, or "
    "a missing termination. Switch one meter off and scan again"
)
NOBODY = (
    "nobody answers: look at the meters' supply, at the wires (A and B swapped?), at baud rate and format "
    "as set in the meters, at their ids"
)


def scan(
    asker: Asker,
    ids: Sequence[int],
    configured: Mapping[int, Meter],
    profiles: Mapping[int, Profile],
    share: float = 1.0,
) -> dict[str, Any]:
    """Return who answers among these ids. Raises LineDown.

    Args:
        asker: the line.
        ids: Modbus ids, in the order in which they are asked.
        configured: the line's meters, by Modbus id.
        profiles: their models, by Modbus id, as far as they can be used.
        share: part of the progress that the scan makes up.
    """
    return _Scan(asker, ids, configured, profiles, share).run()


class _Scan:
    def __init__(
        self,
        asker: Asker,
        ids: Sequence[int],
        configured: Mapping[int, Meter],
        profiles: Mapping[int, Profile],
        share: float,
    ) -> None:
        self._asker = asker
        self._ids = ids
        self._configured = configured
        self._profiles = profiles
        self._share = share
        self._found: dict[int, dict[str, Any]] = {}
        self._silent: dict[int, tuple[float, int]] = {}
        """Silent ids that may still answer: when asked, for how many registers (0 = nothing is owed)."""
        self._notes: list[str] = []
        self._echo = False
        self._tells = asker.wire.settings.kind == "tcp"
        """Whether somebody between us and the meters says when one of them is silent."""

    def run(self) -> dict[str, Any]:
        clock, wire = self._asker.clock, self._asker.wire
        start_s = clock.monotonic()
        due_s = start_s + min(ID_S * len(self._ids), WHOLE_S)
        asked, ended = 0, False
        try:
            for at, modbus_id in enumerate(self._ids):
                words = f"asking id {modbus_id}, {len(self._found)} found"
                self._asker.tell(self._share * at / len(self._ids), words)
                left = len(self._ids) - at
                self._one(modbus_id, self._patience_s((due_s - clock.monotonic()) / left, last=left == 1))
                asked += 1
                self._late()
        except Ended:
            ended = True
        settings = wire.settings
        absent = [meter for key, meter in self._configured.items() if key in self._ids[:asked]]
        return {
            "line": settings.name,
            "port": settings.port,
            "baud": settings.baud,
            "format": settings.format,
            "asked": asked,
            "took_s": round(clock.monotonic() - start_s, 2),
            "ended": ended,
            "found": [self._found[key] for key in sorted(self._found)],
            "absent": [
                {"id": meter.modbus_id, "meter": meter.name}
                for meter in absent
                if meter.modbus_id not in self._found
            ],
            "notes": self._all_notes(),
        }

    def _all_notes(self) -> list[str]:
        notes = list(self._notes)
        if self._echo:
            notes.append("the adapter sends our own bytes back: switch its local echo off")
        if not self._found:
            notes.append(NOBODY)
        return notes

    def _patience_s(self, share_s: float, *, last: bool) -> float:
        """Return how long this id may think, of its share of the time that is left."""
        pace = self._asker.wire.pace
        own_s = pace.request_s + pace.reply_s(FIRST[2]) + 2 * pace.silence_s + SETTLE_S
        if self._tells:
            return GATEWAY_S
        if last:  # nobody is asked after it, so nobody's question would show a late answer
            return LONGEST_PATIENCE_S
        return min(MOST_PATIENCE_S, max(LEAST_PATIENCE_S, share_s - own_s))

    def _question(self, modbus_id: int) -> tuple[int, int, int]:
        profile = self._profiles.get(modbus_id)
        if profile is None:
            return FIRST
        keys = profile.keys
        place = profile.place("frequency" if "frequency" in keys else keys[0])
        return place.function, place.address, place.words

    def _one(self, modbus_id: int, patience_s: float) -> None:
        function, address, count = self._question(modbus_id)
        asked_s = self._asker.clock.monotonic()
        said = self._asker.ask(modbus_id, function, address, count, patience_s)
        if said.silent:
            self._tells = self._tells and said.kind != "timeout"  # it keeps that to itself
            owed = count in self._asker.wire.owed(modbus_id)  # on some lines no late answer can do harm
            self._silent[modbus_id] = (asked_s, count if owed else 0)
            return
        if said.kind == "echo":
            self._echo = True
            return
        slow = said.other
        if slow is not None and slow in self._silent:  # he thinks longer than he was given
            self._ask_slow(slow)
            said = self._asker.ask(modbus_id, function, address, count, patience_s)
            if said.silent:
                return
        self._confirm(modbus_id, said)

    def _late(self) -> None:
        """Ask again who has answered after all, while others were asked: the line has seen it."""
        now_s = self._asker.clock.monotonic()
        for modbus_id, (asked_s, count) in list(self._silent.items()):
            if now_s - asked_s > LATE_FOR_S:
                del self._silent[modbus_id]
            elif count and count not in self._asker.wire.owed(modbus_id):
                self._ask_slow(modbus_id)

    def _ask_slow(self, modbus_id: int) -> None:
        self._silent.pop(modbus_id, None)
        said = self._asker.ask(modbus_id, *self._question(modbus_id), LONGEST_PATIENCE_S)
        if not said.silent:
            self._confirm(modbus_id, said, LONGEST_PATIENCE_S)

    def _confirm(self, modbus_id: int, first: Said, patience_s: float = LEAST_PATIENCE_S) -> None:
        """Ask a second time, a third time where the two differ; note what is there."""
        patience_s = max(patience_s, MOST_PATIENCE_S, 4 * first.turnaround_s)
        function, address, _ = self._question(modbus_id)
        said = [first, self._asker.ask(modbus_id, function, address, 1, patience_s)]
        if not all(one.there for one in said):
            said.append(self._asker.ask(modbus_id, function, address, 1, patience_s))
        good = [one for one in said if one.there]
        if good and len(good) == len(said):
            state, words = ("refuses", "answers") if good[0].refused else ("answers", "answers")
            if good[0].refused:
                words = "answers, but has no such register: another model than was guessed"
        elif good:
            state, words = "unsteady", f"answers {len(good)} of {len(said)} times: {_why(said)}"
        elif any(not one.silent for one in said[1:]):
            state, words = "damaged", f"{DAMAGED} ({_why(said)})"
        elif first.kind == "wrong_id":
            self._notes.append(f"{first.detail}; seen once")
            return
        else:
            state, words = "damaged", f"a damaged answer once, then silence: noise, or {DAMAGED}"
        turnarounds_ms = [1000 * one.turnaround_s for one in good if one.kind == "ok"]
        meter = self._configured.get(modbus_id)
        self._found[modbus_id] = {
            "id": modbus_id,
            "state": state,
            "words": words,
            "meter": meter.name if meter else None,
            "answers": f"{len(good)}/{len(said)}",
            "turnaround_ms": round(max(turnarounds_ms), 1) if turnarounds_ms else None,
        }


def _why(said: Sequence[Said]) -> str:
    return "; ".join(dict.fromkeys(one.detail for one in said if not one.there))


def words_of(result: Mapping[str, Any], configured: Mapping[int, Meter]) -> str:
    """Return a scan in a sentence."""
    found = result["found"]
    names = ", ".join(meter_of(configured, row["id"]) for row in found)
    who = f"{len(found)} found: {names}" if found else f"nothing found; {NOBODY}"
    early = "ended early; " if result["ended"] else ""
    return f"{early}{result['asked']} ids asked in {result['took_s']:.1f} s, {who}"
