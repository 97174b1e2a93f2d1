"""Draws the audit log: the chain's state and the lines. Every byte in it is somebody else's."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from dash import dcc, html

from substation.audit import Entry, View, Wanted
from substation.audit.reader import harmless
from substation.dashboard import cards
from substation.dashboard import format as f
from substation.dashboard.audit_asked import LONGEST, PATH, Asked
from substation.dashboard.audit_watch import Finding
from substation.store.anchors import written

LONGEST_DETAILS = 600
MOST_PROBLEMS = 20


def chain(finding: Finding | None, *, under_way: bool, now_ms: int, zone: ZoneInfo) -> html.Section:
    """Return the state of the chain: whole or not, since when that is known, where it ends."""
    if finding is None:
        words = "Being verified for the first time since the dashboard's start. Reload in a moment."
        return _chain("late", "Not verified yet", [html.P(words)])
    again = "; being verified again now" if under_way else ""
    when = f"{f.moment(finding.at_ms, now_ms, zone)}, took {_seconds(finding.took_s)}{again}"
    verdict = finding.verdict
    if verdict is None:
        return _chain(
            "alarm",
            "Cannot be verified",
            [_facts([("Tried", when)]), html.P(harmless(finding.words), className="ss-audit-bad")],
        )
    files = "1 file" if verdict.files == 1 else f"{verdict.files} files"
    facts: list[tuple[str, Any]] = [
        ("Verified", when),
        ("Lines", f"{f.number(verdict.lines, 0)} in {files}"),
        ("Compared with", f"numbers noted in the databases: {f.number(finding.compared, 0)}"),
    ]
    if verdict.last_seq:
        noted = written((verdict.last_seq, verdict.last_mac[:16]))
        facts.append(("Last line, to note down", html.Code(noted)))
    below: list[Any] = [_facts(facts)]
    if not verdict.ok:
        below.append(_problems([problem.words for problem in verdict.problems]))
    if verdict.torn:
        torn = "1 line was" if len(verdict.torn) == 1 else f"{len(verdict.torn)} lines were"
        words = f"{torn} torn by a power failure or a kill; no number is missing there."
        below.append(html.P(words, className="ss-note"))
    below += [html.P(harmless(words), className="ss-note ss-warn") for words in finding.doubts]
    if verdict.ok:
        return _chain("ok", "The chain is whole", below)
    places = "1 place" if len(verdict.problems) == 1 else f"{len(verdict.problems)} places"
    return _chain("alarm", f"The log was changed in {places}", below)


def _chain(sign: str, title: str, below: Sequence[Any]) -> html.Section:
    loud = " ss-alarm" if sign == "alarm" else ""
    head = html.Div([cards.icon(sign), html.H2(title)], className=f"ss-audit-state{loud}")
    return html.Section([head, *below], className="ss-audit-chain", **{"aria-label": "State of the chain"})


def _facts(pairs: Sequence[tuple[str, Any]]) -> html.Dl:
    return html.Dl([html.Div([html.Dt(name), html.Dd(what)]) for name, what in pairs], className="ss-inline")


def _problems(words: Sequence[str]) -> html.Div:
    rows = [html.Li(harmless(one)) for one in words[:MOST_PROBLEMS]]
    if len(words) > MOST_PROBLEMS:
        rows.append(html.Li(f"and {len(words) - MOST_PROBLEMS} more: python3 datalogger.py audit verify"))
    return html.Div(
        [
            html.Ul(rows, className="ss-audit-bad"),
            html.P(
                "Keep a copy of the log's files before anything else is done, and compare with the journal: "
                "docs/how-to/audit-log.md.",
                className="ss-note",
            ),
        ]
    )


def lines(view: View, now: Asked, zone: ZoneInfo, today: str) -> html.Section:
    """Return the lines, the newest first, by days."""
    if not view.entries:
        return html.Section(_nothing(view, now), className="ss-sec")
    rows: list[Any] = []
    day = ""
    for entry in view.entries:
        if entry.seq and entry.local[:10] != day:
            day = entry.local[:10]
            head = html.Th(_day(day, today, zone), colSpan=len(_COLUMNS), scope="colgroup")
            rows.append(html.Tr(head, className="ss-grp"))
        rows.append(_row(entry, now))
    table = html.Table(
        [
            html.Thead(html.Tr([html.Th(name, scope="col", className=kind) for name, kind in _COLUMNS])),
            html.Tbody(rows),
        ],
        className="ss-table ss-audit",
    )
    return html.Section(
        [html.Div(table, className="ss-wrap", tabIndex=0), _older(view, now)],
        className="ss-sec ss-audit-lines",
        **{"aria-label": "Lines, newest first"},
    )


_COLUMNS = (
    ("At", ""),
    ("Event", ""),
    ("User", ""),
    ("From where", ""),
    ("Process", ""),
    ("What", "ss-audit-what"),
    ("Number", "ss-num"),
)


def _row(entry: Entry, now: Asked) -> html.Tr:
    if not entry.seq:
        words = "no line of this log: torn by a kill or a power failure, or put there by somebody"
        cells = [
            html.Td("", className="ss-audit-at"),
            html.Td(words, colSpan=4),
            html.Td(html.Code(entry.raw), className="ss-audit-what"),
            html.Td("", className="ss-num"),
        ]
        return html.Tr(cells, className="ss-audit-torn")
    refused = [] if entry.ok else [cards.icon("alarm"), html.B("refused", className="ss-audit-refused")]
    changed = [html.B("changed", className="ss-alarm")] if entry.sealed is False else []
    return html.Tr(
        [
            html.Td(harmless(entry.local[11:19]), className="ss-audit-at"),
            html.Th([_link(now, "event", entry.event), *refused, *changed], scope="row"),
            html.Td(_link(now, "user", entry.user), className="ss-audit-user"),
            html.Td(_link(now, "source", entry.source)),
            html.Td(_link(now, "process", entry.process)),
            html.Td(details(entry.details), className="ss-audit-what"),
            html.Td(str(entry.seq), className="ss-num ss-muted"),
        ],
        className="" if entry.ok else "ss-audit-no",
    )


def _link(now: Asked, name: str, value: str) -> Any:
    """Return a value as the way to all lines with it."""
    if not value:
        return ""
    if len(value) > LONGEST or value != value.strip() or harmless(value) != value:
        return html.Code(harmless(value))
    wanted = replace(now.wanted, event=value) if name == "event" else _with(now.wanted, name, value)
    return dcc.Link(value, href=Asked(wanted).address)


def _with(wanted: Wanted, name: str, value: str) -> Wanted:
    match name:
        case "user":
            return replace(wanted, user=value)
        case "source":
            return replace(wanted, source=value)
        case _:
            return replace(wanted, process=value)


def details(found: Mapping[str, object]) -> str:
    """Return details as a person reads them, cut where they are very long."""
    said = ", ".join(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in found.items())
    said = harmless(said)
    return said if len(said) <= LONGEST_DETAILS else f"{said[:LONGEST_DETAILS]} ..."


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _older(view: View, now: Asked) -> html.Div:
    links: list[Any] = []
    if now.before:
        links.append(_button("Newest lines", Asked(now.wanted).address))
    if view.older:
        links.append(_button("Older lines", Asked(now.wanted, view.older).address))
    else:
        links.append(html.Span("This is the beginning of the log.", className="ss-muted"))
    return html.Div(links, className="ss-ctrl")


def _button(words: str, address: str) -> dcc.Link:
    return dcc.Link(words, href=address, className="ss-btn")


def _nothing(view: View, now: Asked) -> list[Any]:
    if view.older:
        back = f" back to {view.reached[:10]}" if view.reached else ""
        return [
            html.P(f"No such line among {f.number(view.looked_at, 0)} lines{back}."),
            html.Div(
                [
                    dcc.Link(
                        "Look further back", href=Asked(now.wanted, view.older).address, className="ss-btn"
                    ),
                    _button("Show all lines", PATH),
                ],
                className="ss-ctrl",
            ),
        ]
    if now.wanted.everything and not now.before:
        return [html.P("The log is empty: nothing was done here since it was begun.")]
    return [
        html.P("No line of the log is like that."),
        html.Div(_button("Show all lines", PATH), className="ss-ctrl"),
    ]


def unreadable(words: str) -> html.Section:
    """Return what is shown in place of the lines when the log cannot be read."""
    return html.Section(
        [
            html.P(harmless(words), className="ss-audit-bad"),
            html.P(
                "While it cannot be written, nothing that is done is recorded, and exports are refused. "
                "It must be a file of the user that runs the station, in a folder with space left.",
            ),
        ],
        className="ss-sec",
    )


def _day(day: str, today: str, zone: ZoneInfo) -> str:
    try:
        at = dt.datetime.combine(dt.date.fromisoformat(day), dt.time(12), zone)
    except ValueError:
        return harmless(day)
    words = f.day(int(at.timestamp() * 1000), zone)
    return f"Today, {words}" if day == today else words


def _seconds(took_s: float) -> str:
    return f"{took_s:.1f} s" if took_s >= 0.1 else "less than 0.1 s"
