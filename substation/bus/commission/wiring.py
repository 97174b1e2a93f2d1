"""Are the meters of this line wired and set right? A few readings of each, then what physics says of them.

The result: `line took_s ended`, `meters` (a row a meter: `id meter profile answered judged words findings
notes values`), `site` (findings about incomer and feeders together), `notes`. A finding has `kind what
certainty evidence look_at`; certainty is `sure`, `likely` or `possible`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from substation.bus.commission.ask import Asker, Ended, Record, read_all
from substation.bus.commission.read import Target
from substation.meters import doubt, ratio
from substation.meters.finding import Finding
from substation.meters.wiring import NO_VOLTAGE, Check, Circuit, check
from substation.meters.wiring_balance import balance
from substation.quantities import Ratings
from substation.settings.model import Meter, Settings

READINGS = 3
"""One reading may be taken in the moment in which a load is switched."""
ANGLES = ("v_angle_r", "v_angle_y", "v_angle_b")
SHOWN = (
    "vll_average",
    "v_r",
    "v_y",
    "v_b",
    "current_r",
    "current_y",
    "current_b",
    "watts_total",
    "pf_average",
)
RUNNING = 0.02
"""Of its rating: a generator that carries so much takes part in the balance, which is then not judged."""


@dataclass(slots=True)
class Seen:
    """One meter and what it said."""

    target: Target
    meter: Meter | None
    circuit: Circuit
    readings: list[Mapping[str, float | None]] = field(default_factory=list)
    wrong_order: Finding | None = None
    silence: str = ""
    check: Check = field(default_factory=lambda: Check((), ()))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with it; a wrong word order makes all else meaningless."""
        return (self.wrong_order,) if self.wrong_order else self.check.findings

    @property
    def judged(self) -> bool:
        """Whether something can be told of it."""
        return bool(self.findings) or (bool(self.readings) and NO_VOLTAGE not in self.check.notes)

    def power_w(self) -> float | None:
        """Return the middle one of the powers that were read, W."""
        known = [watts for values in self.readings if (watts := values.get("watts_total")) is not None]
        return median(known) if known else None


def check_wiring(
    asker: Asker, targets: Sequence[tuple[Target, Meter | None]], settings: Settings | None
) -> dict[str, Any]:
    """Return what is wrong on the line. Raises LineDown."""
    start_s = asker.clock.monotonic()
    seen = [Seen(target, meter, _circuit(meter, settings, asker.clock.now_ms())) for target, meter in targets]
    ended = False
    try:
        for turn in range(READINGS):
            for at, one in enumerate(seen):
                asker.tell((turn * len(seen) + at) / (READINGS * len(seen)), f"reading {one.target.shown}")
                if not one.silence:
                    _read(asker, one, settings)
    except Ended:
        ended = True
    for one in seen:
        if one.readings and not one.wrong_order:
            one.check = check(one.readings, one.circuit)
    site, note = _site(seen)
    return {
        "line": asker.wire.settings.name,
        "took_s": round(asker.clock.monotonic() - start_s, 2),
        "ended": ended,
        "meters": [_row(one) for one in seen],
        "site": [asdict(finding) for finding in site],
        "notes": [note] if note else [],
    }


def _circuit(meter: Meter | None, settings: Settings | None, now_ms: int) -> Circuit:
    if meter is None or settings is None:
        return Circuit()
    nominal_v = settings.nominal_v(meter)
    rated_kva = ratio.rated_kva_at(meter, now_ms, settings.site.zone)
    return Circuit(nominal_v, Ratings(1000 * rated_kva, nominal_v).rated_a, meter.role)


