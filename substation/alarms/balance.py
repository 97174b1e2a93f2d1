"""What the sources give beyond what the feeders' meters show: before and after a meter fell silent. Pure.

The rest itself says little: it holds losses, consumers without a meter, and whatever the station is built
like. Its change says much: when a meter falls silent its load moves into the rest, if it still flows.
"""

from collections.abc import Collection, Mapping

from substation.alarms.verdict import Balance, Verdict
from substation.settings.model import Settings

LEAST_SHARE = 0.08
"""Of what the sources give: a smaller load is no evidence."""


def balance(
    settings: Settings,
    verdicts: Mapping[int, Verdict],
    failed: Collection[int],
    now_ms: int,
    fresh_ms: int,
) -> Balance | None:
    """Return what the sources give beyond what the feeders show; None unless every source shows it."""
    fed_w = shown_w = 0.0
    counted = set()
    for meter in settings.meters:
        verdict = verdicts.get(meter.id)
        heard = verdict.heard if verdict else None
        known = heard is not None and meter.id not in failed and abs(now_ms - heard.at_ms) <= fresh_ms
        watts = heard.watts if heard is not None and known else None
        if watts is None and meter.role != "feeder":
            return None
        if watts is None:
            continue
        counted.add(meter.id)
        if meter.role == "feeder":
            shown_w += watts
        else:
            fed_w += watts
    return Balance(fed_w - shown_w, fed_w, frozenset(counted))


def load_left(
    meter_id: int, verdicts: Mapping[int, Verdict], now: Balance | None
) -> tuple[float | None, float]:
    """Return the load of what fell silent with a meter, W, and how much of it the sources still give.

    The load is None where that cannot be known: a source does not answer, others came or went meanwhile,
    or so little is at stake that the wavering of the rest could hide it.
    """
    heard = verdicts[meter_id].heard
    before = heard.before if heard else None
    if before is None or now is None or meter_id not in before.counted or now.counted - before.counted:
        return None, 0.0
    gone = before.counted - now.counted
    loads = [h.watts for key in gone if (h := verdicts[key].heard) and h.watts is not None]
    load_w = sum(loads)
    if len(loads) < len(gone) or load_w < LEAST_SHARE * before.fed_w:
        return None, 0.0
    return load_w, now.rest_w - before.rest_w
