"""Plays a failing medium with a real one: a small tmpfs, in a mount namespace of its own.

    unshare -m python -m tests.acquisition.medium_play full FOLDER

The poller's own loop polls the simulated line; what the dashboard would show is read after each act. Prints
one JSON object for `test_medium`.
"""

import contextlib
import datetime as dt
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from substation.acquisition import spine
from substation.acquisition.spine import Poller
from substation.clock import SystemClock, day_start_ms
from substation.dashboard.feed import Feed
from substation.meters.profile import load
from substation.settings import files, vault
from substation.settings.model import CARD_METERS, Home, Line, Poll, Settings
from substation.simulator.line import SimulatedLine
from substation.simulator.site import Site
from substation.store import door, heartbeat, live_places, pool, schema, spare
from substation.store.history import History, HistoryReader
from tests.store.readings import a_reading

ZONE = ZoneInfo("Asia/Kolkata")
BAUD = 4_000_000
BEGIN_MS = int(dt.datetime(2026, 11, 23, 12, 0, tzinfo=ZONE).timestamp() * 1000)
SIZE = "6m"
ROUNDS = 8


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, timeout=10)


def umount(*arguments: str) -> None:
    subprocess.run(["umount", *arguments], check=True, timeout=10)


class Play:
    """A station on a card of its own."""

    def __init__(self, folder: Path) -> None:
        self.card, self.slot = folder / "card", folder / "slot"
        self.card.mkdir()
        self.slot.mkdir()
        mount("-t", "tmpfs", "-o", "size=16m", "memory", "/dev/shm")
        mount("-t", "tmpfs", "-o", f"size={SIZE}", "card", str(self.card))
        mount("--bind", str(self.card), str(self.slot))
        self.home = Home(self.slot / "home")
        self.home.folder.mkdir(mode=0o700)
        line = Line(port=str(folder / "line1"), baud=BAUD)
        poll = Poll(interval_s=0.05)
        self.settings = Settings(simulated=True, lines=(line,), meters=CARD_METERS, poll=poll)
        vault.write_key(self.home.key, vault.new_key())
        files.save(self.home.folder, self.settings)
        self.clock = SystemClock()
        self.feed = Feed(self.settings, self.home, self.clock)
        self.poller: Poller | None = None
        self.rounds = 0
        self.said: dict[str, Any] = {}

    def remember(self, days: int = 3) -> None:
        """Write some minutes of single polls of each of the last days, as if the station had long run."""
        made = History(self.home.history, True, self.clock, ZONE)
        for at_ms in self.days(days):
            made.add(a_reading(at_ms + number * 2000) for number in range(300))
        made.close()

    def past(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return what the history knows of the days before today: of polls their keys, else whole rows."""
        today = day_start_ms(self.clock.now_ms(), ZONE) << 8
        with contextlib.closing(door.open_to_read(self.home.history)[0]) as db:
            columns = {"reading": "key", **dict.fromkeys(schema.ROLLUPS, "*")}
            return {
                table: db.execute(
                    f"SELECT {what} FROM {table} WHERE key < {today} ORDER BY key"  # noqa: S608 - our names
                ).fetchall()
                for table, what in columns.items()
            }

    def days(self, count: int) -> list[int]:
        """Return noon of each of the last days before today, the oldest first."""
        noon = day_start_ms(self.clock.now_ms(), ZONE) + 43_200_000
        return [noon - day * 86_400_000 for day in range(count, 0, -1)]

    def start(self) -> None:
        self.poller = Poller(files.load(self.home.folder), self.clock)
        self.rounds = 0

    def poll(self, rounds: int = ROUNDS) -> None:
        assert self.poller is not None
        self.rounds += rounds
        self.poller.run(rounds=self.rounds)

    def board(self, act: str) -> None:
        """Note what the dashboard shows now."""
        self.clock.sleep(0.3)  # a board is shared for a quarter of a second
        board = self.feed.board()
        beat = heartbeat.read(self.home.heartbeat) or {}
        self.said[act] = {
            "poller": board.poller.state,
            "fresh": sum(meter.age_s is not None and meter.age_s < 2.0 for meter in board.meters),
            "problems": list(board.problems),
            "medium": beat.get("medium"),
            "history": HistoryReader(self.home.history).tables().keys() >= {"reading"},
        }

    def until_well(self) -> None:
        """Poll until the outage is over, at most for ten seconds."""
        for _ in range(50):
            self.poll(6)
            assert self.poller is not None
            beat = self.poller.keeper.medium_beat
            if (
                beat["state"] in ("well", "low")
                and beat["waiting"] <= 10
                and not spare.places(self.home.live)
            ):
                return

    def end(self) -> dict[str, Any]:
        assert self.poller is not None
        made = self.poller.number
        self.poller.stop()
        reader = HistoryReader(self.home.history)
        self.said["rounds"] = made + self.said.pop("before", 0)
        self.said["stored"] = reader.tables()["reading"].rows
        self.said["minutes"] = reader.tables()["minute"].rows
        self.said["events"] = [[event.kind, event.detail] for event in reader.of_kind("store.gap")]
        self.said["relief"] = [[event.new, event.detail] for event in reader.of_kind("store.relief")]
        self.said["left"] = [path.name for path in spare.places(self.home.live)]
        return self.said


def full(play: Play) -> None:
    """Somebody fills the card to the last byte, ballast's room included, and frees it later."""
    play.remember()
    before = play.past()
    play.start()
    play.poll()
    play.poller.upkeep()  # type: ignore[union-attr]  # looks at the room: makes the ballast
    play.said["ballast"] = play.home.ballast.exists()
    rubbish = play.card / "rubbish"
    fill(rubbish)
    play.poll()
    play.said["freed"] = not play.home.ballast.exists()
    for _ in range(40):  # in the ballast's room: what is given up has to be written too
        if play.poller.keeper.endurance.relief._kept_from_ms:  # type: ignore[union-attr]
            break
        play.poll(2)
    for _ in range(40):
        fill(rubbish)
        play.poll(2)
        if play.poller.keeper.endurance.medium.failing:  # type: ignore[union-attr]
            break
    play.poll()
    play.board("broken")
    after = play.past()
    play.said["kept"] = len(after["reading"])
    play.said["polls"] = [before["reading"], after["reading"]]
    play.said["coarser"] = [{table: past[table] for table in schema.ROLLUPS} for past in (before, after)]
    rubbish.unlink()
    play.until_well()
    play.board("mended")


def fill(path: Path) -> None:
    with path.open("ab", buffering=0) as file:
        size = 1 << 16
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2


def read_only(play: Play) -> None:
    """The card turns read-only beneath the poller; later it is mounted for writing again."""
    play.start()
    play.poll()
    wear_out(play)
    play.poll()
    play.board("broken")
    mount("-o", "remount,rw", str(play.card))
    play.until_well()
    play.board("mended")


def boot(play: Play) -> None:
    """The poller starts on a card that is read-only."""
    play.start()
    play.poll()
    play.poller.stop()  # type: ignore[union-attr]
    before = play.poller.number  # type: ignore[union-attr]
    wear_out(play)
    play.start()
    play.poll()
    play.board("broken")
    mount("-o", "remount,rw", str(play.card))
    play.until_well()
    play.board("mended")
    play.said["before"] = before


def gone(play: Play) -> None:
    """The card is pulled, and put in again."""
    play.start()
    play.poll()
    umount("-l", str(play.slot))
    play.poll()
    play.board("broken")
    play.said["made_meanwhile"] = [path.name for path in play.slot.iterdir()]
    mount("--bind", str(play.card), str(play.slot))
    play.until_well()
    play.board("mended")


def killed(play: Play) -> None:
    """The poller is killed while the card is read-only; the next one finds the card well."""
    play.start()
    play.poll()
    wear_out(play)
    play.poll()
    play.board("broken")
    lost = play.poller
    assert lost is not None
    lost.plant.close()  # nothing else: what it held in memory is lost with it
    if lost.keeper._history:
        lost.keeper._history._db.close()
    play.said["before"] = lost.number
    mount("-o", "remount,rw", str(play.card))
    play.start()
    play.until_well()
    play.board("mended")


def wear_out(play: Play) -> None:
    # a file system with a file open for writing does not let itself be remounted; a dying card does not ask
    keeper = play.poller.keeper  # type: ignore[union-attr]
    keeper._live.close()
    if keeper._history:
        keeper._history._db.close()
    while pool._pool._idle:
        for held in pool._pool._idle.popitem()[1]:
            held.db.close()
    mount("-o", "remount,ro", str(play.card))


ACTS: dict[str, Callable[[Play], None]] = {
    "full": full,
    "read-only": read_only,
    "boot": boot,
    "gone": gone,
    "killed": killed,
}


def main(act: str, folder: str) -> None:
    spine.COMMIT_S, spine.RETRY_S, spine.REOPEN_S, spine.UPKEEP_S = 0.3, 0.2, 0.3, 0.3
    live_places.RETRY_S = heartbeat.RETRY_S = 0.2
    play = Play(Path(folder))
    site = Site(1, epoch_ms=BEGIN_MS - 3_600_000, zone=ZONE)
    with SimulatedLine(
        site,
        play.clock,
        link=Path(folder) / "line1",
        baud=BAUD,
        turnaround_ms=1,
        profile=load("elmeasure_lgplus"),
    ):
        ACTS[act](play)
        print(json.dumps(play.end()))


if __name__ == "__main__":
    main(*sys.argv[1:])
