"""What the child process is told, on one line of its standard input.

Neither arguments nor environment of a process are secret; its standard input is. The job holds all that the
child needs, so the child opens no configuration and learns no key.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from substation.export.manifest import Occasion
from substation.export.order import Order
from substation.export.table import Form


@dataclass(frozen=True, slots=True)
class Job:
    """One export."""

    history: Path
    order: Order
    form: Form
    occasion: Occasion
    password: str
    """Of the archive."""
    progress_fd: int
    """Where the child writes its progress, a JSON line at a time."""

    def __repr__(self) -> str:
        """Return it without the password."""
        return f"Job({self.history}, {self.order})"

    def line(self) -> bytes:
        """Return the line."""
        form, occasion = self.form, self.occasion
        plain = {
            "history": str(self.history),
            "order": self.order.plain(),
            "zone": form.zone.key,
            "names": {str(meter_id): name for meter_id, name in form.names.items()},
            "interval_s": form.interval_s,
            "slow_interval_s": form.slow_interval_s,
            "simulated": form.simulated,
            "site": occasion.site,
            "asked_by": occasion.asked_by,
            "at_ms": occasion.at_ms,
            "version": occasion.version,
            "anchor": occasion.anchor,
            "password": self.password,
            "progress_fd": self.progress_fd,
        }
        return json.dumps(plain).encode("ascii") + b"\n"

    @classmethod
    def read(cls, line: bytes) -> "Job":
        """Return the job on a line; raises ValueError or KeyError for anything else."""
        plain = json.loads(line)
        order = Order.from_plain(plain["order"])
        form = form_of(
            order,
            ZoneInfo(plain["zone"]),
            {int(meter_id): name for meter_id, name in plain["names"].items()},
            plain["interval_s"],
            plain["simulated"],
            slow_interval_s=plain["slow_interval_s"],
        )
        anchor = tuple(plain["anchor"]) if plain["anchor"] else None
        occasion = Occasion(plain["site"], plain["asked_by"], plain["at_ms"], plain["version"], anchor)
        return cls(
            Path(plain["history"]), order, form, occasion, plain["password"], int(plain["progress_fd"])
        )


def form_of(
    order: Order,
    zone: ZoneInfo,
    names: dict[int, str],
    interval_s: float,
    simulated: bool,
    *,
    slow_interval_s: float = 0.0,
) -> Form:
    """Return the form of the lines that answer an order."""
    return Form(
        order.resolution,
        zone,
        names,
        interval_s,
        simulated,
        order.period_s,
        order.extremes,
        # a poll without pause may be rarer than the energies are due: then each has them
        slow_interval_s if slow_interval_s > interval_s else 0.0,
    )
