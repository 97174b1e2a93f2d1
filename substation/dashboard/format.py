"""The only place that rounds and rescales, and the only one that writes a number or a time for a person.

Below this file a value is in the unit of `substation.quantities`, unrounded. `assets/live.js` paints
numbers by the `Spec` that stands in the page beside each of them (`data-scale`, `data-decimals`) and by
the same two rules (halves away from zero, no minus on nothing), so that a number drawn by the server
and the same number drawn by the browser are equal to the letter; `tests/browser` holds them together.
"""

import datetime as dt
import math
import zoneinfo
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from substation.clock import site_time
from substation.dashboard.heard import told
from substation.dashboard.tongue import later, say
from substation.quantities import BY_KEY, NOTHING, Quantity

THIN = "\u202f"
"""Narrow no-break space: between thousands."""
MINUS = "\u2212"
DASH = "\u2014"
"""Stands where there is no value. Never 0."""
DOUBT = "?"
"""Stands behind what rests on a clock that nobody vouches for."""
PREFIXED = {"W": "kW", "VA": "kVA", "var": "kvar", "Wh": "kWh", "VAh": "kVAh", "varh": "kvarh"}
KILO_TO_MEGA = {"kW": "MW", "kVA": "MVA", "kvar": "Mvar", "kWh": "MWh", "kVAh": "MVAh", "kvarh": "Mvarh"}
MEGA_FROM_KVA = 10_000.0
"""Circuits rated for so much or more are shown in mega-units."""
WHOLE_AMPS_FROM_A = 300.0
"""Rated current from which a glance at a card needs no tenths of an ampere."""


@dataclass(frozen=True, slots=True)
class Spec:
    """How one quantity is written: value / divisor, so many decimals, unit."""

    divisor: float
    decimals: int
    unit: str
    zero_is_none: bool = False
    """A dead circuit has no frequency and no power factor; the meter sends 0 for "none"."""

    def text(self, value: float | None) -> str:
        """Return the number without its unit; a dash for None."""
        nothing = self.zero_is_none and value == 0
        return DASH if value is None or nothing else number(value / self.divisor, self.decimals)

    def words(self, value: float | None) -> str:
        """Return number and unit: `153.6 kW`; a dash alone for None."""
        written = self.text(value)
        return written if written == DASH or not self.unit else f"{written} {self.unit}"

    def plotted(self, value: float | None) -> float | None:
        """Return the number for a curve, one decimal finer than in print: short to send, fine to see."""
        return None if value is None else round(value / self.divisor, self.decimals + 1)


@lru_cache(maxsize=1024)
def spec(key: str, rated_kva: float = 500.0, nominal_v: float = 415.0, *, glance: bool = False) -> Spec:
    """Return how a quantity of a circuit is written.

    The prefix depends on the circuit's rating, never on the momentary value: a unit that jumps with
    the load is misread.

    Args:
        key: a key of the vocabulary.
        rated_kva: three-phase rating of the circuit, kVA.
        nominal_v: line to line, V.
        glance: as on a card, where a large current needs no tenths, and a frequency or a power factor
            of exactly 0 is a dash. Tables write what the meter sent.
    """
    quantity: Quantity = BY_KEY[key]
    unit = PREFIXED.get(quantity.unit)
    if unit is None:
        decimals = quantity.decimals
        if glance and quantity.unit == "A":
            decimals = 0 if rated_kva * 1000 / (math.sqrt(3) * nominal_v) >= WHOLE_AMPS_FROM_A else 1
        none = glance and key in NOTHING
        return Spec(1.0, decimals, "" if quantity.unit == "1" else quantity.unit, none)
    if rated_kva >= MEGA_FROM_KVA:
        return Spec(1e6, quantity.decimals + 2, KILO_TO_MEGA[unit])
    return Spec(1e3, quantity.decimals, unit)


