"""One event of each kind through a real pseudo-terminal, judged by the poller."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from substation.acquisition.spine import Poller
from substation.clock import SystemClock
from substation.meters.profile import load
from substation.settings import files
from substation.settings.model import CARD_METERS, Home
from substation.simulator.line import SimulatedLine
from substation.simulator.site import Failure, Site, Trouble
from substation.store.history import HistoryReader
from tests.acquisition.conftest import FAST
from tests.fake_clock import FakeClock

LIVE = {1: "live", 2: "live", 3: "live", 4: "live", 5: "dead"}
MINUTE_MS = 60_000


class Stage:
    """A line whose site is told what happens, and a poller that is asked what it makes of it."""

    def __init__(self, line: SimulatedLine, poller: Poller, clock: FakeClock) -> None:
        self.line, self.poller, self.clock = line, poller, clock

    def rounds(self, count: int) -> dict[int, str]:
        self.poller.run(rounds=self.poller.number + count)
        return {key: verdict.supply for key, verdict in self.poller.verdicts.items()}

    def comes_to(self, expected: dict[int, str]) -> dict[int, str]:
        """Poll a few rounds, until the verdicts are those: on a busy machine not every meter has its turn."""
        for _ in range(6):
            found = self.rounds(1)
            if found == expected:
                break
        return found

    def trouble(self, kind: str, meter: int) -> None:
        """Let a fuse or switch go for a minute of the site's time, beginning now."""
        now_ms = self.clock.now_ms()
        self.line.site.trouble(Trouble(kind, meter, now_ms + 1, now_ms + MINUTE_MS))  # type: ignore[arg-type]
        self.clock.advance(1)


@pytest.fixture
def stage(
    home: Home, changed: Callable[..., None], site: Site, station_clock: FakeClock, tmp_path: Path
) -> Iterator[Stage]:
    changed(
        meters=tuple(
            meter.model_copy(update={"aux_supply": "own"}) if meter.id in (3, 4) else meter
            for meter in CARD_METERS
        )
    )
    with SimulatedLine(
        site,
        station_clock,
        link=tmp_path / "line1",
        baud=FAST,
        turnaround_ms=1,
        profile=load("elmeasure_lgplus"),
        own_supply=(3, 4),
    ) as line:
        poller = Poller(files.load(home.folder), SystemClock())
        yield Stage(line, poller, station_clock)
        poller.stop()


def test_each_kind_is_told_from_the_others(stage: Stage, home: Home) -> None:
    assert stage.rounds(3) == LIVE

    stage.trouble("phase_lost", 1)
    assert stage.rounds(1) == {**dict.fromkeys((1, 2, 3, 4), "phase_lost"), 5: "dead"}
    stage.clock.advance(60)
    assert stage.rounds(1) == LIVE

    stage.trouble("phase_lost", 3)
    assert stage.rounds(1) == {**LIVE, 3: "phase_lost"}
    stage.clock.advance(60)

    stage.rounds(2)
    stage.trouble("switched_off", 2)  # its meter has independent supply and shows the dead circuit
    assert stage.rounds(1) == {**LIVE, 2: "dead"}
    stage.clock.advance(60)

    stage.rounds(2)
    stage.trouble("switched_off", 4)  # its meter falls silent with it
    gone = {**LIVE, 4: "dead"}
    assert stage.comes_to(gone) == gone
    assert "has gone from Transformer" in stage.poller.verdicts[4].evidence
    stage.clock.advance(60)
    assert stage.rounds(1) == LIVE

    stage.rounds(1)
    stage.trouble("panel_fuse", 4)
    gone = {**LIVE, 4: "unknown"}
    assert stage.comes_to(gone) == gone
    assert "still flows: communication or its panel" in stage.poller.verdicts[4].evidence
    stage.clock.advance(60)
    assert stage.rounds(1) == LIVE

    stage.rounds(1)
    for meter in (3, 4, 5):
        stage.line.faults.order(meter, "dead")
    gone = {1: "live", 2: "live", **dict.fromkeys((3, 4, 5), "unknown")}
    assert stage.comes_to(gone) == gone
    assert "the line is cut behind EssentialLoad" in stage.poller.verdicts[3].evidence
    stage.line.faults.clear()
    assert stage.comes_to(LIVE) == LIVE

    stage.line.unplug()
    assert set(stage.rounds(1).values()) == {"unknown"}
    assert stage.poller.verdicts[1].evidence == "the line is down: line 1"
    stage.line.replug()
    assert stage.rounds(1) == LIVE

    now_ms = stage.clock.now_ms()
    stage.line.site.fail(Failure(now_ms + 1, now_ms + 120_000, dg_start_s=10))
    stage.clock.advance(5)
    gone = dict.fromkeys(LIVE, "dead")
    assert stage.comes_to(gone) == gone
    stage.clock.advance(10)
    assert stage.rounds(1) == {1: "dead", 2: "live", 3: "dead", 4: "dead", 5: "live"}

    stage.poller.keeper.commit()
    told = HistoryReader(home.history).of_kind("supply")
    assert all(event.detail for event in told)
    assert not any(event.new == "Power failure" and "panel" in event.detail for event in told)
