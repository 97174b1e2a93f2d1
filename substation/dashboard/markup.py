"""A page's components as HTML text, for the first picture (`first`).

It writes what it knows, strictly: listed elements with listed attributes, all text always escaped. Of
Dash's own components a link becomes a link and a chart the empty box it will stand in; what only works
with scripts is left out. An element that is not listed raises: a picture without a part could lie.

Nothing here has an id: ids belong to the page itself, which stands in the same document.
"""

import re
from html import escape
from typing import Any

from dash.development.base_component import Component

TAGS = frozenset({
    "A", "Abbr", "Article", "Aside", "B", "Br", "Button", "Caption", "Code", "Col", "Colgroup",
    "Dd", "Details", "Div", "Dl", "Dt", "Em", "Fieldset", "Figcaption", "Figure", "Footer", "Form",
    "H1", "H2", "H3", "H4", "Header", "Hr", "I", "Input", "Kbd", "Label", "Legend", "Li", "Main",
    "Nav", "Ol", "Option", "P", "Pre", "Section", "Select", "Small", "Span", "Strong", "Sub",
    "Summary", "Sup", "Table", "Tbody", "Td", "Textarea", "Tfoot", "Th", "Thead", "Time", "Tr", "Ul",
})  # fmt: skip
VOID = frozenset({"br", "col", "hr", "input"})
INSTEAD = {"Main": ("div", "ss-main")}
"""A document has one main part, and that is the page's own."""
LEFT_OUT = frozenset(
    {"Store", "Interval", "Location", "Download", "Input", "Textarea", "Dropdown", "Checklist", "RadioItems"}
)
"""Components of Dash that a picture does without: they show nothing, or need a script for all they do."""
PLAIN = {
    "className": "class", "tabIndex": "tabindex", "colSpan": "colspan", "rowSpan": "rowspan",
    "dateTime": "datetime", "scope": "scope", "role": "role", "title": "title", "lang": "lang",
    "type": "type", "name": "name", "value": "value", "method": "method",
    "placeholder": "placeholder",
}  # fmt: skip
"""Attributes by the names that Dash gives them."""
SWITCHES = {"hidden": "hidden", "open": "open", "disabled": "disabled", "inert": "inert"}
OF_IDS = frozenset({"aria-controls", "aria-labelledby", "aria-describedby", "htmlFor", "form", "list"})
"""They name ids, and here are none."""
UNSEEN = frozenset({"id", "children", "n_clicks", "disable_n_clicks", "key", "autoComplete", "target"})
LIVE = frozenset({
    "g", "p", "k", "w", "ago", "s", "base", "m", "q", "scale", "decimals", "zero", "min", "max",
    "low", "high", "warn", "alarm", "age", "now", "clock", "day", "zone", "zone-name", "live",
    "every", "words", "looks", "order", "do", "section", "sections", "still", "sound", "sound-state",
})  # fmt: skip
"""The `data-` marks that travel: those by which `live.js` and `theme.js` paint. Others belong to scripts
that work with the page, and find nothing to work with here."""
WAYS = frozenset({"href", "action"})
_WAY = re.compile(r"(?:/(?!/)|#)[^\x00-\x1f\\]*")
"""An address of this station: browsers take `//` for a host, also written `/\\` or with a tab between."""
_PROPERTY = re.compile(r"--[a-z-]+|[a-z-]+")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*"')
_DRAWN = re.compile(r'url\("data:image/svg\+xml,[^"\\\x00-\x1f]*"\)')
_BEYOND = re.compile(r"[;\"'\\\x00-\x1f]|/\*|url\(", re.IGNORECASE)
"""Beside whole strings, what could end a property and begin another one, or bring something along."""


class Unknown(ValueError):
    """The renderer has not learnt to write this component."""


def markup(node: Any) -> str:
    """Return a tree of components as HTML.

    Raises:
        Unknown: it holds an element or an attribute that is not listed, or what no document can hold.
    """
    told: list[str] = []
    _write(node, told)
    text = "".join(told)
    try:
        text.encode()
    except UnicodeEncodeError as exc:  # half a character
        raise Unknown(str(exc)) from exc
    return text


def _write(node: Any, told: list[str]) -> None:
    if node is None or isinstance(node, bool):
        return
    if isinstance(node, list | tuple):
        for one in node:
            _write(one, told)
        return
    if not isinstance(node, Component):
        if not isinstance(node, str | int | float):
            raise Unknown(type(node).__name__)
        told.append(escape(str(node), quote=False))
        return
    kind, space = node._type, node._namespace
    named = {name: value for name, value in vars(node).items() if not name.startswith(("_", "available_"))}
    if space == "dash_core_components":
        _write_core(kind, named, told)
        return
    if space != "dash_html_components" or kind not in TAGS:
        raise Unknown(f"{space}.{kind}")
    tag, extra = INSTEAD.get(kind, (kind.lower(), ""))
    _element(tag, named, told, extra)


def _write_core(kind: str, named: dict[str, Any], told: list[str]) -> None:
    if kind == "Link":
        _element("a", named, told)
    elif kind == "Graph":
        _element("div", {"className": named.get("className", "")}, told)
    elif kind not in LEFT_OUT:
        raise Unknown(f"dcc.{kind}")


def _element(tag: str, named: dict[str, Any], told: list[str], extra: str = "") -> None:
    told.append(f"<{tag}")
    if extra:
        named = {**named, "className": f"{extra} {named.get('className', '')}".strip()}
    for name in sorted(named):
        _attribute(name, named[name], told)
    told.append(">")
    if tag in VOID:
        return
    _write(named.get("children"), told)
    told.append(f"</{tag}>")


def _attribute(name: str, value: Any, told: list[str]) -> None:
    if value is None:
        return
    if name in PLAIN:
        if value != "" or name == "value":
            told.append(f' {PLAIN[name]}="{escape(str(value))}"')
    elif name.startswith("data-"):
        if name[5:] in LIVE:
            told.append(f' {name}="{escape(str(value))}"')
    elif name in SWITCHES:
        if value:
            told.append(f" {SWITCHES[name]}")
    elif name == "style":
        told.append(f' style="{escape(_style(value))}"')
    elif name in WAYS:
        if not _WAY.fullmatch(str(value)):
            raise Unknown(f"a way out of the station: {value}")
        told.append(f' {name}="{escape(str(value))}"')
    elif name.startswith("aria-") and name not in OF_IDS:
        told.append(f' {name}="{escape(str(value))}"')
    elif name not in UNSEEN and name not in OF_IDS:
        raise Unknown(f"attribute {name}")


def _style(named: dict[str, Any]) -> str:
    for name, value in named.items():
        text = str(value)
        is_safe = _DRAWN.fullmatch(text) or not _BEYOND.search(_STRING.sub("", text))
        if not _PROPERTY.fullmatch(name) or not is_safe:
            raise Unknown(f"style {name}")
    return ";".join(f"{name}:{value}" for name, value in named.items())
