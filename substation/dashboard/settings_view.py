"""The page of the settings as components: fields, what stands in them and follows from it, what was done.

Group `conf` says whether the poller works with the settings that the page shows.
"""

from typing import Any

from dash import html

from substation.audit import in_force
from substation.dashboard import cards, settings_limits_view, words
from substation.dashboard import format as f
from substation.dashboard.board import Board
from substation.dashboard.settings_desk import SAVE, Outcome
from substation.dashboard.settings_fields import Fields
from substation.dashboard.tongue import say
from substation.dashboard.words import Parts
from substation.settings.model import Meter, Settings


def content(settings: Settings, board: Board, outcome: Outcome | None) -> html.Div:
    """Return the page.

    Args:
        settings: in force now.
        board: of now.
        outcome: what became of the form that was posted before.
    """
    made = Fields(settings, outcome or Outcome(""))
    return html.Div(
        [
            html.Div(
                [html.H1(say("Settings")), html.Span(say("of the station, for all"), className="ss-muted")],
                className="ss-head",
            ),
            *_said(outcome, made),
            html.Form(
                [
                    html.Div([_site(made), _screens(made)], className="ss-two"),
                    _meters(made),
                    settings_limits_view.section(made),
                    html.Div(
                        [
                            html.Button(
                                say("Save all changes"),
                                type="submit",
                                className="ss-btn ss-main-btn",
                                disable_n_clicks=True,
                            ),
                            html.Span(
                                say("Each change goes to the audit log with your name, before and after."),
                                className="ss-muted",
                            ),
                        ],
                        className="ss-form-go",
                    ),
                    made.loaded(),
                ],
                action=SAVE,
                method="post",
                className="ss-set-form",
            ),
            _counts(board, settings),
            _elsewhere(settings),
        ],
        className="ss-p-settings",
    )


def parts(board: Board, settings: Settings) -> Parts:
    """Return whether the poller has taken these settings over."""
    told, looks = _taken(board, in_force.fingerprint(settings))
    return {"taken": (told, looks)}


def _taken(board: Board, mark: str) -> tuple[str, str]:
    if board.poller.state != "running":
        return say("The poller does not run. It takes these settings when it starts."), "ss-warn"
    if board.poller.config == mark:
        return say("The poller works with these settings."), ""
    if not board.poller.config:
        return say("Not known: this poller does not say with which settings it works."), "ss-warn"
    return (
        say(
            "Not yet: the poller works with other settings. It looks for new ones every second, at the "
            "end of a round at the latest. If this stays, restart it; its log says why."
        ),
        "ss-warn",
    )


def _said(outcome: Outcome | None, made: Fields) -> list[Any]:
    """Return what became of the form: read aloud, and first in the order of the keyboard."""
    if outcome is None:
        return []
    shown: dict[str, Any] = {"className": "ss-set-said", "tabIndex": -1, "role": "status"}
    if outcome.faults:
        places = [html.Li(made.way_to(key, told)) for key, told in outcome.faults.items()]
        head = html.B(say("Nothing was changed."))
        return [html.Div([head, html.Ul(places)], **{**shown, "role": "alert"})]
    if not outcome.changed:
        return [html.Div(html.B(say("Nothing was changed: everything stands as it did.")), **shown)]
    rows = [
        html.Li([html.Code(name), f": {old or f.DASH} → {new or f.DASH}"])
        for name, old, new in outcome.changed
    ]
    return [html.Div([html.B(say("Saved, and written to the audit log.")), html.Ul(rows)], **shown)]


def _counts(board: Board, settings: Settings) -> html.Section:
    told = parts(board, settings)
    rows = [
        (
            say("At once"),
            say("Names, ratings, sections, language, phases and colours on every screen that is opened."),
        ),
        (
            say("With the poller"),
            say(
                "What it judges by: role, rating, nominal voltage and limits of alarms. What was judged and "
                "stored before stays as it is."
            ),
        ),
    ]
    listed = [html.Div([html.Dt(name), html.Dd(text)]) for name, text in rows]
    listed.append(html.Div([html.Dt(say("Poller now")), html.Dd(cards.said("conf", "taken", told))]))
    return html.Section(
        [html.H2(say("When it counts")), html.Dl(listed, className="ss-dl ss-roles")], className="ss-sec"
    )


