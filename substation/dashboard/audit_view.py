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
from substation.dashboard.heard import told
from substation.dashboard.tongue import later, say
from substation.store.anchors import written

LONGEST_DETAILS = 600
MOST_PROBLEMS = 20


def chain(finding: Finding | None, *, under_way: bool, now_ms: int, zone: ZoneInfo) -> html.Section:
    """Return the state of the chain: whole or not, since when that is known, where it ends."""
    if finding is None:
        words = say("Being verified for the first time since the dashboard's start. Reload in a moment.")
        return _chain("late", say("Not verified yet"), [html.P(words)])
    at, long = f.moment(finding.at_ms, now_ms, zone), _seconds(finding.took_s)
    when = say("{at}, took {long}", at=at, long=long)
    if under_way:
        when = say("{at}, took {long}; being verified again now", at=at, long=long)
    verdict = finding.verdict
    if verdict is None:
        return _chain(
            "alarm",
            say("Cannot be verified"),
            [_facts([(say("Tried"), when)]), html.P(told(harmless(finding.words)), className="ss-audit-bad")],
        )
    count = f.number(verdict.lines, 0)
    lines = (
        say("{lines} in 1 file", lines=count)
        if verdict.files == 1
        else say("{lines} in {files} files", lines=count, files=verdict.files)
    )
    facts: list[tuple[str, Any]] = [
        (say("Verified"), when),
        (say("Lines"), lines),
        (
            say("Compared with"),
            say("numbers noted in the databases: {count}", count=f.number(finding.compared, 0)),
        ),
    ]
    if verdict.last_seq:
        noted = written((verdict.last_seq, verdict.last_mac[:16]))
        facts.append((say("Last line, to note down"), html.Code(noted)))
    below: list[Any] = [_facts(facts)]
    if not verdict.ok:
        below.append(_problems([problem.words for problem in verdict.problems]))
    if verdict.torn:
        words = (
            say("1 line was torn by a power failure or a kill; no number is missing there.")
            if len(verdict.torn) == 1
            else say(
                "{count} lines were torn by a power failure or a kill; no number is missing there.",
                count=len(verdict.torn),
            )
        )
        below.append(html.P(words, className="ss-note"))
    below += [html.P(told(harmless(words)), className="ss-note ss-warn") for words in finding.doubts]
    if verdict.ok:
        return _chain("ok", say("The chain is whole"), below)
    if len(verdict.problems) == 1:
        return _chain("alarm", say("The log was changed in 1 place"), below)
    return _chain("alarm", say("The log was changed in {count} places", count=len(verdict.problems)), below)


def _chain(sign: str, title: str, below: Sequence[Any]) -> html.Section:
    loud = " ss-alarm" if sign == "alarm" else ""
    head = html.Div([cards.icon(sign), html.H2(title)], className=f"ss-audit-state{loud}")
    return html.Section(
        [head, *below], className="ss-audit-chain", **{"aria-label": say("State of the chain")}
    )


def _facts(pairs: Sequence[tuple[str, Any]]) -> html.Dl:
    return html.Dl([html.Div([html.Dt(name), html.Dd(what)]) for name, what in pairs], className="ss-inline")


def _problems(words: Sequence[str]) -> html.Div:
    rows = [html.Li(told(harmless(one))) for one in words[:MOST_PROBLEMS]]
    if len(words) > MOST_PROBLEMS:
        more = say(
            "and {count} more: {command}",
            count=len(words) - MOST_PROBLEMS,
            command="python3 datalogger.py audit verify",
        )
        rows.append(html.Li(more))
    return html.Div(
        [
            html.Ul(rows, className="ss-audit-bad"),
            html.P(
                say(
                    "Keep a copy of the log's files before anything else is done, and compare with the "
                    "journal: {page}.",
                    page="docs/how-to/audit-log.md",
                ),
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
            html.Thead(
                html.Tr([html.Th(told(name), scope="col", className=kind) for name, kind in _COLUMNS])
            ),
            html.Tbody(rows),
        ],
        className="ss-table ss-audit",
    )
    return html.Section(
        [cards.wide(table, say("Lines, newest first")), _older(view, now)],
        className="ss-sec ss-audit-lines",
        **{"aria-label": say("Lines, newest first")},
    )


_COLUMNS = (
    (later("At"), ""),
    (later("Event"), ""),
    (later("User"), ""),
    (later("From where"), ""),
    (later("Process"), ""),
    (later("What"), "ss-audit-what"),
    (later("Number"), "ss-num"),
)


def _row(entry: Entry, now: Asked) -> html.Tr:
    if not entry.seq:
        words = say("no line of this log: torn by a kill or a power failure, or put there by somebody")
        cells = [
            html.Td("", className="ss-audit-at"),
            html.Td(words, colSpan=4),
            html.Td(html.Code(entry.raw), className="ss-audit-what"),
            html.Td("", className="ss-num"),
        ]
        return html.Tr(cells, className="ss-audit-torn")
    refused = [] if entry.ok else [cards.icon("alarm"), html.B(say("refused"), className="ss-audit-refused")]
    changed = [html.B(say("changed"), className="ss-alarm")] if entry.sealed is False else []
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
        links.append(_button(say("Newest lines"), Asked(now.wanted).address))
    if view.older:
        links.append(_button(say("Older lines"), Asked(now.wanted, view.older).address))
    else:
        links.append(html.Span(say("This is the beginning of the log."), className="ss-muted"))
    return html.Div(links, className="ss-ctrl")


def _button(words: str, address: str) -> dcc.Link:
    return dcc.Link(words, href=address, className="ss-btn")


def _nothing(view: View, now: Asked) -> list[Any]:
    if view.older:
        count = f.number(view.looked_at, 0)
        none = say("No such line among {count} lines.", count=count)
        if view.reached:
            none = say("No such line among {count} lines back to {day}.", count=count, day=view.reached[:10])
        return [
            html.P(none),
            html.Div(
                [
                    dcc.Link(
                        say("Look further back"),
                        href=Asked(now.wanted, view.older).address,
                        className="ss-btn",
                    ),
                    _button(say("Show all lines"), PATH),
                ],
                className="ss-ctrl",
            ),
        ]
    if now.wanted.everything and not now.before:
        return [html.P(say("The log is empty: nothing was done here since it was begun."))]
    return [
        html.P(say("No line of the log is like that.")),
        html.Div(_button(say("Show all lines"), PATH), className="ss-ctrl"),
    ]


def unreadable(words: str) -> html.Section:
    """Return what is shown in place of the lines when the log cannot be read."""
    return html.Section(
        [
            html.P(told(harmless(words)), className="ss-audit-bad"),
            html.P(
                say(
                    "While it cannot be written, nothing that is done is recorded, and exports are refused. "
                    "It must be a file of the user that runs the station, in a folder with space left."
                ),
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
    return say("Today, {day}", day=words) if day == today else words


def _seconds(took_s: float) -> str:
    return f"{took_s:.1f} s" if took_s >= 0.1 else say("less than {long}", long="0.1 s")
