"""Values, bars, ages and the card of a meter: everything that carries a quality.

Each piece is drawn here with what is known now, and carries in its `data-` attributes all that
`assets/live.js` needs to paint it again: meter, quantity, how to write it, where its bar begins and
ends. The browser holds no rule of its own.
"""

from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from substation.dashboard import format as f
from substation.dashboard import phases, words
from substation.dashboard.board import Board, LiveMeter
from substation.dashboard.tongue import say
from substation.dashboard.words import Parts
from substation.quantities import BY_KEY

PHASES = ("R", "Y", "B")
BAR_VOLTS = 1.5 * words.VOLTAGE_BAND
"""A voltage bar reaches so far to both sides of nominal: the normal band fills two thirds of it."""
BAR_AMPS = 1.2
"""A current bar ends at so many times the rated current."""


def said(group: str, name: str, parts: Parts, base: str = "", tag: Any = html.Span) -> Any:
    """Return a part as text with its look."""
    text, looks = parts.get(name, ("", ""))
    return tag(text, className=f"{base} {looks}".strip(), **_marks(group, name, base, "data-p"))


def ago(group: str, name: str, parts: Parts, age_s: float) -> html.Span:
    """Return an age whose part is a time, UTC ms: the browser counts on from it."""
    shown = said(group, name, {**parts, name: (f.age(age_s), parts.get(name, ("", ""))[1])}, "ss-age")
    return html.Span(shown.children, className=shown.className, **_marks(group, name, "ss-age", "data-ago"))


def shaped(group: str, name: str, parts: Parts, base: str = "") -> dict[str, Any]:
    """Return the attributes of an element whose look, not its text, is a part."""
    looks = parts.get(name, ("", ""))[1]
    return {"className": f"{base} {looks}".strip(), **_marks(group, name, base, "data-k")}


def turned(group: str, name: str, parts: Parts, base: str = "") -> dict[str, Any]:
    """Return the attributes of an element drawn by a part: its text is custom properties, `--a:18;--l:6`."""
    text, looks = parts.get(name, ("", ""))
    pairs = (pair.partition(":") for pair in text.split(";") if pair)
    style = {key: value for key, _, value in pairs}
    return {"className": f"{base} {looks}".strip(), "style": style, **_marks(group, name, base, "data-s")}


def _marks(group: str, name: str, base: str, kind: str) -> dict[str, str]:
    return {"data-g": group, kind: name, "data-base": base}


def value(
    meter: LiveMeter,
    *keys: str,
    glance: bool = False,
    unit: bool = True,
    band: tuple[float, float] | None = None,
) -> html.Span:
    """Return a live number with its unit; of several keys, their mean.

    Args:
        meter: whose.
        keys: one quantity, or several of the same unit.
        glance: as on a card.
        unit: whether the unit stands behind the number.
        band: outside of it the number is marked, in the quantity's own unit.
    """
    written = f.spec(keys[0], meter.rated_kva, meter.nominal_v, glance=glance)
    number, looks = mean(meter, keys)
    outside = band is not None and number is not None and not band[0] <= number <= band[1]
    marks = {
        "data-m": str(meter.id),
        "data-q": " ".join(keys),
        "data-scale": f"{written.divisor:g}",
        "data-decimals": str(written.decimals),
    }
    if written.zero_is_none:
        marks["data-zero"] = "none"
    if band is not None:
        marks |= {"data-min": repr(band[0]), "data-max": repr(band[1])}
    shown = " ss-outside" if outside and looks in ("fresh", "late") else ""
    inside = [html.Span(written.text(number), className="ss-n")]
    if unit and written.unit:
        inside.append(html.Span(written.unit, className="ss-u"))
    return html.Span(inside, className=f"ss-v ss-is-{looks}{shown}", **marks)


def mean(meter: LiveMeter, keys: Sequence[str]) -> tuple[float | None, str]:
    """Return the mean of some values and the worst of their looks; None when one has no number."""
    found = [meter.values[key] for key in keys if key in meter.values]
    looks = f.worst([f.look(value.quality) for value in found])
    numbers = [value.value for value in found if value.value is not None]
    if not numbers or len(numbers) < len(keys):
        return None, "never" if looks in ("fresh", "late") else looks
    whole = 0.0
    for one in numbers:  # plainly from left to right, as the browser adds
        whole += one
    return whole / len(numbers), looks


