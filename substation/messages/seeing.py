"""Takes what is seen of the station's alarms into the queue, each occurrence once, in one transaction."""

from collections.abc import Sequence
from dataclasses import replace

from substation.alarms.plan import Plan
from substation.clock import Clock
from substation.messages.occurrence import Occurrence, Sighting, taken
from substation.messages.queue import Queue
from substation.messages.watching import POLLER, Watching, from_event
from substation.settings.model import Home

HOUR_MS = 3_600_000


class Seeing:
    """Goes on, look by look, from where the queue says that the last messenger had come to."""

    def __init__(self, home: Home, clock: Clock, plan: Plan, watching: Watching, give_up_hours: int) -> None:
        """Look with `watching`; an event older than `give_up_hours` tells nobody anything."""
        self._home, self._clock, self._plan, self._watching = home, clock, plan, watching
        self._old_ms = give_up_hours * HOUR_MS
        self._seen: object = None

    def look(self, queue: Queue) -> None:
        """Look once. Raises StoreError of the queue; what of the station cannot be read, `watching` tells."""
        # events first: what the file tells of an alarm is then never older
        cursor = self._cursor(queue)
        events = self._watching.events(cursor) if cursor >= 0 else []
        standing = self._watching.standing()
        known = {one.id: one for one in queue.unsettled()}
        poller = self._watching.poller(list(known.values()))
        is_news = standing is not self._seen or bool(events) or poller is not None
        if not is_news:
            return
        oldest_ms = self._clock.now_ms() - self._old_ms
        with queue.step():
            for noted in events:
                sighting = from_event(noted, list(known.values()))
                if sighting is not None and (sighting.id in known or sighting.since_ms >= oldest_ms):
                    self._take(queue, known, sighting)
            for sighting in standing or ():
                if sighting.id in known or sighting.state != "over":
                    self._take(queue, known, sighting)
            for one in list(known.values()):
                self._call_anew(queue, known, one)
            if standing is not None:
                self._supersede(queue, known, standing)
            if poller is not None:
                self._take(queue, known, poller)
            if events:
                queue.remember("cursor", str(events[-1].id))
        self._seen = standing

    def _cursor(self, queue: Queue) -> int:
        """Return behind which event to look; -1: nowhere yet. Another history is begun at its end."""
        last = self._watching.last_event()
        if "history" in self._watching.problems or last < 0:
            return -1
        kept = queue.meta("cursor")
        if not kept or int(kept) > last:
            with queue.step():
                queue.remember("cursor", str(last))
            return last
        return int(kept)

    def _take(self, queue: Queue, known: dict[str, Occurrence], seen: Sighting) -> None:
        now_ms = self._clock.now_ms()
        before = known.get(seen.id)
        if before is None:
            if queue.knows(seen.id):
                return
            after: Occurrence | None = self._made(seen, now_ms)
        else:
            after = taken(before, seen, now_ms)
        if after is not None:
            queue.keep(after)
            known[after.id] = after

    def _call_anew(self, queue: Queue, known: dict[str, Occurrence], one: Occurrence) -> None:
        """Take from the plan how an alarm is called and how urgent it is, for what is said from now on."""
        watch = self._plan.by_key.get(f"{one.rule}@{one.subject}")
        if watch is None:
            return
        title, action = f"{watch.rule.title}, {watch.named}", watch.rule.action
        after = replace(one, title=title, action=action, priority=watch.priority)
        if after != one:
            queue.keep(after)
            known[one.id] = after

    def _made(self, seen: Sighting, now_ms: int) -> Occurrence:
        watch = self._plan.by_key.get(seen.key)
        # of a meter or a rule that this process has not heard of yet: rather too many are told than nobody
        title, action, priority = f"{seen.rule}, {seen.subject}", "", "high"
        if watch is not None:
            title, action, priority = f"{watch.rule.title}, {watch.named}", watch.rule.action, watch.priority
        elif seen.rule == POLLER:
            title, priority = "The poller is silent", "high"
            action = "Look at the station's computer; then: systemctl status substation-poller, or start.sh."
        asks = seen.state == "unacknowledged" or seen.announced
        return Occurrence(
            *(seen.id, seen.rule, seen.subject, seen.meter_id, priority, title, action),
            *(seen.since_ms, seen.why, seen.state, now_ms if asks else None, seen.over_ms, seen.by),
            announced=seen.announced,
            announced_ms=seen.announced_ms,
            anew=seen.anew,
        )

    def _supersede(self, queue: Queue, known: dict[str, Occurrence], standing: Sequence[Sighting]) -> None:
        """End what the saved alarms know no more: raised anew since, or not watched any longer."""
        current = {sighting.id for sighting in standing}
        now_ms = self._clock.now_ms()
        for one in list(known.values()):
            if one.state != "over" and one.rule != POLLER and one.id not in current:
                gone = Sighting(one.id, one.rule, one.subject, "over", one.since_ms, over_ms=now_ms)
                self._take(queue, known, gone)
