"""Between which limits a number of the configuration must lie, in words."""

import typing
from collections.abc import Sequence

from pydantic import BaseModel
from pydantic.fields import FieldInfo

OUT_OF_BOUNDS = frozenset(("greater_than", "greater_than_equal", "less_than", "less_than_equal"))
"""Pydantic's types of error for a number beyond a limit."""


def outside(root: type[BaseModel], path: Sequence[str | int], shown: object) -> str:
    """Return that a number lies outside its limits, and which they are.

    Args:
        root: the model.
        path: where in it the number stands: ("meters", 1, "id").
        shown: the number; empty text where it may not be shown.
    """
    limits = _limits(_field(root, path))
    low = limits.get("ge", limits.get("gt"))
    high = limits.get("le", limits.get("lt"))
    if low is None or high is None:
        words = f"lies below {_plain(low)}" if high is None else f"lies above {_plain(high)}"
    else:
        words = f"lies outside {_plain(low)} to {_plain(high)}"
    excluded = [_plain(limits[name]) for name in ("gt", "lt") if name in limits]
    if excluded:
        words += f" ({' and '.join(excluded)} itself is not allowed)"
    return f"{shown} {words}".lstrip()


def _field(root: type[BaseModel], path: Sequence[str | int]) -> FieldInfo:
    fields, kind = root.model_fields, None
    field = None
    for step in path:
        if isinstance(step, int):  # an item of a list
            kind = typing.get_args(kind)[0]
        else:
            field = fields[step]
            kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields = kind.model_fields
    if field is None:
        raise ValueError(f"{path} names no setting")
    return field


def _limits(field: FieldInfo) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in field.metadata:
        for name in ("ge", "gt", "le", "lt"):
            if (limit := getattr(part, name, None)) is not None:
                found[name] = limit
    return found


def _plain(limit: float | None) -> str:
    return "" if limit is None else f"{limit:.15g}"
