"""Draws the register of interruptions of a month: its totals, its rows, what opens under one of them."""

from typing import Any

from dash import dcc, html

from substation.alarms.interruptions import Interruption
from substation.clock import site_time
from substation.dashboard import (
    account_menu,
    dg_view,
    heard,
    register_asked,
    register_book,
    register_form,
    register_words,
)
from substation.dashboard import format as f
from substation.dashboard.feed import Feed
from substation.dashboard.register_asked import Asked
from substation.dashboard.register_book import Book
from substation.dashboard.register_desk import OUTCOMES
from substation.dashboard.register_form import Opened
from substation.dashboard.settings_desk import Outcome
from substation.dashboard.tongue import say
from substation.errors import StoreError, TooSlow
from substation.reports import supply_entries, supply_record
from substation.reports.supply_entries import Form

NOTHING = Outcome("")
RENEWED_MS = 15_000
"""While something lasts its length is drawn anew so often."""


def page(feed: Feed, asked: Asked) -> list[Any]:
    """Return the page below its heading and its tabs."""
    try:
        book = register_book.of_month(feed, asked.month)
    except TooSlow:
        return [
            html.P(
                say("Reading the register took too long and was stopped. Try again."), className="ss-hatched"
            )
        ]
    except StoreError as exc:
        why = heard.told(str(exc))
        return [html.P(say("The register cannot be read: {why}", why=why), className="ss-hatched")]
    outcome = _outcome(asked)
    draw = dg_view.section if asked.view == "dg" else _section
    return [*_said(book, outcome), *draw(feed, book, asked, outcome), *_astray(feed, book, asked)]


def mark(feed: Feed, asked: Asked) -> str:
    """Return what differs when the page is to be drawn anew: a new event; while one lasts, the time."""
    try:
        record = feed.supply_record(*supply_record.month_ms(asked.month, feed.settings.site.zone))
    except StoreError as exc:
        return str(exc)
    now_ms = feed.clock.now_ms()
    times = [one.time for one in record.interruptions] + [run.time for run in record.runs]
    lasts = now_ms // RENEWED_MS if any(time.lasts for time in times) else 0
    polled = feed.board().poller.state
    return repr((feed.last_event(), lasts, polled))


def _outcome(asked: Asked) -> Outcome:
    user = account_menu.visitor()
    return (OUTCOMES.of(asked.said, user.name) if asked.said and user else None) or NOTHING


def _said(book: Book, outcome: Outcome) -> list[Any]:
    """Return what became of the form that was sent."""
    if outcome.faults:
        words = say("Nothing was written: look at what stands beside the fields.")
        whole = [html.P(outcome.faults[""])] if outcome.faults.get("") else []
        return [html.Div([html.B(words), *whole], className="ss-set-said", role="alert", tabIndex=-1)]
    if outcome.user and outcome.changed:
        return [
            html.Div(
                say("Saved, and written to the audit log."),
                className="ss-set-said",
                role="status",
                tabIndex=-1,
            )
        ]
    if outcome.user:
        return [html.Div(say("Nothing was changed."), className="ss-set-said", role="status", tabIndex=-1)]
    return []


def _section(feed: Feed, book: Book, asked: Asked, outcome: Outcome) -> list[Any]:
    return [_totals(feed, book), _rows(feed, book, asked, outcome)]


