"""Dash's own requests: what of them can be answered at all.

Dash trusts the body of a callback request and answers 500 to whatever its own browser part would
not send. Here a body is held against the declared callbacks first.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import dash
from dash import _validate
from dash.exceptions import CallbackException

ROUTER = "_pages_location"
CHANGED = "A part of the page does not fit this dashboard; perhaps it was updated."


def fault(app: dash.Dash, body: object, path_names: frozenset[str] = frozenset()) -> str:
    """Return in words why the body belongs to no callback; empty when it does.

    A query that would speak over a part of the address (`/meter/1?meter_id=2`) is taken out of the
    body: Dash lets the query win, and the page would show another meter than its address says.
    `path_names` are the names of such parts.
    """
    if not isinstance(body, dict):
        return "The body is no JSON object."
    output = body.get("output")
    declared = app.callback_map.get(output) if isinstance(output, str) else None
    if declared is None or "callback" not in declared or not _outputs_fit(declared, body.get("outputs", [])):
        return CHANGED
    for part, name in (("inputs", "inputs"), ("state", "state")):
        given = body.get(name, [])
        if not isinstance(given, list) or not _fits(declared.get(part, []), given):
            return CHANGED
        for item in given:
            words = _address_fault(item, path_names)
            if words:
                return words
    changed = body.get("changedPropIds", [])
    if not isinstance(changed, list) or not all(isinstance(name, str) for name in changed):
        return CHANGED
    return ""


def _outputs_fit(declared: Mapping[str, Any], given: object) -> bool:
    """Return whether Dash will take the outputs; asked here, a misfit is 400 and not 500."""
    if declared.get("no_output"):
        return True
    wanted = declared["output"]
    if not isinstance(wanted, list | tuple) and _takes_list(str(wanted)) != isinstance(given, list):
        return False
    try:
        _validate.validate_output_spec(declared["output"], given, dash.Output)
    except (CallbackException, KeyError, TypeError, AttributeError, IndexError, ValueError):
        return False
    return True


def _fits(declared: list[Mapping[str, Any]], given: list[Any]) -> bool:
    if len(declared) != len(given):
        return False
    for wanted, item in zip(declared, given, strict=True):
        if _takes_list(wanted["id"]):
            if not isinstance(item, list) or not all(_is_dependency(one, wanted) for one in item):
                return False
        elif not _is_dependency(item, wanted):
            return False
    return True


def _takes_list(identity: str) -> bool:
    """Return whether an id stands for any number of components (`ALL`), not for one."""
    return identity.startswith("{") and ('["ALL"]' in identity or '["ALLSMALLER"]' in identity)


def _is_dependency(item: object, wanted: Mapping[str, Any]) -> bool:
    if not isinstance(item, dict) or item.get("property") != wanted["property"]:
        return False
    if wanted["id"].startswith("{"):
        return isinstance(item.get("id"), dict)
    return bool(item.get("id") == wanted["id"])


def _address_fault(item: Any, path_names: frozenset[str]) -> str:
    if not isinstance(item, dict) or item.get("id") != ROUTER:
        return ""
    value = item.get("value")
    if item["property"] == "pathname":
        return "" if isinstance(value, str) and value.startswith("/") else "The page's address is missing."
    if value is None:
        item["value"] = ""
        return ""
    if not isinstance(value, str) or len(value) > 4096:
        return "The page's query is no text."
    if value.startswith("?"):
        try:
            pairs = parse_qsl(value[1:], keep_blank_values=True)
        except ValueError:
            return "The page's query has too many parts."
        kept = [(name, text) for name, text in pairs if name not in path_names]
        if len(kept) != len(pairs):
            item["value"] = f"?{urlencode(kept)}"
    return ""


def by_hand(body: Mapping[str, Any]) -> bool:
    """Return whether a person caused the request, and not only the passing of time."""
    return any(not name.endswith(".n_intervals") for name in body.get("changedPropIds", []))


def page_asked_for(body: Mapping[str, Any]) -> str | None:
    """Return the address when the body asks for a page, else None."""
    for item in body.get("inputs", []):
        if isinstance(item, dict) and item.get("id") == ROUTER and item.get("property") == "pathname":
            value = item.get("value")
            return value if isinstance(value, str) else None
    return None
