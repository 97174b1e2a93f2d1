"""The curve around the moment at which an alarm became true, with its limit: drawn here, without a script.

The curves are those of `/trends` (`trends_curves`); they are masks that take the colour of their phase, as
the small pictures of a meter's day are. A signal that is not stored shows what it is worked out from, or says
that there is nothing.
"""

import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dash import dcc, html

from substation.alarms.plan import Watch
from substation.alarms.voltages import DEAD_BELOW
from substation.dashboard import format as f
from substation.dashboard import heard, phases, sparks, trends, trends_axes, trends_curves
from substation.dashboard.board import LiveMeter
from substation.dashboard.feed import Feed
from substation.dashboard.tongue import say
from substation.dashboard.trends_axes import Axis
from substation.dashboard.trends_curves import Curve
from substation.errors import StoreError
from substation.meters.ratio import ratings_at
from substation.quantities import BY_KEY, Ratings

_TO_LINE, _TO_NEUTRAL = ("v_ry", "v_yb", "v_br"), ("v_r", "v_y", "v_b")
_AMPS = ("current_r", "current_y", "current_b")
SHOWS: Mapping[str, tuple[str, ...]] = {
    "voltage_lowest": _TO_LINE, "voltage_highest": _TO_LINE, "voltage_unbalance": _TO_LINE,
    "supply_dead": _TO_LINE, "phase_lost": _TO_LINE,
    "current_highest": _AMPS, "current_unbalance": _AMPS,
    "apparent_power": ("va_total",), "active_power": ("watts_total",),
    "power_factor": ("pf_average",), "frequency": ("frequency",),
}  # fmt: skip
"""By signal the stored quantities that show it; a signal that is not here is stored nowhere."""
BEFORE_MS, AFTER_MS, LONGEST_MS = 600_000, 1_200_000, 7_200_000
SOON_MS = 60_000
"""Readings are stored every half minute: the newest are not there yet."""
AT_MS = 60_000
"""The value of a moment is that of the nearest reading, no further away than this."""
WIDE, HIGH = 900, 240
_GAP = 2.5
"""So many steps without a value are a gap."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When an alarm became true, was raised, was over; UTC ms."""

    since_ms: int
    raised_ms: int | None = None
    cleared_ms: int | None = None

    def window(self, now_ms: int) -> tuple[int, int]:
        """Return from when to when the curve is drawn."""
        until_ms = self.since_ms + AFTER_MS
        if self.cleared_ms is not None and self.cleared_ms - self.since_ms <= LONGEST_MS:
            until_ms = max(until_ms, self.cleared_ms + BEFORE_MS // 2)
        return self.since_ms - BEFORE_MS, max(min(until_ms, now_ms), self.since_ms + SOON_MS)


def limit_of(watch: Watch, ratings: Ratings, keys: Sequence[str]) -> float | None:
    """Return the limit in the unit of the drawn quantities; None where it is not a limit on them."""
    nominal_v = ratings.nominal_v if keys and keys[0] in _TO_LINE else ratings.nominal_v / 3**0.5
    if watch.rule.signal in ("supply_dead", "phase_lost"):
        return DEAD_BELOW * nominal_v
    if watch.limit is None or watch.rule.signal.endswith("unbalance"):
        return None
    base = {"nominal_v": nominal_v, "rated_va": ratings.rated_va, "rated_a": ratings.rated_a}
    return watch.limit / 100 * base[watch.rule.relative_to] if watch.rule.relative_to in base else watch.limit


def keys_of(signal: str, has: Sequence[str] | frozenset[str]) -> tuple[str, ...]:
    """Return the stored quantities of a meter that show a signal; none where none does."""
    keys = tuple(key for key in SHOWS.get(signal, ()) if key in has)
    if not keys and SHOWS.get(signal) is _TO_LINE:
        keys = tuple(key for key in _TO_NEUTRAL if key in has)
    return keys


def ratings(feed: Feed, meter_id: int, at_ms: int) -> Ratings:
    """Return what was normal on a circuit then, as the poller reckons it."""
    settings = feed.settings
    meter = settings.meter(meter_id)
    if meter is None:
        return Ratings(0.0, settings.site.nominal_voltage_v)
    profile = feed.profile(meter_id)
    phases_ = profile.phases if profile else 3
    return ratings_at(meter, settings.nominal_v(meter), phases_, at_ms, settings.site.zone)


def drawn(feed: Feed, watch: Watch, moment: Moment, *, stands: bool = False) -> list[Any]:
    """Return the curve around a moment, its figures, and the way to the trends; or why there is none.

    Drawn is the limit in force now; of an alarm that stands (`stands`) it is also the one that raised it.
    """
    meter = feed.board().meter(watch.meter_id) if watch.meter_id is not None else None
    keys = keys_of(watch.rule.signal, meter.model.keys) if meter else ()
    if meter is None or not keys:
        return [_said(say("This alarm follows no stored quantity: there is no curve of it."))]
    now_ms, zone = feed.clock.now_ms(), feed.settings.site.zone
    start_ms, end_ms = moment.window(now_ms)
    address = trends.address([meter.id], keys, start_ms // 1000 * 1000, end_ms // 1000 * 1000, zone=zone)
    way = dcc.Link(say("Open in Trends"), href=address, className="ss-btn")
    poll = feed.settings.poll
    try:
        every_s = (poll.interval_s, max(poll.interval_s, poll.slow_interval_s))
        found = trends_curves.curves(feed.trend, {meter.id: keys}, start_ms, end_ms, every_s)
    except StoreError as exc:
        return [_said(say("The history does not answer: {why}", why=heard.told(str(exc)))), way]
    curves = {key: _sized(found[meter.id, key], key) for key in keys}
    told: list[Any] = []
    if watch.rule.signal.endswith("unbalance"):
        told.append(_said(say("The unbalance itself is not stored; here is what it is worked out from.")))
    if not any(value is not None for curve in curves.values() for value in curve.mean):
        told.append(_said(say("Nothing is stored of this time.")))
        return [*told, way]
    if now_ms - moment.since_ms < SOON_MS:
        told.append(_said(say("Readings are stored every half minute: the newest are not here yet.")))
    limit = limit_of(watch, ratings(feed, meter.id, moment.since_ms), keys)
    picture = _Picture(meter, curves, moment=moment, span=(start_ms, end_ms), limit=limit, zone=zone)
    picture.stands = stands
    return [*told, picture.figure(), picture.table(), html.P(way)]


def _said(words: str) -> html.P:
    return html.P(words, className="ss-al-note")


def _sized(curve: Curve, key: str) -> Curve:
    """Return a curve as the alarm sees it.

    A power factor has no sign, which tells lagging from leading; a circuit without supply has no frequency.
    """
    match key:
        case "pf_average":
            mean = [None if value is None else abs(value) for value in curve.mean]
            low = high = mean
        case "frequency":
            mean, low, high = (
                [value or None for value in one] for one in (curve.mean, curve.low, curve.high)
            )
        case _:
            return curve
    edges = (curve.edge_at_ms, curve.edge_ms) if key == "frequency" else (curve.at_ms, curve.step_ms)
    return Curve(curve.table, curve.at_ms, curve.step_ms, mean, curve.held, *edges, low, high)


class _Picture:
    """One drawing: lines of like quantities over a time."""

    def __init__(
        self,
        meter: LiveMeter,
        curves: Mapping[str, Curve],
        *,
        moment: Moment,
        span: tuple[int, int],
        limit: float | None,
        zone: zoneinfo.ZoneInfo,
    ) -> None:
        self.stands = False
        """Whether the alarm stands now: then the limit in force is its own."""
        self._curves, self._moment, self._zone = curves, moment, zone
        self._start_ms, self._end_ms = span
        key = next(iter(curves))
        self._spec, self._limit, self._unit = (
            f.spec(key, meter.rated_kva, meter.nominal_v),
            limit,
            BY_KEY[key],
        )
        seen = [value for curve in curves.values() for value in (*curve.low, *curve.high, *curve.mean)]
        nominal_v = meter.nominal_v if key in _TO_LINE else meter.nominal_v / 3**0.5
        self._axis: Axis = trends_axes.vertical(
            [*seen, limit], self._spec, unit=self._unit.unit, nominal_v=nominal_v
        )

    def figure(self) -> html.Figure:
        """Return the drawing."""
        lines = [
            html.Div(
                className=f"ss-al-line {_look(key)}",
                style={"--line": sparks.mask(self._path(curve), WIDE, HIGH).removeprefix("--line:")},
            )
            for key, curve in self._curves.items()
        ]
        sides = [
            html.Span(words, className="ss-al-side", style={"--at": self._high(value)})
            for value, words in self._axis.ticks
        ]
        ticks = trends_axes.along(self._start_ms, self._end_ms, self._zone)
        below = [
            html.Span(tick.words, className="ss-al-foot", style={"--at": self._along(tick.at_ms)})
            for tick in ticks
        ]
        marks = [self._mark(self._moment.since_ms, say("true"), "ss-al-since")]
        if self._moment.raised_ms is not None and self._moment.raised_ms > self._moment.since_ms:
            marks.append(self._mark(self._moment.raised_ms, say("raised"), "ss-al-raised"))
        if self._moment.cleared_ms is not None and self._moment.cleared_ms <= self._end_ms:
            marks.append(self._mark(self._moment.cleared_ms, say("over"), "ss-al-over"))
        if self._limit is not None:
            scaled = self._limit / self._spec.divisor
            value = f.number(scaled, self._spec.decimals)
            words = say("limit {value}", value=value)
            if not self.stands:
                words = say("limit now {value}", value=value)
            at = {"--at": self._high(scaled)}
            marks.append(html.Span(html.B(words), className="ss-al-limit", style=at))
        names = [html.Span([_letter(key), phases.label(key)], className="ss-al-name") for key in self._curves]
        unit = html.Span(self._spec.unit, className="ss-u")
        aria = say("Curve around the alarm; the table below has its figures")
        plot = html.Div(
            [*sides, *below, *lines, *marks], className="ss-al-plot", role="img", **{"aria-label": aria}
        )
        return html.Figure([html.Figcaption([*names, unit]), plot], className="ss-al-chart")

    def table(self) -> html.Table:
        """Return what the drawing says in figures."""
        head = [say("Quantity"), say("Unit"), say("When it became true"), say("Lowest"), say("Highest")]
        rows = []
        for key, curve in self._curves.items():
            low = min((value for value in curve.low if value is not None), default=None)
            high = max((value for value in curve.high if value is not None), default=None)
            cells = [html.Td(self._written(value)) for value in (self._then(curve), low, high)]
            name = html.Th(phases.label(key), scope="row")
            rows.append(html.Tr([name, html.Td(self._spec.unit), *cells]))
        return html.Table(
            [
                html.Caption(say("Figures of the curve"), className="ss-sr"),
                html.Thead(html.Tr([html.Th(name, scope="col") for name in head])),
                html.Tbody(rows),
            ],
            className="ss-table ss-al-figures",
        )

    def _then(self, curve: Curve) -> float | None:
        near = [
            (abs(at - self._moment.since_ms), value)
            for at, value in zip(curve.at_ms, curve.mean, strict=True)
            if value is not None and abs(at - self._moment.since_ms) <= AT_MS
        ]
        return min(near)[1] if near else None

    def _written(self, value: float | None) -> str:
        return f.number(None if value is None else value / self._spec.divisor, self._spec.decimals)

    def _mark(self, at_ms: int, words: str, look: str) -> html.Span:
        said = html.B(f"{words} {f.time_of_day(at_ms, self._zone, seconds=True)}")
        return html.Span(said, className=f"ss-al-mark {look}", style={"--at": self._along(at_ms)})

    def _along(self, at_ms: int) -> str:
        return f"{100 * (at_ms - self._start_ms) / (self._end_ms - self._start_ms):.2f}%"

    def _high(self, scaled: float) -> str:
        share = (scaled - self._axis.low) / (self._axis.high - self._axis.low)
        return f"{100 * min(max(share, 0.0), 1.0):.2f}%"

    def _path(self, curve: Curve) -> str:
        """Return the line: in each column of the picture from its lowest to its highest, broken at gaps."""
        columns: dict[int, list[int]] = {}
        breaks: set[int] = set()
        span_ms, last_ms = self._end_ms - self._start_ms, None
        height = self._axis.high - self._axis.low
        for at, value in zip(curve.at_ms, curve.mean, strict=True):
            if value is None or not self._start_ms <= at <= self._end_ms:
                continue
            column = round((at - self._start_ms) / span_ms * WIDE)
            if last_ms is not None and at - last_ms > max(_GAP * curve.step_ms, 10_000):
                breaks.add(column)
            share = (value / self._spec.divisor - self._axis.low) / height
            columns.setdefault(column, []).append(round((1 - min(max(share, 0.0), 1.0)) * HIGH))
            last_ms = at
        told = ""
        for place, (column, heights) in enumerate(columns.items()):
            told += f"{'M' if place == 0 or column in breaks else 'L'}{column} {heights[0]}"
            low, high = min(heights), max(heights)
            told += f"V{low}V{high}V{heights[-1]}" if low != high else ""
            told += "h.6" if column in breaks or place == 0 else ""
        return told


def _look(key: str) -> str:
    phase = BY_KEY[key].phase
    return f"ss-al-{phase[0].lower()}" if phase != "total" else "ss-al-one"


def _letter(key: str) -> Any:
    phase = BY_KEY[key].phase
    if phase == "total":
        return html.Span(className="ss-al-key ss-al-one")
    return html.Span(className=f"ss-al-key {_look(key)}")
