"""The station's own meter profiles, as a running poller takes them."""

import logging
from collections.abc import Callable

import pytest

from substation.acquisition.spine import Poller
from substation.meters.profile import FOLDER
from substation.settings import files
from substation.settings.model import CARD_METERS, Home
from substation.simulator.line import SimulatedLine
from substation.store import heartbeat, live
from substation.store.history import HistoryReader
from tests.fake_clock import FakeClock


def test_a_mended_profile_is_taken_over_without_a_restart(
    simulated: SimulatedLine,
    home: Home,
    changed: Callable[..., None],
    poller: Poller,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(logging.getLogger("poller"), "propagate", True)
    sound = (FOLDER / "elmeasure_lgplus.toml").read_text(encoding="utf-8")
    home.profiles.mkdir()
    own = home.profiles / "own.toml"
    own.write_text(sound.replace("watts_total", "watts_totl"), encoding="utf-8")
    changed(meters=(CARD_METERS[0].model_copy(update={"profile": "own"}), *CARD_METERS[1:]))
    poller.run(rounds=4)
    beat = heartbeat.read(home.heartbeat)
    assert beat is not None
    fault = next(meter["fault"] for meter in beat["meters"] if meter["id"] == 1)
    assert "own.toml" in fault
    assert "watts_totl" in fault
    assert beat["problems"] == [f"meter 1 Transformer is not polled: {fault}"]
    row = live.latest(home.live)[1].newest
    assert (row.reading.quality, row.reading.reason, row.comm_status) == (
        "disabled",
        "profile",
        "Communication failed",
    )
    own.write_text(sound, encoding="utf-8")
    poller.run(rounds=8)
    beat = heartbeat.read(home.heartbeat)
    assert beat is not None
    assert (beat["problems"], {meter["fault"] for meter in beat["meters"]}) == ([], {""})
    assert live.latest(home.live)[1].newest.reading.answered
    assert [record.message.split(":")[0] for record in caplog.records].count(
        "meter 1 Transformer is not polled"
    ) == 1
    assert "meter 1: its profile can be used" in caplog.text
    poller.stop()
    now_ms = beat["at_ms"]
    kinds = [(e.kind, e.meter_id, e.new) for e in HistoryReader(home.history).events(0, now_ms + 1000)]
    assert ("meter.profile", 1, "unusable") in kinds
    assert ("meter.profile", 1, "usable") in kinds


def test_a_profile_that_changes_in_a_long_rest_does_not_wait_for_the_next_round(
    home: Home, changed: Callable[..., None], clock: FakeClock
) -> None:
    changed(poll=files.load(home.folder).settings.poll.model_copy(update={"interval_s": 600.0}))
    poller = Poller(files.load(home.folder), clock)
    poller.run(rounds=1)
    before, began_s = poller.plant, clock.monotonic()
    sleep = clock.sleep

    def sleep_and_change(seconds: float) -> None:
        sleep(seconds)
        if clock.monotonic() - began_s > 10:
            home.profiles.mkdir(exist_ok=True)
            (home.profiles / "new.toml").write_text("", encoding="utf-8")

    clock.sleep = sleep_and_change  # type: ignore[method-assign]
    poller.rest()
    assert poller.plant is not before
    assert clock.monotonic() - began_s < 13
    poller.stop()
