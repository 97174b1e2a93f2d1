"""From what is to be told to what leaves: binding, the words at the head, the ways, and what is hopeless."""

from collections.abc import Mapping

from substation.clock import Clock
from substation.messages import grouping, wording
from substation.messages.grouping import Note
from substation.messages.queue import BACK_OFF_S, Content, Message, Queue
from substation.messages.sms import Modem
from substation.messages.ways import NOT_THIS, SMS_S, Job, Outcome, Threaded, Way
from substation.settings.files import Loaded
from substation.settings.messages import Recipient
from substation.settings.model import Settings

HOUR_MS = 3_600_000
TEST_MS = 60_000
"""A test message that could not be handed over for so long is refused: nobody waits for it any more."""
MOST_WAITING = 4
"""So many messages of alarms to one recipient wait at most; what comes then waits until one has left."""
READINGS_MS = 3_480_000
"""Readings that could not leave for so long give way to the next hour's, which are due."""


def ways(loaded: Loaded, clock: Clock) -> Mapping[str, Way]:
    """Return the ways that this configuration needs."""
    modem = loaded.settings.messages.modem
    found: dict[str, Way] = {"gateway": Threaded("gateway", _through_gateway, clock)}
    if modem.port is not None:
        found["sms"] = Threaded("sms", Modem(modem.port, modem.baud, clock).send, clock, SMS_S)
    return found


def _through_gateway(job: Job) -> Outcome:
    from substation.messages import gateway  # noqa: PLC0415 - 25 MB that a station without messages spares

    return gateway.send(job)


def bind(queue: Queue, settings: Settings, now_ms: int) -> None:
    """Bind into messages what may leave now: of alarms at most one a recipient is on its way.

    Except what begins and is urgent: that need not wait for one that was tried and could not leave, for that
    may be refused for what it holds, or be tried next in minutes.
    """
    window_ms = round(settings.messages.grouping_s * 1000)
    for (name, sort), notes in queue.unbound().items():
        recipient = settings.messages.recipient(name)
        if sort != "alarm" or recipient is None:
            with queue.step():
                for note in notes:
                    queue.bind(name, sort, [note.id], urgent=False, now_ms=now_ms)
            continue
        earlier = queue.on_the_way(name, sort)
        if earlier:
            notes = _out_of_turn(notes, earlier)  # noqa: PLW2901 - the others wait
            if not notes:
                why = next((one.why for one in earlier if one.why), "")
                if why:
                    _hold(queue, name, f"another message could not leave ({why})")
                continue
        made = grouping.bundle(
            notes,
            now_ms=now_ms,
            window_ms=window_ms,
            sent_ms=queue.counted(name, now_ms, urgent=False),
            urgent_ms=queue.counted(name, now_ms, urgent=True),
            most=recipient.most_an_hour,
        )
        if made is not None:
            with queue.step():
                queue.bind(name, sort, [n.id for n in made.notes], urgent=made.urgent, now_ms=now_ms)
        elif grouping.is_held(notes, now_ms=now_ms, window_ms=window_ms):
            _hold(queue, name, f"held back by the limit of {recipient.most_an_hour} messages an hour")


def _out_of_turn(notes: list[Note], earlier: list[Message]) -> list[Note]:
    if len(earlier) >= MOST_WAITING or any(one.state == "sending" or not one.tries for one in earlier):
        return []
    return [note for note in notes if note.priority == "high" and note.begins]


def _hold(queue: Queue, name: str, why: str) -> None:
    if queue.has_unheld(name):
        with queue.step():
            queue.hold(name, why)


def hopeless(message: Message, recipient: Recipient | None, settings: Settings, waited_ms: float) -> str:
    """Return why a message will not be sent any more after it has waited for so long; empty: it will."""
    if recipient is None:
        return "there is no such recipient any more"
    if message.sort == "test" and waited_ms >= TEST_MS:
        return "its way is busy with another message; ask again"
    if message.sort == "readings" and waited_ms >= READINGS_MS:
        return f"the next hour's readings came ({message.why or 'it could not leave'})"
    if waited_ms >= settings.messages.give_up_hours * HOUR_MS:
        hours = settings.messages.give_up_hours
        return f"it could not leave for {hours} h ({message.why or 'why is not known'})"
    return ""


def is_time(message: Message, now_ms: int) -> bool:
    """Whether a message is to be tried now; a time further ahead than any pause is of a clock set back."""
    return message.next_ms <= now_ms or message.next_ms - now_ms > BACK_OFF_S[-1] * 1000


def job(queue: Queue, message: Message, recipient: Recipient, settings: Settings, now_ms: int) -> Job:
    """Return a message as it leaves now."""
    content = queue.content(message.id)
    heads = _heads(message, content, settings, now_ms)
    text = wording.message(
        message.id, settings.site.name, content.said, heads=heads, simulated=settings.simulated
    )
    if message.why.startswith(NOT_THIS):
        text = wording.in_short(text)
    return Job(message.id, recipient.name, recipient.address, text)


def _heads(message: Message, content: Content, settings: Settings, now_ms: int) -> list[str]:
    heads = []
    late_ms = settings.messages.late_min * 60_000
    if message.sort == "alarm" and now_ms - content.of_ms > late_ms:
        why = message.why or content.held
        if content.noted_ms - content.of_ms > late_ms:
            why = wording.NOT_RUN
        heads.append(wording.late(content.of_ms, now_ms, why, settings.site.zone))
    elif content.held and message.sort == "alarm":
        heads.append(f"{content.held[:1].upper()}{content.held[1:]}.")
    if message.twice:
        heads.append(wording.TWICE)
    if message.why.startswith(NOT_THIS):
        heads.append(wording.IN_SHORT)
    return heads
