"""What somebody asks for: which rows, of which time, of which meters."""

from dataclasses import dataclass
from typing import Literal, cast, get_args

from substation.errors import AccessError
from substation.settings.model import Settings
from substation.store.pages import Wanted
from substation.store.schema import COARSE, ROLLUPS

Resolution = Literal["poll", "minute", "quarter", "hour", "day"]
RESOLUTIONS: tuple[Resolution, ...] = get_args(Resolution)
FileForm = Literal["csv", "parquet", "xlsx"]
FILE_FORMS: tuple[FileForm, ...] = get_args(FileForm)
LATEST_MS = 253_370_764_800_000
"""The year 9999 begins: the calendar has no later one."""
WORDS: dict[str, str] = {
    "poll": "every poll",
    "minute": "one row a minute and meter",
    "quarter": "one row a quarter of an hour and meter",
    "hour": "one row an hour and meter",
    "day": "one row a day and meter",
}


@dataclass(frozen=True, slots=True)
class Order:
    """Rows that begin in [start, end), UTC ms."""

    resolution: Resolution
    start_ms: int
    end_ms: int
    meter_ids: tuple[int, ...] = ()
    """None named: every meter that the history knows, also one that is no longer configured."""
    extremes: bool = False
    """With least and greatest value of each instant; the table keeps them from a quarter of an hour on."""
    form: FileForm = "csv"
    """Of the file in the archive."""

    def check(self, settings: Settings) -> None:
        """Raise AccessError, in words, when this station cannot answer it."""
        if self.resolution not in RESOLUTIONS:
            raise AccessError(f"there is no resolution '{self.resolution}'; use {', '.join(RESOLUTIONS)}")
        if self.form not in FILE_FORMS:
            raise AccessError(f"there is no form '{self.form}'; use {', '.join(FILE_FORMS)}")
        if not 0 <= self.start_ms < self.end_ms <= LATEST_MS:
            raise AccessError(
                f"the time to export ends before it begins ({self.start_ms} to {self.end_ms} ms); "
                "exchange the two, or take a later end"
            )
        for meter_id in self.meter_ids:
            if settings.meter(meter_id) is None:
                known = ", ".join(f"{meter.id} {meter.name}" for meter in settings.meters)
                raise AccessError(f"this station has no meter {meter_id}; it has {known}")
        if self.extremes and self.resolution not in COARSE:
            raise AccessError(
                f"least and greatest values are kept for {', '.join(COARSE)}; of {WORDS[self.resolution]} "
                "there are none"
            )

    @property
    def table(self) -> str:
        """The history's table that holds the rows."""
        return "reading" if self.resolution == "poll" else self.resolution

    @property
    def period_s(self) -> int | None:
        """Nominal length of a row's period; None: a row is one poll."""
        return ROLLUPS.get(self.resolution)

    @property
    def wanted(self) -> Wanted:
        """What to ask the history for."""
        return Wanted(self.table, self.start_ms, self.end_ms, self.meter_ids, self.extremes)

    def plain(self) -> dict[str, object]:
        """Return it as JSON carries it."""
        return {
            "resolution": self.resolution,
            "start_ms": self.start_ms,
            "end_ms": self.end_ms,
            "meter_ids": list(self.meter_ids),
            "extremes": self.extremes,
            "form": self.form,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, object]) -> "Order":
        """Return the order that `plain` wrote."""
        return cls(
            cast(Resolution, plain["resolution"]),
            cast(int, plain["start_ms"]),
            cast(int, plain["end_ms"]),
            tuple(cast(list[int], plain["meter_ids"])),
            bool(plain["extremes"]),
            cast(FileForm, plain["form"]),
        )
