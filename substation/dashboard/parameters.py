"""Every quantity of a meter: per phase with bars, then all of them with register, age, lowest and highest."""

from typing import Any

from dash import html

from substation.dashboard import cards, phases, words
from substation.dashboard import format as f
from substation.dashboard.board import LiveMeter
from substation.dashboard.feed import Feed
from substation.dashboard.tongue import later, say
from substation.dashboard.words import Parts
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
OF_REGISTERS = later("of the registers")
GROUPS = (
    ("Power", ("watts_total", "watts_r", "watts_y", "watts_b", "var_total", "var_r", "var_y", "var_b")),
    ("Power factor", ("pf_average", "pf_r", "pf_y", "pf_b")),
    ("Apparent power", ("va_total", "va_r", "va_y", "va_b")),
    ("Frequency", ("frequency",)),
    (OF_REGISTERS, ("pf_average_received",)),
    ("Voltage", ("vll_average", "v_ry", "v_yb", "v_br", "vln_average", "v_r", "v_y", "v_b")),
    ("Current", ("current_total", "current_r", "current_y", "current_b")),
    ("Energy registers", tuple(key for key in KEYS if BY_KEY[key].kind == "counter")),
)
LEFT = 5
"""So many groups stand in the left column."""


def group_name(name: str) -> str:
    """Return the name of a row or of a group of rows in the language in force."""
    return {
        "Phase to neutral": say("Phase to neutral"),
        "Line to line": say("Line to line"),
        "Current": say("Current"),
        "Power": say("Power"),
        "Reactive": say("Reactive"),
        "Apparent": say("Apparent"),
        "Power factor": say("Power factor"),
        "Apparent power": say("Apparent power"),
        "Frequency": say("Frequency"),
        "Voltage": say("Voltage"),
        "Energy registers": say("Energy registers"),
        # what the meter calls an average is a quotient of its registers
        OF_REGISTERS: say("Power factor of all energy received, since the registers began"),
    }[name]


def phase_table(meter: LiveMeter) -> html.Table:
    """Return the values of each phase beside their bars, with the average or total; what the meter has."""
    letters = cards.phases_of(meter)
    head: list[Any] = [html.Td()]
    for letter in letters:
        head += [html.Td(className="ss-b"), html.Th(cards.phase(letter), scope="col", className="ss-num")]
    rows = [
        (group_name(name), keys, whole)
        for name, keys, whole in PHASE_ROWS
        if {*keys, whole} & meter.model.keys
    ]
    if len(letters) == 1:
        body = [_one_phase_row(meter, name, keys, whole) for name, keys, whole in rows]
    else:
        head.append(html.Th(say("Average or total"), scope="col", className="ss-num ss-tot"))
        body = [_phase_row(meter, name, keys, whole) for name, keys, whole in rows]
    return html.Table(
        [
            html.Caption(say("{meter}: values per phase", meter=meter.name), className="ss-sr"),
            html.Thead(html.Tr(head)),
            html.Tbody(body),
        ],
        className="ss-table ss-ryb ss-ryb-one" if len(letters) == 1 else "ss-table ss-ryb",
    )


def _phase_row(meter: LiveMeter, name: str, keys: tuple[str, ...], whole: str) -> html.Tr:
    cells: list[Any] = [_named(meter, name, whole)]
    for key in keys:
        pair = (
            [html.Span(phases.name(BY_KEY[key].phase), className="ss-pair")]
            if len(BY_KEY[key].phase) == 2
            else []
        )
        cells.append(html.Td(cards.bar(meter, key), className="ss-b"))
        cells.append(html.Td([*pair, _banded(meter, key)], className="ss-num"))
    cells.append(html.Td(cards.value(meter, whole, unit=False), className="ss-num ss-tot"))
    return html.Tr(cells)


def _one_phase_row(meter: LiveMeter, name: str, keys: tuple[str, ...], whole: str) -> html.Tr:
    """Return the one value there is: of the phase, or the total, which is the same."""
    key = next(key for key in (*keys, whole) if key in meter.model.keys)
    return html.Tr(
        [
            _named(meter, name, key),
            html.Td(cards.bar(meter, key), className="ss-b"),
            html.Td(_banded(meter, key), className="ss-num"),
        ]
    )


def _named(meter: LiveMeter, name: str, key: str) -> html.Th:
    unit = f.spec(key, meter.rated_kva, meter.nominal_v).unit
    return html.Th([name, " ", html.Span(unit, className="ss-u")], scope="row")


def _banded(meter: LiveMeter, key: str) -> html.Span:
    band = cards.voltage_band(meter, key) if BY_KEY[key].unit == "V" else None
    return cards.value(meter, key, unit=False, band=band)