def bar(meter: LiveMeter, key: str) -> html.Span:
    """Return the bar of a voltage (a pointer on its band), a current (against rated) or a power."""
    kind, low, high, limits = _bar_scale(meter, key)
    number, looks = mean(meter, (key,))
    marks = {"data-m": str(meter.id), "data-q": key, "data-low": repr(low), "data-high": repr(high)}
    marks |= {f"data-{name}": repr(limit) for name, limit in limits.items()}
    base = f"ss-bar ss-bar-{kind}"
    marks["data-base"] = base
    if number is None or looks in ("bad", "never"):
        return html.Span(className=f"{base} ss-is-none", **marks)
    at = min(max((abs(number) if low >= 0 else number) - low, 0.0) / (high - low), 1.0)
    extra = ""
    if looks != "stale":
        extra = _bar_extra(number, limits)
    return html.Span(className=f"{base} ss-is-{looks}{extra}", style={"--at": f"{at * 100:.1f}%"}, **marks)


def _bar_extra(number: float, limits: dict[str, float]) -> str:
    if "min" in limits and not limits["min"] <= number <= limits["max"]:
        return " ss-out"
    if "alarm" in limits and abs(number) > limits["alarm"]:
        return " ss-alarm"
    if "warn" in limits and abs(number) > limits["warn"]:
        return " ss-warn"
    return ""


def _bar_scale(meter: LiveMeter, key: str) -> tuple[str, float, float, dict[str, float]]:
    quantity = BY_KEY[key]
    if quantity.unit == "V":
        low, high = voltage_band(meter, key)
        nominal = (low + high) / 2
        return "v", nominal * (1 - BAR_VOLTS), nominal * (1 + BAR_VOLTS), {"min": low, "max": high}
    if quantity.unit == "A":
        rated = words.rated_a(meter)
        return "i", 0.0, rated * BAR_AMPS, {"warn": rated * words.WARN_LOAD, "alarm": rated}
    if quantity.unit == "1":
        return "g", 0.8, 1.0, {}
    whole = quantity.phase == "total"  # a meter of one phase draws its total
    return "g", 0.0, meter.rated_kva * 1000 if whole else words.rated_phase_va(meter), {}


def voltage_band(meter: LiveMeter, key: str) -> tuple[float, float]:
    """Return the band of a voltage, V: line to line for v_ry and its like, else phase to neutral."""
    to_neutral = BY_KEY[key].phase in PHASES or key == "vln_average"
    nominal = meter.nominal_v / 3**0.5 if to_neutral else meter.nominal_v
    return nominal * (1 - words.VOLTAGE_BAND), nominal * (1 + words.VOLTAGE_BAND)


def age(meter: LiveMeter, key: str = "") -> html.Span:
    """Return the age of a meter's values, or of one of them; it goes on counting in the browser."""
    freshness, age_s = meter.freshness, meter.age_s
    if key:
        freshness, age_s = meter.values[key].freshness, meter.values[key].age_s
    answered = meter.freshness != "never"
    return html.Span(
        html.Span("" if answered and freshness == "never" else f.freshness_words(freshness, age_s)),
        className=f"ss-age ss-is-{freshness}",
        **{"data-m": str(meter.id), "data-age": key or "1"},
    )


def icon(name: str, base: str = "") -> html.Span:
    """Return a small sign; its picture is a mask in the style sheet, its colour that of the text."""
    return html.Span(className=f"ss-i ss-i-{name} {base}".strip(), **{"aria-hidden": "true"})


def phase(letter: str) -> html.Span:
    """Return a phase as a ring with its letter, so that red is never read as alarm."""
    return html.Span(phases.name(letter), className=f"ss-ph ss-ph-{letter.lower()}")


def phases_of(meter: LiveMeter) -> tuple[str, ...]:
    """Return the letters of the phases that a meter measures."""
    return tuple(letter for letter in PHASES if letter.lower() in meter.model.phases)


def state(meter: LiveMeter, parts: Parts) -> list[Any]:
    """Return the status of a meter in words, with the swatch of its wire, and its mark."""
    group = f"m{meter.id}"
    return [
        html.Span(
            [
                html.Span(className="ss-swatch"),
                said(group, "state", parts),
                " ",
                said(group, "since", parts, "ss-since"),
            ],
            **shaped(group, "swatch", parts, "ss-state"),
        ),
        html.Span(
            [html.Span(className="ss-i", **{"aria-hidden": "true"}), said_text(group, "tag", parts)],
            **shaped(group, "tag", parts, "ss-tag"),
        ),
    ]


def said_text(group: str, name: str, parts: Parts) -> html.Span:
    """Return only the text of a part whose look is worn by the element around it."""
    return html.Span(parts.get(name, ("", ""))[0], **{"data-g": group, "data-w": name})


