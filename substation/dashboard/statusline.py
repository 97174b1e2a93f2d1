"""The first thing read on every page: is all well, and if not: what, where, since when.

Pure, like `words`. The order of the questions is the order of their weight: can we see at all? is
supply lost? does a circuit lack it? does a meter keep silent? is something outside its limits?
"""

import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass

from substation.clock_trust import UNTRUSTED
from substation.dashboard import alarm_count, alarm_words, tongue, words
from substation.dashboard import format as f
from substation.dashboard.board import Board, LiveMeter
from substation.dashboard.heard import told
from substation.dashboard.tongue import say
from substation.dashboard.words import FACTS, Parts


@dataclass(frozen=True, slots=True)
class Headline:
    """What the state line says first."""

    kind: str
    """ok | warn | alarm | blind"""
    title: str
    detail: str = ""
    spoken_title: str = ""

    @property
    def spoken(self) -> str:
        """What is read aloud: without what counts on each second."""
        return self.spoken_title or f"{self.title}{say('.')} {self.detail.split(',')[0]}".strip()


def headline(board: Board, zone: zoneinfo.ZoneInfo) -> Headline:
    """Return the state of the station in one sentence."""
    return _blind(board) or _alarm(board, zone) or _warning(board, zone) or Headline("ok", say("All normal"))


def _blind(board: Board) -> Headline | None:
    old = say("Every value here is old.")
    if board.poller.state == "never":
        return Headline("blind", say("No reading yet"), told(board.poller.words))
    if board.poller.state == "stopped":
        age_s = board.poller.age_s
        blind = age_s is None or age_s < 0
        title = say("Blind") if blind else say("Blind for {long}", long=f.duration(age_s))
        stopped = say("The poller has stopped. Every value here is old.")
        return Headline("blind", title, _sentences((told(board.poller.words), old)), stopped)
    down = [line for line in board.lines if line.state == "down"]
    if down and len(down) == len(board.lines):
        detail = told(down[0].detail) or say("its port cannot be opened")
        title = say("{line} is down", line=_line_name(board, down[0].name))
        return Headline("blind", title, _sentences((detail, old)))
    if board.meters and all(meter.freshness == "never" for meter in board.meters):
        if not any(words.silent(meter) for meter in board.meters):
            under_way = say("The poller runs; the first round is under way.")
            return Headline("blind", say("No reading yet"), under_way)
        return Headline("blind", say("No meter has answered yet"), _sentence(_reason(board.meters[0])))
    if board.meters and all(words.silent(meter) for meter in board.meters):
        dark = say("The line or its adapter, or all meters are dark.")
        return Headline("blind", say("No meter answers"), _sentences((dark, old)))
    return None


def _alarm(board: Board, zone: zoneinfo.ZoneInfo) -> Headline | None:
    if words.supply_lost(board):
        incomers = words.sources(board, "incomer")
        return Headline("alarm", say("Supply lost"), _since(board, _latest(incomers), zone))
    lost = [meter for meter in board.meters if words.failed(meter)]
    if lost:
        phase = all(words.wire(meter) == "phase" for meter in lost)
        title = say("Phase lost") if phase else say("Power failure")
        if len(lost) == 1:
            return Headline("alarm", title, _since(board, lost[0], zone))
        return Headline("alarm", title, ", ".join(meter.name for meter in lost))
    over = [m for m in board.meters if any(severity == "alarm" for severity, _ in words.findings(m))]
    if over:
        return Headline("alarm", say("Current above rating"), ", ".join(meter.name for meter in over))
    return None


