"""The form of the hourly log sheet: which columns it has, as `log_sheet.toml` says. Pure but for reading it.

A station keeps its own form in its folder, under the same name. What is wrong in it is told with file,
column and remedy; until it is put right there is no sheet, rather than one that looks like the station's.
"""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from substation.errors import SettingsError
from substation.quantities import BY_KEY
from substation.settings.model import Role

NAME = "log_sheet.toml"
FILE = Path(__file__).parent / NAME
ROLES: tuple[Role, ...] = ("incomer", "feeder", "generator")
PREFIXED = {"kW": "W", "kVA": "VA", "kvar": "var", "kWh": "Wh", "kVAh": "VAh", "kvarh": "varh"}
"""Units of a form that are a thousand of what is stored."""
COMPUTED = {"units": ("kWh", "Wh"), "max_demand": ("kVA", "VA")}
"""What is worked out, and the units in which it may stand."""
REMEDY = "Remedy: correct it there; docs/how-to/log-sheet.md says what each setting means"
LONGEST_WORDS = 200
ITEM = r"^[a-z][a-z0-9_]{0,39}$"
HAND_OVER = "hand_over"
"""The item under which hand-over notes of shifts are written; no column may bear it."""

Sheet = Literal["meter", "site"]
Hour = Annotated[int, Field(ge=0, le=23)]


def _to_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _roles(value: object) -> object:
    return ROLES if value == "all" else _to_tuple(value)


def _number(value: object) -> object:
    return float(value) if type(value) is int else value


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class LogColumn(_Part):
    """One column of the form."""

    head: Annotated[str, Field(min_length=1, max_length=24)]
    group: Annotated[str, Field(max_length=40)] = ""
    unit: Annotated[str, Field(max_length=8)] = ""
    decimals: Annotated[int, Field(ge=0, le=4)] = 0
    quantity: str = ""
    computed: Literal["", "units", "max_demand"] = ""
    manual: Annotated[str, Field(pattern=rf"^$|{ITEM}")] = ""
    text: Annotated[str, Field(pattern=rf"^$|{ITEM}")] = ""
    low: Annotated[float | None, BeforeValidator(_number)] = None
    high: Annotated[float | None, BeforeValidator(_number)] = None
    roles: Annotated[tuple[Role, ...], BeforeValidator(_roles)] = ()
    """Of which meters; empty: about the whole site."""
    sheets: Annotated[tuple[Sheet, ...], BeforeValidator(_to_tuple), Field(min_length=1)] = ("meter",)
    hours: Annotated[tuple[Hour, ...] | None, BeforeValidator(_to_tuple)] = None
    """Hours at which a value by hand is due; None: all of them."""
    long: bool = False

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        faults = list(self._faults())
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def item(self) -> str:
        """Under which name it is typed by hand; empty where it is not."""
        return self.manual or self.text

    @property
    def divisor(self) -> float:
        """What a stored value is divided by."""
        return 1000.0 if self.unit in PREFIXED else 1.0

    @property
    def is_number(self) -> bool:
        """Whether numbers stand in it."""
        return not self.text

    def due(self, hour: int) -> bool:
        """Return whether a value by hand is due at this hour of the day, 0 to 23."""
        return self.hours is None or hour in self.hours

    def _faults(self) -> Iterator[str]:
        given = [name for name in ("quantity", "computed", "manual", "text") if getattr(self, name)]
        if len(given) != 1:
            yield "quantity, computed, manual, text: give exactly one of the four"
            return
        if self.quantity and self.quantity not in BY_KEY:
            yield f"quantity: '{self.quantity}' is not known; the keys stand in docs/reference/quantities.md"
        elif self.quantity:
            stored = BY_KEY[self.quantity].unit.replace("1", "")
            if self.unit and PREFIXED.get(self.unit, self.unit) != stored:
                yield f"unit: '{self.unit}' is none of '{self.quantity}', which is in '{stored or 'no unit'}'"
        if self.computed and self.unit not in COMPUTED[self.computed]:
            yield f"unit: '{self.computed}' is in {' or '.join(COMPUTED[self.computed])}"
        if not self.item and not self.roles:
            yield 'roles: a measured column is of meters: "all", or some of incomer, feeder, generator'
        if (self.low is not None or self.high is not None) and not self.manual:
            yield "low, high: only a number by hand (manual) has a range"
        if self.manual and (self.low is None or self.high is None or self.low >= self.high):
            yield "low, high: a number by hand needs both, the lower one first"
        if self.hours is not None and not self.item:
            yield "hours: only what is typed by hand is due at some hours"
        if self.item == HAND_OVER:
            yield f"'{HAND_OVER}' is the note of a shift; take another name"


class LogForm(_Part):
    """The whole form."""

    title: Annotated[str, Field(min_length=3, max_length=60)]
    shifts: Annotated[tuple[Hour, ...], BeforeValidator(_to_tuple), Field(min_length=1, max_length=6)]
    """Hours of the day at which a shift begins, ascending."""
    column: Annotated[tuple[LogColumn, ...], BeforeValidator(_to_tuple), Field(min_length=1, max_length=40)]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if list(self.shifts) != sorted(set(self.shifts)):
            raise ValueError("shifts: hours of the day, each once, ascending")
        places = [
            (sheet, role, column.item)
            for column in self.column
            if column.item
            for sheet in column.sheets
            for role in column.roles or ("site",)
        ]
        twice = [item for (_, _, item), n in Counter(places).items() if n > 1]
        if twice:
            raise ValueError(f"'{twice[0]}' is typed by hand in two columns of one sheet; one is enough")
        kinds: dict[str, str] = {}
        for column in self.column:
            kind = "text" if column.text else "manual"
            if column.item and kinds.setdefault(column.item, kind) != kind:
                raise ValueError(f"'{column.item}' is a number in one column and words in another")
        return self

    def by_hand(self, item: str, role: str) -> LogColumn | None:
        """Return the column of what is typed about a meter in this role, or about the `site`."""
        return next((c for c in self.column if c.item == item and role in (c.roles or ("site",))), None)


def load(folder: Path | None = None) -> LogForm:
    """Return the form of the station in `folder`, or the one that comes with the program.

    Raises:
        SettingsError: it cannot be used; with every fault: file, column, remedy.
    """
    own = None if folder is None else folder / NAME
    path = own if own is not None and own.exists() else FILE
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise SettingsError(f"{path}: cannot be read: {exc}\n{REMEDY}") from exc
    return parse(data, str(path))


def parse(data: Mapping[str, Any], source: str) -> LogForm:
    """Return the form in a file's content; raises as `load` does."""
    try:
        return LogForm.model_validate(data)
    except ValidationError as exc:
        faults = dict.fromkeys(f"{source}: {words}" for words in _words(exc, data))
        raise SettingsError("\n".join([*faults, REMEDY])) from exc


def _words(error: ValidationError, data: Mapping[str, Any]) -> Iterator[str]:
    for fault in error.errors():
        path, message = list(fault["loc"]), fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            known = LogColumn if path[0] == "column" else LogForm
            message = f"no such setting; known: {', '.join(known.model_fields)}"
        elif fault["type"] == "missing":
            message = "is missing"
        elif len(path) > 2 or (path and path[0] != "column"):
            message = f"{message} (found: {fault['input']!r:.40})"
        if len(path) > 1 and path[0] == "column":
            head = (
                data["column"][path[1]].get("head", "") if isinstance(data["column"][path[1]], dict) else ""
            )
            path[:2] = [f"column {int(path[1]) + 1}" + (f" ({head})" if head else "")]
        yield ": ".join([" ".join(map(str, path)), message] if path else [message])
