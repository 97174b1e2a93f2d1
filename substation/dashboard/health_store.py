"""How the stores and their copies are doing, in words: the two sections at the foot of `/health`. Pure.

A row is a name, words and, where `{}` stands in them, an age that the browser counts on. What somebody should
do stands in the notes below the rows, the worst first.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo

from substation.clock import site_time
from substation.dashboard import format as f
from substation.dashboard.heard import told
from substation.dashboard.store_facts import Facts
from substation.dashboard.tongue import later, say
from substation.settings.model import Settings
from substation.store.growth import Growth, growth
from substation.store.salvage import report as salvage_report

STORE_ROWS = (
    later("History"),
    later("Every poll since"),
    later("Minutes since"),
    later("Hours and days since"),
    later("Room on its medium"),
    later("Checked"),
    later("Damage"),
    later("Clock"),
)
COPY_ROWS = (
    later("Second medium"),
    later("Last copy"),
    later("Reaches to"),
    later("Holds"),
    later("Proved by a restore"),
)
DAY_S, DAY_MS = 86_400.0, 86_400_000
FEW_DAYS = 30.0
CHECK_OLD_S = 3 * DAY_S
COPY_OLD_S = 3 * 3600.0
PROOF_OLD_S = 7 * DAY_S
SALVAGE_SAID_S = 30 * DAY_S
LONG_YEARS = 20
MOST_WORDS = 300
CHECK, VERIFY = "python3 datalogger.py check", "python3 datalogger.py verify"
SET_FOLDER = "python3 encrypt_config.py set backup.folder /media/stick/substation"
UNDER_WAY = later("under way")
MEDIUM_WORDS = {
    "full": later("The station's medium is full"),
    "read-only": later("The station's medium is read-only"),
    "gone": later("The station's medium is gone"),
    "failing": later("The station's medium fails"),
}

Sign = Literal["alarm", "warn", "late"]
Note = tuple[Sign, str]


@dataclass(frozen=True, slots=True)
class Row:
    """What stands beside one name."""

    words: str
    age_s: float | None = None
    """What `{}` in the words stands for."""
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One section."""

    rows: tuple[Row, ...]
    notes: tuple[Note, ...]


def store(settings: Settings, facts: Facts) -> Part:
    """Return what is said of the history; the rows in the order of `STORE_ROWS`."""
    zone, now_ms = settings.site.zone, facts.now_ms
    spans, room = facts.spans, facts.room
    held = {table: (now_ms - oldest) / DAY_MS for table, (oldest, _) in spans.items()}
    free = max(0, room.free - room.reserve) if room else 0
    grows = growth(settings, held, free, facts.held_rows, facts.polls_a_day)
    if not facts.knows_growth:
        grows = Growth(0.0, math.inf)
    notes: list[Note] = []
    if facts.problem:
        notes.append(("alarm", say("The history cannot be read: {why}", why=told(facts.problem))))
    state = MEDIUM_WORDS.get(str(facts.medium.get("state")), "")
    if state:
        words = say(
            "{medium}: nothing new is stored on it. What to do stands further below.", medium=told(state)
        )
        notes.append(("alarm", words))
    if room and grows.days_left < FEW_DAYS:
        notes.append(
            (
                "warn",
                say(
                    "The medium is full in about {long}. Free some room, put in a larger one, or keep less: "
                    "store.raw_days, store.minute_days.",
                    long=_days(grows.days_left),
                ),
            )
        )
    checked, check_notes = _checked(facts)
    damage, damage_notes = _damage(facts, zone)
    notes += [*damage_notes, *check_notes]
    free_words = f.DASH
    if room is not None:
        empty, whole = _size(room.free), _size(room.total)
        free_words = say("{free} of {all} free", free=empty, all=whole)
        if not math.isinf(grows.days_left):
            long = _until(grows.days_left)
            free_words = say("{free} of {all} free; full in {long}", free=empty, all=whole, long=long)
    return Part(
        (
            Row(_held(facts, grows)),
            *(Row(_since(spans, table, now_ms, zone)) for table in ("reading", "minute", "day")),
            Row(
                free_words,
                is_bad=bool(state) or bool(room and grows.days_left < FEW_DAYS),
            ),
            checked,
            damage,
            _clock(facts),
        ),
        tuple(sorted(notes, key=_worst)),
    )


def _clock(facts: Facts) -> Row:
    """Return who vouches for the times that are stored; what to do stands among the station's problems."""
    trusted, source = facts.clock.get("trusted"), str(facts.clock.get("source") or "")
    if trusted is None:
        return Row(f.DASH)
    if trusted:
        return Row(say("trusted: {source}", source=told(source)) if source else say("trusted"))
    return Row(say("nobody vouches for it: times may be wrong"), is_bad=True)


