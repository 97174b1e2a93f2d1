"""Finds words of Latin letters in what a person reads: in Hindi there are hardly any."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.dashboard.tree import attribute, walk

SAID = ("title", "alt", "placeholder", "aria-label", "aria-description", "data-label", "data-heading")
"""Attributes that are read."""
JSON = ("data-words", "data-form", "data-ask", "data-labels", "data-lines", "data-meters")
KEYS = frozenset(
    [
        *("id", "key", "q", "unit", "low", "high", "href", "value", "name", "kind", "url", "who", "send"),
        *("autocomplete", "same_as", "refused"),
    ]
)
"""Members of JSON on a page that nobody reads."""
WORDS = frozenset(
    [
        # units, and what stands for a quantity
        *(
            "kW",
            "kVA",
            "kvar",
            "kWh",
            "kVAh",
            "kvarh",
            "MW",
            "MVA",
            "Mvar",
            "MWh",
            "W",
            "V",
            "A",
            "VA",
            "var",
        ),
        *(
            "Wh",
            "VAh",
            "varh",
            "Hz",
            "s",
            "ms",
            "min",
            "h",
            "d",
            "kB",
            "MB",
            "GB",
            "rpm",
            "thd",
            "v",
            "r",
            "u",
            "C",
            "l",
        ),
        *("x", "PF", "VAR", "VARh", "VLL", "VLN", "R", "Y", "B", "RY", "YB", "BR", "L", "N", "G", "IEC"),
        *("operator", "WO"),  # login name and reason of a sample: words of people stay as they are
        *("MG",),  # of NEMA MG-1
        *("IEEE", "EN", "ASIFI", "ASIDI"),  # standards of interruptions
        *("NEMA", "kV", "DG", "EB", "SIMULATED", "SIM", "id"),
        # protocols, forms, programs, keys, what stands in files
        *("RS", "Modbus", "RTU", "TCP", "USB", "CT", "PT", "CRC", "UTC", "IST", "CSV", "XLSX", "Parquet"),
        *("PNG", "JSON", "SHA", "AES", "z", "E", "Date", "Time", "Home", "End", "Esc", "Zip", "WinRAR"),
        *("Windows", "Keka", "macOS", "Linux", "Explorer", "Archive", "Utility", "unzip", "Excel"),
        *("LibreOffice", "Calc", "pandas", "DuckDB", "Power", "Query", "object"),
    ]
)
NAMES = re.compile(
    r"python3 [\w./ -]+|[\w-]*[/\\][\w./\\<>-]+|\b[\w-]+\.(?:json|csv|zip|log|toml|md|py)\b|"
    r"\b[a-z]+\.[a-z_]+\b|Elmeasure LG\+|Eastron SDM\d+|GS Substation|Transformer|EssentialLoad|"
    r"NonEssentialLoad|ColonyLoad|DGSetLoad|line 1|password, admin|substation\b|\{\w*\}|English|"
    r"No such file or directory|[0-9a-f]{12,}|\d[A-Z]\d"
)
"""Commands, paths, settings, models, names of the sample station, words of the operating system."""


def english(page: Any) -> set[str]:
    """Return what of a page is read and holds a word of Latin letters that is not in the short list."""
    return {text for text in read(page) if left(text)}


def left(text: str) -> list[str]:
    """Return the words of a text that should be in the language of the page."""
    return [word for word in re.findall(r"[A-Za-z]+", NAMES.sub(" ", text)) if word not in WORDS]


def read(page: Any) -> Iterator[str]:
    """Give every text of a page that a person reads or hears."""
    # a form is a document, and documents are English: it says so of itself
    parts = list(walk(page))
    documents = {id(of) for one in parts if attribute(one, "lang") == "en" for of in walk(one)}
    for part in parts:
        if id(part) in documents:
            continue
        children = getattr(part, "children", None)
        if type(part).__name__ not in ("Code", "Pre"):
            for child in children if isinstance(children, list | tuple) else [children]:
                if isinstance(child, str):
                    yield child
        for name in SAID:
            if isinstance(said := attribute(part, name), str):
                yield said
        for name in JSON:
            if isinstance(said := attribute(part, name), str) and said[:1] in ("{", "["):
                yield from _inside(json.loads(said))
        for trace in (getattr(part, "figure", None) or {}).get("data", ()):
            yield from (
                trace.get("name") or "",
                re.sub(r"%\{[^}]*\}|<[^>]*>", " ", trace.get("hovertemplate", "")),
            )


def _inside(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _inside(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key == "options":  # what is sent, what it means, how it is called
                yield from _inside([option[1:] for option in one])
            elif key not in KEYS:
                yield from _inside(one)
