"""A meter keeps silent: is it the circuit, or only the wire? Pure.

Who may bear witness, and to what:

- To the *wire* only meters on the same line. That another line works says nothing about this one.
- To the *supply* every meter of the station that shows voltage or load, on whichever line: copper does not
  care by which wire it is read. So a live incomer on another line does bear witness that the mains are there,
  and a dead one that they are not; but neither of them, that this line's wire is whole.

A meter with a supply of its own choice (`aux_supply = "station"`) never says more by its silence than that
its communication has failed. For one that is fed from the circuit it measures (`"own"`), in this order:

1. Its line is down: *unknown*.
2. Every incomer and generator of the station shows no voltage: nothing can be fed, *dead*.
3. Nobody on its line answers: *unknown*, the line or the adapter.
4. Its last answer was a dead circuit: *dead* still, until a circuit has become live since.
5. It fell silent together with a circuit that answers and went dead: *dead*. (A generator only counts while
   no incomer is live: it stops in good order every time the mains come back.)
6. It fell silent, and the sources give less by just its load: *dead*. They give what they gave before:
   its load still flows, so its circuit has supply; *unknown*, the communication or its panel.
7. A meter with independent supply fell silent together with it: *unknown*, the line is cut behind the last
   that answers.
8. Several such meters fell silent together, one with independent supply answers, and no circuit of the
   station shows voltage: *dead*. Where one does it may be a cut before them as well: *unknown*.
9. Alone: *unknown*, its communication or its panel; of a generator rather that it stands still.

When a cause is gone (a circuit is live again) a meter has 5 s to answer before its circuit is *unknown*, and
until it answers that is said, and no fault of the wire.

Load is asked only here, only at the moment of falling silent, and only as a difference: what the sources give
beyond what the feeders' meters show, before and after. So neither losses nor unmetered consumers count, and
a load of less than 8 % of the whole, which their wavering could hide, is no evidence at all.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from substation.alarms.balance import balance, load_left
from substation.alarms.verdict import Heard, Supply, Verdict
from substation.settings.model import Meter, Settings

RETURN_MS = 5_000
"""A meter that is back answers within so long: what the line promises (`bus.health`)."""
GONE_BELOW, FLOWS_FROM = 0.3, 0.6
"""Parts of a load that may be found, or must be found, where a meter showed it before."""
ROUNDS_TOGETHER = 3
"""The first sign of one event is seen within two rounds; one more, because silence takes its time."""
LEAST_ROUND_S = 1.0
SILENT_METER_S = 0.5


class Said(NamedTuple):
    """What is said of a meter that keeps silent."""

    supply: Supply
    evidence: str
    since_ms: int | None = None
    """When a dead circuit became so, UTC ms."""
    by_load: bool = False


@dataclass(frozen=True, slots=True)
class Station:
    """The station as it is known in a round, the silent meters not yet judged."""

    settings: Settings
    verdicts: Mapping[int, Verdict]
    """Of every meter; of those that fail, as in the round before."""
    failed: Collection[int]
    down: Collection[str]
    now_ms: int

    @property
    def together_ms(self) -> int:
        """How far apart the signs of one event may be seen."""
        lines = [meter.line for meter in self.settings.meters]
        most = max(lines.count(line) for line in set(lines))
        round_s = max(self.settings.poll.interval_s, SILENT_METER_S * most, LEAST_ROUND_S)
        return round(ROUNDS_TOGETHER * round_s * 1000)

    def heard(self, meter: Meter) -> Heard | None:
        """Return what the meter said last."""
        return self.verdicts[meter.id].heard

    def showing(self, *roles: str, besides: Meter) -> list[tuple[Meter, Verdict]]:
        """Return the other circuits of these roles whose voltage is known now."""
        return [
            (meter, verdict)
            for meter in self.settings.meters
            if meter.role in roles
            and meter.id != besides.id
            and meter.id not in self.failed
            and (verdict := self.verdicts[meter.id]).supply != "unknown"
            and verdict.heard is not None
            and abs(self.now_ms - verdict.heard.at_ms) <= self.together_ms
        ]

    def settled(self, meter: Meter) -> bool:
        """Return whether everybody was heard, or given up, since the meter fell silent."""
        silent_ms = self.verdicts[meter.id].silent_ms
        if silent_ms is None or not 0 <= self.now_ms - silent_ms < self.together_ms:
            return True
        for other in self.settings.meters:
            verdict = self.verdicts[other.id]
            if other.id in self.failed or verdict.heard is None or verdict.refusals:
                continue
            if verdict.heard.at_ms < silent_ms:
                return False
        return True


def judge_silence(meter: Meter, station: Station) -> Said:
    """Return what is known of a circuit whose meter does not answer."""
    on_line = [other for other in station.settings.meters if other.line == meter.line]
    answering = [other for other in on_line if other.id not in station.failed]
    is_own = meter.aux_supply == "own"
    if meter.line in station.down:
        return Said("unknown", f"the line is down: {meter.line}")
    if is_own and (said := _nothing_is_fed(meter, station)):
        return said
    if not answering:
        return Said("unknown", "no meter answers: the line or the adapter")
    fellows = _fell_together(meter, on_line, station)
    if not is_own:
        return _no_answer(meter, fellows, answering, on_line)
    for rule in (_was_dead, _circuit_went_dead, _by_load):
        if said := rule(meter, fellows, station):
            return said
    return _by_company(meter, fellows, answering, on_line, station)


def _nothing_is_fed(meter: Meter, station: Station) -> Said | None:
    sources = [m for m in station.settings.meters if m.role in ("incomer", "generator")]
    shown = station.showing("incomer", "generator", besides=meter)
    dead = [verdict.since_ms for _, verdict in shown if verdict.supply == "dead"]
    if meter in sources or not sources or len(dead) < len(sources):
        return None
    names = ", ".join(source.name for source in sources)
    words = f"fed from its own circuit and silent, and no source is live: {names}"
    return Said("dead", words, _since(meter, max(dead), station))


def _was_dead(meter: Meter, _: list[Meter], station: Station) -> Said | None:
    heard = station.heard(meter)
    if heard is None or heard.supply != "dead":
        return None
    if _became_live(meter, heard.at_ms, station):
        return None
    return Said("dead", "its circuit was dead when it fell silent, and it is fed from it", heard.at_ms)


def _circuit_went_dead(meter: Meter, fellows: list[Meter], station: Station) -> Said | None:
    heard = station.heard(meter)
    if heard is None:
        return None
    shown = station.showing("incomer", "feeder", "generator", besides=meter)
    mains = any(m.role == "incomer" and verdict.supply != "dead" for m, verdict in shown)
    for other, verdict in shown:
        near = abs(verdict.since_ms - heard.at_ms) <= station.together_ms
        if verdict.supply == "dead" and near and not (other.role == "generator" and mains):
            company = f"silent together with {_names(fellows)}" if fellows else "silent"
            return Said(
                "dead",
                f"fed from its own circuit and {company} since {other.name} went dead",
                _since(meter, verdict.since_ms, station),
            )
    return None


def _by_load(meter: Meter, fellows: list[Meter], station: Station) -> Said | None:
    verdict, heard = station.verdicts[meter.id], station.heard(meter)
    if heard is None or any(other.aux_supply == "station" for other in fellows):
        return None
    if verdict.by_load and verdict.supply == "dead":
        return (
            None if _became_live(meter, heard.at_ms, station) else Said("dead", verdict.evidence, None, True)
        )
    if not 0 <= station.now_ms - _silent_ms(meter, station) <= station.together_ms:
        return None
    now = balance(station.settings, station.verdicts, station.failed, station.now_ms, station.together_ms)
    load_w, found_w = load_left(meter.id, station.verdicts, now)
    if load_w is None:
        return None
    if found_w < GONE_BELOW * load_w:
        sources = [m for m in station.settings.meters if m.role != "feeder"]
        words = f"fed from its own circuit and silent, and its load of {load_w / 1000:.1f} kW has gone from "
        return Said("dead", f"{words}{_names(sources)} with it", _silent_ms(meter, station), True)
    if found_w >= FLOWS_FROM * load_w:
        flows = f"load of {load_w / 1000:.1f} kW still flows"
        if not fellows:
            return Said("unknown", f"silent, but its {flows}: communication or its panel")
        on_line = [other for other in station.settings.meters if other.line == meter.line]
        where = _cut([meter, *fellows], on_line)
        return Said("unknown", f"silent together with {_names(fellows)}, but their {flows}: {where}")
    return None


def _by_company(
    meter: Meter, fellows: list[Meter], answering: list[Meter], on_line: list[Meter], station: Station
) -> Said:
    witnesses = [other for other in answering if other.aux_supply == "station"]
    fed = [other for other, v in station.showing("incomer", "feeder", besides=meter) if v.supply != "dead"]
    if fed and _was_called_dead(station.verdicts[meter.id]):
        return Said(
            "unknown", f"has not answered since its circuit was dead, though {fed[0].name} has voltage"
        )
    if meter.role == "generator" and not fellows:
        return Said(
            "unknown", f"silent, while {answering[0].name} answers: it stands still, or communication"
        )
    if not fellows:
        return Said("unknown", f"silent alone, while {answering[0].name} answers: communication or its panel")
    together = f"fed from its own circuit and silent together with {_names(fellows)}"
    if not witnesses:
        return Said("unknown", f"{together}, but no meter with independent supply answers")
    independent = [other for other in fellows if other.aux_supply == "station"]
    where = _cut([meter, *fellows], on_line)
    if independent:
        return Said("unknown", f"{together}, of which {independent[0].name} has independent supply: {where}")
    if fed:
        why = f"{where}, or a breaker above them is open"
        return Said("unknown", f"{together}, but {fed[0].name} has voltage: {why}")
    return Said("dead", f"{together}, while {witnesses[0].name} answers", _silent_ms(meter, station))


def _was_called_dead(verdict: Verdict) -> bool:
    return verdict.supply == "dead" or (verdict.known is not None and verdict.known.supply == "dead")


def _no_answer(meter: Meter, fellows: list[Meter], answering: list[Meter], on_line: list[Meter]) -> Said:
    while_one = f"while {answering[0].name} answers"
    if fellows:
        where = _cut([meter, *fellows], on_line)
        return Said("unknown", f"silent together with {_names(fellows)}, {while_one}: {where}")
    return Said("unknown", f"no answer, {while_one}: communication, or the meter itself")


def _cut(silent: Iterable[Meter], on_line: list[Meter]) -> str:
    """Return where the wire may be cut: said only when the silent ones are the last of the configuration."""
    ids = {meter.id for meter in silent}
    ends = [meter.id in ids for meter in on_line]
    if not ends[0] and ends == sorted(ends):
        return f"the line is cut behind {on_line[ends.index(True) - 1].name}"
    return "the line is cut or disturbed between meters"


def _fell_together(meter: Meter, on_line: list[Meter], station: Station) -> list[Meter]:
    heard = station.heard(meter)
    found = []
    for other in on_line:
        if other.id == meter.id or other.id not in station.failed:
            continue
        theirs = station.heard(other)
        never = heard is None and theirs is None
        if never or (heard and theirs and abs(theirs.at_ms - heard.at_ms) <= station.together_ms):
            found.append(other)
    return found


def _became_live(meter: Meter, since_ms: int, station: Station) -> bool:
    """Return whether a circuit on the mains has become live since then, and long enough for an answer."""
    return any(
        verdict.supply == "live" and since_ms < verdict.since_ms <= station.now_ms - RETURN_MS
        for _, verdict in station.showing("incomer", "feeder", besides=meter)
    )


def _since(meter: Meter, dead_ms: int, station: Station) -> int:
    """Return when the circuit went dead: seen on another at `dead_ms`, on this one perhaps sooner."""
    heard = station.heard(meter)
    if heard is None or abs(dead_ms - heard.at_ms) > station.together_ms:
        return dead_ms
    return max(heard.at_ms, min(dead_ms, _silent_ms(meter, station)))


def _silent_ms(meter: Meter, station: Station) -> int:
    silent_ms = station.verdicts[meter.id].silent_ms
    return station.now_ms if silent_ms is None else silent_ms


def _names(meters: Iterable[Meter]) -> str:
    return ", ".join(meter.name for meter in meters)
