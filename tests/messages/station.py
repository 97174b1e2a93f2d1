"""A station as the messenger sees it: its files, written as the poller writes them; ways that are played."""

import dataclasses
import datetime as dt
import zoneinfo
from pathlib import Path
from typing import Any

from substation.alarms.state import Alarm, Alarms
from substation.audit import Audit
from substation.messages.messenger import Messenger
from substation.messages.siren import Siren
from substation.messages.ways import Job, Outcome
from substation.settings import files, vault
from substation.settings.messages import Messages, Recipient
from substation.settings.model import CARD_METERS, Home, Settings
from substation.store import alarm_file, heartbeat
from substation.store.history import History
from tests.fake_clock import FakeClock

ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
SSE, SHIFT = "SSE", "shift"


def at(clock: str, day: int = 23) -> int:
    """Return a time of the site's November 2026, UTC ms."""
    hour, minute = map(int, clock.split(":"))
    return int(dt.datetime(2026, 11, day, hour, minute, tzinfo=ZONE).timestamp() * 1000)


def who(name: str = SSE, **more: Any) -> Recipient:
    return Recipient(name=name, address=f"json://127.0.0.1:9/canary{name}", **more)


class PlayedWay:
    """The outside: takes what it is handed, or does not."""

    def __init__(self) -> None:
        self.taken: list[Job] = []
        """What the outside has, in its order."""
        self.answers: list[Outcome] = []
        self.away = ""
        """Why nothing gets through; empty: it does."""
        self.dead: set[str] = set()
        """To whom nothing ever gets through."""
        self.tried: list[str] = []
        """Whom it was handed something for."""
        self.busy = False

    def is_free(self) -> bool:
        return not self.answers and not self.busy

    def hand(self, job: Job) -> None:
        self.tried.append(job.recipient)
        if self.away or job.recipient in self.dead:
            self.answers.append(Outcome(job.number, False, self.away or "no such chat"))
            return
        self.taken.append(job)
        self.answers.append(Outcome(job.number, True, "taken"))

    def outcomes(self) -> list[Outcome]:
        found, self.answers = self.answers, []
        return found

    def busy_s(self) -> float:
        return 0.0

    def close(self) -> None:
        pass

    def to(self, name: str) -> list[str]:
        return [job.text.body for job in self.taken if job.recipient == name]


class PlayedPin:
    """The pin of an adapter."""

    def __init__(self) -> None:
        self.rts = False
        self.gone = False

    def close(self) -> None:
        self.rts = False


class Station:
    """A home, and what the poller would write into it."""

    def __init__(self, folder: Path, messages: Messages, *, clock: FakeClock | None = None) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)
        self.clock = clock or FakeClock(now_ms=at("02:00"))
        self.settings = Settings(simulated=True, meters=CARD_METERS, messages=messages)
        if not (folder / "config.json").exists():
            vault.write_key(folder / "config_key.key", vault.new_key())
            files.save(folder, self.settings)
        self.home = Home(folder)
        self.way = PlayedWay()
        self.sms = PlayedWay()
        self.pin = PlayedPin()
        self.alarms: dict[str, Alarm] = {}
        self.seq = 0
        self.history: History | None = None
        self.beats = True
        """Whether the poller gives signs of life."""

    def messenger(self, **more: Any) -> Messenger:
        loaded = dataclasses.replace(files.load(self.folder), settings=self.settings)
        audit = Audit.of_station(self.folder, self.settings, "messenger", self.clock)
        return Messenger(
            *(loaded, self.clock, audit),
            ways=lambda _: {"gateway": self.way, "sms": self.sms},
            siren=Siren(lambda _: self.pin),
            **more,
        )

    def change(self, messages: Messages) -> None:
        """Change the configuration under a messenger that runs."""
        self.settings = self.settings.model_copy(update={"messages": messages})
        files.save(self.folder, self.settings)

    def save(self) -> None:
        saved = Alarms("u", seq=self.seq, last_ms=self.clock.now_ms(), alarms=dict(self.alarms))
        boot = alarm_file.Saved(saved, "boot", round(self.clock.monotonic() * 1000))
        alarm_file.write(self.home.alarms, boot, simulated=True)

    def alarm(self, rule: str = "supply_lost", meter: int = 1, **more: Any) -> str:
        """Raise an alarm, or change one; return its occurrence."""
        key = f"{rule}@meter:{meter}"
        one = self.alarms.get(key)
        if one is None or (more.get("active", True) and not one.active):
            self.seq += 1
            now_ms = self.clock.now_ms()
            one = Alarm(
                *(rule, f"meter:{meter}", True, False, True, f"u-{self.seq}"),
                since_ms=now_ms,
                raised_ms=now_ms,
                why="0 V of 415 V",
            )
        self.alarms[key] = dataclasses.replace(one, **more)
        self.save()
        return self.alarms[key].occurrence

    def over(self, rule: str = "supply_lost", meter: int = 1) -> None:
        self.alarm(rule, meter, active=False, cleared_ms=self.clock.now_ms())

    def event(self, kind: str, number: int, old: str, new: str, words: str, at_ms: int | None = None) -> None:
        """Note an event of `supply_lost` at meter 1, as the poller does."""
        if self.history is None:
            self.history = History(self.home.history, True, self.clock, ZONE)
        detail = f"Supply lost, meter 1 Transformer: {words} (alarm supply_lost@meter:1 u-{number})"
        stamp = self.clock.now_ms() if at_ms is None else at_ms
        self.history.event(kind, at_ms=stamp, meter_id=1, old=old, new=new, detail=detail)
        self.history.commit()

    def beat(self) -> None:
        heartbeat.write(
            self.home.heartbeat,
            {
                "simulated": True,
                "at_ms": self.clock.now_ms(),
                "boot": "another",
                "mono_ms": 0,
                "state": "running",
            },
        )

    def run(self, messenger: Messenger, seconds: float, step_s: float = 1.0) -> None:
        """Let time pass for a messenger."""
        left = seconds
        while left > 0:
            if self.beats:
                self.beat()
            messenger.tick()
            self.clock.advance(min(step_s, left))
            left -= step_s
        messenger.tick()