def _totals(feed: Feed, book: Book) -> html.Section:
    """Return counts and times of the month, of supply and of each feeder."""
    record, settings = book.record, feed.settings
    minutes = settings.site.momentary_minutes
    lines: list[tuple[str, list[Interruption]]] = [(say("Supply"), record.supply())]
    lines += [
        (f"{meter.id} {meter.name}", record.of(meter.id))
        for meter in settings.meters
        if meter.role == "feeder" or (meter.role == "incomer" and len(_incomers(feed)) > 1)
    ]
    if len(_incomers(feed)) == 1:  # its phase losses are the supply's
        lines[0] = (lines[0][0], record.of(_incomers(feed)[0]))
    rows = []
    for name, some in lines:
        total = record.total(some)
        planned = sum(
            1
            for one in some
            if one.kind != "phase_lost"
            and record.start_ms <= one.time.begun_ms < record.end_ms
            and supply_entries.is_planned(book.written(one))
        )
        rows.append(
            html.Tr(
                [
                    html.Th(name, scope="row"),
                    *(
                        html.Td(str(count), className="ss-num")
                        for count in (
                            total.count,
                            total.sustained,
                            total.momentary,
                            total.either,
                            planned,
                            total.phase_losses,
                        )
                    ),
                    html.Td(register_words.for_long(total), className="ss-num"),
                ]
            )
        )
    head = [
        say("Circuit"), say("Interruptions"), say("over {minutes} min", minutes=minutes),
        say("up to {minutes} min", minutes=minutes), say("may be either"), say("planned"), say("Phase lost"),
        say("Without supply"),
    ]  # fmt: skip
    cells = [
        html.Th(name, scope="col", className="ss-num" if place else "") for place, name in enumerate(head)
    ]
    caption = html.Caption(say("Totals of the month"), className="ss-sr")
    table = html.Table(
        [caption, html.Thead(html.Tr(cells)), html.Tbody(rows)], className="ss-table ss-reg-totals"
    )
    region = {"tabIndex": 0, "role": "region", "aria-label": say("Totals of the month")}
    month = register_asked.month_words(_month_of(feed, book))
    title = html.H2(
        [
            month,
            " ",
            html.Small(register_words.as_of(feed.board(), feed.settings)),
            " ",
            html.Small(_standing(book)),
        ]
    )
    return html.Section(
        [title, html.Div(table, className="ss-wrap", **region), *_notes(feed, book)],
        className="ss-sec ss-first",
        **{"aria-label": say("Totals of the month")},
    )


def _incomers(feed: Feed) -> list[int]:
    return [meter.id for meter in feed.settings.meters if meter.role == "incomer"]


def _month_of(feed: Feed, book: Book) -> str:
    return f"{site_time(book.record.start_ms, feed.settings.site.zone):%Y-%m}"


def _standing(book: Book) -> str:
    left = len(book.to_write())
    if not book.record.interruptions:
        return ""
    return say("{count} without a cause yet", count=left) if left else say("each with its cause")


def _notes(feed: Feed, book: Book) -> list[Any]:
    record, said = book.record, []
    found = supply_record.indices(feed.settings, record)
    if found is not None:
        said.append(
            say(
                "ASIFI {asifi}, ASIDI {asidi} min, momentary {momentary}, served {asai} %: by load of the "
                "feeders (IEEE 1366), indicative, polled.",
                asifi=f.number(found.asifi, 2),
                asidi=f.number(found.asidi_min, 1),
                momentary=f.number(found.momentary, 2),
                asai=f.number(found.asai * 100, 3),
            )
        )
    said.append(
        say(
            "An interruption is momentary up to {minutes} min ({standard}). Silent meters, a lost adapter "
            "and times in which nobody polled are none.",
            minutes=feed.settings.site.momentary_minutes,
            standard=feed.settings.site.momentary,
        )
    )
    if record.blind_ms >= 60_000:
        said.append(
            say(
                "For {long} of the month nobody polled: what was then is not known.",
                long=f.duration(record.blind_ms / 1000),
            )
        )
    if not record.whole:
        said.append(
            say(
                "There were more events than can be looked at: the oldest of the month are missing here, or "
                "when it began what went on before."
            )
        )
    return [html.P(words, className="ss-muted ss-reg-note") for words in said]


def _rows(feed: Feed, book: Book, asked: Asked, outcome: Outcome) -> html.Section:
    head = [say("Off"), say("Back"), say("For"), say("Circuit"), say("Cause"), say("Remark")]
    title = html.H2([say("Interruptions"), " ", html.Small(say("newest first"))])
    if not book.record.interruptions:
        none = html.P(say("None was seen in this month."), className="ss-ev-none")
        return html.Section([title, none], className="ss-sec", **{"aria-label": say("Interruptions")})
    rows: list[Any] = []
    for one in _ordered(book):
        rows.append(_row(feed, book, one, asked))
        if one.key == asked.open:
            inside = register_form.detail(Opened(feed, book, asked, outcome.faults, outcome.typed), one)
            rows.append(html.Tr(html.Td(inside, colSpan=len(head)), className="ss-reg-opened"))
    looks = ("at", "back", "for", "where", "cause", "remark")
    cells = [
        html.Th(name, scope="col", className=f"ss-reg-{look}") for name, look in zip(head, looks, strict=True)
    ]
    table = html.Table(
        [
            html.Caption(say("Interruptions, newest first"), className="ss-sr"),
            html.Thead(html.Tr(cells)),
            html.Tbody(rows),
        ],
        className="ss-table ss-events ss-reg",
    )
    region = {"tabIndex": 0, "role": "region", "aria-label": say("Interruptions, newest first")}
    return html.Section(
        [title, html.Div(table, className="ss-wrap", **region)],
        className="ss-sec",
        **{"aria-label": say("Interruptions")},
    )


