"""Which models are on the line? A few short reads an id, then a whole read with each map that may fit.

1. Each known map has one telling value, most often the frequency. Equal places are read once: about ten
   short reads an id. A map whose telling value makes sense in some word order is tried.
2. A map that is tried is read whole (what flows now, no energies); equal blocks are read once.
3. `meters.identify` decides; where every map that the id answers to reads zeros, it says so.

The result: `line port baud format`, `took_s ended`, `meters` (a row an id: `id meter verdict profile
model word_order candidates held failed values words agrees configured turnaround_ms`), `proposal`
(`lines` and `meters` as the configuration takes them, and `changes` in words), `notes`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from substation.bus.commission.ask import Asker, Ended, Said, meter_of
from substation.errors import ProfileError
from substation.meters import identify, profile
from substation.meters.blocks import Block, plan, values
from substation.meters.identify import Candidate, Identity, Trial
from substation.meters.profile import Profile
from substation.meters.register import Place
from substation.settings.model import Meter

SHOWN = (
    "frequency",
    "vll_average",
    "vln_average",
    "v_r",
    "current_total",
    "current_r",
    "watts_total",
    "watts_r",
)
"""Values of the best candidate that the result shows, as far as its map has them."""
SHOWN_CANDIDATES = 8


def known_profiles(own: Path | None) -> tuple[dict[str, Profile], list[str]]:
    """Return every profile that can be used, by name, and what is wrong with the others."""
    found: dict[str, Profile] = {}
    wrong: list[str] = []
    for name in profile.names(own):
        try:
            found[name] = profile.load(name, own)
        except ProfileError as exc:
            wrong.append(str(exc))
    return found, wrong


@dataclass(slots=True)
class Tried:
    """What was found out about one id."""

    identity: Identity
    turnaround_ms: float | None = None
    there: bool = True
    """Whether it answered anything."""
    silence: str = ""
    """Why not, in words."""


@dataclass(slots=True)
class _Memory:
    """Blocks that were read of one id."""

    asker: Asker
    modbus_id: int
    said: dict[tuple[int, int, int], Said] = field(default_factory=dict)
    turnarounds_s: list[float] = field(default_factory=list)

    def read(self, function: int, address: int, count: int) -> Said:
        """Ask, or remember what was said."""
        where = (function, address, count)
        if where not in self.said:
            said = self.asker.ask_again(self.modbus_id, function, address, count)
            if _damaged(said):  # on a bad line the third answer may be the first whole one
                said = self.asker.ask(self.modbus_id, function, address, count)
            self.said[where] = said
            if said.kind == "ok":
                self.turnarounds_s.append(said.turnaround_s)
        return self.said[where]

    def doubted(self, found: Identity) -> Identity:
        """Return a verdict as far as it may be given where reads have failed.

        Silence is no such failure: some models are silent to registers that they do not have.
        """
        failed = sum(map(_damaged, self.said.values()))
        if not failed or found.verdict == "likely":
            return found
        words = f"{failed} of {len(self.said)} reads failed"
        if found.verdict == "sure":
            words = f"{found.words}; but the line is bad ({words}), so that others are not ruled out"
            return Identity("likely", found.candidates, words)
        words = f"not judged: the line is bad ({words}); look at wires, termination and speed"
        return Identity("unknown", found.candidates, words)


def _damaged(said: Said) -> bool:
    """Whether something came, and could not be read."""
    return not said.there and not said.silent


def identify_one(
    asker: Asker, modbus_id: int, profiles: Mapping[str, Profile], *, there: bool = False
) -> Tried:
    """Return what one id is. Raises LineDown.

    `there`: somebody answers under this id, so silence to one register says nothing of the others.
    """
    memory = _Memory(asker, modbus_id)
    places = {name: identify.telling(one) for name, one in profiles.items()}
    answers = _telling_reads(memory, places.values(), patient=there)
    if not any(said.there for said in answers.values()):
        said = next(iter(answers.values()))
        return Tried(
            Identity("unknown", (), f"does not answer: {said.detail}"), there=False, silence=said.detail
        )
    live: list[Trial] = []
    zeros: list[str] = []
    for name, one in profiles.items():
        said = answers[_where(places[name])]
        if said.kind != "ok":
            continue
        ways = identify.orders(one, said.words)
        for order in ways:
            own = order == places[name].word_order
            live.append(_try(memory, name, one if own else identify.in_order(one, order), own=own))
        if not any(said.words):
            zeros.append(name)
    found = identify.decide(live)
    if found.verdict == "unknown" and zeros:
        found = identify.decide([*live, *(_try(memory, name, profiles[name], own=True) for name in zeros)])
    longest_s = max(memory.turnarounds_s, default=None)
    return Tried(memory.doubted(found), None if longest_s is None else round(1000 * longest_s, 1))


def _where(place: Place) -> tuple[int, int, int]:
    return place.function, place.address, place.words


def _telling_reads(
    memory: _Memory, places: Iterable[Place], *, patient: bool
) -> dict[tuple[int, int, int], Said]:
    """Read each telling place once; an id that is silent to the first three is asked no more.

    `patient`: ask for all of them; some models are silent to registers that they do not have.
    """
    answers: dict[tuple[int, int, int], Said] = {}
    for where in dict.fromkeys(_where(place) for place in places):
        if not patient and len(answers) >= 3 and all(said.silent for said in answers.values()):
            answers[where] = next(iter(answers.values()))
            continue
        answers[where] = memory.read(*where)
    return answers


def _try(memory: _Memory, name: str, one: Profile, *, own: bool) -> Trial:
    """Read what flows now with this map."""
    wanted = tuple(key for key in one.group("fast") if key in one.registers)
    found: dict[str, float | None] = {}
    missing: set[str] = set()
    waiting = list(plan(one, wanted, pace=memory.asker.wire.pace))
    while waiting:
        block = waiting.pop(0)
        said = memory.read(block.function, block.address, block.count)
        if said.kind == "ok":
            found |= values(one, block, said.words)
        elif said.refused and len(block.keys) > 1:
            waiting = [*_halves(one, block), *waiting]
        else:
            missing |= set(block.keys)
    return Trial(name, one, own, found, frozenset(missing))


def _halves(one: Profile, block: Block) -> list[Block]:
    half = len(block.keys) // 2
    return [part for keys in (block.keys[:half], block.keys[half:]) for part in plan(one, keys)]


def identify_all(
    asker: Asker,
    ids: Sequence[int],
    configured: Mapping[int, Meter],
    profiles: Mapping[str, Profile],
    *,
    there: bool = False,
    first: float = 0.0,
) -> tuple[list[dict[str, Any]], bool]:
    """Return a row an id, and whether it was ended early. Raises LineDown.

    Args:
        asker: the line.
        ids: who is to be identified.
        configured: the line's meters, by Modbus id.
        profiles: what is known, by name.
        there: whether all of them were heard just now.
        first: the progress at which it begins.
    """
    rows: list[dict[str, Any]] = []
    try:
        for at, modbus_id in enumerate(ids):
            share = first + (1 - first) * at / len(ids)
            asker.tell(share, f"trying the known maps on {meter_of(configured, modbus_id)}")
            meter = configured.get(modbus_id)
            ours = {meter.profile: profiles[meter.profile]} if meter and meter.profile in profiles else {}
            tried = identify_one(asker, modbus_id, {**ours, **profiles}, there=there)
            rows.append(_row(modbus_id, tried, meter))
    except Ended:
        return rows, True
    return rows, False


def _row(modbus_id: int, tried: Tried, meter: Meter | None) -> dict[str, Any]:
    """Return one id as the result shows it."""
    found = tried.identity
    best = found.candidates[0] if found.candidates else None
    names = list(dict.fromkeys(one.trial.name for one in found.candidates))
    agrees = None
    if meter is not None and names:
        agrees = any(one.trial.name == meter.profile and one.trial.own_order for one in found.candidates)
    return {
        "id": modbus_id,
        "there": tried.there,
        "meter": meter.name if meter else None,
        "configured": meter.profile if meter else None,
        "agrees": agrees,
        "verdict": found.verdict,
        "words": found.words,
        "profile": _proposed(names, meter),
        "model": best.trial.profile.model if best else None,
        "word_order": best.trial.profile.word_order if best else None,
        "own_order": best.trial.own_order if best else None,
        "candidates": [_shown(one) for one in found.candidates[:SHOWN_CANDIDATES]],
        "held": [relation.words for relation in best.held] if best else [],
        "failed": [relation.words for relation in best.failed] if best else [],
        "values": {key: best.trial.values[key] for key in SHOWN if key in best.trial.values} if best else {},
        "turnaround_ms": tried.turnaround_ms,
    }


def _proposed(names: Sequence[str], meter: Meter | None) -> str | None:
    """Return the profile to write down: the configured one where it is among those that fit."""
    if meter is not None and meter.profile in names:
        return meter.profile
    return names[0] if names else None


def _shown(one: Candidate) -> dict[str, Any]:
    return {
        "profile": one.trial.name,
        "model": one.trial.profile.model,
        "word_order": one.trial.profile.word_order,
        "own_order": one.trial.own_order,
        "held": len(one.held),
        "failed": len(one.failed),
        "missing": sorted(one.trial.missing),
        "certainty": one.trial.profile.certainty,
        "verified": one.trial.profile.verified,
    }


def words_of(result: Mapping[str, Any]) -> str:
    """Return an identification in a sentence."""
    rows = result["meters"]
    counts = {
        verdict: sum(row["verdict"] == verdict for row in rows) for verdict in ("sure", "likely", "unknown")
    }
    early = "ended early; " if result["ended"] else ""
    if not rows:
        return f"{early}nobody to identify"
    return (
        early + f"{len(rows)} ids: " + ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    )
