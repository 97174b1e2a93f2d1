"""The export as a person meets it: one row on Home, the whole form on /reports.

Inputs are made in the browser (`assets/export.js`), where a slot stands here: Dash has none that a
keyboard, a screen reader and a phone understand as they understand the browser's own date field.
They have no names there, so that not even a form sent by a browser without the script could put a
password into an address.
"""

import json
from typing import Any

from dash import dcc, html

from substation import export
from substation.dashboard import export_order
from substation.dashboard.export_order import EVERY, FORMS, USUAL, USUAL_FORM
from substation.dashboard.feed import Feed
from substation.dashboard.heard import told
from substation.dashboard.tongue import say


def _opens() -> str:
    return say("Opens with 7-Zip or WinRAR (Windows), Keka (macOS), 7z (Linux)")


def row() -> html.Section:
    """Return the export on Home: a year, all meters, every 15 minutes, for whoever knows the password."""
    form = html.Form(
        [
            html.Label(say("Export password"), htmlFor="export-password"),
            slot("password", "password", "export-password"),
            html.Button(say("Download"), type="submit", className="ss-btn", disable_n_clicks=True),
            dcc.Link(say("other days, meters, intervals"), href="/reports"),
        ],
        className="ss-export-row",
        **{"data-export": "row"},
    )
    head = html.Div(
        [
            html.H2(say("Download a year of readings, encrypted")),
            html.Small([say("every 15 minutes, all meters."), " ", _opens()]),
        ],
        className="ss-sec-h",
    )
    return html.Section([head, html.Div([form, *outcome()], **_BOX)], className="ss-sec ss-export")


def form(feed: Feed) -> html.Div:
    """Return the whole form, filled with the usual."""
    settings = feed.settings
    first, last = export_order.usual_days(settings, feed.clock.now_ms())
    every = [html.Option(told(name), value=value) for value, (name, _) in EVERY.items()]
    return html.Div(
        [
            html.Form(
                [
                    _pair(
                        _field(say("From"), slot("date", "from", "export-from", value=first.isoformat())),
                        _field(say("To"), slot("date", "to", "export-to", value=last.isoformat())),
                    ),
                    _pair(
                        html.Div([html.Span(say("Meters"), className="ss-label"), _meters(feed)]),
                        _field(
                            say("Every"),
                            html.Select(
                                every,
                                id="export-every",
                                className="ss-select ss-wide",
                                **{"data-name": "every", "data-value": USUAL},
                            ),
                        ),
                    ),
                    html.P(
                        className="ss-note",
                        **_part("kept"),
                        **{"data-words": json.dumps(export_order.kept(settings))},
                    ),
                    _field(
                        say("Form"),
                        html.Select(
                            [html.Option(name, value=value) for value, (name, _) in FORMS.items()],
                            id="export-form",
                            className="ss-select ss-wide",
                            **{"data-name": "form", "data-value": USUAL_FORM},
                        ),
                    ),
                    html.P(
                        className="ss-note",
                        **_part("form"),
                        **{"data-words": json.dumps(export_order.forms())},
                    ),
                    slot(
                        "checkbox",
                        "extremes",
                        "export-extremes",
                        label=say("also the lowest and highest value of each period"),
                    ),
                    html.P(className="ss-estimate", role="status", **_part("estimate")),
                    _field(say("Export password"), slot("password", "password", "export-password")),
                    html.Fieldset(
                        [
                            html.Legend(say("The file opens with")),
                            slot(
                                "radio", "archive", "export-typed", value="typed", label=say("that password")
                            ),
                            slot(
                                "radio",
                                "archive",
                                "export-fresh",
                                value="fresh",
                                label=say("a fresh password, shown once: to give the file to a visitor"),
                            ),
                        ],
                        className="ss-choice",
                    ),
                    html.Button(
                        say("Export"),
                        type="submit",
                        className="ss-btn ss-main-btn",
                        disable_n_clicks=True,
                    ),
                ],
                className="ss-form",
                **{"data-export": "form"},
            ),
            *outcome(),
            another(),
        ],
        **_BOX,
    )


