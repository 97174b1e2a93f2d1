"""What the address of the audit page asks for, and the form and links that make such an address."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from urllib.parse import urlencode

from dash import dcc, html

from substation.audit import Wanted
from substation.dashboard.heard import told
from substation.dashboard.tongue import later, say

PATH = "/audit"
LONGEST = 100
"""Characters of a filter."""
KINDS: tuple[tuple[str, Wanted], ...] = (
    (later("All"), Wanted()),
    (later("Refused"), Wanted(refused=True)),
    (later("Logins"), Wanted(event="login.*")),
    (later("Exports"), Wanted(event="export.*")),
    (later("Configuration"), Wanted(event="config.*")),
    (later("Users"), Wanted(event="user.*")),
    (later("Passwords"), Wanted(event="password.*")),
    (later("The log itself"), Wanted(event="audit.*")),
)
_FIELDS = (
    ("text", "search", later("Text")),
    ("event", "text", later("Event")),
    ("user", "text", later("User")),
    ("source", "text", later("From where")),
    ("process", "text", later("Process")),
    ("first", "date", later("From day")),
    ("last", "date", later("To day")),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of the page asks for."""

    wanted: Wanted = field(default_factory=Wanted)
    before: int = 0
    """Only lines with a lower number."""

    @property
    def address(self) -> str:
        """The address that asks for it; what is empty is left out."""
        parts: dict[str, str] = {
            _NAMES.get(name, name): str(value) for name, value in asdict(self.wanted).items() if value
        }
        if self.wanted.refused:
            parts["refused"] = "1"
        if self.before:
            parts["before"] = str(self.before)
        query = urlencode(parts, safe="*:")
        return f"{PATH}?{query}" if query else PATH


_NAMES = {"first_day": "first", "last_day": "last"}


def asked(query: Mapping[str, object]) -> Asked:
    """Return what an address asks for; what is no number, no day or no text asks for nothing."""

    def text(name: str) -> str:
        value = query.get(name)
        if not isinstance(value, str):
            return ""
        return value.encode("utf-8", "ignore").decode("utf-8").strip()[:LONGEST]  # no half of a character

    def day(name: str) -> str:
        try:
            return dt.date.fromisoformat(text(name)).isoformat()
        except ValueError:
            return ""

    number = text("before")
    wanted = Wanted(
        event=text("event"),
        user=text("user"),
        source=text("source"),
        process=text("process"),
        text=text("text"),
        first_day=day("first"),
        last_day=day("last"),
        refused=text("refused") == "1",
    )
    return Asked(wanted, int(number) if re.fullmatch(r"[0-9]{1,15}", number) else 0)


def filters(now: Asked) -> html.Div:
    """Return what may be asked for: kinds as links, the rest as a form whose answer is an address."""
    kinds = [
        dcc.Link(
            told(name),
            href=Asked(replace(now.wanted, event=kind.event, refused=kind.refused)).address,
            **_current(kind, now.wanted),
        )
        for name, kind in KINDS
    ]
    fields = [
        html.Div(
            [html.Label(told(label), htmlFor=f"audit-{name}"), _slot(name, kind, _value(now.wanted, name))],
            className=f"ss-audit-{name}",
        )
        for name, kind, label in _FIELDS
    ]
    hidden = [_slot("refused", "hidden", "1")] if now.wanted.refused else []
    form = html.Form(
        [
            *fields,
            *hidden,
            html.Button(say("Show"), type="submit", className="ss-btn", disable_n_clicks=True),
        ],
        action=PATH,
        method="get",
        role="search",
        className="ss-audit-form",
        **{"data-audit": "1", "aria-label": say("Lines to show")},
    )
    pick = html.Div(kinds, className="ss-pick", role="group", **{"aria-label": say("Kind")})
    more = html.Details(
        [html.Summary(say("Filters")), form], open=_filled(now.wanted), className="ss-audit-more"
    )
    return html.Div([pick, more], className="ss-audit-ask")


def _current(kind: Wanted, wanted: Wanted) -> dict[str, str]:
    same = (kind.event, kind.refused) == (wanted.event, wanted.refused)
    return {"className": "ss-on"} if same else {}


def _filled(wanted: Wanted) -> bool:
    return any(_value(wanted, name) for name, _, _ in _FIELDS if name != "event") or bool(
        wanted.event and wanted.event not in {kind.event for _, kind in KINDS}
    )


def _value(wanted: Wanted, name: str) -> str:
    return str(getattr(wanted, {"first": "first_day", "last": "last_day"}.get(name, name)))


def _slot(name: str, kind: str, value: str) -> html.Span:
    """Return where `assets/audit.js` puts an input: Dash has none that a plain form sends."""
    attributes = {"data-ask": kind, "data-name": name, "data-value": value, "data-id": f"audit-{name}"}
    return html.Span(key=f"{name} {value}", className="ss-slot", **attributes)
