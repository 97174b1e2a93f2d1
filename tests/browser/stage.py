"""A station on a stage: a real dashboard process, and a poller that is played.

The test says what the poller would write (`play`), each second it is written anew with the time of
day, so that a browser sees a station at work, failing, silent or stopped.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from substation.clock import SystemClock, day_start_ms
from substation.meters import profile
from substation.readings import Reading
from substation.settings import files
from substation.settings.model import Settings
from substation.simulator import history
from substation.simulator.site import Site
from substation.simulator.supply import Failure
from substation.store.history import History
from tests.dashboard.conftest import Station, demo_settings, no_answer

PROJECT = Path(__file__).parents[2]
MINUTE_MS = 60_000

Play = Callable[["Stage", int], None]


def zone_at(hour: int) -> str:
    """Return a time zone in which it is shortly after this hour now."""
    hours = (hour - time.gmtime().tm_hour + 11) % 24 - 11
    return f"Etc/GMT{-hours:+d}" if hours else "Etc/GMT"


class Stage(Station):
    """A station's home with a played poller and a real dashboard."""

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        self.real = SystemClock()
        super().__init__(folder, settings or demo_settings(), self.real)  # type: ignore[arg-type]
        now = self.real.now_ms()
        self.failure = Failure(now - 2 * MINUTE_MS, now + 600 * MINUTE_MS)
        zone = self.settings.site.zone
        epoch = day_start_ms(now, zone, 2)
        self.normal_site = Site(3, epoch_ms=epoch, zone=zone)
        self.failed_site = Site(3, epoch_ms=epoch, zone=zone, failures=(self.failure,))
        self._play: Play | None = None
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.windows: dict[str, list[Any]] = {}
        """The browser's on this station that nobody looks through now, by their settings."""
        self._made = self.settings

    def remember(self, step_s: float = 300, hours: float = 48) -> None:
        """Store the last hours in the history."""
        now = self.real.now_ms()
        store = History(self.home.history, self.settings.simulated, self.real, self.settings.site.zone)
        for round_ in history.readings(
            self.normal_site, round(now - hours * 3_600_000), now - 60_000, step_s
        ):
            store.add(round_)
        store.commit()
        store.close()

    def play(self, play: Play | None) -> None:
        """Let the poller do this each second from now on; None: it does nothing more."""
        with self._turn:  # one poller writes the heartbeat, not two at once
            self._play = play
            if play is not None:
                play(self, self.real.now_ms())

    def as_made(self) -> None:
        """Put the configuration back where it was changed."""
        if files.load(self.folder).settings != self._made:
            self.configure(self._made)

    def serve(self) -> None:
        """Start the dashboard and the played poller, and wait until a browser would be answered."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", int(os.environ.get("STAGE_PORT", "0"))))
            self.port = probe.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.start_dashboard()

    def start_dashboard(self) -> None:
        """Start the dashboard's process."""
        self.process = subprocess.Popen(
            [sys.executable, str(PROJECT / "app.py"), "--port", str(self.port)],
            env={**os.environ, "SUBSTATION_HOME": str(self.folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=PROJECT,
        )
        for _ in range(300):
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(f"{self.address}healthz", timeout=2).close()  # noqa: S310  loopback
                return
            if self.process.poll() is not None:
                raise RuntimeError(f"app.py ended with {self.process.returncode}")
            time.sleep(0.1)
        raise RuntimeError("app.py does not answer")

    def stop_dashboard(self) -> None:
        """End the dashboard's process."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(15)
            self.process = None

    def close(self) -> None:
        """End what was started."""
        for kept in self.windows.values():
            for window in kept:
                window.context.close()
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)
        self.stop_dashboard()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def _run(self) -> None:
        while not self._stop.wait(1.0):
            with self._turn:
                if self._play is not None:
                    self._play(self, self.real.now_ms())

    def wire(self, site: Site, now: int) -> list[Reading]:
        """Return a round as the wire would have brought it."""
        return next(history.readings(site, now, now + 1000, 60))


def normal(stage: Stage, now: int, **meters: Any) -> None:
    """All is well: supply on, the DG set stands still."""
    rows = {row.meter_id: row for row in stage.wire(stage.normal_site, now)}
    off: dict[str, Any] = {
        "supply": "dead",
        "status": "DG set Off",
        "evidence": "RY 0.0, YB 0.0, BR 0.0 V of 415 V",
    }
    beats: dict[str, Any] = {"meter_5": {**off, "since_ms": now - 26 * 86_400_000}, **meters}
    since = {"since_ms": now - 26 * 86_400_000 - 4 * 3_600_000}
    beats["meter_1"] = {**since, **beats.get("meter_1", {})}
    for number in list(rows):
        if beats.get(f"meter_{number}", {}).get("comm_status", "OK") != "OK":
            rows[number] = no_answer(number, now)
    stage.read(*rows.values())
    stage.beat(**beats)


def frozen(stage: Stage, now: int) -> None:
    """All is well, and every reading is the same as the one before: numbers can be compared at leisure."""
    moment = stage.failure.start_ms
    rows = [replace(row, at_ms=now) for row in stage.wire(stage.normal_site, moment)]
    stage.read(*rows)
    stage.beat(
        meter_1={"since_ms": moment}, meter_5={"supply": "dead", "status": "DG set Off", "since_ms": moment}
    )


SILENT = {
    "supply": "unknown", "status": "Unknown", "evidence": "", "comm_status": "Communication failed",
    "comm_detail": "no answer within 250 ms",
}  # fmt: skip


def dead_meter(stage: Stage, now: int) -> None:
    """Meter 4 has fallen silent."""
    normal(stage, now, meter_4=SILENT)


def supply_lost(stage: Stage, now: int, **more: Any) -> None:
    """The mains have failed, the DG set carries the essential load."""
    rows = stage.wire(stage.failed_site, now)
    start = stage.failure.start_ms
    dark = {"supply": "dead", "evidence": "RY 0.0, YB 0.0, BR 0.0 V of 415 V", "since_ms": start}
    stage.read(*rows)
    stage.beat(
        meter_1={**dark, "status": "EB supply Off"},
        meter_3={**dark, "status": "Power failure"},
        meter_4={**dark, "status": "Power failure"},
        meter_5={"status": "DG set On", "since_ms": start + 10_000},
        **more,
    )


def phase_lost(stage: Stage, now: int) -> None:
    """Phase Y of meter 3 is gone."""
    rows = {row.meter_id: row for row in stage.wire(stage.normal_site, now)}
    lost = dict(rows[3].values) | {"v_y": 12.0, "v_ry": 240.0, "v_yb": 241.0, "current_y": 0.0}
    rows[3] = Reading(3, now, lost)
    stage.read(*rows.values())
    stage.beat(
        meter_3={"supply": "phase_lost", "status": "Phase lost", "evidence": "Y 12.0 V of 240 V"},
        meter_5={"supply": "dead", "status": "DG set Off"},
    )


def doubtful(stage: Stage, now: int) -> None:
    """Meter 2 answers with a voltage that cannot be."""
    rows = {row.meter_id: row for row in stage.wire(stage.normal_site, now)}
    rows[2] = Reading(2, now, dict(rows[2].values) | {"v_r": 2394.1}, implausible=frozenset({"v_r"}))
    stage.read(*rows.values())
    stage.beat(meter_5={"supply": "dead", "status": "DG set Off"})


def groups(stage: Stage, now: int) -> None:
    """Energies were read in the first round only, as within a minute.

    Meter 2 repeats itself, meter 3 has one phase, meter 4 refuses a register and says more than the 38.
    """
    whole = not stage.home.live.exists()
    rows = []
    for row in stage.wire(stage.normal_site, stage.failure.start_ms):
        has = profile.load(ONE_PHASE).registers.keys() if row.meter_id == 3 else row.values.keys()
        keys = [key for key in row.values if key in has and (whole or key not in history.SLOW)]
        if row.meter_id == 4:
            keys = [key for key in keys if key != "wh_delivered"]
        rows.append(Reading(row.meter_id, now, {key: row.values[key] for key in keys}))
    stage.read(*rows)
    stage.beat(
        meter_2={"frozen_since_ms": stage.failure.start_ms},
        meter_4={
            "disabled": {"wh_delivered": "register 40167 refused with exception 2, illegal data address"},
            "extras": {
                "thd_v_r": [3.21, stage.failure.end_ms - 600 * MINUTE_MS - 20_000],
                "rpm": [None, now],
            },
            "identity": {},
        },
        meter_5={"supply": "dead", "status": "DG set Off"},
    )


ONE_PHASE = "eastron_sdm120"


def grouped_settings() -> Settings:
    """Return the settings for `groups`."""
    settings = demo_settings()
    meters = tuple(
        one.model_copy(update={"profile": ONE_PHASE}) if one.id == 3 else one for one in settings.meters
    )
    return settings.model_copy(update={"meters": meters})


@contextlib.contextmanager
def staged(
    folder: Path, play: Play | None = normal, settings: Settings | None = None, **history_of: Any
) -> Iterator[Stage]:
    """Give a stage that serves, and end it."""
    stage = Stage(folder, settings)
    try:
        if history_of.get("hours", 1):
            stage.remember(**history_of)
        stage.play(play)
        stage.serve()
        yield stage
    finally:
        stage.close()
