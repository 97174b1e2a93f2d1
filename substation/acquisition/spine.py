"""THE SPINE: the poller's pipeline on one page.

Each round takes these steps, in this order (`Poller.steps`):

1. scan            ask every meter once; of several lines, take what they hand over (`bus.plant`)
2. qualify         mark what physics doubts (`meters.qualify`)
3. watch counters  mark registers that do not follow the last ones, and meters that freeze (`accounts`)
4. tell time       was the clock set, does anybody vouch for it (`timekeeper`)
5. judge supply    live, phase lost, dead, unknown, by voltage (`alarms.supply`)
6. step alarms     raise and clear, obey who acknowledges (`alarming`)
7. keep live       one write to the live file, the journal (`store.live`)
8. keep history    into the buffer of the database (`store.history`)
9. heartbeat       `state/poller.json`, whole (`store.heartbeat`)
10. announce       changes, not repeats, to the log and the event table (`announce`)

A step that fails says so in the log and on the state line, and the others go on: a full or broken
store never stops the polling, and no fault of one round ends the next. What may take its time
(commit, upkeep, imports, changed settings) is done after the round, in idle line time (`Poller.chores`).

One line is polled in this loop itself. Several have a thread and a schedule each: a round here is what any
of them handed over, and a line that hangs, is unplugged or flooded holds up none of the others.

The service manager's watchdog is fed from this loop alone: after each round, even if all meters are dead,
between two requests, two chores, two looks while at rest. Where it stands still, or every one of several
lines does, the watchdog starves.
"""

import logging
import os
from collections.abc import Callable

from substation.acquisition import reloading
from substation.acquisition.accounts import Accounts
from substation.acquisition.alarming import Alarming, Told
from substation.acquisition.announce import Announcer
from substation.acquisition.ending import Ending
from substation.acquisition.gap import StationGap
from substation.acquisition.tending import Tender
from substation.acquisition.timekeeper import Timekeeper
from substation.alarms.confirm import Registers
from substation.alarms.supply import UNKNOWN, judge, recall
from substation.audit import in_force
from substation.bus.plant import Plant
from substation.bus.problems import Problems
from substation.bus.schedule import Schedule
from substation.clock import Clock
from substation.errors import StoreError, WrongStation
from substation.meters.qualify import qualify
from substation.meters.ratio import ratings_at
from substation.notify import Watchdog
from substation.readings import Reading
from substation.settings.files import Loaded
from substation.settings.model import Settings
from substation.store import heartbeat
from substation.store.keeper import Keeper
from substation.store.live import LiveRow

COMMIT_S = 30.0
"""A power cut loses at most so much; a kill loses nothing, because the live file is the journal."""
COMPACT_S = 300.0
UPKEEP_S = 10.0
TEND_S = 5.0
RETRY_S = 5.0
"""How often a commit that failed is tried again."""
REOPEN_S = 60.0
"""How often a store that could not be opened is tried again."""
LINE_RETRY_S = 0.5
LONG_ROUND_S = 1.5
"""A heartbeat is not older than this plus one request: whoever reads it must not think us stopped."""
NAP_S = 0.2
"""How soon a signal is noticed between rounds."""
LOOK_S = 1.0
"""How often a changed configuration, a changed profile, a request is looked for; costs a few stats."""

log = logging.getLogger("poller")