def _read(asker: Asker, one: Seen, settings: Settings | None) -> None:
    profile = one.target.profile
    if profile is None:
        one.silence = "no profile that can be used"
        return
    wanted = [key for key in profile.group("fast") if key in profile.registers]
    wanted += [key for key in ANGLES if key in profile.extras]
    record = read_all(asker, one.target.modbus_id, profile, wanted)
    if not record.words:
        one.silence = f"no answer: {next(iter(record.missing.values()), '')}"
        return
    one.wrong_order = one.wrong_order or _order(one.target, record)
    values = record.values(profile)
    if one.meter is not None and settings is not None:
        found = ratio.factors(one.meter, record.at_ms, settings.site.zone)
        values = dict(ratio.scaled(values, found))
    one.readings.append(values)


def _order(target: Target, record: Record) -> Finding | None:
    """Return the finding that the words come in another order than the profile says."""
    profile, words = target.profile, record.words.get("frequency")
    order = doubt.order_doubt(profile, words) if profile and words else None
    if profile is None or words is None or order is None:
        return None
    return Finding(
        "word_order",
        f"wrong word order: it sends {order}, its profile says {profile.place('frequency').word_order}",
        "sure",
        f"frequency registers {' '.join(f'{word:04X}' for word in words)}: 45 to 65 Hz in {order} alone",
        doubt.doubt_words(profile, order),
    )


def _site(seen: Sequence[Seen]) -> tuple[list[Finding], str]:
    """Return what the meters say of each other, and why nothing where that cannot be judged."""
    incomers = [one for one in seen if one.circuit.role == "incomer"]
    feeders = [one for one in seen if one.circuit.role == "feeder"]
    if len(incomers) != 1 or not feeders or incomers[0].meter is None:
        return [], ""
    taking_part = [*incomers, *feeders]
    powers = {one.target.name: watts for one in taking_part if (watts := one.power_w()) is not None}
    doubtful = [one.target.name for one in taking_part if any(f.kind != "ratio" for f in one.findings)]
    why = ""
    if len(powers) < len(taking_part):
        why = "not every one of them said its power"
    elif doubtful:
        why = f"put right first: {', '.join(doubtful)}"
    elif any(_generates(one) for one in seen):
        why = "a generator carries load"
    if why:
        return [], f"the balance of incomer and feeders was not judged: {why}"
    return balance(powers, incomers[0].target.name), ""


def _generates(one: Seen) -> bool:
    rated_a, watts = one.circuit.rated_a, one.power_w()
    if one.circuit.role != "generator" or watts is None or one.meter is None:
        return False
    return rated_a is None or abs(watts) > RUNNING * 1000 * one.meter.rated_kva


def _row(one: Seen) -> dict[str, Any]:
    if one.silence and not one.readings:
        words = one.silence
    elif one.findings:
        words = "; ".join(f"{finding.what} ({finding.certainty})" for finding in one.findings)
    else:
        words = "nothing found" if one.judged else "not judged: no voltage"
    values = one.readings[-1] if one.readings else {}
    return {
        "id": one.target.modbus_id,
        "meter": one.target.name or None,
        "profile": one.target.profile_name,
        "answered": bool(one.readings),
        "judged": one.judged,
        "words": words,
        "findings": [asdict(finding) for finding in one.findings],
        "notes": list(one.check.notes),
        "values": {key: values[key] for key in SHOWN if key in values},
    }


def words_of(result: Mapping[str, Any]) -> str:
    """Return a check in a sentence."""
    count = len(result["site"]) + sum(len(row["findings"]) for row in result["meters"])
    silent = sum(not row["answered"] for row in result["meters"])
    parts = ["ended early"] if result["ended"] else []
    looked = len(result["meters"])
    parts.append(f"{looked} meter{'s' if looked != 1 else ''} looked at")
    if count or any(row["judged"] for row in result["meters"]):
        parts.append(f"{count} finding{'s' if count != 1 else ''}" if count else "nothing found")
    if dead := sum(row["answered"] and not row["judged"] for row in result["meters"]):
        parts.append(f"{dead} could not be judged for want of voltage")
    if silent:
        parts.append(f"{silent} did not answer")
    return ", ".join(parts)
