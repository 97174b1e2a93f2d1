"""Which alarms a station has: every rule, for every subject it watches, with what the station changed. Pure.

A change for one meter goes before one for the station, setting by setting. One that does not fit its rule is
a fault in words and changes nothing: the rule then holds as it was shipped, which is the safe side.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from substation.alarms.rule import Rule
from substation.settings.alarms import AlarmChange, Priority
from substation.settings.model import Meter, Settings

STATION = "station"
CHANGEABLE = ("limit", "dead_band", "on_delay_s", "off_delay_s", "priority", "action")
"""What of a rule a station or a meter may have otherwise."""


def of_meter(meter_id: int) -> str:
    """Return the subject that is this meter's circuit."""
    return f"meter:{meter_id}"


def of_line(name: str) -> str:
    """Return the subject that is this line."""
    return f"line:{name}"


@dataclass(frozen=True, slots=True)
class Watch:
    """One rule for one subject, as it is in force."""

    rule: Rule
    subject: str
    named: str
    """For people: `meter 3 ColonyLoad`, `line 1`, `the station`."""
    meter_id: int | None
    priority: Priority
    limit: float | None
    dead_band: float
    on_ms: int
    off_ms: int
    key: str
    """Of this alarm among all of the station: `voltage_low@meter:3`."""
    action: str = ""
    """What to do, in one sentence."""
    changed: tuple[tuple[str, str], ...] = ()
    """What is set otherwise than in the rule: name of the setting, and `station` or `meter`."""

    @property
    def limit_words(self) -> str:
        """The limit in words; empty for a state."""
        return limit_words(self.rule, self.limit)


_OF = {
    "absolute": "",
    "nominal_v": " of nominal voltage",
    "rated_va": " of rated power",
    "rated_a": " of rated current",
}


def limit_words(rule: Rule, limit: float | None) -> str:
    """Return a limit of a rule in words, such as `below 90 % of nominal voltage`; nothing for a state."""
    if limit is None:
        return ""
    side = "below" if rule.above is None else "above"
    unit = "" if rule.unit == "1" else f" {rule.unit}"
    return f"{side} {limit:g}{unit}{_OF[rule.relative_to]}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The alarms of a station."""

    watches: tuple[Watch, ...] = ()
    faults: tuple[str, ...] = ()
    """Changes in the configuration that do not fit: setting, what is wrong, remedy."""
    rules: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    by_key: dict[str, Watch] = field(default_factory=dict)

    def gone(self, rule: str, subject: str) -> str:
        """Return in words why there is no such alarm any more."""
        if subject not in self.subjects:
            kind, _, name = subject.partition(":")
            return f"{kind} {name}".strip() + " is not part of the configuration any more"
        if rule not in self.rules:
            return f"there is no rule '{rule}' any more"
        return "it is disabled in the configuration, or does not watch circuits of this role any more"


def build(rules: Sequence[Rule], settings: Settings) -> Plan:
    """Return the alarms of a station as they are in force."""
    by_rule = {rule.key: rule for rule in rules}
    faults = [f"{path}: {words}" for path, words in misfits(rules, settings)]
    for_all = {change.rule: change for change in settings.alarms if not _misfit(change, by_rule, None)}
    watches = []
    for rule in rules:
        for subject, named, meter in _subjects(rule, settings):
            changes = [("station", for_all[rule.key])] if rule.key in for_all else []
            changes += [
                ("meter", change)
                for change in (meter.alarms if meter else ())
                if change.rule == rule.key and not _misfit(change, by_rule, meter)
            ]
            watch = _watch(rule, subject, named, meter, changes)
            if watch is not None:
                watches.append(watch)
    subjects = {
        STATION,
        *(of_meter(m.id) for m in settings.meters),
        *(of_line(n.name) for n in settings.lines),
    }
    return Plan(
        tuple(watches),
        tuple(faults),
        frozenset(by_rule),
        frozenset(subjects),
        {watch.key: watch for watch in watches},
    )


def misfits(rules: Sequence[Rule], settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield every change that does not fit its rule: the setting's name, and what is wrong with it."""
    by_rule = {rule.key: rule for rule in rules}
    for at, change in enumerate(settings.alarms):
        if words := _misfit(change, by_rule, None):
            yield f"alarms.{at}", words
    for place, meter in enumerate(settings.meters):
        for at, change in enumerate(meter.alarms):
            if words := _misfit(change, by_rule, meter):
                yield f"meters.{place}.alarms.{at}", words


def _misfit(change: AlarmChange, by_rule: dict[str, Rule], meter: Meter | None) -> str:
    rule = by_rule.get(change.rule)
    if rule is None:
        return f"there is no alarm '{change.rule}'; known: {', '.join(by_rule)}"
    if meter is not None and rule.per != "meter":
        return f"'{rule.key}' is about a {rule.per}, not about a meter; change it under alarms"
    if meter is not None and meter.role not in rule.roles:
        return f"'{rule.key}' does not watch a {meter.role}; it watches: {', '.join(rule.roles)}"
    if rule.kind.is_state and (change.limit is not None or change.dead_band is not None):
        return f"'{rule.key}' is true or false; it has neither limit nor dead_band"
    return ""


def _subjects(rule: Rule, settings: Settings) -> Iterator[tuple[str, str, Meter | None]]:
    match rule.per:
        case "meter":
            for meter in settings.meters:
                if meter.role in rule.roles:
                    yield of_meter(meter.id), f"meter {meter.id} {meter.name}", meter
        case "line":
            for line in settings.lines:
                yield of_line(line.name), line.name, None
        case "station":
            yield STATION, "the station", None


def _watch(
    rule: Rule, subject: str, named: str, meter: Meter | None, changes: Sequence[tuple[str, AlarmChange]]
) -> Watch | None:
    """Return a rule with its changes, the later ones before the earlier; None where it is disabled."""
    limit, dead_band = rule.limit, rule.dead_band
    on_s, off_s, priority = rule.on_delay_s, rule.off_delay_s, rule.priority
    action, changed = rule.action, dict[str, str]()
    for whose, change in changes:
        if change.disabled:
            return None
        limit = limit if change.limit is None else change.limit
        dead_band = dead_band if change.dead_band is None else change.dead_band
        on_s = on_s if change.on_delay_s is None else change.on_delay_s
        off_s = off_s if change.off_delay_s is None else change.off_delay_s
        priority = change.priority or priority
        action = change.action or action
        changed |= {name: whose for name in CHANGEABLE if getattr(change, name) is not None}
    return Watch(
        rule,
        subject,
        named,
        None if meter is None else meter.id,
        priority,
        limit,
        dead_band,
        round(on_s * 1000),
        round(off_s * 1000),
        f"{rule.key}@{subject}",
        action,
        tuple(changed.items()),
    )
