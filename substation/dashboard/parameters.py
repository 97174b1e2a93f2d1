"""Every quantity of a meter: per phase with bars, then all of them with register, age, lowest and highest."""

from pathlib import Path
from typing import Any

from dash import html

from substation.dashboard import cards, words
from substation.dashboard import format as f
from substation.dashboard.board import LiveMeter
from substation.dashboard.feed import Feed
from substation.dashboard.words import Parts
from substation.errors import ProfileError
from substation.meters import profile
from substation.quantities import BY_KEY, KEYS

PHASE_ROWS = (
    ("Phase to neutral", ("v_r", "v_y", "v_b"), "vln_average"),
    ("Line to line", ("v_ry", "v_yb", "v_br"), "vll_average"),
    ("Current", ("current_r", "current_y", "current_b"), "current_total"),
    ("Power", ("watts_r", "watts_y", "watts_b"), "watts_total"),
    ("Reactive", ("var_r", "var_y", "var_b"), "var_total"),
    ("Apparent", ("va_r", "va_y", "va_b"), "va_total"),
    ("Power factor", ("pf_r", "pf_y", "pf_b"), "pf_average"),
)
GROUPS = (
    ("Power", ("watts_total", "watts_r", "watts_y", "watts_b", "var_total", "var_r", "var_y", "var_b")),
    ("Apparent power", ("va_total", "va_r", "va_y", "va_b")),
    ("Power factor", ("pf_average", "pf_r", "pf_y", "pf_b", "pf_average_received")),
    ("Voltage", ("vll_average", "v_ry", "v_yb", "v_br", "vln_average", "v_r", "v_y", "v_b")),
    ("Current", ("current_total", "current_r", "current_y", "current_b")),
    ("Frequency", ("frequency",)),
    ("Energy registers", tuple(key for key in KEYS if BY_KEY[key].kind == "counter")),
)
LEFT = 3
"""So many groups stand in the left column."""


def model(name: str, own: Path | None = None) -> str:
    """Return the model of a meter profile, or the profile's name when its file cannot be read.

    `own` is the station's own folder of profiles.
    """
    try:
        return profile.load(name, own).model
    except ProfileError:
        return name


def registers(name: str, own: Path | None = None) -> dict[str, int]:
    """Return the registers of a meter profile as printed in its manual; empty when it cannot be read."""
    try:
        return {key: row.printed for key, row in profile.load(name, own).registers.items()}
    except ProfileError:
        return {}


def phase_table(meter: LiveMeter) -> html.Table:
    """Return the values of each phase beside their bars, with the average or total."""
    head: list[Any] = [html.Td()]
    for letter in cards.PHASES:
        head += [html.Td(className="ss-b"), html.Th(cards.phase(letter), scope="col", className="ss-num")]
    head.append(html.Th("Average or total", scope="col", className="ss-num ss-tot"))
    rows = []
    for name, keys, whole in PHASE_ROWS:
        unit = f.spec(whole, meter.rated_kva, meter.nominal_v).unit
        cells: list[Any] = [html.Th([name, " ", html.Span(unit, className="ss-u")], scope="row")]
        for key in keys:
            pair = [html.Span(BY_KEY[key].phase, className="ss-pair")] if len(BY_KEY[key].phase) == 2 else []
            band = cards.voltage_band(meter, key) if BY_KEY[key].unit == "V" else None
            cells.append(html.Td(cards.bar(meter, key), className="ss-b"))
            cells.append(html.Td([*pair, cards.value(meter, key, unit=False, band=band)], className="ss-num"))
        cells.append(html.Td(cards.value(meter, whole, unit=False), className="ss-num ss-tot"))
        rows.append(html.Tr(cells))
    return html.Table(
        [
            html.Caption(f"{meter.name}: values per phase", className="ss-sr"),
            html.Thead(html.Tr(head)),
            html.Tbody(rows),
        ],
        className="ss-table ss-ryb",
    )


def bar_words(meter: LiveMeter) -> str:
    """Return what the bars are drawn against."""
    phase_v = f.number(meter.nominal_v / 3**0.5, 0)
    rated = f.number(words.rated_a(meter), 0)
    return (
        f"Bars: voltage against {phase_v} V and {f.number(meter.nominal_v, 0)} V with the ±10 % band; "
        f"current against {rated} A rated; powers against a third of {f.number(meter.rated_kva, 0)} kVA; "
        "power factor from 0.80."
    )


def section(feed: Feed, meter: LiveMeter, parts: Parts, card: Parts) -> html.Section:
    """Return all quantities of the vocabulary in two columns.

    Args:
        feed: the station.
        meter: whose.
        parts: group `xN`: lowest and highest of today.
        card: group `mN`: whether the whole table is old.
    """
    setting = feed.settings.meter(meter.id)
    printed = registers(setting.profile, feed.profiles) if setting is not None else {}
    halves = [GROUPS[:LEFT], GROUPS[LEFT:]]
    return html.Section(
        [
            html.Div(
                [
                    html.H2(f"All {len(KEYS)} parameters"),
                    html.Small("registers as printed in the manual; lowest and highest since 00:00"),
                ],
                className="ss-sec-h",
            ),
            html.Div(
                [_table(meter, half, printed, parts) for half in halves],
                **cards.shaped(f"m{meter.id}", "wire", card, "ss-two ss-params-of"),
            ),
        ],
        className="ss-sec",
    )


def _table(meter: LiveMeter, groups: Any, printed: dict[str, int], parts: Parts) -> html.Div:
    head = (("Parameter", ""), ("Now", "ss-num"), ("Unit", ""), ("Register", "ss-num"), ("Age", "ss-num"),
            ("Min today", "ss-num"), ("at", ""), ("Max today", "ss-num"), ("at", ""))  # fmt: skip
    rows: list[Any] = []
    for name, keys in groups:
        rows.append(html.Tr(html.Th(name, colSpan=len(head), scope="colgroup"), className="ss-grp"))
        rows += [_row(meter, key, printed, parts) for key in keys]
    table = html.Table(
        [
            html.Caption(f"{meter.name}: all parameters, {groups[0][0]} and on", className="ss-sr"),
            html.Thead(html.Tr([html.Th(text, scope="col", className=looks) for text, looks in head])),
            html.Tbody(rows),
        ],
        className="ss-table ss-params",
    )
    return html.Div(table, className="ss-wrap")


def _row(meter: LiveMeter, key: str, printed: dict[str, int], parts: Parts) -> html.Tr:
    quantity = BY_KEY[key]
    group = f"x{meter.id}"
    number = html.Td(cards.value(meter, key, unit=False), className="ss-num")
    register = str(printed[key]) if key in printed else f.DASH
    cells: list[Any] = [
        html.Th(quantity.label, scope="row"),
        number,
        html.Td(f.spec(key, meter.rated_kva, meter.nominal_v).unit, className="ss-u"),
        html.Td(register, className="ss-num ss-muted"),
        html.Td(cards.age(meter), className="ss-num"),
    ]
    if quantity.kind == "counter":
        cells.append(html.Td(colSpan=4))
    else:
        for edge in ("low", "high"):
            cells.append(html.Td(cards.said(group, f"{key}.{edge}", parts), className="ss-num"))
            cells.append(html.Td(cards.said(group, f"{key}.{edge}at", parts), className="ss-muted"))
    return html.Tr(cells)