def _held(facts: Facts, grows: Growth) -> str:
    """Return how large the history is and how fast it grows."""
    if facts.history_bytes is None:
        return say("none yet")
    size = _size(facts.history_bytes)
    if not facts.knows_growth:
        return say("{size}, how much more a day is known after one whole day", size=size)
    return say("{size}, about {more} more a day", size=size, more=_size(grows.bytes_a_day))


def _checked(facts: Facts) -> tuple[Row, list[Note]]:
    check = facts.check
    age_s, state = _age_s(check, facts.now_ms), check.get("state")
    if facts.job == "check":
        return Row(told(UNDER_WAY)), []
    if age_s is None or not isinstance(state, str):
        is_late = facts.made_ms is not None and facts.now_ms - facts.made_ms > 2 * DAY_MS
        late = say("No check has looked at the history yet. By hand: {command}", command=CHECK)
        return Row(say("not yet"), is_bad=is_late), [("warn", late)] if is_late else []
    notes: list[Note] = []
    if state != "whole":
        notes.append(
            ("alarm", say("The last check found: {words}", words=_short(check.get("words") or state)))
        )
    elif age_s > CHECK_OLD_S:
        words = say("The nightly check has not run for days. By hand: {command}", command=CHECK)
        notes.append(("warn", words))
    return Row(say("{age} ago, {words}", age="{}", words=told(state)), age_s, bool(notes)), notes


def _damage(facts: Facts, zone: ZoneInfo) -> tuple[Row, list[Note]]:
    found = facts.salvage
    if facts.job == "salvage":
        progress = found.progress if found else ""
        words = say("A damaged history is being salvaged. Polling goes on.")
        if progress:
            words = say(
                "A damaged history is being salvaged: {progress}. Polling goes on.", progress=progress
            )
        return Row(say("being salvaged"), is_bad=True), [("warn", words)]
    if found is None:
        return Row(say("none known")), []
    age_s = (facts.now_ms - found.found_ms) / 1000
    lost = sum(one.rows or 0 for one in found.lost)
    cost = say("some rows lost") if found.lost else say("nothing lost")
    if lost:
        cost = say("{count} rows lost", count=f.number(lost, 0))
    at = f.minute(found.found_ms, facts.now_ms, zone)
    if found.state == salvage_report.DONE:
        row = Row(say("{age} ago, salvaged: {cost}", age="{}", cost=cost), age_s)
        if age_s > SALVAGE_SAID_S or not found.lost:
            return row, []
        days = sorted({one.day for one in found.lost})
        which = days[0] if len(days) == 1 else say("{first} to {last}", first=days[0], last=days[-1])
        words = say(
            "The history was damaged ({at}) and salvaged; {cost}, of {days} (UTC).",
            at=at,
            cost=cost,
            days=which,
        )
        return row, [("warn", words)]
    if found.state == salvage_report.NOTHING:
        words = say(
            "The history was damaged ({at}) and nothing in it could be read: a new one was begun. Bring the "
            "old one back from the copies: {page}",
            at=at,
            page="docs/how-to/back-up-and-restore.md",
        )
        row = Row(say("{age} ago, nothing could be read", age="{}"), age_s, is_bad=True)
        return row, [("alarm", words)] if age_s <= SALVAGE_SAID_S else []
    why, file = told(found.words) if found.words else at, found.file
    words = say(
        "The history is damaged ({why}) and was set aside as {file}; its salvage waits", why=why, file=file
    )
    if found.progress:
        words = say(
            "The history is damaged ({why}) and was set aside as {file}; "
            "the salvage does not go on: {progress}",
            why=why,
            file=file,
            progress=found.progress,
        )
    return Row(say("{age} ago, not salvaged yet", age="{}"), age_s, is_bad=True), [("alarm", words)]


def copies(settings: Settings, facts: Facts) -> Part:
    """Return what is said of the copies; the rows in the order of `COPY_ROWS`."""
    folder, zone, now_ms = settings.backup.folder, settings.site.zone, facts.now_ms
    if folder is None:
        words = say(
            "There is no second medium: what happens to this one happens to all that was ever read. Put in a "
            "stick or mount a share, then: {command}",
            command=SET_FOLDER,
        )
        dashes = (Row(f.DASH),) * (len(COPY_ROWS) - 1)
        return Part((Row(say("none"), is_bad=True), *dashes), (("warn", words),))
    said = facts.copies if facts.copies.get("folder") == folder else {}
    days, size, newest_ms = (_whole(said.get(name)) for name in ("days", "bytes", "newest_ms"))
    notes: list[Note] = []
    last = _last_copy(settings, facts, said, notes)
    if said.get("other_medium") is False:
        words = say(
            "The copies lie on the same medium as the history: a card that breaks takes both with it."
        )
        notes.append(("warn", words))
    return Part(
        (
            Row(folder, is_bad=said.get("other_medium") is False),
            last,
            Row(f.minute(newest_ms, now_ms, zone) if newest_ms else f.DASH),
            Row(say("{count} days, {size}", count=f.number(days, 0), size=_size(size)) if days else f.DASH),
            _proof(said, now_ms, notes),
        ),
        tuple(sorted(notes, key=_worst)),
    )


