"""The step of a round that watches what one reading alone cannot show: counters, and meters that freeze.

The rules stand in `energy.watch` and `energy.frozen`; here they meet the station. What is in doubt at the
time of a reading is flagged before it is stored, and kept; what is recognised, then or afterwards, becomes
an event. After a restart each meter goes on from its last believed registers in the history, so that an
exchange while nobody polled is seen, and a meter that was frozen is frozen still if it says what it said.
"""

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from substation.bus.health import span
from substation.clock import Clock, site_time
from substation.energy.frozen import Repeats, frozen_words
from substation.energy.registers import Limits, Register
from substation.energy.watch import SERIAL, Finding, Watch
from substation.errors import ProfileError, StoreError
from substation.meters import counters, ratio
from substation.meters.profile import load
from substation.quantities import BY_KEY, COUNTERS, INSTANTS
from substation.readings import Reading
from substation.settings.model import Home, Meter, Settings
from substation.store import heartbeat, live
from substation.store.events import Event
from substation.store.history import HistoryReader
from substation.store.keeper import Keeper

STUCK = (
    "has energy registers that stand still since {} though power flows: they are kept, but not believed. "
    "Compare them with the meter's own display"
)
BAFFLED = (
    "has energy registers that move more than its rating of {:g} kVA allows, reading after reading: they are "
    "kept, but not believed. Compare rated_kva, CT and PT ratio with the plates"
)
Words = Callable[[int, ZoneInfo], str]
EXPECTED = frozenset(("rollover",))
"""What is recognised and is no reason to look."""

log = logging.getLogger("poller")


@dataclass(slots=True)
class _Account:
    """What is kept of one meter."""

    watch: Watch
    repeats: Repeats = field(default_factory=Repeats)
    limits: Mapping[str, Limits] = field(default_factory=dict)
    was_frozen_ms: int | None = None
    """Before the first answer: since when it was frozen in the eyes of the poller before this one."""


