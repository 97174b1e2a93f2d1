"""The limits of the alarms on the page of the settings: the station's, and below them each meter's own."""

from typing import Any

from dash import html

from substation.alarms.plan import limit_words
from substation.alarms.rule import Rule
from substation.dashboard import alarm_words, settings_limits
from substation.dashboard.heard import told
from substation.dashboard.settings_fields import Fields
from substation.dashboard.tongue import say
from substation.settings import names
from substation.settings.model import Meter


def section(fields: Fields) -> html.Section:
    """Return the fields of the limits; nothing to fill in where the rules cannot be read."""
    rows = [_row(fields, rule, None) for rule in settings_limits.rules()]
    note = say(
        "An empty limit is as shipped, for a meter as the station has it; both are in the same unit. What is "
        "switched off for the station is watched on no meter. Dead bands, delays and priorities stay as they "
        "are. The colours of values do not follow these limits."
    )
    return html.Section(
        [
            html.H2(
                [say("Limits of alarms"), " ", html.Small(say("from which value on an alarm is raised"))]
            ),
            _table(say("Limits of the station"), say("As shipped"), say("Limit of the station"), rows),
            html.P(note, className="ss-note"),
            *[_of_meter(fields, meter) for meter in fields.settings.meters],
        ],
        className="ss-sec",
    )


def _of_meter(fields: Fields, meter: Meter) -> html.Details:
    """Return the limits of one meter, folded away unless something in them was refused."""
    rules = settings_limits.rules(meter)
    name = f"{meter.id} {meter.name}"
    count = sum(settings_limits.own(fields.settings, rule.key, meter) is not None for rule in rules)
    head: list[Any] = [name]
    if count:
        head.append(html.Small([" ", say("with limits of its own: {count}", count=count)]))
    keys = {settings_limits.key(rule.key, part, meter) for rule in rules for part in settings_limits.PARTS}
    rows = [_row(fields, rule, meter) for rule in rules]
    return html.Details(
        [
            html.Summary(head),
            _table(
                say("Limits of {meter}", meter=name),
                say("Limit of the station"),
                say("Limit of its own"),
                rows,
            ),
        ],
        open=bool(keys & set(fields.faults)),
        className="ss-set-own",
    )


def _table(caption: str, behind: str, own: str, rows: list[html.Tr]) -> html.Div:
    head = [say("Alarm"), behind, own, say("Switched off")]
    return html.Div(
        html.Table(
            [
                html.Caption(caption, className="ss-sr"),
                html.Thead(html.Tr([html.Th(name, scope="col") for name in head])),
                html.Tbody(rows),
            ],
            className="ss-table ss-set-limits",
        ),
        className="ss-wrap",
    )


def _row(fields: Fields, rule: Rule, meter: Meter | None) -> html.Tr:
    name = alarm_words.title(rule.key)
    whose = name if meter is None else f"{meter.id} {meter.name}, {name}"
    limit, words = rule.limit, told(limit_words(rule, rule.limit))
    if meter is not None:
        change = settings_limits.own(fields.settings, rule.key)
        if change is not None and change.limit is not None:
            limit = change.limit
        words = told(limit_words(rule, limit))
        if change is not None and change.disabled:
            words = say("switched off")
    head = say("Limit of the station") if meter is None else say("Limit of its own")
    off = say("Switched off")
    of_limit, of_off = (settings_limits.key(rule.key, part, meter) for part in settings_limits.PARTS)
    return html.Tr(
        [
            html.Th(name, scope="row"),
            html.Td(words, className="ss-muted"),
            html.Td(fields.field(of_limit, f"{head}, {whose}", names.written(limit)), **{"data-label": head}),
            html.Td(fields.field(of_off, f"{off}, {whose}"), **{"data-label": off}),
        ]
    )