def bar_words(meter: LiveMeter) -> str:
    """Return what the bars are drawn against."""
    phase_v = f.number(meter.nominal_v / 3**0.5, 0)
    rated = f.number(words.rated_a(meter), 0)
    one = len(meter.model.phases) == 1
    power = f"{f.number(meter.rated_kva, 0)} kVA"
    if one:
        return say(
            "Bars: voltage against {volts} with the ±10 % band; current against {amps} rated; "
            "powers against {power}; power factor from 0.80.",
            volts=f"{phase_v} V",
            amps=f"{rated} A",
            power=power,
        )
    return say(
        "Bars: voltage against {volts} and {line} with the ±10 % band; current against {amps} rated; "
        "powers against a third of {power}; power factor from 0.80.",
        volts=f"{phase_v} V",
        line=f"{f.number(meter.nominal_v, 0)} V",
        amps=f"{rated} A",
        power=power,
    )


def section(feed: Feed, meter: LiveMeter, parts: dict[str, Parts]) -> html.Section:
    """Return all quantities of the vocabulary in two columns.

    Args:
        feed: the station.
        meter: whose.
        parts: by group: `mN` (whether the whole table is old), `vN` (why values do not come), `xN` (lowest
            and highest of today), `dN` (how far registers went on), `sN` (small lines of today).
    """
    profile = feed.profile(meter.id)
    printed = {key: row.printed for key, row in profile.registers.items()} if profile is not None else {}
    has, of = len(meter.model.keys), len(KEYS)
    title = (
        say("All {count} parameters", count=of)
        if has == of
        else say("{has} of {count} parameters", has=has, count=of)
    )
    halves = [GROUPS[:LEFT], GROUPS[LEFT:]]
    return html.Section(
        [
            html.Div(
                [
                    html.H2(title),
                    html.Small(say("registers as printed in the manual; lowest and highest since 00:00")),
                ],
                className="ss-sec-h",
            ),
            html.Div(
                [_table(meter, half, printed, parts) for half in halves],
                **cards.shaped(f"m{meter.id}", "wire", parts[f"m{meter.id}"], "ss-two ss-params-of"),
            ),
        ],
        className="ss-sec",
    )


def _table(meter: LiveMeter, groups: Any, printed: dict[str, int], parts: dict[str, Parts]) -> html.Div:
    head = ((say("Parameter"), ""), (say("Now"), "ss-num"), (say("Unit"), ""), (say("Register"), "ss-num"),
            (say("Age"), "ss-num"), (say("Min today"), "ss-num"), (say("at"), ""),
            (say("Max today"), "ss-num"), (say("at"), ""),
            (say("Today"), "ss-sparks"))  # fmt: skip
    rows: list[Any] = []
    for group, keys in groups:
        rows.append(
            html.Tr(html.Th(group_name(group), colSpan=len(head), scope="colgroup"), className="ss-grp")
        )
        rows += [_row(meter, key, printed, parts) for key in keys]
    first = group_name(groups[0][0])
    caption = say("{meter}: all parameters, {first} and on", meter=meter.name, first=first)
    table = html.Table(
        [
            html.Caption(caption, className="ss-sr"),
            html.Thead(html.Tr([html.Th(text, scope="col", className=looks) for text, looks in head])),
            html.Tbody(rows),
        ],
        className="ss-table ss-params",
    )
    return cards.wide(table, caption)


def _row(meter: LiveMeter, key: str, printed: dict[str, int], parts: dict[str, Parts]) -> html.Tr:
    quantity = BY_KEY[key]
    group, why = f"x{meter.id}", f"v{meter.id}"
    number = html.Td(cards.value(meter, key, unit=False), className="ss-num")
    register = str(printed[key]) if key in printed else f.DASH
    cells: list[Any] = [
        html.Th([phases.label(key), " ", cards.said(why, key, parts[why], "ss-absent")], scope="row"),
        number,
        html.Td(f.spec(key, meter.rated_kva, meter.nominal_v).unit, className="ss-u"),
        html.Td(register, className="ss-num ss-muted"),
        html.Td(cards.age(meter, key), className="ss-num"),
    ]
    if quantity.kind == "counter":
        used = cards.said(f"d{meter.id}", f"{key}.used", parts[f"d{meter.id}"], "ss-used")
        cells.append(html.Td(used, colSpan=4, className="ss-num"))
    else:
        for edge in ("low", "high"):
            cells.append(html.Td(cards.said(group, f"{key}.{edge}", parts[group]), className="ss-num"))
            cells.append(html.Td(cards.said(group, f"{key}.{edge}at", parts[group]), className="ss-muted"))
    line = cards.turned(f"s{meter.id}", key, parts[f"s{meter.id}"], "ss-spark")
    cells.append(html.Td(html.Span(**line, **{"aria-hidden": "true"}), className="ss-sparks"))
    return html.Tr(cells)