class Accounts:
    """The registers and the repetitions of every meter."""

    def __init__(self, home: Home, clock: Clock, *, simulated: bool) -> None:
        """Read the last heartbeat; the history is asked at the first answer of each meter."""
        self._home, self._clock = home, clock
        self._accounts: dict[int, _Account] = {}
        self._events: list[tuple[Event, str]] = []
        self._said = {entry.get("id"): entry for entry in heartbeat.meters(home.heartbeat, simulated)}
        self._serials = {
            key: serial_of(entry.get("identity")) for key, entry in self._said.items() if isinstance(key, int)
        }

    @property
    def frozen(self) -> dict[int, int]:
        """Meters that repeat themselves to the bit, and since when, UTC ms."""
        return {
            key: one.repeats.frozen_ms
            for key, one in self._accounts.items()
            if one.repeats.frozen_ms is not None
        }

    def advice(self, settings: Settings) -> list[str]:
        """Return what somebody should look at, in words for the state line."""
        found = []
        for meter in settings.meters:
            account = self._accounts.get(meter.id)
            for since_ms, words in _repeated(account.repeats if account else Repeats()):
                if since_ms is not None:
                    found.append(f"{_named(meter)}: {words(since_ms, settings.site.zone)}.")
            if account and account.watch.baffled:
                found.append(f"{_named(meter)}: {BAFFLED.format(meter.rated_kva)}.")
        return found

    def take(self, readings: Sequence[Reading], settings: Settings) -> tuple[Reading, ...]:
        """Return a round's readings with what is in doubt marked, and note what is recognised."""
        meters = {meter.id: meter for meter in settings.meters}
        for key in self._accounts.keys() - meters.keys():
            del self._accounts[key]
        return tuple(
            self._take(reading, meters[reading.meter_id], settings)
            if reading.answered and reading.meter_id in meters
            else reading
            for reading in readings
        )

    def beat(self, beat: dict[str, Any]) -> dict[str, Any]:
        """Return a heartbeat's part on the lines, with the frozen meters; take what meters say they are."""
        frozen = self.frozen
        for entry in beat["meters"]:
            entry["frozen_since_ms"] = frozen.get(entry["id"])
            self._serials[entry["id"]] = serial_of(entry.get("identity"))
        return beat

    def announce(self, keeper: Keeper) -> None:
        """Say in log and history what was recognised, once."""
        events, self._events = self._events, []
        for event, words in events:
            bad = event.kind.removeprefix("energy.") not in EXPECTED and event.kind != "meter.thawed"
            log.log(logging.WARNING if bad else logging.INFO, "%s", words)
            keeper.event(**dataclasses.asdict(event))

    def _take(self, reading: Reading, meter: Meter, settings: Settings) -> Reading:
        account = self._accounts.get(meter.id) or self._begin(meter, settings, reading)
        if not account.limits or any(key in reading.values for key in COUNTERS):
            account.limits = limits_of(meter, settings, reading.at_ms, self._home)
        repeats = account.repeats
        before = repeats.frozen_ms, repeats.stuck_ms
        repeats.read(reading.at_ms, self._clock.monotonic(), reading.values, account.limits)
        self._note_repeats(before, account, meter, settings, reading.at_ms)
        doubted: frozenset[str] = frozenset()
        if repeats.frozen_ms is not None:
            doubted = frozenset(reading.values)
        elif repeats.stuck_ms is not None:
            doubted = frozenset(COUNTERS)
        else:
            sound = {key: value for key, value in reading.values.items() if key not in reading.implausible}
            judged = account.watch.read(reading.at_ms, sound, account.limits, self._serials.get(meter.id, ""))
            doubted = judged.doubted
            self._note(judged.findings, meter)
        doubted = frozenset(key for key in doubted if reading.values.get(key) is not None)
        if doubted <= reading.implausible:
            return reading
        return dataclasses.replace(reading, implausible=reading.implausible | doubted)

    def _begin(self, meter: Meter, settings: Settings, reading: Reading) -> _Account:
        """Take up a meter at its first answer, from where the poller before this one ended."""
        last: dict[str, Register] = {}
        try:
            last = HistoryReader(self._home.history).last_registers(meter.id)
        except StoreError as exc:
            log.warning("%s: its last registers cannot be found again: %s", _named(meter), exc)
        account = _Account(Watch.recall(last, serial_of(self._said.get(meter.id, {}).get("identity"))))
        since_ms = self._said.get(meter.id, {}).get("frozen_since_ms")
        if isinstance(since_ms, int) and self._repeated_last(meter, reading, settings):
            said = {key: value for key in INSTANTS if (value := reading.values.get(key)) is not None}
            account.repeats.resume(said, since_ms, self._clock.monotonic())
        self._accounts[meter.id] = account
        return account

    def _repeated_last(self, meter: Meter, reading: Reading, settings: Settings) -> bool:
        """Return whether the meter says what it said last, as far as the live file tells."""
        try:
            pair = live.latest(self._home.live).get(meter.id)
        except StoreError:
            return False
        if pair is None or pair.answered is None or pair.newest.simulated not in (None, settings.simulated):
            return False
        before = pair.answered.reading.values
        return all(
            BY_KEY[key].to_steps(reading.values[key]) == BY_KEY[key].to_steps(before[key])
            for key in INSTANTS
            if key in reading.values and key in before
        )

    def _note_repeats(
        self,
        before: tuple[int | None, int | None],
        account: _Account,
        meter: Meter,
        settings: Settings,
        at_ms: int,
    ) -> None:
        for old_ms, (new_ms, words) in zip(before, _repeated(account.repeats), strict=True):
            what = "all values" if words is frozen_words else "energy registers"
            if old_ms is None and new_ms is not None:
                said = words(new_ms, settings.site.zone)
                event = Event(new_ms, "meter.frozen", meter.id, "", what, said)
                self._events.append((event, f"{_named(meter)}: {said}"))
            elif old_ms is not None and new_ms is None:
                account.watch.stood_still_since(old_ms)
                said = f"goes on after {span((at_ms - old_ms) / 1000)}"
                event = Event(at_ms, "meter.thawed", meter.id, what, "", said)
                self._events.append((event, f"{_named(meter)}: {what}: {said}"))

    def _note(self, findings: Sequence[Finding], meter: Meter) -> None:
        for found in findings:
            away = span(max(0, found.at_ms - found.after_ms) / 1000)
            detail = f"{found.why}; the registers before were read {away} earlier"
            old, new = registers_in_words(found.old), registers_in_words(found.new)
            if found.serial:
                old, new = f"{SERIAL} {found.serial[0]}; {old}", f"{SERIAL} {found.serial[1]}; {new}"
            event = Event(found.at_ms, f"energy.{found.kind}", meter.id, old, new, detail)
            words = f"{_named(meter)}: energy {found.kind.replace('_', ' ')}: {old} -> {new}: {detail}"
            self._events.append((event, words))


def limits_of(meter: Meter, settings: Settings, at_ms: int, home: Home) -> Mapping[str, Limits]:
    """Return what is known of the meter's counters and its circuit at a moment."""
    zone = settings.site.zone
    rated_va = ratio.rated_kva_at(meter, at_ms, zone) * 1000
    try:
        profile = load(meter.profile, home.profiles)
    except ProfileError:  # gone since the poller began: what the circuit can carry holds all the same
        return {key: Limits(rated_va) for key in COUNTERS}
    factors = ratio.factors(meter, at_ms, zone)
    moduli, steps = counters.moduli(profile, factors), counters.resolutions(profile, factors)
    return {key: Limits(rated_va, moduli.get(key), steps.get(key, 1.0)) for key in COUNTERS}


def serial_of(identity: object) -> str:
    """Return the serial number among what a meter says of itself; empty where it says none."""
    if not isinstance(identity, Mapping):
        return ""
    for key, value in identity.items():
        if "serial" in str(key) and value not in (None, ""):
            return f"{value:.0f}" if isinstance(value, float) else str(value)
    return ""


def registers_in_words(registers: Mapping[str, Register]) -> str:
    """Return registers as an event holds them: `wh_received 50123456 Wh; vah_received ...`."""
    return "; ".join(f"{key} {one.value} {BY_KEY[key].unit}" for key, one in registers.items())


def _repeated(repeats: Repeats) -> tuple[tuple[int | None, Words], ...]:
    return (repeats.frozen_ms, frozen_words), (repeats.stuck_ms, _stuck_words)


def _stuck_words(since_ms: int, zone: ZoneInfo) -> str:
    return STUCK.format(site_time(since_ms, zone).strftime("%d %b %H:%M:%S"))


def _named(meter: Meter) -> str:
    return f"meter {meter.id} {meter.name}"
