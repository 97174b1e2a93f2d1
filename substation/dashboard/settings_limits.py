"""Limits of the alarms as fields of the settings: what is typed becomes what differs from a rule. Pure.

A field is named by its rule, and by the meter's number where it is one meter's:
`alarms.voltage_low.limit`, `meters.#7.alarms.voltage_low.limit`. Where a meter's limit is empty the station's
holds, and where that is empty the rule's.
"""

from collections.abc import Iterator, Mapping

from substation.alarms import plan
from substation.alarms.rule import Rule
from substation.dashboard import alarm_words
from substation.settings import names
from substation.settings.alarms import AlarmChange
from substation.settings.model import Meter, Settings

PARTS = ("limit", "disabled")


def rules(meter: Meter | None = None) -> list[Rule]:
    """Return the rules that have a limit; of a meter only those that watch circuits of its role."""
    every = [rule for rule in alarm_words.rules().values() if rule.limit is not None]
    return every if meter is None else [rule for rule in every if meter.role in rule.roles]


def key(rule: str, part: str, meter: Meter | None = None) -> str:
    """Return the name of a field."""
    return f"{_before(meter)}alarms.{rule}.{part}"


def own(settings: Settings, rule: str, meter: Meter | None = None) -> AlarmChange | None:
    """Return what the station, or the meter, changes of a rule."""
    changes = settings.alarms if meter is None else meter.alarms
    return next((change for change in changes if change.rule == rule), None)


def fields(settings: Settings) -> dict[str, str]:
    """Return a setting of the type and meaning of every field; its place in its list is not told."""
    return {
        key(rule.key, part, meter): f"{where}.0.{part}"
        for where, meter in _scopes(settings)
        for rule in rules(meter)
        for part in PARTS
    }


def shown(settings: Settings) -> dict[str, str]:
    """Return what stands in every field."""
    found = {}
    for _, meter in _scopes(settings):
        for rule in rules(meter):
            change = own(settings, rule.key, meter) or AlarmChange(rule=rule.key)
            for part in PARTS:
                found[key(rule.key, part, meter)] = names.written(getattr(change, part))
    return found


def lists(settings: Settings, typed: Mapping[str, object]) -> dict[str, list[dict[str, object]]]:
    """Return by its setting's name every list of changes that becomes another one by what was typed.

    What else differs from a rule stays. A change in which nothing differs any more is taken away.
    """
    made = {}
    for where, meter in _scopes(settings):
        changes = settings.alarms if meter is None else meter.alarms
        rows = {change.rule: change.model_dump(mode="json") for change in changes}
        touched = set()
        for rule in rules(meter):
            for part in PARTS:
                if (name := key(rule.key, part, meter)) in typed:
                    touched.add(rule.key)
                    rows.setdefault(rule.key, AlarmChange(rule=rule.key).model_dump(mode="json"))
                    rows[rule.key][part] = typed[name]
        if touched:
            made[where] = [
                row
                for rule_key, row in rows.items()
                if rule_key not in touched or row != AlarmChange(rule=rule_key).model_dump(mode="json")
            ]
    return made


def places(settings: Settings, made: Mapping[str, list[dict[str, object]]]) -> dict[str, str]:
    """Return by its setting's name in the new lists the field that it was typed into."""
    return {
        f"{where}.{at}.{part}": key(str(row["rule"]), part, meter)
        for where, meter in _scopes(settings)
        for at, row in enumerate(made.get(where, ()))
        for part in PARTS
    }


def misfits(before: Settings, after: Settings, typed: Mapping[str, object]) -> dict[str, str]:
    """Return what fits its rule no more, by field: the limit's, or the role's where only that was typed.

    What did not fit before is not the fault of whoever saves now.
    """
    stood = dict(_misfits(before))
    found = {}
    for (where, rule), words in _misfits(after).items():
        if stood.get((where, rule)) != words:
            limit, role = f"{where}alarms.{rule}.limit", f"{where}role"
            found[role if role in typed and limit not in typed else limit] = words
    return found


def _misfits(settings: Settings) -> dict[tuple[str, str], str]:
    told = dict(plan.misfits(tuple(alarm_words.rules().values()), settings))
    return {
        (_before(meter), change.rule): told[f"{where}.{at}"]
        for where, meter in _scopes(settings)
        for at, change in enumerate(settings.alarms if meter is None else meter.alarms)
        if f"{where}.{at}" in told
    }


def _before(meter: Meter | None) -> str:
    return "" if meter is None else f"meters.#{meter.id}."


def _scopes(settings: Settings) -> Iterator[tuple[str, Meter | None]]:
    """Yield every list of changes: its setting's name, and whose it is; the station's first."""
    yield "alarms", None
    for place, meter in enumerate(settings.meters):
        yield f"meters.{place}.alarms", meter
