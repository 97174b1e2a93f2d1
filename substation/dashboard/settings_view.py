"""The page of the settings as components: fields, what stands in them and follows from it, what was done.

Group `conf` says whether the poller works with the settings that the page shows.
"""

import json
from collections.abc import Mapping
from typing import Any

from dash import html

from substation.audit import in_force
from substation.dashboard import cards, settings_form, words
from substation.dashboard import format as f
from substation.dashboard.board import Board
from substation.dashboard.settings_desk import LOADED, PATH, SAVE, Outcome
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
    made = _Form(settings, outcome or Outcome(""))
    return html.Div(
        [
            html.Div(
                [html.H1(say("Settings")), html.Span(say("of the station, for all"), className="ss-muted")],
                className="ss-head",
            ),
            *_said(outcome, made),
            html.Form(
                [
                    html.Div([made.site(), made.screens()], className="ss-two"),
                    made.meters(),
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


def _said(outcome: Outcome | None, made: "_Form") -> list[Any]:
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
                "What it judges by: role, rating and nominal voltage. What was judged and stored before "
                "stays as it is."
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


class _Form:
    """The fields, with what stands in them or was typed."""

    def __init__(self, settings: Settings, outcome: Outcome) -> None:
        self._settings = settings
        self._shown = settings_form.shown(settings)
        self._names = settings_form.fields(settings)
        self._faults = outcome.faults
        self._typed: Mapping[str, str] = outcome.typed if outcome.faults else {}

    def loaded(self) -> html.Span:
        """Return what the page was made with: who saves it later overwrites nothing unseen."""
        made = json.dumps(self._shown, ensure_ascii=False, separators=(",", ":"))
        return _slot({"type": "hidden", "name": LOADED, "value": made})

    def way_to(self, key: str, told: str) -> list[Any]:
        """Return a fault with the way to its field."""
        if key not in self._names:
            return [told]
        return [html.A(self._called(key), href=f"{PATH}#{_id(key)}"), f": {told}"]

    def site(self) -> html.Section:
        """Return the fields of the station."""
        return html.Section(
            [
                html.H2(say("Station")),
                self._line("site.name", say("Name")),
                self._line("site.description", say("Description")),
                self._line("site.nominal_voltage_v", say("Nominal voltage, line to line, V")),
                self._line("site.bus_coupler", say("Couplers between bus sections")),
            ],
            className="ss-sec",
        )

    def screens(self) -> html.Section:
        """Return the fields of the screens."""
        return html.Section(
            [
                html.H2(
                    [
                        say("Screens"),
                        " ",
                        html.Small(say("where a viewer has not chosen for himself")),
                    ]
                ),
                self._line("display.language", say("Language")),
                self._line("display.phase_names", say("Names of the phases")),
                self._line("display.theme", say("Day or night")),
            ],
            className="ss-sec",
        )

    def meters(self) -> html.Section:
        """Return the table of the meters."""
        head = [say("No."), *_heads().values(), say("Limits that follow")]
        rows = [self._row(meter) for meter in self._settings.meters]
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
            "its own a meter has the station's. Limits: voltage ±10 %, current warns from 80 % and alarms "
            "from 100 % of the rated current."
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

    def _row(self, meter: Meter) -> html.Tr:
        cells = [
            html.Td(
                self._field(f"meters.#{meter.id}.{name}", label=f"{head}, {meter.id} {meter.name}"),
                **{"data-label": head},
            )
            for name, head in _heads().items()
        ]
        limits = html.Td(
            self._limits(meter), className="ss-muted", **{"data-label": say("Limits that follow")}
        )
        return html.Tr([html.Th(str(meter.id), scope="row"), *cells, limits])

    def _limits(self, meter: Meter) -> str:
        nominal = self._settings.nominal_v(meter) / 3**0.5
        low, high = nominal * (1 - words.VOLTAGE_BAND), nominal * (1 + words.VOLTAGE_BAND)
        rated = self._settings.ratings(meter).rated_a
        return f"{f.number(low, 0)}-{f.number(high, 0)} V, {f.number(rated, 0)} A"

    def _line(self, key: str, label: str) -> html.Div:
        return html.Div(
            [html.Label(label, htmlFor=_id(key)), self._field(key)],
            className="ss-field-box",
        )

    def _field(self, key: str, label: str = "") -> html.Div:
        name, fault = self._names[key], self._faults.get(key, "")
        value = self._typed.get(key, self._shown[key])
        marks: dict[str, str] = {"aria-label": label} if label else {}
        if fault:
            marks |= {"aria-invalid": "true", "aria-describedby": f"{_id(key)}-fault"}
        hint = html.Span([" ", settings_form.described(name)], className="ss-set-hint")
        told = [html.P([fault, hint], id=f"{_id(key)}-fault", className="ss-set-fault")] if fault else []
        options = settings_form.choices(name)
        if options:
            every = [
                html.Option(_option(name, one), value=one, selected=True if one == value else None)
                for one in options
            ]
            if value not in options:  # what was posted without the page; it stands there with its fault
                every.insert(0, html.Option(value, value=value, selected=True))
            spec = {"id": _id(key), "name": key, "className": "ss-select", **marks}
            return html.Div([html.Select(every, **spec), *told], className="ss-set-field")
        spec = {"type": "text", "id": _id(key), "name": key, "value": value, "autocomplete": "off", **marks}
        most = settings_form.longest(name)
        if most:
            spec["maxlength"] = str(most)
        if settings_form.is_number(name):
            spec["inputmode"] = "decimal"
        if name.endswith("nominal_voltage_v") and name.startswith("meters."):
            spec["placeholder"] = f"{self._settings.site.nominal_voltage_v:.15g}"
        return html.Div([_slot(spec), *told], className="ss-set-field")

    def _called(self, key: str) -> str:
        """Return how the field is called in a list of faults: the setting, with the meter's number."""
        return key.replace("#", "")


def _heads() -> dict[str, str]:
    return {
        "name": say("Name"),
        "role": say("Role"),
        "rated_kva": say("Rating, kVA"),
        "nominal_voltage_v": say("Nominal V"),
        "bus_section": say("Bus section"),
    }


def _option(name: str, value: str) -> str:
    match name.rpartition(".")[2], value:
        case "role", "incomer":
            return say("incomer (supply)")
        case "role", "feeder":
            return say("feeder (load)")
        case "role", "generator":
            return say("generator (DG set)")
        case "language", "en":
            return "English"
        case "language", "hi":
            return "हिन्दी"
        case "phase_names", "RYB":
            return "R, Y, B"
        case "phase_names", "L123":
            return "L1, L2, L3"
        case "theme", "auto":
            return say("as each device has it")
        case "theme", "light":
            return say("day")
        case "theme", "dark":
            return say("night")
        case _, "yes":
            return say("yes")
        case _, "no":
            return say("no")
    return value


def _id(key: str) -> str:
    return "set-" + key.replace(".", "-").replace("#", "")


def _slot(spec: Mapping[str, str]) -> html.Span:
    """Return where `assets/settings.js` puts an input with these attributes."""
    told = json.dumps(spec, ensure_ascii=False)
    return html.Span(key=told, className="ss-slot", **{"data-input": told})
