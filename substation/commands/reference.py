"""Writes `docs/reference/` from the program itself: `python3 -m substation.commands.reference`.

What is listed here is read from the settings model, the vocabulary, the tree of errors, the help of
each command and the table of audit events; `tests/test_docs.py` fails when a page is missing or stale.
"""

import contextlib
import functools
import importlib
import inspect
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from substation import errors
from substation.commands import reference_log
from substation.commands.doors import PROJECT
from substation.commands.reference_alarms import alarms_page
from substation.commands.reference_facts import AUDIT_EVENTS, EXIT_CODES, INTRODUCTION, PROGRAMS, Program
from substation.commands.reference_meters import meters_page
from substation.commands.reference_table import MADE, table
from substation.commands.usage import Parser
from substation.quantities import QUANTITIES, Quantity
from substation.settings.model import Settings

FOLDER = PROJECT / "docs" / "reference"


def settings_page() -> str:
    """Return every setting with its type, default and meaning."""
    rows = [(f"`{name}`", kind, default, words) for name, kind, default, words in settings_rows(Settings)]
    return MADE + INTRODUCTION["settings"] + table(("Setting", "Value", "Default", "Meaning"), rows)


def settings_rows(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield name, type, default and meaning of each setting below a model."""
    for name, field in model.model_fields.items():
        path = before + name
        inner, many = _inner(field.annotation)
        if inner is not None:
            yield from settings_rows(inner, f"{path}.0." if many else f"{path}.")
        else:
            yield path, _kind(field), _default(field), field.description or ""


def _inner(annotation: object) -> tuple[type[BaseModel] | None, bool]:
    """Return the model inside an annotation, and whether there may be many of it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for argument in get_args(annotation):
        if isinstance(argument, type) and issubclass(argument, BaseModel):
            return argument, True
    return None, False


def _kind(field: FieldInfo) -> str:
    names = {bool: "yes or no", int: "whole number", float: "number", str: "text"}
    origin, arguments = get_origin(field.annotation), get_args(field.annotation)
    if origin is Literal:
        words = " / ".join(f"`{choice}`" for choice in arguments)
    elif origin is tuple:
        words = "list of texts"
    else:
        known = [names[kind] for kind in arguments or (field.annotation,) if kind in names]
        words = known[0] if known else str(field.annotation)
    limits = [_limit(item) for item in field.metadata]
    return ", ".join([words, *filter(None, limits)])


def _limit(item: object) -> str:
    for attribute, words in (("ge", "from"), ("gt", "above"), ("le", "to"), ("lt", "below")):
        value = getattr(item, attribute, None)
        if value is not None:
            return f"{words} {value:.10g}"
    longest = getattr(item, "max_length", None)
    return f"at most {longest} characters" if longest is not None else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be set"
    value = (
        field.get_default(call_default_factory=True) if field.default is PydanticUndefined else field.default
    )
    if value is None or value == ():
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"`{value}`"


def quantities_page() -> str:
    """Return the vocabulary."""
    head = ("Key", "Label", "Register", "Unit", "Kind", "Phase", "Resolution", "Decimals", "Plausible")
    rows = [
        (
            f"`{q.key}`",
            q.label,
            q.register,
            q.unit,
            q.kind,
            q.phase,
            f"{q.resolution:g}",
            q.decimals,
            _range(q),
        )
        for q in QUANTITIES
    ]
    return MADE + INTRODUCTION["quantities"] + table(head, rows)


def _range(quantity: Quantity) -> str:
    scale = {"rated_va": " x rated VA", "rated_a": " x rated A", "nominal_v": " x nominal V", "unit": ""}
    times = scale[quantity.scale]
    if quantity.high == float("inf"):
        return f"from {quantity.low:g}{times}"
    return f"{quantity.low:g} to {quantity.high:g}{times}"


def errors_page() -> str:
    """Return exit codes, the tree of errors, the words for a meter's refusals."""
    tree = inspect.getdoc(errors) or ""
    drawing = tree[tree.index("SubstationError") :].partition("\n\n")[0]
    kinds = [
        (f"`{name}`", (inspect.getdoc(kind) or "").partition("\n")[0])
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.SubstationError)
    ]
    codes = table(("Code", "Meaning"), [(f"`{code}`", words) for code, words in EXIT_CODES.items()])
    refusals = table(
        ("Code", "The meter says"),
        [(f"`exception_{code}`", words) for code, words in errors.EXCEPTION_WORDS.items()],
    )
    parts = [MADE, INTRODUCTION["errors"], codes, f"\n```\n{drawing}\n```\n\n"]
    parts += [table(("Error", "Meaning"), kinds), INTRODUCTION["refusals"], refusals]
    return "".join(parts)


