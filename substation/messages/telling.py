"""Writes down who has to be told what: begins and ends of alarms, escalations, hourly readings."""

from substation.alarms.plan import Plan
from substation.clock import Clock
from substation.messages import escalation, hourly, wording
from substation.messages.occurrence import Occurrence
from substation.messages.passed import Passed
from substation.messages.queue import Queue
from substation.messages.routing import on_duty
from substation.settings.messages import Recipient
from substation.settings.model import Home, Settings
from substation.store.history import HistoryReader

DAY_MS = 86_400_000


class Telling:
    """Goes through what stands and what is over, look by look."""

    def __init__(self, clock: Clock, home: Home, settings: Settings, plan: Plan) -> None:
        """Tell nothing yet."""
        self._clock = clock
        self._asks = Passed(clock)
        """Of each announcement, since it was seen."""
        self.aside_ms: int | None = None
        """When the last queue was set aside: what was to be told before then may have been told by that."""
        self.adopt(home, settings, plan)

    def adopt(self, home: Home, settings: Settings, plan: Plan) -> None:
        """Go on by another configuration."""
        self._home, self._settings, self._plan = home, settings, plan

    def waited_s(self, one: Occurrence) -> float:
        """Return for how long an alarm has asked somebody; a clock that is set does not change it."""
        seen_ms = self._clock.now_ms() if one.seen_ms is None else one.seen_ms
        return self._asks.passed_s((one.id, one.announced), seen_ms)

    def alarms(self, queue: Queue) -> list[Occurrence]:
        """Write down what has to be told of alarms; return them with those that are over now."""
        zone, now_ms = self._settings.site.zone, self._clock.now_ms()
        everybody = self._settings.messages.recipients
        found = queue.unsettled()
        for one in found:
            if one.state == "over":
                told = queue.told(one.id)
                with queue.step():
                    for recipient, was_told in escalation.to_tell_afterwards(
                        one, everybody, told, now_ms=now_ms, zone=zone
                    ):
                        said = wording.end(one, now_ms, zone, was_told=was_told)
                        self._write(queue, one, recipient, None, said)
                    queue.settle(one.id)
            elif one.state == "unacknowledged":
                due = escalation.to_tell(
                    one,
                    everybody,
                    queue.told(one.id, one.announced),
                    waited_s=self.waited_s(one),
                    now_ms=now_ms,
                    zone=zone,
                )
                if due:
                    with queue.step():
                        for recipient, step in due:
                            said = wording.begin(one, step, now_ms, zone)
                            self._write(queue, one, recipient, step, said)
        self._asks.keep({(one.id, one.announced) for one in found})
        return found

    def _write(
        self, queue: Queue, one: Occurrence, recipient: Recipient, step: int | None, said: wording.Said
    ) -> None:
        """Write down that somebody has to be told; `step` None: of its end."""
        now_ms = self._clock.now_ms()
        watch = self._plan.by_key.get(f"{one.rule}@{one.subject}")
        announced_ms = one.announced_ms or one.since_ms + (watch.on_ms if watch else 0)
        due_ms = announced_ms + (step or 0) * 60_000
        if step is None:
            due_ms = (one.over_ms or now_ms) + (watch.off_ms if watch else 0)
        at_ms = now_ms if step else due_ms
        if step == 0 and not on_duty(recipient.hours, at_ms, self._settings.site.zone):
            at_ms = now_ms  # his hours have just begun: nothing is late
        change = "end" if step is None else f"begin {one.announced}".rstrip()
        queue.note(
            f"{one.id}|{change}|{recipient.name}|{step or 0}",
            recipient.name,
            "alarm",
            said,
            at_ms=min(at_ms, now_ms),
            now_ms=now_ms,
            occurrence=one.id,
            announced=one.announced,
            step=step,
            priority=one.priority,
            twice=self._may_be_told(due_ms),
        )

    def _may_be_told(self, due_ms: int) -> bool:
        """Whether a queue that was set aside may have told it; one far ahead is of a clock that was wrong."""
        aside_ms = self.aside_ms
        return aside_ms is not None and due_ms <= aside_ms <= self._clock.now_ms() + DAY_MS

    def readings(self, queue: Queue) -> None:
        """Write down the readings of the hour where they are due."""
        settings, now_ms = self._settings, self._clock.now_ms()
        recipients = [one for one in settings.messages.recipients if one.hourly]
        of = settings.messages.hourly
        at_ms = hourly.due_ms(of, now_ms, settings.site.zone) if recipients else None
        if at_ms is None or queue.meta("hourly") == str(at_ms):
            return
        said = None
        if not self._may_be_told(at_ms + hourly.SETTLE_MS) and on_duty(of.hours, at_ms, settings.site.zone):
            said = hourly.looked_up(settings, HistoryReader(self._home.history), at_ms)
        with queue.step():
            queue.remember("hourly", str(at_ms))
            for recipient in recipients if said is not None else ():
                if said is not None and on_duty(recipient.hours, at_ms, settings.site.zone):
                    key = f"hourly|{at_ms}|{recipient.name}"
                    queue.note(key, recipient.name, "readings", said, at_ms=at_ms, now_ms=now_ms)
