"""A made-up station in each state it can be in: what the patterns page shows and the page tests walk through.

The boards are made by the same rules as real ones (`board.make_board`), from a made-up report of the
poller and made-up readings. Nothing here is ever shown as a reading of this station.
"""

from collections.abc import Callable, Mapping
from typing import Any

from substation.clock_trust import UNTRUSTED
from substation.dashboard.board import Board, make_board
from substation.dashboard.tongue import later
from substation.dashboard.values import Model
from substation.meters.profile import load
from substation.quantities import COUNTERS, KEYS
from substation.readings import Reading
from substation.settings.model import CARD_METERS, Line, Meter, Settings, Site

NOW_MS = 1_795_431_008_000
"""Mon 23 Nov 2026, 16:20:08 at Kolkata."""
DAY_S = 86_400
SETTINGS = Settings(site=Site(name="GS Substation"), lines=(Line(),), meters=CARD_METERS)
AMPS = {1: 226.0, 2: 81.7, 3: 52.8, 4: 90.7, 5: 0.0}
"""Mean phase current of each meter, A."""
ON = {"incomer": "EB supply On", "generator": "DG set On", "feeder": "OK"}
ALARMS = ("unacknowledged", "active", "shelved", "suppressed", "out_of_service", "seq")
"""What the poller counts of the alarms."""
OFF = {"incomer": "EB supply Off", "generator": "DG set Off", "feeder": "Power failure"}


def values(meter: Meter, *, volts: float = 239.3, amps: float | None = None) -> dict[str, float | None]:
    """Return a whole set of plausible quantities: sums add up, line voltage is sqrt 3 of phase voltage."""
    mean = AMPS[meter.id] if amps is None else amps
    found: dict[str, float | None] = dict.fromkeys(KEYS, 0.0)
    whole_w = whole_var = whole_va = 0.0
    factor = 0.946 if volts and mean else 0.0
    for phase, tilt in (("r", 1.03), ("y", 1.0), ("b", 0.97)):
        own_v, own_a = volts * (1 + (tilt - 1) / 12), mean * tilt
        own_va = own_v * own_a
        own_w, own_var = own_va * factor, own_va * (1 - factor**2) ** 0.5 if factor else 0.0
        found |= {f"v_{phase}": own_v, f"current_{phase}": own_a, f"watts_{phase}": own_w}
        found |= {f"var_{phase}": own_var, f"va_{phase}": own_va, f"pf_{phase}": factor}
        whole_w, whole_var, whole_va = whole_w + own_w, whole_var + own_var, whole_va + own_va
    line_v = volts * 3**0.5
    found |= dict.fromkeys(("v_ry", "v_yb", "v_br", "vll_average"), line_v)
    found |= {"vln_average": volts, "watts_total": whole_w, "var_total": whole_var, "va_total": whole_va}
    found |= {"current_total": 3 * mean, "pf_average": factor, "frequency": 49.99 if volts else 0.0}
    found |= {"wh_received": 1_845_469_000.0, "vah_received": 1_954_883_000.0, "pf_average_received": 0.944}
    return found


def said(meter: Meter, supply: str = "live", **changes: Any) -> dict[str, Any]:
    """Return what the poller reports of a meter."""
    words = ON if supply == "live" else OFF
    status = "Phase lost" if supply == "phase_lost" else words[meter.role]
    entry: dict[str, Any] = {
        "id": meter.id, "supply": supply, "status": status, "since_ms": NOW_MS - (26 * DAY_S + 14_400) * 1000,
        "evidence": "RY 415.1, YB 414.4, BR 413.9 V of 415 V", "comm_status": "OK", "comm_detail": "",
        "last_good_ms": NOW_MS, "asked": 29_404, "ok": 29_389, "timeout": 11, "crc": 4, "wrong": 0,
        "refused": 0, "noise": 2, "turnaround_ms": 31.0,
    }  # fmt: skip
    return {**entry, **changes}


SILENT: dict[str, Any] = {
    "supply": "unknown", "status": "Unknown", "evidence": "", "comm_status": "Communication failed",
    "comm_detail": "no answer within 250 ms",
}  # fmt: skip
Change = Callable[[dict[int, dict[str, Any]], dict[int, Reading | None], dict[str, Any]], None]


def parts(
    change: Change | None = None, settings: Settings = SETTINGS
) -> tuple[dict[int, dict[str, Any]], dict[int, Reading | None], dict[str, Any]]:
    """Return reports of the meters, readings and the beat: normal ones, or what `change` makes of them."""
    reports: dict[int, dict[str, Any]] = {}
    readings: dict[int, Reading | None] = {}
    for place, meter in enumerate(settings.meters):
        running = meter.role != "generator"
        reports[meter.id] = said(meter, "live" if running else "dead")
        if not running:
            reports[meter.id]["evidence"] = "RY 0.0, YB 0.0, BR 0.0 V of 415 V"
        at = NOW_MS - 400 - 200 * place
        readings[meter.id] = Reading(meter.id, at, values(meter, volts=239.3 if running else 0.0))
    beat: dict[str, Any] = {
        "state": "running", "at_ms": NOW_MS - 300, "started_ms": NOW_MS - DAY_S * 1000, "interval_s": 2.0,
        "simulated": settings.simulated, "limit_s": 1.135, "problems": [],
        "lines": [{"name": "line 1", "port": "/dev/ttyUSB0", "state": "up", "detail": "", "busy": 0.57}],
        "alarms": dict.fromkeys(ALARMS, 0),
    }  # fmt: skip
    if change is not None:
        change(reports, readings, beat)
    return reports, readings, beat