@lru_cache(maxsize=4096)
def number(value: float | None, decimals: int) -> str:
    """Return a number as a person reads it: real minus, thin spaces between thousands, a dash for None.

    Halves go away from zero, decided on the exact binary value, as `Number.toFixed` does.
    """
    if value is None or not math.isfinite(value):
        return DASH
    digits = format(abs(Decimal(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP), "f")
    whole, dot, rest = digits.partition(".")
    groups: list[str] = []
    while len(whole) > 3:
        groups.insert(0, whole[-3:])
        whole = whole[:-3]
    written = THIN.join([whole, *groups]) + dot + rest
    negative = value < 0 and any(digit in "123456789" for digit in digits)
    return f"{MINUS}{written}" if negative else written


def any_number(value: float | str | None) -> str:
    """Return a value of which we know no more: whole numbers whole, others to about four digits."""
    if value is None or isinstance(value, str):
        return DASH if value is None else value
    if not math.isfinite(value) or value == int(value):
        return number(value, 0)
    return number(value, max(0, min(3, 3 - math.floor(math.log10(abs(value))))))


def percent(part: float | None, decimals: int = 0) -> str:
    """Return a part of one as `57 %`."""
    return DASH if part is None else f"{number(part * 100, decimals)} %"


def age(seconds: float | None) -> str:
    """Return an age as it stands on a card: `0.4 s`, `12 s`, `42 min`, `5 h`, `3 d`. Never rounded up."""
    if seconds is None:
        return DASH
    seconds = max(seconds, 0.0)
    if seconds < 10:
        return f"{math.floor(seconds * 10) / 10:.1f} s"
    for unit_s, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit_s:
            return f"{math.floor(seconds / unit_s)} {unit}"
    return f"{math.floor(seconds)} s"


def freshness_words(freshness: str, seconds: float | None) -> str:
    """Return what stands at a card's edge: `0.4 s`, `late 8 s`, `stale 42 min`, `never answered`."""
    if freshness == "fresh":
        return age(seconds)
    if freshness == "never" or seconds is None:
        return say("never answered")
    return (
        say("late {age}", age=age(seconds)) if freshness == "late" else say("stale {age}", age=age(seconds))
    )


def duration(seconds: float | None) -> str:
    """Return how long something lasts, in its two largest units: `1 min 59 s`, `26 d 4 h`."""
    if seconds is None:
        return DASH
    whole = max(0, math.floor(seconds))
    for unit_s, unit, below_s, below in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= unit_s:
            rest = whole % unit_s // below_s
            return f"{whole // unit_s} {unit} {rest} {below}"
    return f"{whole} s"


def time_of_day(ms: int | None, zone: zoneinfo.ZoneInfo, *, seconds: bool = False) -> str:
    """Return the site's time of day, `16:20` or `16:20:08`."""
    if ms is None:
        return DASH
    return _clock(site_time(ms, zone), seconds=seconds)


def unsure(text: str, is_doubted: bool) -> str:
    """Return a time, or a figure of a day, with the sign of a clock that nobody vouches for: `10:42 ?`.

    Words without a number (`not yet`) rest on no clock.
    """
    return f"{text}{THIN}{DOUBT}" if is_doubted and any(map(str.isdigit, text)) else text


def _clock(when: dt.datetime, *, seconds: bool) -> str:
    written = f"{when.hour:02}:{when.minute:02}"  # strftime takes twenty times as long
    return f"{written}:{when.second:02}" if seconds else written


def day(ms: int, zone: zoneinfo.ZoneInfo) -> str:
    """Return the site's day, `Mon 23 Nov 2026`, in the viewer's language, not the machine's."""
    return _day(site_time(ms, zone))


def day_and_zone(ms: int, zone: zoneinfo.ZoneInfo) -> str:
    """Return the site's day with the name of its time, `Mon 23 Nov 2026, IST`."""
    return f"{day(ms, zone)}, {site_time(ms, zone).tzname()}"


def moment(ms: int | None, now_ms: int, zone: zoneinfo.ZoneInfo) -> str:
    """Return a point in time: `10:42:06` when it was today, else `22 Nov 10:42`."""
    if ms is None:
        return DASH
    when = site_time(ms, zone)
    if when.date() == site_time(now_ms, zone).date():
        return _clock(when, seconds=True)
    return f"{when.day} {month(when.month)} {when:%H:%M}"


def minute(ms: int, now_ms: int, zone: zoneinfo.ZoneInfo) -> str:
    """Return a point in time to the minute: `10:42` when it was today, else `22 Nov 10:42`."""
    written = moment(ms, now_ms, zone)
    return written[:5] if written[2] == ":" else written


DAYS = (
    later("Mon"),
    later("Tue"),
    later("Wed"),
    later("Thu"),
    later("Fri"),
    later("Sat"),
    later("Sun"),
)
MONTHS = (
    later("Jan"),
    later("Feb"),
    later("Mar"),
    later("Apr"),
    later("May"),
    later("Jun"),
    later("Jul"),
    later("Aug"),
    later("Sep"),
    later("Oct"),
    later("Nov"),
    later("Dec"),
)


def weekday(number: int) -> str:
    """Return the short name of a day of the week, 0 for Monday."""
    return told(DAYS[number])


def month(number: int) -> str:
    """Return the short name of a month, 1 for January."""
    return told(MONTHS[number - 1])


def _day(when: dt.datetime) -> str:
    return f"{weekday(when.weekday())} {when.day} {month(when.month)} {when.year}"


LOOKS = {
    "good": "fresh",
    "late": "late",
    "stale": "stale",
    "never": "never",
    "implausible": "bad",
    "no_answer": "bad",
    "refused": "bad",
    "disabled": "never",
}
"""By quality the look of a value (`ss-is-...`). What is not listed looks bad: never fresh by accident."""
ORDER = ("fresh", "late", "never", "stale", "bad")
"""From the best look to the worst; a figure made of several values looks as its worst one."""


def look(quality: str) -> str:
    """Return how a value of this quality looks: fresh, late, stale, bad or never."""
    return LOOKS.get(quality, "bad")


def worst(looks: list[str]) -> str:
    """Return the worst of some looks; never for none."""
    return max(looks, key=ORDER.index, default="never")
