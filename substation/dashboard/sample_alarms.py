"""Made-up alarms for the patterns page and the tests: one in each state."""

from typing import Any

from substation.alarms.state import Alarm, Aside
from substation.dashboard import samples
from substation.dashboard.alarm_book import Known, planned
from substation.dashboard.board import Board

_BEGAN = samples.NOW_MS - 132_000
_DEAD = "RY 0.0, YB 0.0, BR 0.0 V of 415 V"


def known(board: Board) -> Known:
    """Return the alarms that the board's state raises; of a lost supply one in each state."""
    plan = planned(samples.SETTINGS)
    if board.alarms is None or not board.alarms.active:
        return Known(plan=plan)
    asks = [key.partition("@") for key, _ in board.alarms.asks if "@" in key]
    if asks:
        raised = [_one(rule, 0, subject=subject) for rule, _, subject in asks]
        return Known({one.key: one for one in raised}, {}, plan, mark="sample")
    shelf = Aside("operator", "WO 2211", _BEGAN, samples.NOW_MS + 3_600_000, 3_600_000)
    told = (
        _one("supply_lost", 1, why=_DEAD),
        _one("voltage_high", 2, why="highest voltage 458.0 V = 110.4 %, limit above 110 % of nominal voltage",
             unseen_ms=samples.NOW_MS - 30_000, unseen_why="the meter did not answer"),
        _one("overcurrent", 2, acked=True, acked_by="operator", acked_ms=_BEGAN + 60_000,
             note="operator: WO 2211"),
        _one("voltage_unbalance", 1, active=False, cleared_ms=samples.NOW_MS - 60_000,
             why="voltage unbalance (NEMA MG-1 14.36) 3.40 %, limit above 3 %"),
        _one("power_factor_low", 1, shelf=shelf),
        _one("feeder_dead", 3, why=_DEAD, suppressed="incomer_dead"),
    )  # fmt: skip
    return Known({one.key: one for one in told}, {}, plan, mark="sample")


def _one(rule: str, meter: int, *, subject: str = "", **how: Any) -> Alarm:
    plain: dict[str, Any] = {
        "active": True, "acked": False, "told": True, "occurrence": "sample-1",
        "since_ms": _BEGAN, "raised_ms": _BEGAN + 5_000,
    }  # fmt: skip
    return Alarm(rule, subject or f"meter:{meter}", **{**plain, **how})