def board(change: Change | None = None, settings: Settings = SETTINGS) -> Board:
    """Return the normal board, or what `change` makes of it.

    What `change` puts under `asked` and `models` into the beat goes to `make_board` under these names.
    """
    reports, readings, beat = parts(change, settings)
    asked, models = beat.pop("asked", {}), beat.pop("models", {})
    last: Mapping[int, Reading] = {key: reading for key, reading in readings.items() if reading is not None}
    told = {**beat, "meters": list(reports.values())} if beat else None
    return make_board(settings, told, last, NOW_MS, asked=asked, models=models)


def _older(reading: Reading | None, by_s: float) -> Reading | None:
    return (
        None
        if reading is None
        else Reading(
            reading.meter_id,
            reading.at_ms - round(by_s * 1000),
            reading.values,
            implausible=reading.implausible,
        )
    )


def _meter(meter_id: int) -> Meter:
    return next(meter for meter in CARD_METERS if meter.id == meter_id)


def _raised(beat: dict[str, Any], *found: tuple[str, str]) -> None:
    """Let alarms ask somebody, by key and priority, the most urgent first; a sample's raise bears its key."""
    rule, _, subject = found[0][0].partition("@")
    beat["alarms"] |= {
        "unacknowledged": len(found), "active": len(found), "seq": len(found), "highest": found[0][1],
        "top": [rule, subject], "asks": [list(one) for one in found],
    }  # fmt: skip


def supply_lost(reports: Any, readings: Any, beat: Any) -> None:
    """The mains have failed two minutes ago, the DG set carries the essential load."""
    beat["alarms"] |= {
        "unacknowledged": 3,
        "active": 3,
        "shelved": 1,
        "suppressed": 1,
        "highest": "high",
        "seq": 7,
    }
    began = NOW_MS - 132_000
    for key in (1, 3, 4):
        reports[key] = said(_meter(key), "dead", since_ms=began, evidence="RY 0.0, YB 0.0, BR 0.0 V of 415 V")
        readings[key] = Reading(key, NOW_MS - 500, values(_meter(key), volts=0.0, amps=0.0))
    reports[5] = said(_meter(5), "live", since_ms=began + 13_000)
    readings[5] = Reading(5, NOW_MS - 900, values(_meter(5), amps=AMPS[2]))


def all_dead(reports: Any, readings: Any, beat: Any) -> None:
    """The mains have failed and the DG set does not run."""
    supply_lost(reports, readings, beat)
    for key in (2, 5):
        reports[key] = said(_meter(key), "dead", since_ms=NOW_MS - 132_000)
        readings[key] = Reading(key, NOW_MS - 500, values(_meter(key), volts=0.0, amps=0.0))


def feeder_dead(reports: Any, readings: Any, beat: Any) -> None:
    """One feeder is without supply while the bus is live."""
    reports[3] = said(_meter(3), "dead", since_ms=NOW_MS - 600_000)
    readings[3] = Reading(3, NOW_MS - 500, values(_meter(3), volts=0.0, amps=0.0))
    _raised(beat, ("feeder_dead@meter:3", "high"))


def no_current(reports: Any, readings: Any, _: Any) -> None:
    """A feeder is live and carries nothing."""
    reports[3] = said(_meter(3), "live")
    readings[3] = Reading(3, NOW_MS - 500, values(_meter(3), amps=0.0))


def phase_lost(reports: Any, readings: Any, beat: Any) -> None:
    """Phase Y of a feeder is gone."""
    reports[3] = said(_meter(3), "phase_lost", since_ms=NOW_MS - 61_000, evidence="Y 12.0 V of 240 V")
    lost = {**values(_meter(3)), "v_y": 12.0, "v_ry": 241.0, "v_yb": 240.0, "current_y": 0.0}
    readings[3] = Reading(3, NOW_MS - 500, lost)
    _raised(beat, ("phase_loss@meter:3", "high"), ("voltage_low@meter:3", "medium"))


def late(_: Any, readings: Any, __: Any) -> None:
    """Meter 2 has not been read for some rounds; the poller has not given it up."""
    readings[2] = _older(readings[2], 7.6)


def dead_meter(reports: Any, readings: Any, beat: Any) -> None:
    """Meter 4 has been silent for 42 minutes."""
    reports[4] = said(_meter(4), **SILENT)
    readings[4] = _older(readings[4], 42 * 60)
    _raised(beat, ("communication_lost@meter:4", "medium"))


def never_seen(reports: Any, readings: Any, beat: Any) -> None:
    """Meter 4 has never answered."""
    reports[4] = said(_meter(4), **SILENT)
    readings[4] = None
    _raised(beat, ("communication_lost@meter:4", "medium"))