def _ordered(book: Book) -> list[Interruption]:
    """Return the newest first, those of a failure of supply right below it."""
    below: dict[str, list[Interruption]] = {}
    for one in book.record.interruptions:
        if one.part_of:
            below.setdefault(one.part_of, []).append(one)
    known = {one.key for one in book.record.interruptions}
    shown: list[Interruption] = []
    for one in sorted(book.record.interruptions, key=lambda one: -one.time.begun_ms):
        if not one.part_of or one.part_of not in known:
            shown += [one, *below.get(one.key, [])]
    return shown


def _row(feed: Feed, book: Book, one: Interruption, asked: Asked) -> html.Tr:
    zone, time = feed.settings.site.zone, one.time
    texts = book.texts(one)
    where: list[Any] = [register_words.circuit(one.meter_id, feed.settings)]
    what = register_words.kind(one)
    if one.kind == "phase_lost":
        where.append(html.Small(what))
    elif not one.part_of:
        where.append(html.Small(f"{what}, {register_words.length(one, book.record.momentary_ms)}"))
    else:
        where.append(
            html.Small(
                say("with supply, {length}", length=register_words.length(one, book.record.momentary_ms))
            )
        )
    open_now = one.key == asked.open
    # the address of an open row closes it
    way = Asked(asked.view, asked.month, "" if open_now else one.key).address
    begun = register_words.at(time.begun_ms, feed.clock.now_ms(), zone)
    link = dcc.Link(
        [html.Span(begun), html.Span(f", {say('close') if open_now else say('open')}", className="ss-sr")],
        href=way,
        className="ss-reg-link",
    )
    begun_cell: list[Any] = [link]
    if time.begun_after_ms is None:
        begun_cell.append(html.Small(say("found so")))
    cells = [
        html.Th(begun_cell, scope="row", className="ss-reg-at"),
        html.Td(register_words.ended(time, zone), className="ss-reg-back"),
        html.Td(register_words.for_long(time), className="ss-reg-for"),
        html.Td(where, className="ss-reg-where"),
        html.Td(_cause(book, one, texts), className="ss-reg-cause"),
        html.Td(_remark(book, one, texts), className="ss-reg-remark"),
    ]
    looks = ["ss-reg-part"] if one.part_of else []
    looks += ["ss-reg-on"] if open_now else []
    return html.Tr(cells, className=" ".join(looks))


def _cause(book: Book, one: Interruption, texts: dict[str, str]) -> list[Any]:
    if "cause" not in texts and one.part_of:
        return []
    if "cause" not in texts:
        return [html.Span(say("not written"), className="ss-reg-wants")]
    said: list[Any] = [heard.told(supply_entries.cause_words(texts["cause"]))]
    if supply_entries.is_planned(texts):
        said.append(html.Small(say("planned")))
    return said


def _remark(book: Book, one: Interruption, texts: dict[str, str]) -> list[Any]:
    said: list[Any] = [texts["remark"]] if texts.get("remark") else []
    extra = []
    if texts.get("load_lost"):
        extra.append(say("{kilowatts} kW lost", kilowatts=texts["load_lost"]))
    if texts.get("reported_to"):
        extra.append(say("reported to {whom}", whom=texts["reported_to"]))
    if texts:
        extra.append(book.by(one))
    return [*said, html.Small(", ".join(extra))] if extra else said


def _astray(feed: Feed, book: Book, asked: Asked) -> list[Any]:
    """Return what was written about something that is not known any more."""
    form: Form = "dg_log" if asked.view == "dg" else "interruption"
    left = book.astray(form)
    if not left:
        return []
    zone, fields = feed.settings.site.zone, supply_entries.fields(form)
    rows = [
        html.Li(
            say(
                "{time}, {what}: {text} by {name}",
                time=register_words.at(entry.place.moment_ms, feed.clock.now_ms(), zone),
                what=heard.told(fields[entry.place.item].words)
                if entry.place.item in fields
                else entry.place.item,
                text=heard.told(supply_entries.cause_words(entry.text)),
                name=entry.entered_by,
            )
        )
        for entry in sorted(left, key=lambda entry: (entry.place.moment_ms, entry.id))
    ]
    title = html.H2(say("Written about times of which nothing is known"))
    why = say(
        "The history holds none then: not yet, not any more, or a verdict was corrected. What was written is "
        "not lost."
    )
    return [html.Section([title, html.P(why, className="ss-muted"), html.Ul(rows)], className="ss-sec")]
