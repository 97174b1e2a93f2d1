"""Draws how a meter does on its line: today, since the poller's start, and as a strip of the last day."""

from dash import html

from substation.dashboard import cards, day_view
from substation.dashboard.board import LiveMeter
from substation.dashboard.feed import Feed
from substation.dashboard.tongue import say
from substation.dashboard.words import Parts


def section(feed: Feed, meter: LiveMeter, parts: dict[str, Parts]) -> html.Section:
    """Return both beside each other, and the strip of answers."""
    setting = feed.settings.meter(meter.id)
    columns = (
        (
            (say("Asked"), "asked"), (say("Answered"), "ok"), (say("Part answered"), "share"),
            (say("Time-outs"), "timeout"), (say("CRC errors"), "crc"),
        ),
        (
            (say("Wrong replies"), "wrong"), (say("Refused by the meter"), "refused"),
            (say("Noise on the line"), "noise"), (say("Late replies, not used"), "late"),
            (say("Turnaround"), "turnaround"),
        ),
    )  # fmt: skip
    name = setting.line if setting is not None else ""
    title = html.H2(say("On RS-485 {line}", line=name))
    words = say("this meter; of today what is stored, the rest as the poller counts")
    tables = [_table(meter, column, parts) for column in columns]
    return html.Section(
        [
            html.Div([title, html.Small(words)], className="ss-sec-h"),
            html.Div([*tables, day_view.answers(meter, parts[f"s{meter.id}"])], className="ss-three"),
        ],
        className="ss-sec",
    )


def _table(meter: LiveMeter, rows: tuple[tuple[str, str], ...], parts: dict[str, Parts]) -> html.Table:
    day, counted = f"s{meter.id}", f"c{meter.id}"
    body = []
    for name, key in rows:
        today = [cards.said(day, f"day.{key}", parts[day])] if f"day.{key}" in parts[day] else []
        own = [cards.said(counted, key, parts[counted])]
        cells = [html.Td(cell, className="ss-num") for cell in (today, own)]
        body.append(html.Tr([html.Th(name, scope="row"), *cells]))
    head = [html.Td(), *[html.Th(text, scope="col", className="ss-num") for text in _heads()]]
    words = say("{meter}: questions and answers on the line", meter=meter.name)
    caption = html.Caption(words, className="ss-sr")
    return html.Table([caption, html.Thead(html.Tr(head)), html.Tbody(body)], className="ss-table ss-counts")


def _heads() -> tuple[str, str]:
    return say("Today"), say("Since the start")