def _warning(board: Board, zone: zoneinfo.ZoneInfo) -> Headline | None:
    mute = [meter for meter in board.meters if words.silent(meter)]
    if len(mute) == 1:
        meter = mute[0]
        if meter.age_s is None:
            last = say("{meter}, never answered", meter=meter.name)
        else:
            answered = f.moment(round(board.at_ms - meter.age_s * 1000), board.at_ms, zone)
            last = say("{meter}, no answer since {time}", meter=meter.name, time=answered)
        return Headline("warn", say("Communication failed"), last)
    if mute:
        return Headline("warn", say("Communication failed"), ", ".join(meter.name for meter in mute))
    frozen = [meter for meter in board.meters if meter.frozen]
    if len(frozen) == 1:
        return Headline("warn", say("A meter repeats itself"), f"{frozen[0].name}, {told(frozen[0].frozen)}")
    if frozen:
        return Headline("warn", say("Meters repeat themselves"), ", ".join(meter.name for meter in frozen))
    found = [(meter, text) for meter in board.meters for _, text in words.findings(meter)]
    if found:
        named = "; ".join(f"{meter.name}: {text.lower()}" for meter, text in found[:3])
        count = say("1 warning") if len(found) == 1 else say("{count} warnings", count=len(found))
        return Headline("warn", count, named)
    refusing = [m for m in board.meters if m.supply == "unknown" and m.comm_status == "OK" and m.comm_detail]
    if len(refusing) == 1:
        meter = refusing[0]
        return Headline("warn", say("A meter cannot be read"), f"{meter.name}, {told(meter.evidence)}")
    if refusing:
        return Headline("warn", say("Meters cannot be read"), ", ".join(meter.name for meter in refusing))
    waiting = [m for m in board.meters if m.freshness in ("stale", "never")]
    held = [meter for meter in waiting if meter.paused]
    if held:
        others = [meter.name for meter in waiting if not meter.paused]
        why = told(held[0].paused)
        if others:
            why = say("{why}; waiting for {meters}", why=why, meters=", ".join(others))
        return Headline("warn", say("Polling pauses"), _sentence(why))
    if waiting:
        return Headline("warn", say("Waiting for answers"), ", ".join(meter.name for meter in waiting))
    if board.times_doubted:
        doubt = say(
            "Times may be wrong: no time server and no battery clock vouches for this machine's clock. "
            "Where it is right, say so: {command}",
            command="python3 datalogger.py clock trust",
        )
        return Headline("warn", say("The clock is not trusted"), doubt)
    if board.problems:
        return Headline("warn", _problems(len(board.problems)), _sentences(board.problems[:2]))
    return None


def line_parts(board: Board, zone: zoneinfo.ZoneInfo) -> Parts:
    """Return the parts of the state line."""
    said = headline(board, zone)
    alarms, urgent, look = alarm_count.words(board.alarms, lambda subject: _where(board, subject))
    asks = board.alarms is not None and board.alarms.unacknowledged > 0
    parts: Parts = {
        "kind": ("", f"ss-s-{said.kind}"),
        "icon": ("", f"ss-i-{said.kind}"),
        "title": (said.title, ""),
        "spoken": (f"{said.spoken} {alarms}{say('.')}" if asks else said.spoken, ""),
        "al": ("", look),
        "alarms": (alarms, ""),
        "urgent": (urgent, "" if urgent else "ss-none"),
        "detail": (said.detail, "" if said.detail else "ss-none"),
        "clock": (say("clock not trusted"), "") if board.times_doubted else ("", "ss-none"),
    }
    unsaid = _unsaid(board, said)
    facts = [(*fact, "") for fact in _facts(board, zone)[: FACTS - len(unsaid)]]
    facts += [(*fact, "ss-f-long") for fact in unsaid]
    for place in range(FACTS):
        strong, plain, looks = facts[place] if place < len(facts) else ("", "", "ss-none")
        parts[f"f{place}"] = ("", looks)
        parts[f"b{place}"] = (strong, "")
        parts[f"t{place}"] = (plain, "")
    return parts


def ring_parts(board: Board) -> Parts:
    """Return what `assets/alarm.js` is told: which alarms ask somebody, for the sound and the tab's title."""
    return {"ring": (alarm_count.ring(board.alarms), "")}


def _where(board: Board, subject: str) -> str:
    def name_of(number: int) -> str | None:
        meter = board.meter(number)
        return meter.name if meter else None

    return alarm_words.where(subject, name_of)


def _unsaid(board: Board, said: Headline) -> list[tuple[str, str]]:
    """Return one fact with all problems that the headline's detail does not name, or none."""
    left = [words for words in board.problems if _sentence(words) not in said.detail]
    if said.title == say("The clock is not trusted"):
        left = [words for words in left if words != UNTRUSTED]
    if not left:
        return []
    if len(left) == len(board.problems):
        return [(_problems(len(left)), _sentences(left))]
    further = say("1 further problem") if len(left) == 1 else say("{count} further problems", count=len(left))
    return [(further, _sentences(left))]