def all_silent(reports: Any, readings: Any, beat: Any) -> None:
    """No meter answers any more."""
    for meter in CARD_METERS:
        reports[meter.id] = said(meter, **SILENT)
        readings[meter.id] = _older(readings[meter.id], 30)
    _raised(beat, *[(f"communication_lost@meter:{meter.id}", "medium") for meter in CARD_METERS])


def doubtful(_: Any, readings: Any, __: Any) -> None:
    """Meter 2 reports a voltage that cannot be."""
    found = {**readings[2].values, "v_r": 2394.1}
    readings[2] = Reading(2, NOW_MS - 600, found, implausible=frozenset({"v_r"}))


def low_voltage(_: Any, readings: Any, beat: Any) -> None:
    """Meter 2 sees less than 90 % of nominal."""
    readings[2] = Reading(2, NOW_MS - 600, values(_meter(2), volts=211.4))
    _raised(beat, ("voltage_low@meter:2", "medium"))


def heavy(_: Any, readings: Any, __: Any) -> None:
    """Meter 2 carries more than 80 % of its rated current."""
    readings[2] = Reading(2, NOW_MS - 600, values(_meter(2), amps=195.0))


def overload(_: Any, readings: Any, beat: Any) -> None:
    """Meter 2 carries more than its rated current."""
    readings[2] = Reading(2, NOW_MS - 600, values(_meter(2), amps=240.0))
    _raised(beat, ("overcurrent@meter:2", "medium"))


def frozen(reports: Any, _: Any, __: Any) -> None:
    """Meter 2 answers and has said the same for two hours."""
    reports[2]["frozen_since_ms"] = NOW_MS - 8_100_000


def in_groups(reports: Any, readings: Any, beat: Any) -> None:
    """Energies were read 45 s ago; meter 3 has one phase, meter 4 refuses a register and says more."""
    beat["asked"] = {}
    for key, reading in readings.items():
        beat["asked"][key] = dict.fromkeys(COUNTERS, _older(reading, 45))
        instants = {name: value for name, value in reading.values.items() if name not in COUNTERS}
        readings[key] = Reading(key, reading.at_ms, instants)
    beat["models"] = {3: Model.of(load("eastron_sdm120"))}
    known = {name: value for name, value in readings[3].values.items() if name in beat["models"][3].keys}
    readings[3] = Reading(3, readings[3].at_ms, known)
    del beat["asked"][4]["wh_delivered"]
    reports[4]["disabled"] = {"wh_delivered": "register 40167 refused with exception 2, illegal data address"}
    reports[4]["extras"] = {"thd_v_r": [3.21, NOW_MS - 34_000], "rpm": [None, NOW_MS - 34_000]}
    reports[4]["identity"] = {"serial": 4_711_042}


def stopped(_: Any, readings: Any, beat: Any) -> None:
    """The poller has not reported for 200 s."""
    for meter in CARD_METERS:
        readings[meter.id] = _older(readings[meter.id], 200)
    beat["at_ms"] = NOW_MS - 200_000


def line_down(_: Any, readings: Any, beat: Any) -> None:
    """The adapter is gone."""
    for meter in CARD_METERS:
        readings[meter.id] = _older(readings[meter.id], 14)
    beat["lines"][0] |= {
        "state": "down",
        "detail": "the adapter of line 1 is gone; looking for it",
        "busy": None,
    }
    _raised(beat, ("adapter_lost@line:line 1", "high"))


def untrusted_clock(reports: Any, _: Any, beat: Any) -> None:
    """The machine woke with the time of its last shutdown, and nobody vouches for it."""
    beat["clock"] = {"trusted": False, "source": ""}
    beat["problems"] = [UNTRUSTED]
    for entry in reports.values():
        entry["since_ms"] = NOW_MS - 900_000
    _raised(beat, ("clock@station", "low"))


def first_round(reports: Any, readings: Any, _: Any) -> None:
    """The poller has just started; nothing was ever stored."""
    reports.clear()
    for meter in CARD_METERS:
        readings[meter.id] = None


def empty(reports: Any, readings: Any, beat: Any) -> None:
    """Nothing has run here yet."""
    first_round(reports, readings, beat)
    beat.clear()


STATES: dict[str, Change | None] = {
    later("normal"): None,
    later("supply lost, on DG"): supply_lost,
    later("supply lost, no DG"): all_dead,
    later("power failure of a feeder"): feeder_dead,
    later("no current"): no_current,
    later("phase lost"): phase_lost,
    later("late"): late,
    later("dead meter"): dead_meter,
    later("never-seen meter"): never_seen,
    later("all meters silent"): all_silent,
    later("doubtful value"): doubtful,
    later("voltage outside"): low_voltage,
    later("above 80 %"): heavy,
    later("above rating"): overload,
    later("frozen meter"): frozen,
    later("read in groups"): in_groups,
    later("stopped poller"): stopped,
    later("line down"): line_down,
    later("untrusted clock"): untrusted_clock,
    later("first round"): first_round,
    later("empty store"): empty,
}
"""Every state a station can be in, by its name on the patterns page."""
