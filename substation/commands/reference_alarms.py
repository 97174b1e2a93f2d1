"""The page of the reference on alarms: what the rules in `alarms/rules.toml` say."""

from collections.abc import Iterator

from substation.alarms import rule
from substation.alarms.handling import LONGEST_SHELF_MIN, MOST_SHELVED
from substation.alarms.plan import limit_words
from substation.alarms.rule import Rule
from substation.alarms.vocabulary import CONDITIONS, SIGNALS
from substation.commands.reference_table import MADE, table

_HEAD = """\
# Alarms

The rules that the program comes with. A station changes limit, dead band, delays, priority and what to do,
or switches one off, in its configuration: [how](../how-to/alarms.md). An alarm is raised when its signal has
been beyond the limit for the on-delay, and cleared when it has been behind the dead band for the off-delay.
Readings are polled, so figures are indicative. "verify": the station or its state has to confirm the limit.

"""
_SIGNALS = """
## What a rule may watch

"""
_CONDITIONS = """
## What suppresses an alarm by design

"""
_SHELF = f"""
An alarm is shelved for {LONGEST_SHELF_MIN} minutes at most, and no more than {MOST_SHELVED} at the same time.
"""


def alarms_page() -> str:
    """Return every rule, with the vocabulary of the rules."""
    head = (
        "Alarm",
        "Priority",
        "Circuits",
        "Limit",
        "Delays on / off",
        "Suppressed by",
        "What to do",
        "Source",
    )
    signals = [
        (f"`{kind.key}`", kind.words, kind.unit or "true or false", kind.per) for kind in SIGNALS.values()
    ]
    conditions = [(f"`{key}`", words) for key, words in CONDITIONS.items()]
    return "".join(
        (
            MADE,
            _HEAD,
            table(head, [tuple(_row(one)) for one in rule.load()]),
            _SHELF,
            _SIGNALS,
            table(("Signal", "Meaning", "Unit", "Per"), signals),
            _CONDITIONS,
            table(("Condition", "Meaning"), conditions),
        )
    )


def _row(one: Rule) -> Iterator[str]:
    yield f"{one.title} `{one.key}`"
    yield one.priority
    yield ", ".join(one.roles) or f"the {one.per}"
    limit = limit_words(one, one.limit)
    unit = "" if one.unit == "1" else f" {one.unit}"
    yield f"{limit}, dead band {one.dead_band:g}{unit}" if limit else one.kind.words
    yield f"{one.on_delay_s:g} s / {one.off_delay_s:g} s"
    yield ", ".join(f"`{name}`" for name in one.suppressed_by)
    yield one.action
    yield one.source