def _facts(board: Board, zone: zoneinfo.ZoneInfo) -> list[tuple[str, str]]:
    if board.poller.state != "running":
        ages = [meter.age_s for meter in board.meters if meter.age_s is not None]
        if not ages:
            return [(say("{some} of {all}", some=0, all=len(board.meters)), say("meters seen"))]
        last = f.moment(round(board.at_ms - min(ages) * 1000), board.at_ms, zone)
        return [(say("Last reading"), last)]
    facts = [_supply_fact(board)]
    for meter in words.sources(board, "generator"):
        facts.append(_generator_fact(board, meter))
    fresh = sum(meter.freshness == "fresh" for meter in board.meters)
    facts.append((say("{some} of {all}", some=fresh, all=len(board.meters)), say("meters fresh")))
    for line in board.lines:
        if line.state == "down":
            facts.append((_line_name(board, line.name), say("down")))
        elif line.paused:
            why = line.paused.partition(",")[0]
            facts.append((_line_name(board, line.name), say("pauses: {why}", why=told(why))))
        elif line.busy is not None:
            facts.append((_line_name(board, line.name), say("{share} busy", share=f.percent(line.busy))))
    return facts


def _supply_fact(board: Board) -> tuple[str, str]:
    incomers = words.sources(board, "incomer")
    live = [meter for meter in incomers if words.wire(meter) in ("live", "noload")]
    if live:
        return (say("Supply on"), _lasting(board, min(live, key=lambda meter: meter.since_ms or 0)))
    if words.supply_lost(board):
        return (say("Supply off"), _lasting(board, _latest(incomers)))
    if any(words.wire(meter) == "phase" for meter in incomers):
        return (say("Supply"), say("phase lost"))
    return (say("Supply"), say("not known"))


def _generator_fact(board: Board, meter: LiveMeter) -> tuple[str, str]:
    drawn = words.wire(meter)
    several = len(words.sources(board, "generator")) > 1
    name = meter.name if several else say("DG")
    if drawn == "unknown":
        return (name, say("not known"))
    if drawn == "dead":
        return (name, say("stopped"))
    if words.supply_lost(board):
        return (say("On {generator}", generator=name), _lasting(board, meter))
    return (say("{generator} running", generator=name), _lasting(board, meter))


def summary_parts(board: Board) -> Parts:
    """Return how many circuits are well, without power, not heard, not known, and the names."""
    kinds: dict[str, list[str]] = {"ok": [], "fail": [], "comm": [], "unk": []}
    for meter in board.meters:
        kinds[_kind(meter)].append(meter.name)
    parts: Parts = {}
    for kind, names in kinds.items():
        parts[f"{kind}"] = (str(len(names)), "")
        named = names and kind != "ok" and len(names) < len(board.meters)
        parts[f"{kind}n"] = (f": {', '.join(names)}" if named else "", "")
        looks = {"fail": "ss-alarm", "comm": "ss-warn"}.get(kind, "") if names else ""
        parts[f"{kind}c"] = ("", looks if names or kind != "unk" else "ss-none")
    return parts


def _kind(meter: LiveMeter) -> str:
    if words.silent(meter):
        return "comm"
    if words.wire(meter) == "unknown":
        return "unk"
    return "fail" if words.failed(meter) else "ok"


def _since(board: Board, meter: LiveMeter, zone: zoneinfo.ZoneInfo) -> str:
    if meter.since_ms is None:
        return meter.name
    return say(
        "{meter}, since {time}, {long}",
        meter=meter.name,
        time=f.moment(meter.since_ms, board.at_ms, zone),
        long=_lasting(board, meter),
    )


def _lasting(board: Board, meter: LiveMeter) -> str:
    return "" if meter.since_ms is None else f.duration((board.at_ms - meter.since_ms) / 1000)


def _latest(meters: list[LiveMeter]) -> LiveMeter:
    return max(meters, key=lambda meter: meter.since_ms or 0)


def _reason(meter: LiveMeter) -> str:
    if meter.comm_detail:
        return f"{meter.name}: {told(meter.comm_detail)}"
    return say("the line is asked, nothing comes back")


def _line_name(board: Board, name: str) -> str:
    return "RS-485" if len(board.lines) == 1 else f"RS-485 {name}"


def _sentence(text: str) -> str:
    text = told(text)
    if tongue.spoken() == tongue.ENGLISH:  # elsewhere only a name in front could have capitals
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "।")) else text + say(".")


def _sentences(texts: Sequence[str]) -> str:
    return " ".join(_sentence(text) for text in texts)


def _problems(count: int) -> str:
    return say("1 problem") if count == 1 else say("{count} problems", count=count)
