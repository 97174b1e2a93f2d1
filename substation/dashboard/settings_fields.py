"""The fields of the page of the settings: what stands in each or was typed, and why it was refused."""

import json
from collections.abc import Mapping
from typing import Any

from dash import html

from substation.dashboard import settings_form
from substation.dashboard.settings_desk import LOADED, PATH, Outcome
from substation.dashboard.tongue import say
from substation.settings import names
from substation.settings.equipment import GROUPS
from substation.settings.model import Settings


class Fields:
    """The fields, with what stands in them or was typed."""

    def __init__(self, settings: Settings, outcome: Outcome) -> None:
        """Show the settings; where they were refused, what was typed and why."""
        self.settings = settings
        self._shown = settings_form.shown(settings)
        self._names = settings_form.every(settings)
        self.faults = outcome.faults
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

    def line(self, key: str, label: str) -> html.Div:
        """Return a field with its name before it."""
        return html.Div(
            [html.Label(label, htmlFor=_id(key)), self.field(key)],
            className="ss-field-box",
        )

    def field(self, key: str, label: str = "", behind: str = "") -> html.Div:
        """Return a field, with why it was refused.

        Args:
            key: of the field.
            label: where no name is written before it.
            behind: what holds while it is empty.
        """
        name, fault = self._names[key], self.faults.get(key, "")
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
            behind = names.written(self.settings.site.nominal_voltage_v)
        if name.startswith("meters.") and name.endswith(".group"):
            behind = GROUPS[self.settings.meters[int(name.split(".")[1])].role]
        if behind:
            spec["placeholder"] = behind
        return html.Div([_slot(spec), *told], className="ss-set-field")

    def _called(self, key: str) -> str:
        """Return how the field is called in a list of faults: the setting, with the meter's number."""
        return key.replace("#", "")


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
        case "momentary", "IEEE 1366":
            return say("{minutes} min ({standard})", minutes=5, standard=value)
        case "momentary", "EN 50160":
            return say("{minutes} min ({standard})", minutes=3, standard=value)
        case "momentary", "IEEE 1159":
            return say("{minutes} min ({standard})", minutes=1, standard=value)
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