def _last_copy(settings: Settings, facts: Facts, said: Mapping[str, Any], notes: list[Note]) -> Row:
    age_s = _age_s(said, facts.now_ms)
    if facts.job == "backup":
        return Row(told(UNDER_WAY))
    if age_s is None:
        words = say("No copy has been taken there yet; the first begins minutes after the start.")
        notes.append(("late", words))
        return Row(say("none yet"), is_bad=True)
    if said.get("ok") is not True:
        proof = said.get("proof")
        if not isinstance(proof, dict) or proof.get("ok") is not False:  # else the proof says it
            why = _short(said.get("words") or later("why is not known"))
            notes.append(("warn", say("The last copy failed: {why}", why=why)))
        return Row(say("failed {age} ago", age="{}"), age_s, is_bad=True)
    if age_s > max(COPY_OLD_S, 3 * 60.0 * settings.backup.every_minutes):
        words = say("The copies are old: is the second medium plugged in and mounted, does the poller run?")
        notes.append(("warn", words))
        return Row(say("{age} ago", age="{}"), age_s, is_bad=True)
    return Row(say("{age} ago", age="{}"), age_s)


def _proof(said: Mapping[str, Any], now_ms: int, notes: list[Note]) -> Row:
    proof = said.get("proof")
    age_s = _age_s(proof, now_ms) if isinstance(proof, dict) else None
    if not isinstance(proof, dict) or age_s is None:
        if said.get("ok") is True:
            words = say("No copy has been proved by a restore: {command}", command=VERIFY)
            notes.append(("warn", words))
        return Row(say("not yet"), is_bad=bool(said))
    if proof.get("ok") is not True:
        words = say("The copies did not prove good: {words}", words=_short(proof.get("words") or "?"))
        notes.append(("alarm", words))
        return Row(say("{age} ago, NOT GOOD", age="{}"), age_s, is_bad=True)
    if age_s > PROOF_OLD_S:
        words = say("The last proof of the copies is old. By hand: {command}", command=VERIFY)
        notes.append(("warn", words))
    days = _whole(proof.get("days"))
    tried = say("{age} ago, good", age="{}")
    if days:
        tried = (
            say("{age} ago, 1 day came back right", age="{}")
            if days == 1
            else say("{age} ago, {count} days came back right", age="{}", count=days)
        )
    return Row(tried, age_s, age_s > PROOF_OLD_S)


def _since(spans: Mapping[str, tuple[int, int]], table: str, now_ms: int, zone: ZoneInfo) -> str:
    if table not in spans:
        return f.DASH
    oldest_ms = spans[table][0]
    when = site_time(oldest_ms, zone)
    if now_ms - oldest_ms < 300 * DAY_MS:
        return f.minute(oldest_ms, now_ms, zone)
    return f.day(oldest_ms, zone).split(" ", 1)[1] if when else f.DASH


def _short(words: object) -> str:
    """Return words as a note has room for; all of them stand in the poller's log."""
    text = told(" ".join(str(words).split()))
    if len(text) <= MOST_WORDS:
        return text
    return say("{words} … (all in the log)", words=text[: MOST_WORDS - 1].rstrip())


def _age_s(said: Mapping[str, Any], now_ms: int) -> float | None:
    at_ms = _whole(said.get("at_ms"))
    return (now_ms - at_ms) / 1000 if at_ms else None


def _whole(value: object) -> int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return int(value) if is_number and isinstance(value, int | float) else 0


def _worst(note: Note) -> int:
    return ("alarm", "warn", "late").index(note[0])


def _until(days: float) -> str:
    years = days / 365
    if years > LONG_YEARS:
        return say("more than {count} years", count=LONG_YEARS)
    if days >= 730:
        return say("about {count} years", count=f.number(years, 0))
    if days >= 60:
        return say("about {count} months", count=f.number(days / 30.4, 0))
    return say("about {long}", long=_days(days))


def _days(days: float) -> str:
    whole = math.floor(days)
    if whole > 1:
        return say("{count} days", count=whole)
    return say("a day") if whole else say("less than a day")


def _size(size: float) -> str:
    for unit, of in (("GB", 1e9), ("MB", 1e6)):
        if size >= of:
            value = size / of
            return f"{f.number(value, 1 if value < 10 and unit == 'GB' else 0)} {unit}"
    return f"{f.number(size / 1e3, 0)} kB"
