"""A failure of the mains with DG change-over, through the wire, as the poller judges it."""

import time
import zoneinfo
from pathlib import Path

import pytest

from substation.acquisition.spine import Poller
from substation.clock import SystemClock
from substation.meters.profile import load
from substation.settings import files
from substation.settings.model import CARD_METERS, Home
from substation.simulator.line import SimulatedLine
from substation.simulator.site import Failure, Site
from substation.store.history import HistoryReader
from tests.acquisition.conftest import FAST, MONDAY_NOON_MS
from tests.fake_clock import FakeClock

OUTAGE = Failure(MONDAY_NOON_MS + 60_000, MONDAY_NOON_MS + 300_000, dg_start_s=10, dg_stop_s=30)


def statuses(poller: Poller) -> list[str]:
    return [poller.verdicts[meter.id].status for meter in CARD_METERS]


@pytest.mark.parametrize("own_supply", [(), (3, 4)])
def test_an_outage_is_told_from_silence(
    home: Home,
    changed,
    station_clock: FakeClock,
    zone: zoneinfo.ZoneInfo,
    tmp_path: Path,
    own_supply: tuple[int, ...],
) -> None:
    site = Site(1, epoch_ms=MONDAY_NOON_MS - 3_600_000, zone=zone, failures=(OUTAGE,))
    changed(
        meters=tuple(
            meter.model_copy(update={"aux_supply": "own" if meter.id in own_supply else "station"})
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
        own_supply=own_supply,
    ):
        poller = Poller(files.load(home.folder), SystemClock())
        poller.run(rounds=1)
        assert statuses(poller) == ["EB supply On", "OK", "OK", "OK", "DG set Off"]
        station_clock.advance(120)
        poller.run(rounds=4)
        assert statuses(poller) == ["EB supply Off", "OK", "Power failure", "Power failure", "DG set On"]
        if own_supply:
            assert "silent together" in poller.verdicts[3].evidence
            assert poller.plant.failed == {3, 4}
        else:
            assert poller.verdicts[3].evidence == "RY 0.0, YB 0.0, BR 0.0 V of 415 V"
            assert poller.plant.failed == frozenset()
        station_clock.advance(300)
        give_up_s = (
            time.monotonic() + 30
        )  # without a pause between rounds a lost meter is probed after 2, 4, 8 s
        while poller.plant.failed and time.monotonic() < give_up_s:
            poller.run(rounds=poller.number + 1)
        poller.run(rounds=poller.number + 1)
        assert statuses(poller) == ["EB supply On", "OK", "OK", "OK", "DG set Off"]
        poller.stop()
    assert HistoryReader(home.history).latest()[1].answered