def card(meter: LiveMeter, parts: Parts, feed_words: str = "") -> html.Div:
    """Return a meter's card: kW large, the day's sums, voltage and current per phase."""
    group = f"m{meter.id}"
    top: list[Any] = [html.P(feed_words, className="ss-feed")] if feed_words else []
    header = html.Header(
        [
            dcc.Link(meter.name, href=f"/meter/{meter.id}", className="ss-name"),
            *state(meter, parts),
            age(meter),
        ]
    )
    return html.Div(
        [
            *top,
            header,
            html.Div(value(meter, "watts_total", glance=True), className="ss-kw"),
            _facts(meter, group, parts),
            _phases(meter),
        ],
        className="ss-card",
    )


def _facts(meter: LiveMeter, group: str, parts: Parts) -> html.Dl:
    energy_unit = f.spec("wh_received", meter.rated_kva).unit
    unit = {"className": "ss-u"}
    rows = [
        (say("PF"), [value(meter, "pf_average", glance=True), said(group, "pf", parts, "ss-u")]),
        ("Hz", [value(meter, "frequency", unit=False, glance=True)]),
        (say("Today"), [said(group, "kwh", parts, "ss-v"), html.Span(energy_unit, **unit)]),
        (say("Yesterday"), [said(group, "past", parts, "ss-v"), html.Span(energy_unit, **unit)]),
        (
            say("Max"),
            [
                said(group, "max", parts, "ss-v"),
                said(group, "maxunit", parts, "ss-u"),
                said(group, "maxat", parts, "ss-u"),
            ],
        ),
    ]
    return html.Dl([html.Div([html.Dt(name), html.Dd(what)]) for name, what in rows], className="ss-facts")


def _phases(meter: LiveMeter) -> html.Table:
    rows = []
    for letter in phases_of(meter):
        volt, amp = f"v_{letter.lower()}", f"current_{letter.lower()}"
        rows.append(
            html.Tr(
                [
                    html.Th(phase(letter), scope="row"),
                    html.Td(bar(meter, volt), className="ss-b"),
                    html.Td(value(meter, volt, glance=True, band=voltage_band(meter, volt))),
                    html.Td(bar(meter, amp), className="ss-b"),
                    html.Td(value(meter, amp, glance=True)),
                ]
            )
        )
    caption = html.Caption(say("{meter}: voltage and current per phase", meter=meter.name), className="ss-sr")
    return html.Table([caption, html.Tbody(rows)], className="ss-phases")


READINGS = (
    ("kW", "watts_total"), ("kVA", "va_total"), ("PF", "pf_average"), ("Hz", "frequency"),
    ("V R", "v_r"), ("V Y", "v_y"), ("V B", "v_b"), ("A R", "current_r"),
    ("A Y", "current_y"), ("A B", "current_b"), ("kWh register", "wh_received"),
)  # fmt: skip
"""The columns of the table of current readings."""


def readings_head() -> list[str]:
    """Return what stands above the columns, in the language and with the phases as they are called."""
    told = []
    for name, key in READINGS:
        phase = BY_KEY[key].phase
        told.append(f"{name.split()[0]} {phases.name(phase)}" if phase in PHASES else name)
    told[-1] = say("kWh register")
    return told


def wide(table: html.Table, name: str) -> html.Div:
    """Return a table in a frame of its own, which scrolls by keyboard too where the table is too wide."""
    return html.Div(table, className="ss-wrap", tabIndex=0, role="region", **{"aria-label": name})


def readings_table(board: Board, parts: dict[str, Parts]) -> html.Div:
    """Return the current readings of all meters as a real table."""
    head = [say("Meter"), say("Status"), say("Age"), *readings_head()]
    rows = []
    for meter in board.meters:
        cells = [
            html.Td(
                value(meter, key, glance=True, unit=meter.rated_kva >= f.MEGA_FROM_KVA), className="ss-num"
            )
            for _, key in READINGS
        ]
        rows.append(
            html.Tr(
                [
                    html.Th(dcc.Link(f"{meter.id} {meter.name}", href=f"/meter/{meter.id}"), scope="row"),
                    html.Td(state(meter, parts.get(f"m{meter.id}", {}))),
                    html.Td(age(meter)),
                    *cells,
                ]
            )
        )
    table = html.Table(
        [
            html.Caption(say("Current readings of all meters"), className="ss-sr"),
            html.Thead(
                html.Tr(
                    [
                        html.Th(name, scope="col", className="" if place < 3 else "ss-num")
                        for place, name in enumerate(head)
                    ]
                )
            ),
            html.Tbody(rows),
        ],
        className="ss-table ss-readings",
    )
    return wide(table, say("Current readings"))
