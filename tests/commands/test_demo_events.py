"""The demo's past has the events that its readings show."""

from substation.alarms.supply import WORDS
from substation.commands.demo_events import SupplyChanges
from substation.settings.model import CARD_METERS, Settings, Site
from substation.simulator import history
from substation.simulator.site import Failure
from substation.simulator.site import Site as Simulated

MINUTE_MS = 60_000
START_MS = 1_795_400_040_000


def test_a_failure_in_the_made_up_past_is_noted_as_a_poller_would_have() -> None:
    settings = Settings(site=Site(name="x"), meters=CARD_METERS)
    failure = Failure(START_MS + 5 * MINUTE_MS, START_MS + 14 * MINUTE_MS)
    site = Simulated(1, epoch_ms=START_MS, zone=settings.site.zone, failures=(failure,))
    changes = SupplyChanges(settings)
    rounds = history.readings(site, START_MS, START_MS + 30 * MINUTE_MS, 60)
    found = [event for round_ in rounds for event in changes.of(round_)]
    of_incomer = [(event.at_ms, event.new) for event in found if event.meter_id == 1]
    assert of_incomer == [(failure.start_ms, "EB supply Off"), (failure.end_ms, "EB supply On")]
    of_set = [event for event in found if event.meter_id == 5]
    assert [event.new for event in of_set] == ["DG set On", "DG set Off"]
    assert {event.old for event in found} <= {word for words in WORDS.values() for word in words.values()}
    assert found[0].detail == "RY 0.0, YB 0.0, BR 0.0 V of 415 V"
