"""Draws the DG log of a month: hours, units and litres in total, each run, and what opens under one."""

from typing import Any

from dash import dcc, html

from substation.alarms.dg_runs import DgRun
from substation.clock import site_time
from substation.dashboard import format as f
from substation.dashboard import heard, register_asked, register_form, register_words
from substation.dashboard.feed import Feed
from substation.dashboard.register_asked import Asked
from substation.dashboard.register_book import Book
from substation.dashboard.register_form import Opened
from substation.dashboard.settings_desk import Outcome
from substation.dashboard.tongue import say
from substation.reports import dg_total, supply_entries
from substation.reports.dg_load import Load


def section(feed: Feed, book: Book, asked: Asked, outcome: Outcome) -> list[Any]:
    """Return the totals and the runs."""
    return [_totals(feed, book), _rows(feed, book, asked, outcome)]


def _totals(feed: Feed, book: Book) -> html.Section:
    sets = [meter for meter in feed.settings.meters if meter.role == "generator"]
    rows = []
    for meter in sets:
        runs = [run for run in book.record.begun() if run.meter_id == meter.id]
        total = dg_total.total(runs, book.record.loads, {run.key: book.texts(run) for run in runs})
        rows.append(
            html.Tr(
                [
                    html.Th(f"{meter.id} {meter.name}", scope="row"),
                    html.Td(str(total.runs), className="ss-num"),
                    html.Td(str(total.trials), className="ss-num"),
                    html.Td(_hours(total), className="ss-num"),
                    html.Td(_or_dash(total.wh, 1000, 1, total.without_units), className="ss-num"),
                    html.Td(_or_dash(total.litres, 1, 1, total.without_litres), className="ss-num"),
                    html.Td(f.number(total.per_litre, 2), className="ss-num"),
                ]
            )
        )
    head = [
        say("DG set"), say("Runs"), say("of them trials"), say("Hours run"), say("Units, kWh"),
        say("Diesel, l"), say("kWh per litre"),
    ]  # fmt: skip
    cells = [
        html.Th(name, scope="col", className="ss-num" if place else "") for place, name in enumerate(head)
    ]
    caption = html.Caption(say("Totals of the DG log"), className="ss-sr")
    table = html.Table(
        [caption, html.Thead(html.Tr(cells)), html.Tbody(rows)], className="ss-table ss-reg-totals"
    )
    month = register_asked.month_words(f"{site_time(book.record.start_ms, feed.settings.site.zone):%Y-%m}")
    none = html.P(say("No meter of this station is a DG set's."), className="ss-ev-none")
    region = {"tabIndex": 0, "role": "region", "aria-label": say("Totals of the DG log")}
    note = say(
        "A run is from when the set gives voltage until that is gone. Units are differences of its register."
    )
    return html.Section(
        [
            html.H2([month, " ", html.Small(register_words.as_of(feed.board(), feed.settings))]),
            html.Div(table, className="ss-wrap", **region) if sets else none,
            html.P(note, className="ss-muted ss-reg-note"),
        ],
        className="ss-sec ss-first",
        **{"aria-label": say("Totals of the DG log")},
    )


def _hours(total: dg_total.DgTotal) -> str:
    if total.noted_ms is not None:
        return f.number(total.noted_ms / 3_600_000, 2)
    low = f.number(total.least_ms / 3_600_000, 2)
    if total.most_ms is None:
        return say("at least {least}", least=low)
    high = f.number(total.most_ms / 3_600_000, 2)
    return low if high == low else say("{least} to {most}", least=low, most=high)


def _or_dash(value: float | None, divisor: float, decimals: int, missing: int) -> str:
    shown = f.number(None if value is None else value / divisor, decimals)
    return (
        say("{value}, {count} runs without", value=shown, count=missing)
        if missing and value is not None
        else shown
    )


