"""Which model is it? Decided by physics on what each possible map makes of the registers. Pure.

A map is tried by reading the meter with it, and judged by the relations of `meters.physics`:

1. *sure*: at least four relations of two kinds hold beside the frequency, none fails, every value of
   the map was there, and no other map that is known here fits.
2. *likely*: the map fits, but so do others (families with equal registers), or there is too little
   load to tell, or the words come in another order than the map says. All that fit are named.
3. *unknown*: none fits; or the circuit is dead, where every map reads zeros.

A single-phase map that reads phase R of a live three-phase meter is no rival: a single-phase meter has
no phases Y and B. A dead circuit is never sure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from substation.meters.decode import ORDERS, WordOrder, number
from substation.meters.physics import HIGH_HZ, LEAST_V, LOW_HZ, MOST_V, Relation, relations
from substation.meters.profile import Profile
from substation.meters.register import Place

Verdict = Literal["sure", "likely", "unknown"]

LEAST_RELATIONS = 4
LEAST_FAMILIES = 2
NEAR = 0.8
"""A map in which so large a share of at least three relations holds is a rival, and likely at best."""
TELLING = ("frequency", "v_r", "vln_average", "v_ry", "vll_average")
"""What a map is first tried by: the first of these that it has."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One meter, read with one map."""

    name: str
    """Of the profile."""
    profile: Profile
    """In the word order in which it was read."""
    own_order: bool
    """Whether that is the order that the profile says."""
    values: Mapping[str, float | None]
    missing: frozenset[str] = frozenset()
    """Instants of the map that could not be had."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A map that fits, or that cannot be ruled out."""

    trial: Trial
    held: tuple[Relation, ...]
    failed: tuple[Relation, ...]

    @property
    def dead(self) -> bool:
        """Whether nothing is measured: every voltage and the frequency is 0 or none."""
        keys = [key for key in self.trial.values if key == "frequency" or key.startswith("v")]
        return not any(self.trial.values.get(key) for key in keys if not key.startswith("va"))

    @property
    def fits(self) -> bool:
        """Whether nothing speaks against it and something beside the frequency for it."""
        return not self.failed and bool(self._physics) and self._frequency_known

    @property
    def near(self) -> bool:
        """Whether most of it fits."""
        total = len(self._physics) + len(self.failed)
        return len(self._physics) >= 3 and len(self._physics) / total >= NEAR and self._frequency_known

    @property
    def strong(self) -> bool:
        """Whether so much fits that, without a rival, it is the one."""
        families = {relation.family for relation in self._physics}
        return (
            self.fits
            and self.trial.own_order
            and not self.trial.missing
            and len(self._physics) >= LEAST_RELATIONS
            and len(families) >= LEAST_FAMILIES
        )

    @property
    def live_phases(self) -> bool:
        """Whether phases Y and B have voltage."""
        return all((self.trial.values.get(key) or 0) >= LEAST_V for key in ("v_y", "v_b"))

    @property
    def _physics(self) -> list[Relation]:
        return [relation for relation in self.held if relation.family != "frequency"]

    @property
    def _frequency_known(self) -> bool:
        """Whether the frequency makes sense, where the map has one."""
        if "frequency" not in self.trial.profile.registers:
            return True
        return any(relation.family == "frequency" for relation in self.held)


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of one meter's model."""

    verdict: Verdict
    candidates: tuple[Candidate, ...]
    """The best first."""
    words: str


def in_order(profile: Profile, order: WordOrder) -> Profile:
    """Return the map as a meter lays it out that is set to another word order."""
    tables = {
        name: {key: row.model_copy(update={"word_order": order}) for key, row in rows.items()}
        for name, rows in (("registers", profile.registers), ("extras", profile.extras))
    }
    return profile.model_copy(update={"word_order": order, **tables})


def telling(profile: Profile) -> Place:
    """Return the value by which this map is tried first: one short read."""
    key = next((key for key in TELLING if key in profile.registers), next(iter(profile.registers)))
    return profile.place(key)


