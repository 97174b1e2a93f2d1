"""The step of a round that steps the alarms, and what makes each of their changes be noted exactly once.

The rules and the states are pure (`alarms.engine`); here they meet readings, clock and stores:

1. What people ask for is read from `operator.db`.
2. One step gives the next state; its transitions stand in the state's outbox.
3. The state is saved, whole (`store.alarm_file`), before any of them is noted.
4. They are noted as events of the history; once those are committed, they leave the outbox.

A kill between 3 and 4 leaves them in the outbox: the next poller asks the history which of them it has, by
their ids, and notes the others. Where the state cannot be saved nothing is noted either, the alarms go on in
memory, and the state line says so. A failing alarm never stops the polling (`spine`).
"""

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from substation.acquisition.alarm_health import AlarmHealth
from substation.acquisition.timekeeper import Timekeeper
from substation.alarms import engine, order, rule
from substation.alarms.engine import Moment
from substation.alarms.plan import Plan, build
from substation.alarms.signals import Circuit, Station, known
from substation.alarms.state import Alarm, Alarms, Command, State, id_in
from substation.alarms.supply import BLIND_MS, Verdict
from substation.alarms.vocabulary import STALLED
from substation.bus.plant import Plant
from substation.clock import Clock, boot_id
from substation.energy.unbalance import nema
from substation.errors import Busy, StoreError
from substation.meters.ratio import ratings_at
from substation.readings import Reading
from substation.settings.model import Home, Settings
from substation.store import alarm_commands, alarm_file, requests
from substation.store.alarm_file import Saved
from substation.store.keeper import Keeper

FAMILY = "alarm."
ROUNDS = 3
"""A reading that is older than so many rounds says nothing about now."""
LEAST_FRESH_S = 10.0
SAVE_S = 30.0
"""How often begun delays and the like are saved, which are no transitions: they can begin anew."""
RETRY_S = 5.0
"""How often a medium that does not take the state is tried again."""
SURELY_S = 10.0
"""So often the database is opened even if its files look unchanged: a file system's clock is coarse."""
STALLED_S, STALLED_ROUNDS = 15.0, 5
"""Not judged for so long, and for so many rounds, the alarms are told to be unwatched."""
MOST_ASKS = 40
"""So many raises that ask somebody are named in the heartbeat, the most urgent first."""
LOOK_BACK = 5000
"""Among so many newest events of alarms the outbox of the poller before is looked for."""

log = logging.getLogger("poller")


class Told(NamedTuple):
    """What a round knows."""

    readings: Sequence[Reading]
    verdicts: Mapping[int, Verdict]
    phases: Mapping[int, int]
    """That each polled meter measures."""
    timekeeper: Timekeeper