def _rows(feed: Feed, book: Book, asked: Asked, outcome: Outcome) -> html.Section:
    title = html.H2([say("Runs of the DG set"), " ", html.Small(say("newest first"))])
    head = [
        say("Start"), say("Stop"), say("Ran"), say("Units, kWh"), say("Load, kW"), say("Diesel, l"),
        say("kWh per litre"), say("For"),
    ]  # fmt: skip
    if not book.record.runs:
        none = html.P(say("It did not run in this month."), className="ss-ev-none")
        return html.Section([title, none], className="ss-sec", **{"aria-label": say("Runs of the DG set")})
    rows: list[Any] = []
    for run in reversed(book.record.runs):
        rows.append(_row(feed, book, run, asked))
        if run.key == asked.open:
            inside = register_form.detail(Opened(feed, book, asked, outcome.faults, outcome.typed), run)
            rows.append(html.Tr(html.Td(inside, colSpan=len(head)), className="ss-reg-opened"))
    looks = ("at", "back", "for", "number", "number", "number", "number", "where")
    cells = [
        html.Th(name, scope="col", className=f"ss-reg-{look}") for name, look in zip(head, looks, strict=True)
    ]
    table = html.Table(
        [
            html.Caption(say("Runs of the DG set, newest first"), className="ss-sr"),
            html.Thead(html.Tr(cells)),
            html.Tbody(rows),
        ],
        className="ss-table ss-events ss-reg ss-reg-dg",
    )
    region = {"tabIndex": 0, "role": "region", "aria-label": say("Runs of the DG set, newest first")}
    return html.Section(
        [title, html.Div(table, className="ss-wrap", **region)],
        className="ss-sec",
        **{"aria-label": say("Runs of the DG set")},
    )


def _mean(load: Load) -> str:
    if load.mean_w is None:
        return f.DASH
    least, most = (f.number(watts / 1000, 1) for watts in load.mean_w)
    return least if least == most else say("{least} to {most}", least=least, most=most)


def _row(feed: Feed, book: Book, run: DgRun, asked: Asked) -> html.Tr:
    zone, texts = feed.settings.site.zone, book.texts(run)
    load = book.record.loads.get(run.key, Load())
    litres = supply_entries.consumed(texts)
    rate = supply_entries.per_litre(load.whole_wh, litres)
    open_now = run.key == asked.open
    way = Asked(asked.view, asked.month, "" if open_now else run.key).address
    begun = register_words.at(run.time.begun_ms, feed.clock.now_ms(), zone)
    link = dcc.Link(
        [html.Span(begun), html.Span(f", {say('close') if open_now else say('open')}", className="ss-sr")],
        href=way,
        className="ss-reg-link",
    )
    units: list[Any] = [f.number(None if load.wh is None else load.wh / 1000, 1)]
    if load.why:
        units.append(html.Small(heard.told(load.why)))
    kilowatts: list[Any] = [_mean(load)]
    if load.highest_w is not None:
        kilowatts.append(html.Small(say("highest {value}", value=f.number(load.highest_w / 1000, 1))))
    elif load.why_highest:
        words = f"{say('highest {value}', value=f.DASH)}: {heard.told(load.why_highest)}"
        kilowatts.append(html.Small(words))
    diesel: list[Any] = [f.number(litres, 1)] if litres is not None else [
        html.Span(say("not written"), className="ss-reg-wants")
    ]  # fmt: skip
    likely: list[Any] = [f.number(rate, 2)]
    if rate is not None and rate > supply_entries.LIKELY_KWH_PER_L:
        likely.append(html.Small(say("more than diesel gives: look at the litres"), className="ss-warn"))
    where: list[Any] = [say("supply failure") if run.failure else say("trial, or by hand")]
    if texts.get("remark"):
        where.append(html.Small(texts["remark"]))
    if len([meter for meter in feed.settings.meters if meter.role == "generator"]) > 1:
        where.append(html.Small(register_words.circuit(run.meter_id, feed.settings)))
    begun_cell: list[Any] = [link]
    if run.time.begun_after_ms is None:
        begun_cell.append(html.Small(say("found running")))
    return html.Tr(
        [
            html.Th(begun_cell, scope="row", className="ss-reg-at"),
            html.Td(register_words.ended(run.time, zone), className="ss-reg-back"),
            html.Td(register_words.for_long(run.time), className="ss-reg-for"),
            html.Td(units, className="ss-reg-number", **{"data-label": say("Units, kWh")}),
            html.Td(kilowatts, className="ss-reg-number", **{"data-label": say("Load, kW")}),
            html.Td(diesel, className="ss-reg-number", **{"data-label": say("Diesel, l")}),
            html.Td(likely, className="ss-reg-number", **{"data-label": say("kWh per litre")}),
            html.Td(where, className="ss-reg-where"),
        ],
        className="ss-reg-on" if open_now else "",
    )
