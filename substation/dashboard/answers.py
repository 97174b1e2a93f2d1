"""What the meters said last: from the live file, and from the history what its hour does not hold.

While the medium fails the live file goes on in memory; the heartbeat says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from substation.clock import Clock
from substation.dashboard.values import ANY_MODEL, Model
from substation.errors import ProfileError, StoreError, TooSlow
from substation.meters import profile
from substation.meters.profile import Profile
from substation.readings import Reading
from substation.settings.model import Home, Settings
from substation.store import live_places, pool
from substation.store.history import HistoryReader
from substation.store.original import recognise

OLD_S = 30.0
"""What the live file's hour does not hold is looked up in the history so often."""
LONGEST_EMPTY = 1024
"""Bytes: a live file with a header and no row is shorter."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The newest of each meter."""

    last: dict[int, Reading]
    """By meter the newest reading that was answered."""
    asked: dict[int, dict[str, Reading]]
    """By meter and quantity the newest answer for which it was asked."""
    models: Mapping[int, Model]
    """By meter what it can say."""


@dataclass(slots=True)
class Newest:
    """Finds the newest answers of one station."""

    settings: Settings
    home: Home
    clock: Clock
    _models: dict[int, tuple[Profile, Model]] = field(default_factory=dict)
    _old: dict[int, Reading] = field(default_factory=dict)
    _old_s: float = -OLD_S
    _rare: dict[int, dict[str, Reading]] = field(default_factory=dict)
    _rare_s: float = -OLD_S
    _troubles: dict[str, str] = field(default_factory=dict)
    """By look-up what the last one met: told until the next, not only at the moment of it."""

    def profile(self, meter_id: int) -> Profile | None:
        """Return the profile of a meter; None when there is no such meter, or its file cannot be read."""
        meter = self.settings.meter(meter_id)
        try:
            return None if meter is None else profile.load(meter.profile, self.home.profiles)
        except ProfileError:
            return None

    def answers(self, problems: list[str], beat: Mapping[str, Any] | None) -> Answers:
        """Return the newest answers; what cannot be read is added to `problems` in a sentence.

        `beat` is the poller's last heartbeat: it tells where the live file goes on.
        """
        found = Answers({}, {}, {meter.id: self._model(meter.id) for meter in self.settings.meters})
        self._take_live(found, problems, beat)
        if found.models.keys() - found.last.keys():
            old = self._looked_up(problems)
            found.last.update(
                {key: old[key] for key in (found.models.keys() - found.last.keys()) & old.keys()}
            )
        self._add_rare(found, problems)
        return found

    def _model(self, meter_id: int) -> Model:
        found = self.profile(meter_id)
        if found is None:
            return ANY_MODEL
        if meter_id not in self._models or self._models[meter_id][0] is not found:
            self._models[meter_id] = found, Model.of(found)
        return self._models[meter_id][1]

    def _take_live(self, found: Answers, problems: list[str], beat: Mapping[str, Any] | None) -> None:
        path = self.home.live
        try:
            pairs = live_places.latest(path, beat)
            damaged = not pairs and _has_content(path)
        except StoreError as exc:
            problems.append(f"The live file cannot be read: {exc}")
            pairs, damaged = {}, False
        foreign = False
        for meter_id, pair in pairs.items():
            if pair.newest.simulated not in (None, self.settings.simulated):
                foreign = True
            elif pair.answered is not None:
                found.last[meter_id] = pair.answered.reading
                found.asked[meter_id] = dict(pair.asked)
        if foreign:
            problems.append("The live file holds readings of another kind of station; they are not shown.")
        if damaged:
            original = recognise(path)
            problems.append(
                f"{path.name} is {original}: python3 datalogger.py import takes its readings over."
                if original
                else "The live file is damaged: no line of it can be read."
            )

    def _looked_up(self, problems: list[str]) -> dict[int, Reading]:
        """Return what the history knows of meters that the live file's hour does not hold."""
        now_s = self.clock.monotonic()
        if now_s - self._old_s >= OLD_S:
            self._old_s = now_s
            self._troubles.pop("old", None)
            try:
                self._old = HistoryReader(self.home.history).latest()
            except StoreError as exc:
                self._troubles["old"] = trouble(exc)
                self._old = {}
        problems += [words for words in (self._troubles.get("old"),) if words]
        return self._old

    def _add_rare(self, found: Answers, problems: list[str]) -> None:
        """Add what a meter has and was not asked for within the live file's hour: the history may know."""
        wanted = {
            meter_id: found.models[meter_id].keys
            - reading.values.keys()
            - found.asked.get(meter_id, {}).keys()
            for meter_id, reading in found.last.items()
            if meter_id in found.models
        }
        if not any(wanted.values()):
            return
        now_s = self.clock.monotonic()
        if now_s - self._rare_s >= OLD_S:
            self._rare_s = now_s
            self._troubles.pop("rare", None)
            try:
                self._rare = HistoryReader(self.home.history).last_known(wanted)
            except StoreError as exc:
                self._troubles["rare"] = trouble(exc)
                self._rare = {}
        problems += [words for words in (self._troubles.get("rare"),) if words]
        for meter_id, keys in wanted.items():
            known = self._rare.get(meter_id, {})
            found.asked.setdefault(meter_id, {}).update({key: known[key] for key in keys & known.keys()})


def trouble(exc: StoreError) -> str:
    """Return in a sentence why the history did not answer."""
    if isinstance(exc, TooSlow):  # whoever looks at a page cannot ask for less
        return (
            f"The history answers too slowly: a question was stopped after {pool.LONGEST_S:g} s, and what it "
            "would have told is missing; it is asked again by itself."
        )
    return f"The history cannot be read: {exc}"


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > LONGEST_EMPTY
    except OSError:
        return False