def _elsewhere(settings: Settings) -> html.Section:
    command = "python3 encrypt_config.py set"
    zone = say(
        "{zone}. It cannot be changed while the station runs: days, log sheets and sums are made by it. "
        "An administrator changes it with {command} and restarts both services.",
        zone=settings.site.timezone,
        command=f"{command} site.timezone",
    )
    rows = [
        (say("Time zone"), zone),
        (say("CT and PT ratios"), _ratios(settings)),
        (
            say("Everything else"),
            say(
                "Users, passwords, ports, lines, meter models, folders and addresses belong to the "
                "administrator, on the station: {command}",
                command=f"{command} NAME VALUE",
            ),
        ),
    ]
    return html.Section(
        [
            html.H2(say("Not changed here")),
            html.Dl(
                [html.Div([html.Dt(name), html.Dd(text)]) for name, text in rows], className="ss-dl ss-roles"
            ),
        ],
        className="ss-sec",
    )


def _ratios(settings: Settings) -> Any:
    listed = [
        html.Li(f"{meter.name}: {_ratio(entry.ct_primary_a, entry.ct_secondary_a)}, {entry.since}")
        for meter in settings.meters
        for entry in meter.transformers
        if entry.ct_primary_a
    ]
    why = say(
        "They hold from a day on, and values are multiplied by them: an administrator enters them with "
        "{command}.",
        command="python3 encrypt_config.py edit",
    )
    return [why, html.Ul(listed)] if listed else why


def _ratio(primary: float | None, secondary: float) -> str:
    return f"{primary or 0:g}/{secondary:g} A"


def _site(fields: Fields) -> html.Section:
    return html.Section(
        [
            html.H2(say("Station")),
            fields.line("site.name", say("Name")),
            fields.line("site.description", say("Description")),
            fields.line("site.nominal_voltage_v", say("Nominal voltage, line to line, V")),
            fields.line("site.bus_coupler", say("Couplers between bus sections")),
            fields.line("site.momentary", say("An interruption is momentary up to")),
            fields.line("site.demand_minutes", say("Blocks of the maximum demand, min")),
        ],
        className="ss-sec",
    )


def _screens(fields: Fields) -> html.Section:
    return html.Section(
        [
            html.H2(
                [
                    say("Screens"),
                    " ",
                    html.Small(say("where a viewer has not chosen for himself")),
                ]
            ),
            fields.line("display.language", say("Language")),
            fields.line("display.phase_names", say("Names of the phases")),
            fields.line("display.theme", say("Day or night")),
        ],
        className="ss-sec",
    )


def _meters(fields: Fields) -> html.Section:
    head = [say("No."), *_heads().values(), say("Limits that follow")]
    rows = [_row(fields, meter) for meter in fields.settings.meters]
    table = html.Table(
        [
            html.Caption(say("Meters and their circuits"), className="ss-sr"),
            html.Thead(html.Tr([html.Th(name, scope="col") for name in head])),
            html.Tbody(rows),
        ],
        className="ss-table ss-set-meters",
    )
    note = say(
        "Sections are drawn as bars of their own, in the order of their numbers. Without a voltage of "
        "its own a meter has the station's. Limits of the colours: voltage ±10 %, current warns from 80 % "
        "and alarms from 100 % of the rated current."
    )
    return html.Section(
        [
            html.H2(
                [
                    say("Meters"),
                    " ",
                    html.Small(say("name, rating and place in the single-line diagram")),
                ]
            ),
            html.Div(table, className="ss-wrap"),
            html.P(note, className="ss-note"),
        ],
        className="ss-sec",
    )


def _row(fields: Fields, meter: Meter) -> html.Tr:
    cells = [
        html.Td(
            fields.field(f"meters.#{meter.id}.{name}", label=f"{head}, {meter.id} {meter.name}"),
            **{"data-label": head},
        )
        for name, head in _heads().items()
    ]
    limits = html.Td(
        _limits(fields.settings, meter), className="ss-muted", **{"data-label": say("Limits that follow")}
    )
    return html.Tr([html.Th(str(meter.id), scope="row"), *cells, limits])


def _limits(settings: Settings, meter: Meter) -> str:
    nominal = settings.nominal_v(meter) / 3**0.5
    low, high = nominal * (1 - words.VOLTAGE_BAND), nominal * (1 + words.VOLTAGE_BAND)
    rated = settings.ratings(meter).rated_a
    return f"{f.number(low, 0)}-{f.number(high, 0)} V, {f.number(rated, 0)} A"


def _heads() -> dict[str, str]:
    return {
        "name": say("Name"),
        "role": say("Role"),
        "group": say("Group in statements"),
        "rated_kva": say("Rating, kVA"),
        "nominal_voltage_v": say("Nominal V"),
        "bus_section": say("Bus section"),
    }