def orders(profile: Profile, words: Sequence[int]) -> list[WordOrder]:
    """Return the word orders in which the telling value makes sense, the profile's own first.

    Args:
        profile: the map.
        words: what stands in the registers of `telling`, 0..65535 each.
    """
    place = telling(profile)
    low, high = (LOW_HZ, HIGH_HZ) if place.key == "frequency" else (LEAST_V, MOST_V)
    ways = [place.word_order, *(order for order in ORDERS if order != place.word_order)]
    if place.words == 1:  # one register shows the order of its bytes, not that of words
        swapped: dict[WordOrder, WordOrder] = {"ABCD": "BADC", "BADC": "ABCD", "CDAB": "DCBA", "DCBA": "CDAB"}
        ways = [place.word_order, swapped[place.word_order]]
    found = []
    for order in ways:
        value = number(words, order, place.encoding, place.scale, place.coding)
        if value is not None and low <= value <= high:
            found.append(order)
    return found


def decide(trials: Iterable[Trial]) -> Identity:
    """Return the verdict on one meter from all maps that were tried on it."""
    judged = [_candidate(trial) for trial in trials]
    fitting = sorted((one for one in judged if one.fits or one.near), key=_rank)
    fitting = _without_single_phases(fitting)
    if fitting:
        return _of_fitting(fitting)
    dead = sorted(
        (one for one in judged if one.dead and not one.trial.missing and one.trial.own_order), key=_rank
    )
    if dead:
        return _of_dead(dead)
    return Identity("unknown", (), "no known map fits: read some registers with the manual at hand")


def _candidate(trial: Trial) -> Candidate:
    found = relations(trial.profile, trial.values)
    return Candidate(
        trial,
        tuple(relation for relation in found if relation.holds),
        tuple(relation for relation in found if not relation.holds),
    )


def _rank(one: Candidate) -> tuple[object, ...]:
    """Return what to sort by: fits, own order, all there, most held, surest map, name."""
    profile = one.trial.profile
    certainty = ("high", "medium", "low").index(profile.certainty)
    return (
        not one.fits,
        not one.trial.own_order,
        bool(one.trial.missing),
        -len(one.held),
        not profile.verified,
        certainty,
        one.trial.name,
    )


def _without_single_phases(candidates: list[Candidate]) -> list[Candidate]:
    starts = {
        (place.function, place.address)
        for one in candidates
        if one.trial.profile.phases == 3 and one.fits and one.live_phases
        for place in (telling(one.trial.profile),)
    }
    return [
        one
        for one in candidates
        if one.trial.profile.phases == 3
        or (telling(one.trial.profile).function, telling(one.trial.profile).address) not in starts
    ]


def _of_fitting(candidates: list[Candidate]) -> Identity:
    best, names = candidates[0], list(dict.fromkeys(one.trial.name for one in candidates))
    profile = best.trial.profile
    held = len(best.held)
    if best.strong and len(candidates) == 1:
        words = f"{profile.model}: {held} relations hold in its map, and no other known map fits"
        return Identity("sure", tuple(candidates), words)
    if len(names) > 1:
        words = (
            f"one of {', '.join(names)}: the values agree in the map of each ({held} relations); "
            "look at the name on the meter"
        )
    elif not best.trial.own_order or len(candidates) > 1:
        words = f"{profile.model}, with its words in the order {profile.word_order}"
    elif best.failed:
        words = f"{profile.model}, but {best.failed[0].words}"
    elif best.trial.missing:
        words = f"{profile.model}, but it lacks {', '.join(sorted(best.trial.missing)[:5])}"
    else:
        words = f"{profile.model}: too little load to be sure ({held} relations hold)"
    if not best.trial.own_order:
        words += (
            f"; it sends words as {profile.word_order}, which the profile does not say: set the word order "
            f'in the meter\'s menu, or write word_order = "{profile.word_order}" in a profile of your own'
        )
    return Identity("likely", tuple(candidates), words)


def _of_dead(candidates: list[Candidate]) -> Identity:
    names = list(dict.fromkeys(one.trial.name for one in candidates))
    zeros = (
        "only zeros in every map that it answers to: its circuit is dead, or the model is not known here, "
        "so physics cannot tell; identify it again under voltage"
    )
    if len(names) == 1:
        words = f"{names[0]} is the only known map whose registers are there; {zeros}"
        return Identity("likely", tuple(candidates), words)
    return Identity("unknown", tuple(candidates), f"{zeros}. Possible: {', '.join(names)}")
