"""Draws what opens under a row of the register or the DG log: its evidence, its bounds, its form."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dash import dcc, html

from substation.access.users import role_at_least
from substation.alarms.dg_runs import DgRun
from substation.alarms.interruptions import Interruption
from substation.dashboard import account_menu, events_now, heard, register_words
from substation.dashboard import desk as desks
from substation.dashboard import format as f
from substation.dashboard.feed import Feed
from substation.dashboard.register_asked import Asked
from substation.dashboard.register_book import Book
from substation.dashboard.tongue import say
from substation.errors import StoreError
from substation.reports import supply_entries
from substation.reports.supply_entries import DG_LOG, INTERRUPTION, Field, Form
from substation.store import entries
from substation.store.entries import Entry

WRITE = "/register/write"
ABOUT, LOADED = "about", "loaded"
"""Fields in which a page carries what is written about, and what it showed."""


def may_write() -> bool:
    """Return whether whoever looks may write."""
    user = account_menu.visitor()
    return user is not None and role_at_least(user.role, "operator")


@dataclass(frozen=True, slots=True)
class Opened:
    """What is open on the page."""

    feed: Feed
    book: Book
    asked: Asked
    faults: Mapping[str, str]
    """By field why what was typed was not taken; the empty name is the whole."""
    typed: Mapping[str, str]
    """What was typed then."""


def detail(on: Opened, one: Interruption | DgRun) -> html.Div:
    """Return what opens under the row of an interruption or a run."""
    feed, book, asked = on.feed, on.book, on.asked
    form: Form = DG_LOG if isinstance(one, DgRun) else INTERRUPTION
    inside: list[Any] = [_evidence(feed, one)]
    failure = one if isinstance(one, Interruption) else book.find(INTERRUPTION, one.failure)
    if isinstance(failure, Interruption) and failure.kind == "supply":
        inside += _change_over(feed, book, failure)
    if isinstance(one, Interruption):
        inside += _related(feed, book, one, asked)
    inside.append(_form(on, one, form))
    return html.Div(inside, className="ss-reg-open")


def _evidence(feed: Feed, one: Interruption | DgRun) -> html.Ul:
    zone = feed.settings.site.zone
    said = list(register_words.bounds(one.time, zone))
    evidence = getattr(one, "evidence", "")
    if evidence:
        said.insert(0, events_now.known_by(evidence))
    if isinstance(one, DgRun):
        said.append(
            say("It ran in a failure of supply.")
            if one.failure
            else say("Supply was on: a trial, or by hand.")
        )
    if not said:
        said.append(say("Both ends were seen within one poll."))
    return html.Ul([html.Li(words) for words in said], className="ss-reg-evidence")


def _change_over(feed: Feed, book: Book, failure: Interruption) -> list[Any]:
    steps, zone = book.record.change_over(failure), feed.settings.site.zone
    if len(steps) < 2:
        return []
    rows, before = [], steps[0].at_ms
    for place, step in enumerate(steps):
        width = None if step.after_ms is None else step.at_ms - step.after_ms
        rows.append(
            html.Tr(
                [
                    html.Th(register_words.step(step, feed.settings), scope="row"),
                    html.Td(register_words.at(step.at_ms, steps[0].at_ms, zone), className="ss-num"),
                    html.Td("" if not place else _since(step.at_ms - before), className="ss-num"),
                    html.Td(
                        register_words.seconds(step.at_ms - steps[0].at_ms) if place else "",
                        className="ss-num",
                    ),
                    html.Td(
                        say("not seen") if width is None else register_words.seconds(width),
                        className="ss-num",
                    ),
                ]
            )
        )
        before = max(before, step.at_ms)
    head = [
        say("Change-over"),
        say("At"),
        say("Since the step before"),
        say("Since supply went"),
        say("Seen within"),
    ]
    cells = [
        html.Th(name, scope="col", className="ss-num" if place else "") for place, name in enumerate(head)
    ]
    caption = html.Caption(say("Steps of the change-over"), className="ss-sr")
    table = html.Table(
        [caption, html.Thead(html.Tr(cells)), html.Tbody(rows)], className="ss-table ss-reg-steps"
    )
    region = {"tabIndex": 0, "role": "region", "aria-label": say("Steps of the change-over")}
    return [html.Div(table, className="ss-wrap", **region)]


def _since(ms: int) -> str:
    return register_words.seconds(ms) if ms >= 0 else say("same round of polling")


def _related(feed: Feed, book: Book, one: Interruption, asked: Asked) -> list[Any]:
    if one.part_of:
        words = say("It belongs to a failure of supply, and has that one's cause.")
        link = dcc.Link(say("Open that one"), href=Asked(asked.view, asked.month, one.part_of).address)
        return [html.P([words, " ", link])]
    feeders = [other for other in book.record.related(one) if other.kind == "feeder"]
    if not feeders:
        return []
    said = [
        f"{register_words.circuit(other.meter_id, feed.settings)} {register_words.for_long(other.time)}"
        for other in feeders
    ]
    return [html.P([html.B(say("Feeders without supply: ")), "; ".join(said)])]


def _form(on: Opened, one: Interruption | DgRun, form: Form) -> html.Div | html.Form:
    feed, book, asked, faults, typed = on.feed, on.book, on.asked, on.faults, on.typed
    fields = supply_entries.fields(form)
    stands = {item: book.entry(one, item) for item in fields}
    past = _history(feed, book, one, fields)
    if not may_write():
        said = [
            html.Div([html.Dt(heard.told(field.words)), html.Dd(_shown(field, entry))])
            for item, field in fields.items()
            if (entry := stands[item]) is not None and entry.text
        ]
        nothing = html.P(say("Nothing is written here yet; operators write it."), className="ss-muted")
        return html.Div([html.Dl(said, className="ss-reg-said") if said else nothing, *past])
    boxes = [
        _box(field, stands[item], faults.get(item, ""), typed.get(item)) for item, field in fields.items()
    ]
    loaded = {item: [entry.id, entry.text] for item, entry in stands.items() if entry is not None}
    whole = [html.P(faults[""], className="ss-set-fault", role="alert")] if faults.get("") else []
    close = Asked(asked.view, asked.month).address
    return html.Form(
        [
            *whole,
            _slot({"type": "hidden", "name": ABOUT, "value": json.dumps([form, one.key, asked.month])}),
            _slot({"type": "hidden", "name": LOADED, "value": json.dumps(loaded)}),
            html.Div(boxes, className="ss-reg-boxes"),
            html.Div(
                [
                    html.Button(say("Save"), type="submit", className="ss-btn", disable_n_clicks=True),
                    dcc.Link(say("Close"), href=close, className="ss-btn ss-quiet"),
                    html.Span(
                        say("It is kept with your name, and goes to the audit log."), className="ss-muted"
                    ),
                ],
                className="ss-ctrl",
            ),
            *past,
        ],
        action=WRITE,
        method="post",
        className="ss-reg-form",
    )


def _box(field: Field, entry: Entry | None, fault: str, typed: str | None) -> html.Div:
    name = heard.told(field.words) + (f", {field.unit}" if field.unit else "")
    value = (entry.text if entry else "") if typed is None else typed
    own = f"reg-{field.item}"
    marks = {"aria-invalid": "true", "aria-describedby": f"{own}-fault"} if fault else {}
    told = [html.P(fault, id=f"{own}-fault", className="ss-set-fault")] if fault else []
    options: list[tuple[str, str]] = []
    if field.kind == "cause":
        options = [
            ("", say("not written")),
            *((c.key, heard.told(c.words)) for c in supply_entries.causes().values()),
        ]
    elif field.kind == "yes_no":
        options = [("", say("as the cause says")), ("yes", say("yes")), ("no", say("no"))]
    if options and value not in dict(options):
        options.append((value, value))
    shown: Any
    if options:
        every = [
            html.Option(words, value=key, selected=True if key == value else None) for key, words in options
        ]
        shown = html.Select(every, name=field.item, id=own, className="ss-select", **marks)
    else:
        spec = {"type": "text", "name": field.item, "id": own, "value": value, "autocomplete": "off", **marks}
        spec |= {"inputmode": "decimal"} if field.kind == "number" else {"maxlength": str(field.longest)}
        shown = _slot(spec)
    wide = " ss-reg-wide" if field.kind == "text" and field.longest > 100 else ""
    return html.Div([html.Label(name, htmlFor=own), shown, *told], className=f"ss-field-box{wide}")


def _slot(spec: Mapping[str, str]) -> html.Span:
    """Return where `assets/settings.js` puts an input: Dash has none that a plain form sends."""
    hidden = " ss-none" if spec["type"] == "hidden" else ""
    return html.Span(key=json.dumps(spec), className=f"ss-slot{hidden}", **{"data-input": json.dumps(spec)})


def _shown(field: Field, entry: Entry) -> str:
    if field.kind == "cause":
        return heard.told(supply_entries.cause_words(entry.text))
    if field.kind == "yes_no":
        return say("yes") if entry.text == "yes" else say("no")
    return f"{entry.text} {field.unit}".strip()


def _history(feed: Feed, book: Book, one: Interruption | DgRun, fields: Mapping[str, Field]) -> list[Any]:
    """Return who wrote what, and what stood there before."""
    rows: list[Any] = []
    zone, now_ms = feed.settings.site.zone, feed.clock.now_ms()
    for item, field in fields.items():
        place = supply_entries.place(one, item)
        entry = book.entries.get(place)
        if entry is None:
            continue
        try:
            every = entries.history(desks.current().database, place) if place in book.corrected else [entry]
        except StoreError:
            every = [entry]
        said = [
            say(
                "{text} by {name}, {time}",
                text=_shown(field, old) if old.text else say("taken back"),
                name=old.entered_by,
                time=f.moment(old.at_ms, now_ms, zone),
            )
            for old in every
        ]
        rows.append(html.Li([html.B(f"{heard.told(field.words)}: "), "; ".join(said)]))
    if not rows:
        return []
    return [
        html.Details(
            [html.Summary(say("Who wrote what, and what stood there before")), html.Ul(rows)],
            className="ss-reg-who",
        )
    ]