class Poller:
    """One station's poller."""

    def __init__(self, loaded: Loaded, clock: Clock, ending: Ending | None = None) -> None:
        """Plan the lines, open the stores. Raises WrongStation.

        Any other trouble with a store is a problem on the state line, and is tried again.
        """
        self.loaded, self.clock, self.ending = loaded, clock, ending or Ending()
        self.settings, self.home = loaded.settings, loaded.home
        self.config = in_force.fingerprint(loaded.settings)
        self.problems = Problems(log)
        self.number = 0
        self.started_ms = clock.now_ms()
        self.plant = Plant(self.settings, clock, profiles=self.home.profiles)
        self._phases = _phases(self.plant)
        self.schedule = Schedule(self.settings.poll.interval_s, clock)
        self.readings: tuple[Reading, ...] = ()
        self.verdicts = recall(
            self.settings.meters,
            heartbeat.meters(self.home.heartbeat, self.settings.simulated),
            self.started_ms,
        )
        self.keeper = Keeper(self.home, self.settings, clock)
        self._pulse = heartbeat.Pulse(self.home.heartbeat, clock, lambda: self.keeper.endurance.is_there)
        self.timekeeper = Timekeeper(clock, self.keeper, None)
        self.accounts = Accounts(self.home, clock, simulated=self.settings.simulated)
        self.alarming = Alarming(self.home, clock, self.keeper, simulated=self.settings.simulated)
        self.tender = Tender()
        self.watchdog = Watchdog(clock)
        self._announcer = Announcer(self.keeper, self.started_ms)
        self._registers = Registers()
        self._answers: dict[int, bool] = {}
        self._done_s: dict[str, float] = {}
        self._beat_s = clock.monotonic()
        self._failed_said: frozenset[int] = frozenset()
        try:
            self.keeper.open()
        except WrongStation:
            raise
        except (StoreError, OSError) as exc:
            self.problems.take("open", exc)
        self.gap = StationGap(self.home, self.settings, clock, self.keeper)

    @property
    def stopping(self) -> bool:
        """Whether this round is the last."""
        return self.ending.asked

    @property
    def steps(self) -> tuple[Callable[[], None], ...]:
        """What a round does, in order."""
        return (
            self.scan,
            self.qualify,
            self.watch_counters,
            self.tell_time,
            self.judge_supply,
            self.step_alarms,
            self.keep_live,
            self.keep_history,
            self.heartbeat,
            self.announce,
        )

    @property
    def chores(self) -> tuple[tuple[float, Callable[[], None]], ...]:
        """What is done after a round, each once in so many seconds at most."""
        return (
            (self._commit_s, self.commit),
            (COMPACT_S, self.compact),
            (UPKEEP_S, self.upkeep),
            (0.0, self.absorb),
            (0.0 if self.keeper.is_replaying else REOPEN_S, self.keeper.open),
            (TEND_S, self.tend),
            (0.0, self.reload),
        )

    @property
    def _commit_s(self) -> float:
        if "commit" in self.problems:
            return RETRY_S
        return 0.0 if self.keeper.urgent or self.keeper.behind else COMMIT_S

    @property
    def looks(self) -> tuple[Callable[[], None], ...]:
        """What does not wait for the next round: looked for every second while at rest."""
        return (self.reload,)

    def run(self, rounds: int | None = None) -> None:
        """Poll until told to stop, or until every line has made so many rounds."""
        with self.problems.survived("heartbeat"):
            self.heartbeat()
        while not self.stopping and (rounds is None or self.plant.rounds(self.number) < rounds):
            self.schedule.begin()
            self.number += 1
            for step in self.steps:
                with self.problems.survived(step.__name__):
                    step()
            if self.plant.alive:
                self.watchdog.round_done(self._told())
            if not self.stopping and self.plant.rounds(self.number) != rounds:
                self.do_chores()
                self.rest()

    def scan(self) -> None:
        """Ask every meter once, or take what the lines hand over."""
        self.readings = ()
        self.readings = self.plant.round(self.schedule.idle_until_s, self.between_requests)
        self._answers |= {reading.meter_id: reading.answered for reading in self.readings}

    def qualify(self) -> None:
        """Mark what physics doubts."""
        settings, meters = self.settings, {meter.id: meter for meter in self.settings.meters}
        qualified = []
        for reading in self.readings:
            meter, phases = meters[reading.meter_id], self._phases.get(reading.meter_id, 3)
            nominal_v, zone = settings.nominal_v(meter), settings.site.zone
            qualified.append(qualify(reading, ratings_at(meter, nominal_v, phases, reading.at_ms, zone)))
        self.readings = tuple(qualified)

    def watch_counters(self) -> None:
        """Mark registers that do not follow the last ones, and all that a frozen meter says."""
        self.readings = self.accounts.take(self.readings, self.settings)

    def tell_time(self) -> None:
        """Look whether the clock was set, and whether anybody vouches for it."""
        self.timekeeper.look()

    def judge_supply(self) -> None:
        """Say of every circuit whether it has supply, with evidence."""
        before = self.verdicts
        by_meter = {reading.meter_id: reading for reading in self.readings}
        self.verdicts = judge(
            self.settings,
            by_meter,
            self.plant.failed,
            before,
            self.clock.now_ms(),
            down=self.plant.down_lines,
            frozen=self.accounts.frozen,
        )

    def step_alarms(self) -> None:
        """Raise and clear alarms, and do with them what people ask."""
        told = Told(self.readings, self.verdicts, self._phases, self.timekeeper)
        self.alarming.step(self.settings, self.plant, told)

    def keep_live(self) -> None:
        """Append the round to the live file, in one write."""
        self.keeper.keep_live(self._rows())

    def keep_history(self) -> None:
        """Hand the round to the database's buffer."""
        self.keeper.keep_history(self._rows())

    def heartbeat(self, state: str = "running", *, within_round: bool = False) -> None:
        """Write the sign of life."""
        self._beat_s, self._failed_said = self.clock.monotonic(), self.plant.failed
        self._pulse.write(
            {
                "state": state,
                "at_ms": self.clock.now_ms(),
                "started_ms": self.started_ms,
                "pid": os.getpid(),
                "simulated": self.settings.simulated,
                "interval_s": self.settings.poll.interval_s,
                "config": self.config,
                "job": self.tender.job,
                "round": self.number,
                "medium": self.keeper.medium_beat,
                "alarms": self.alarming.beat,
                "clock": self.timekeeper.beat,
                **self.accounts.beat(self.plant.beat(self.verdicts, within_round=within_round)),
                "problems": [
                    *self.plant.advice(),
                    *self.problems.words,
                    *self.keeper.advice,
                    *self.timekeeper.advice,
                    *self.accounts.advice(self.settings),
                    *self.tender.advice,
                    *self.alarming.advice,
                ],
            },
        )

    def announce(self) -> None:
        """Say what has changed, once."""
        self.accounts.announce(self.keeper)
        self._announcer.profiles(self.plant.faulty)
        self._announcer.wire(self.plant.notices())
        self._announcer.supply(self.settings.meters, self.verdicts)
        by_meter = {reading.meter_id: reading for reading in self.readings}
        self._announcer.registers(self._registers.follow(self.settings, by_meter, self.verdicts))
        self.gap.take(self.readings, trusted=self.timekeeper.trusted)

    def do_chores(self) -> None:
        """Do what is due."""
        for every_s, chore in self.chores:
            name, now_s = chore.__name__, self.clock.monotonic()
            if now_s - self._done_s.setdefault(name, now_s if every_s else -1.0) < every_s:
                continue
            self._done_s[name] = now_s
            self._feed()
            with self.problems.survived(name):
                chore()

    def commit(self) -> None:
        """Bring what is buffered into the history."""
        self.keeper.commit(self.schedule.budget_s())

    def compact(self) -> None:
        """Cut the live file to its last hour, if the database has what goes."""
        if "commit" not in self.problems:
            self.keeper.compact()

    def upkeep(self) -> None:
        """Remove a slice of what is older than it has to be kept."""
        self.keeper.upkeep(self.schedule.budget_s())

    def absorb(self) -> None:
        """Take a slice of a database that somebody has laid into the inbox."""
        self.keeper.absorb(self.schedule.budget_s())

    def tend(self) -> None:
        """Have the stores checked, copied, mended, when it is time."""
        self.tender.look(self.settings)

    def reload(self) -> None:
        """Take a changed configuration or profile; of a faulty configuration the old one stays in force."""
        fresh = reloading.changed(self.loaded)
        if fresh is None:
            if self.plant.profiles_changed:
                self._plan(self.settings)
                log.info("meter profiles of this station changed: taken over")
            return
        old, new = self.settings, fresh.settings
        if (old.lines, old.meters, old.poll) != (new.lines, new.meters, new.poll):
            self._plan(new)
        if old.poll != new.poll:
            self.schedule = Schedule(new.poll.interval_s, self.clock)
        self.loaded, self.settings, self.config = fresh, new, in_force.fingerprint(new)
        log.info("configuration changed: taken over")

    def _plan(self, settings: Settings) -> None:
        self.plant = Plant(settings, self.clock, before=self.plant, profiles=self.home.profiles)
        self._phases = _phases(self.plant)

    def rest(self) -> None:
        """Sleep until the next tick, or until there is reason for a round before it.

        That is a line that was down and is back, a configuration or profile that has changed meanwhile, a
        reading that somebody asked for. Several lines rest by themselves, each on its own schedule.
        """
        tried_s = looked_s = self.clock.monotonic()
        while not self.stopping and not self.plant.several:
            self._feed()
            now_s = self.clock.monotonic()
            left_s = self.schedule.due_s - now_s
            if self.schedule.idle_until_s is None:
                left_s = LINE_RETRY_S - (now_s - tried_s) if self.plant.down else 0.0
            if left_s <= 0:
                return
            if self.plant.down and now_s - tried_s >= LINE_RETRY_S:
                tried_s = now_s
                if self.plant.reopen():
                    return
            if now_s - looked_s >= LOOK_S:
                looked_s, before = now_s, (self.loaded, self.plant)
                for look in self.looks:
                    with self.problems.survived(look.__name__):
                        look()
                if (self.loaded, self.plant) != before or self.plant.has_news:
                    return
            self.clock.sleep(min(left_s, NAP_S))

    def stop(self) -> None:
        """End in order: what was read is committed, and everybody can see that nobody polls any more."""
        self.plant.close()
        with self.problems.survived("step_alarms"):
            self.alarming.stop()
        with self.problems.survived("close"):
            self.gap.stopped()
            self.keeper.close()
        with self.problems.survived("tend"):  # after the stores: a job may take its time to end
            self.tender.stop()
        with self.problems.survived("heartbeat"):
            self.heartbeat("stopped")

    def _feed(self) -> None:
        """Feed the watchdog, as long as any line moves."""
        if self.plant.alive:
            self.watchdog.feed()

    def between_requests(self) -> bool:
        """Show a sign of life in a long round, a failed meter at once; say whether to end the round early."""
        self._feed()
        is_late = self.clock.monotonic() - self._beat_s > LONG_ROUND_S
        if is_late or self.plant.failed - self._failed_said:
            with self.problems.survived("heartbeat"):
                self.heartbeat(within_round=True)
        return self.stopping

    def _told(self) -> str:
        """Return what `systemctl status` shows."""
        answered = sum(self._answers.get(meter.id, False) for meter in self.settings.meters)
        return f"Round {self.number}: {answered} of {len(self.settings.meters)} meters answered"

    def _rows(self) -> list[LiveRow]:
        verdicts = self.verdicts
        return [
            LiveRow(
                reading,
                self.plant.comm_status(reading.meter_id),
                verdicts[reading.meter_id].status if reading.meter_id in verdicts else UNKNOWN,
            )
            for reading in self.timekeeper.mark(self.readings)
        ]


def _phases(plant: Plant) -> dict[int, int]:
    """Return how many phases each polled meter measures; asked before any worker of the plant runs."""
    return {seat.meter.id: seat.profile.phases for seat in plant.seats}
