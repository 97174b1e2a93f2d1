"""How a meter did on its line today, by what is stored of it. Pure; the poller counts since its own start."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from substation.dashboard import format as f

KINDS: Mapping[str, tuple[str, ...]] = {
    "timeout": ("timeout", "hung_up", "gateway_path", "gateway_target", "doubtful"),
    "crc": ("crc", "short"),
    "wrong": ("wrong_id", "wrong_function", "wrong_transaction", "length"),
    "noise": ("echo", "noise"),
}
"""By counter the reasons that are stored with a question that brought no answer; any other is a refusal."""


@dataclass(frozen=True, slots=True)
class LineDay:
    """One meter's day."""

    asked: int
    answered: int
    failures: Mapping[str, int] = field(default_factory=dict)
    """How often, by the stored reason."""


def parts(found: LineDay | None) -> dict[str, tuple[str, str]]:
    """Return today's counts; dashes where the history cannot be read."""
    if found is None:
        names = ("asked", "ok", "share", *KINDS, "refused")
        return {f"day.{name}": (f.DASH, "") for name in names}
    counts = {name: sum(found.failures.get(kind, 0) for kind in kinds) for name, kinds in KINDS.items()}
    counts["refused"] = sum(found.failures.values()) - sum(counts.values())
    counts |= {"asked": found.asked, "ok": found.answered}
    told = {f"day.{name}": (f.number(count, 0), "") for name, count in counts.items()}
    share = found.answered / found.asked if found.asked else None
    told["day.share"] = (f.DASH if share is None else f.percent(share, 2), "")
    return told