def events_page() -> str:
    """Return the events of the audit log."""
    rows = [(f"`{event}`", words) for event, words in AUDIT_EVENTS.items()]
    return MADE + INTRODUCTION["events"] + table(("Event", "Written when"), rows)


def log_events_page() -> str:
    """Return the events of the history and the notices of the poller's log."""
    kinds = [(f"`{kind}`", words) for kind, words in reference_log.STATION_EVENTS.items()]
    notices = [
        (f"`{re.sub('%[a-z]', '...', form)}`", level, words)
        for form, (level, words) in reference_log.POLLER_NOTICES.items()
    ]
    return "".join(
        (
            MADE,
            reference_log.INTRODUCTION,
            table(("Event", "Noted when"), kinds),
            reference_log.NOTICES,
            table(("Notice", "Level", "Meaning"), notices),
        )
    )


def commands_page() -> str:
    """Return the help of every command, as the person sees it."""
    parts = [MADE, "# Commands\n\nEvery command has `--help`; this is what it says.\n"]
    for program in PROGRAMS:
        for words in _all_commands(program):
            parts.append(f"\n## {' '.join([program.shown, *words])}\n\n```\n{help_of(program, words)}\n```\n")
    return "".join(parts)


@functools.cache
def help_of(program: Program, words: tuple[str, ...]) -> str:
    """Return what a command prints for `--help`.

    A program's own help comes from running it; those of the commands below it from its command line
    right here, where that has been named: starting Python for each of them takes half a minute.
    """
    if words and program.module:
        return _help_here(importlib.import_module(program.module).main, words)
    done = subprocess.run(
        [part.replace("python3", sys.executable) for part in program.command] + [*words, "--help"],
        check=True,
        cwd=PROJECT,
        env={**os.environ, **SEEN},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.strip().replace(sys.executable, "python3")


def _help_here(main: Callable[[list[str]], int], words: tuple[str, ...]) -> str:
    before = {name: os.environ.get(name) for name in SEEN}
    os.environ.update(SEEN)
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            main([*words, "--help"])
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return said.getvalue().strip()


def _all_commands(program: Program, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of a program and of every command below it, found in its own help."""
    yield before
    text = help_of(program, before)
    found = re.search(r"^  (?:\{[\w,]+\}|[A-Z]+)(?: \.\.\.)?\n((?:    .*\n?)+)", text, re.M)
    for name in re.findall(r"^    ([a-z][\w-]*)(?:  |$)", found.group(1), re.M) if found else ():
        yield from _all_commands(program, (*before, name))


SEEN = {"COLUMNS": "100", "NO_COLOR": "1", "SUBSTATION_HOME": "/nonexistent"}
"""The environment in which a help is made, so that it is the same everywhere."""
PAGES = {
    "settings.md": settings_page,
    "quantities.md": quantities_page,
    "meters.md": meters_page,
    "alarms.md": alarms_page,
    "errors.md": errors_page,
    "audit-events.md": events_page,
    "log-events.md": log_events_page,
    "commands.md": commands_page,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pages; return the exit code."""
    Parser(prog="reference", description="Writes docs/reference/ from the program itself.").parse_args(argv)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        path: Path = FOLDER / name
        path.write_text(page(), encoding="utf-8")
        print(path.relative_to(PROJECT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