def another() -> html.Div:
    """Return what the browser fills while somebody else's export has the station's one seat."""
    return html.Div(
        [
            html.Span(role="status", **_part("other")),
            html.Button(
                say("End that export"),
                type="button",
                className="ss-btn ss-none",
                disable_n_clicks=True,
                **_part("end-other"),
                **{"data-export-do": "end-other"},
            ),
        ],
        className="ss-other ss-none",
        **_part("other-row"),
    )


def outcome() -> list[Any]:
    """Return what the browser fills: the error, the fresh password, the progress, the end."""
    return [
        html.P(className="ss-export-error ss-none", role="alert", **_part("error")),
        html.Div(
            [
                html.P(say("Password of this file"), className="ss-label"),
                html.Div(
                    [
                        html.Code(**_part("secret")),
                        html.Button(
                            say("Copy"),
                            type="button",
                            className="ss-btn",
                            disable_n_clicks=True,
                            **{"data-export-do": "copy"},
                        ),
                    ],
                    className="ss-secret",
                ),
                html.P(
                    say(
                        "Note it now. It is shown this once and stored nowhere: "
                        "without it nobody can open the file, and nobody can show it again."
                    ),
                    className="ss-note",
                ),
            ],
            className="ss-export-fresh ss-none",
            role="status",
            **_part("fresh"),
        ),
        html.Div(
            [
                html.Div([html.B(export.ARCHIVE_NAME), html.Span(**_part("share"))], className="ss-job-h"),
                html.Div(
                    className="ss-progress",
                    role="progressbar",
                    **_part("bar"),
                    **{"aria-label": say("Export"), "aria-valuemin": "0", "aria-valuemax": "100"},
                ),
                html.Div(
                    [
                        html.Span(**_part("rows")),
                        html.Span(**_part("size")),
                        html.Span(**_part("left")),
                        html.Button(
                            say("Cancel"),
                            type="button",
                            className="ss-btn",
                            disable_n_clicks=True,
                            **{"data-export-do": "cancel"},
                        ),
                    ],
                    className="ss-job-f",
                ),
            ],
            className="ss-job ss-none",
            **_part("job"),
        ),
        html.P(className="ss-export-end ss-none", role="status", **_part("end")),
    ]


def slot(kind: str, name: str, identity: str, *, value: str = "", label: str = "") -> html.Span:
    """Return the place of an input.

    Args:
        kind: `date`, `password`, `checkbox`, `radio`.
        name: under which its value is sent.
        identity: its id, for its label.
        value: what stands in it at first, or what a radio or checkbox stands for.
        label: written behind a radio or checkbox.
    """
    return html.Span(
        className=f"ss-slot ss-slot-{kind}",
        **{
            "data-slot": kind,
            "data-name": name,
            "data-id": identity,
            "data-value": value,
            "data-label": label,
        },
    )


_BOX = {"data-export-box": "1"}


def _part(name: str) -> dict[str, str]:
    return {"data-export-part": name}


def _pair(*fields: Any) -> html.Div:
    return html.Div(list(fields), className="ss-f2")


def _field(name: str, control: Any) -> html.Div:
    identity = getattr(control, "id", None) or getattr(control, "data-id")
    return html.Div([html.Label(name, htmlFor=identity), control])


def _meters(feed: Feed) -> html.Details:
    items = [
        html.Li(
            slot(
                "checkbox",
                "meters",
                f"export-meter-{meter.id}",
                value=str(meter.id),
                label=f"{meter.id} {meter.name}",
            )
        )
        for meter in feed.settings.meters
    ]
    return html.Details(
        [
            html.Summary(
                say("All {count}", count=len(items)),
                className="ss-select ss-wide",
                **_part("meters"),
                **{"aria-label": say("Meters")},
            ),
            html.Ul(items),
        ],
        className="ss-menu ss-menu-meters",
    )