class Alarming:
    """The alarms of one run of the poller."""

    def __init__(self, home: Home, clock: Clock, keeper: Keeper, *, simulated: bool) -> None:
        """Take over what the poller before left; what cannot be read is begun anew."""
        self._home, self._clock, self._keeper, self._simulated = home, clock, keeper, simulated
        self.health = AlarmHealth(home, clock, keeper)
        self._boot = boot_id()
        self._plan = Plan()
        self._planned_for: Settings | None = None
        self._readings: dict[int, Reading] = {}
        self._handed: set[str] = set()
        self._saved: tuple[object, ...] = ()
        self._saved_s = self._opened_s = -SURELY_S
        self._again_s = 0.0
        self._trouble: StoreError | None = None
        self._stamp: requests.Stamp = ()
        try:
            saved = alarm_file.read(home.alarms, simulated=simulated)
        except StoreError as exc:
            log.warning("%s; the alarms begin anew, and what stands is raised again", exc)
            saved = None
        self.alarms = saved.alarms if saved else Alarms(secrets.token_hex(4))
        self._stepped_s = self._last_step_s(saved)
        self._judged_s, self._interval_s = clock.monotonic(), 0.0
        self._is_recovered = not self.alarms.outbox

    def _last_step_s(self, saved: Saved | None) -> float | None:
        """Return when the last step was, as a time of this start's clock that never steps; None: never."""
        now_s = self._clock.monotonic()
        if saved is None:
            return None
        if saved.boot == self._boot and saved.mono_ms <= now_s * 1000:
            return saved.mono_ms / 1000
        return now_s - max(0, self._clock.now_ms() - saved.alarms.last_ms) / 1000

    @property
    def advice(self) -> list[str]:
        """What somebody should look at, in words for the state line."""
        lost = self.alarms.given_up
        given_up = [f"{lost} changes of alarms could not be noted in the history"] if lost else []
        stalled = [STALLED] if self.stalled_s else []
        return [*(f"config.json: {fault}" for fault in self._plan.faults), *given_up, *stalled]

    @property
    def beat(self) -> dict[str, Any]:
        """The heartbeat's part on the alarms; `seq` changes with every transition.

        `unacknowledged` asks somebody (also RTN-unacknowledged), `active` stands and is announced; `highest`
        is the priority of the most urgent one of both, `top` that one. `asks` names each raise that asks
        somebody with its priority, so that a new one is known from an old one. `stalled_s` is for how long
        the alarms were not judged, where that is too long: what stands beside it is of then.
        """
        shown = [(one.shown, one) for one in self.alarms.alarms.values()]
        asks = [one for state, one in shown if state in (State.UNACKNOWLEDGED, State.RTN_UNACKNOWLEDGED)]
        active = [one for state, one in shown if state in (State.UNACKNOWLEDGED, State.ACKNOWLEDGED)]
        found = {self._priority(one) for one in (*asks, *active)}
        asks.sort(key=self._urgency)
        top = min((*asks, *active), key=self._urgency, default=None)
        return {
            "unacknowledged": len(asks),
            "active": len(active),
            "shelved": sum(state is State.SHELVED for state, _ in shown),
            "suppressed": sum(state is State.SUPPRESSED for state, _ in shown),
            "out_of_service": sum(state is State.OUT_OF_SERVICE for state, _ in shown),
            "highest": next((name for name in ("high", "medium", "low") if name in found), ""),
            "seq": self.alarms.seq,
            "top": [top.rule, top.subject] if top else [],
            "asks": [[one.occurrence, self._priority(one)] for one in asks[:MOST_ASKS]],
            **({"stalled_s": round(self.stalled_s)} if self.stalled_s else {}),
        }

    @property
    def stalled_s(self) -> float:
        """For how long the alarms were not judged, s; 0 while that is as it should be."""
        passed_s = self._clock.monotonic() - self._judged_s
        return passed_s if passed_s > max(STALLED_S, STALLED_ROUNDS * self._interval_s) else 0.0

    def _urgency(self, one: Alarm) -> tuple[bool, int, int, int, str]:
        return order.urgency(one, self._priority(one))

    def _priority(self, one: Alarm) -> str:
        watch = self._plan.by_key.get(one.key)
        return watch.priority if watch else ""

    def step(self, settings: Settings, plant: Plant, told: Told) -> None:
        """Take a round. Raises StoreError where the state cannot be saved or the commands not be read."""
        if self._planned_for is not settings:
            self._plan, self._planned_for = build(rule.load(), settings), settings
        meters = {meter.id for meter in settings.meters}
        self._readings |= {reading.meter_id: reading for reading in told.readings}
        self._readings = {key: one for key, one in self._readings.items() if key in meters}
        now_ms, now_s = self._clock.now_ms(), self._clock.monotonic()
        interval_s = self._interval_s = settings.poll.interval_s
        zone, failed = settings.site.zone, plant.failed
        circuits = [
            Circuit(
                meter,
                ratings_at(meter, settings.nominal_v(meter), told.phases.get(meter.id, 3), now_ms, zone),
                self._readings.get(meter.id),
                told.verdicts.get(meter.id),
                meter.id in failed,
            )
            for meter in settings.meters
        ]
        station = Station(_why_down(plant), self.health.look(settings, told.timekeeper))
        fresh_ms = round(1000 * max(LEAST_FRESH_S, ROUNDS * interval_s))
        found = known(settings, circuits, station, nema, now_ms=now_ms, fresh_ms=fresh_ms)
        passed_s = 0.0 if self._stepped_s is None else max(0.0, now_s - self._stepped_s)
        moment = Moment(now_ms, round(1000 * passed_s), max(BLIND_MS, round(ROUNDS * 1000 * interval_s)))
        self._settle()
        commands, trouble = self._asked(now_s)
        self.alarms = engine.step(self.alarms, self._plan, found, moment, commands).alarms
        self._stepped_s = self._judged_s = now_s
        if self._save(now_s):
            self._note()
        if trouble is not None:
            raise trouble

    def stop(self) -> None:
        """Save and note what is left; raises StoreError."""
        self._again_s, self._saved_s = 0.0, -SAVE_S
        if self._save(self._clock.monotonic(), surely=True):
            self._note()

    def _asked(self, now_s: float) -> tuple[list[Command], StoreError | None]:
        stamp = requests.stamp(self._home.operator)
        if stamp == self._stamp and now_s - self._opened_s < SURELY_S:
            return [], None
        try:
            commands, last_id = alarm_commands.after(self._home.operator, self.alarms.asked_id)
        except Busy:
            return [], None
        except StoreError as exc:
            return [], exc
        self._stamp, self._opened_s = stamp, now_s
        if last_id != self.alarms.asked_id:
            self.alarms = replace(self.alarms, asked_id=last_id)
        return commands, None

    def _save(self, now_s: float, *, surely: bool = False) -> bool:
        """Save the state at once where there is news, else now and then. Raises StoreError.

        Returns whether all that is news is saved. While the medium fails it is not tried: that is told once,
        by the stores, and the alarms go on in memory.
        """
        urgent = self._urgent()
        has_news = surely or urgent != self._saved[:1] or now_s - self._saved_s >= SAVE_S
        if not has_news:
            return True
        content = (*urgent, _content(self.alarms))
        if content == self._saved and self._trouble is None:
            self._saved_s = now_s
            return True
        if self._keeper.endurance.medium.failing:
            return False
        if self._trouble is not None and now_s < self._again_s:
            raise self._trouble
        try:
            self._keeper.endurance.refuse_if_gone()
            saved = Saved(self.alarms, self._boot, round(now_s * 1000))
            alarm_file.write(self._home.alarms, saved, simulated=self._simulated)
        except StoreError as exc:
            self._trouble, self._again_s = exc, now_s + RETRY_S
            raise
        self._saved, self._saved_s, self._trouble = content, now_s, None
        return True

    def _urgent(self) -> tuple[object, ...]:
        """Return what has to be saved before anybody is told."""
        answers = self.alarms.answers
        return ((self.alarms.uid, self.alarms.seq, answers[-1].uid if answers else ""),)

    def _note(self) -> None:
        """Note what the saved outbox holds and nobody was handed; raises StoreError."""
        if not self.alarms.outbox or not self._keeper.has_history:
            return
        if not self._is_recovered:
            details = self._keeper.details_of(FAMILY, LOOK_BACK) or []
            self._handed |= {id_in(detail) for detail in details} & {one.id for one in self.alarms.outbox}
            self._is_recovered = True
        for transition in self.alarms.outbox:
            if transition.id in self._handed:
                continue
            log.info("alarm, %s -> %s: %s", transition.old, transition.new, transition.words)
            self._keeper.event(
                transition.kind,
                at_ms=transition.at_ms,
                meter_id=transition.meter_id,
                old=transition.old,
                new=transition.new,
                detail=transition.detail,
            )
            self._handed.add(transition.id)

    def _settle(self) -> None:
        """Take out of the outbox what the history has for good."""
        if self._handed and self._keeper.has_history and not self._keeper.urgent:
            self.alarms = engine.noted(self.alarms, frozenset(self._handed))
            self._handed.clear()


def _content(alarms: Alarms) -> object:
    """Return what of the state is worth a write by itself: not the counting of time."""
    standing = [
        (one.key, one.shown, one.turning_ms, one.unseen_ms, one.suppressed) for one in alarms.alarms.values()
    ]
    return standing, [one.id for one in alarms.outbox], alarms.asked_id


def _why_down(plant: Plant) -> dict[str, str]:
    if not plant.down_lines:
        return {}
    why = {line["name"]: line["detail"] for line in plant.lines()}
    return {name: why.get(name) or "the line is down" for name in plant.down_lines}
