"""What a station changes of an alarm's rule, for all its circuits or for one meter's.

A change names its rule (`alarms/rules.toml`) and only what differs; everything else stays as the rule says.
Whether there is such a rule, and whether the change fits it, is judged by `alarms.plan`: this room is below.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

Priority = Literal["high", "medium", "low", "journal"]
"""ISA-18.2's three of practice, and one that is only written down: it is never announced."""
RULE = r"^[a-z][a-z0-9_]*$"
LONGEST_DELAY_S = 86_400.0


class AlarmChange(BaseModel):
    """What differs from one rule."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    rule: str = Field(
        pattern=RULE,
        max_length=40,
        description="Key of the rule that is changed, such as voltage_low: see the list of alarms.",
    )
    limit: float | None = Field(
        None,
        ge=-1e9,
        le=1e9,
        description="Limit in the rule's own unit, above or below as the rule has it; none = the rule's.",
    )
    dead_band: float | None = Field(
        None, ge=0, le=1e9, description="So far back behind the limit it clears; none = the rule's."
    )
    on_delay_s: float | None = Field(
        None, ge=0, le=LONGEST_DELAY_S, description="Seconds beyond the limit before it is raised."
    )
    off_delay_s: float | None = Field(
        None, ge=0, le=LONGEST_DELAY_S, description="Seconds back in order before it is cleared."
    )
    priority: Priority | None = Field(
        None, description="high, medium, low; journal = written down, never announced. None = the rule's."
    )
    action: str | None = Field(
        None,
        min_length=3,
        max_length=240,
        description="What to do here, in one sentence, such as whom to call; none = the rule's.",
    )
    disabled: bool = Field(False, description="yes = this alarm is not watched here at all.")


def _to_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _once(changes: tuple[AlarmChange, ...]) -> tuple[AlarmChange, ...]:
    rules = [change.rule for change in changes]
    twice = sorted({rule for rule in rules if rules.count(rule) > 1})
    if twice:
        raise ValueError(f"rule '{twice[0]}' is changed twice; write one entry with all that differs")
    return changes


AlarmChanges = Annotated[
    tuple[AlarmChange, ...], BeforeValidator(_to_tuple), AfterValidator(_once), Field(max_length=100)
]
