"""`messages.db`: what has to be told to whom, and what became of it. The messenger is its one writer.

A **note** is one thing to tell one recipient; its key, made of the alarm's occurrence, the transition, the
announcement, the recipient and the step, is unique, so that what is seen twice is told once. Notes are bound
into a **message**, which is waiting, sending, sent or given up. It is `sending` from before it is handed over
until its outcome is written down: after a kill in between nobody knows whether it went out (`recover`).

SQLite, WAL, synchronous FULL: what is written down survives a power cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from substation.messages.grouping import HOUR_MS, Note
from substation.messages.occurrence import Occurrence
from substation.messages.queue_file import QueueFile
from substation.messages.renaming import key_of
from substation.messages.wording import Said

BACK_OFF_S = (5, 15, 30, 60, 120, 300)
"""From one try to the next; the last holds on."""
KEPT_MS = 35 * 86_400_000
NEVER_TWICE = ("readings", "test")
"""Sorts of messages that are rather lost than sent twice: the next hour brings others."""

Sort = Literal["alarm", "readings", "test"]
State = Literal["waiting", "sending", "sent", "given up"]

_OCCURRENCE = (
    "id, rule, subject, meter_id, priority, title, action, since_ms, why, state, seen_ms, over_ms, by, "
    "announced, announced_ms, anew"
)


@dataclass(frozen=True, slots=True)
class Message:
    """One message on its way."""

    id: int
    recipient: str
    sort: Sort
    made_ms: int
    next_ms: int
    tries: int
    twice: bool
    """Whether an earlier try may have gone out."""
    why: str
    """Why the last try failed."""
    state: State


@dataclass(frozen=True, slots=True)
class Content:
    """What a message holds."""

    said: tuple[Said, ...]
    of_ms: int
    """When the oldest of it became true."""
    noted_ms: int
    """When that was written down."""
    held: str
    """Why it could not be bound into a message at once; empty: it could."""


class Queue(QueueFile):
    """The database. Every method raises StoreError where it cannot go on."""

    # occurrences

    def unsettled(self) -> list[Occurrence]:
        """Return those that are not over, or whose end was not dealt with; oldest first."""
        rows = self._rows(f"SELECT {_OCCURRENCE} FROM occurrence WHERE settled = 0 ORDER BY since_ms, id")  # noqa: S608
        return [Occurrence(*row) for row in rows]  # type: ignore[arg-type]

    def knows(self, occurrence_id: str) -> bool:
        """Whether it was ever taken."""
        return bool(self._rows("SELECT 1 FROM occurrence WHERE id = ?", occurrence_id))

    def keep(self, one: Occurrence) -> None:
        """Take an occurrence, or what has changed of it; within `step`."""
        names = _OCCURRENCE.split(", ")
        self._run(
            f"INSERT INTO occurrence ({_OCCURRENCE}) VALUES ({', '.join('?' * len(names))}) "  # noqa: S608
            "ON CONFLICT (id) DO UPDATE SET state = excluded.state, seen_ms = excluded.seen_ms, "
            "over_ms = excluded.over_ms, by = excluded.by, "
            "priority = excluded.priority, title = excluded.title, action = excluded.action, "
            "announced = excluded.announced, announced_ms = excluded.announced_ms, anew = excluded.anew",
            *(getattr(one, name) for name in names),
        )

    def settle(self, occurrence_id: str) -> None:
        """Take that its end was dealt with; within `step`."""
        self._run("UPDATE occurrence SET settled = 1 WHERE id = ?", occurrence_id)

    # notes

    def note(
        self,
        key: str,
        recipient: str,
        sort: Sort,
        said: Said,
        *,
        at_ms: int,
        now_ms: int,
        occurrence: str = "",
        announced: str = "",
        step: int | None = None,
        priority: str = "",
        twice: bool = False,
    ) -> int:
        """Write down what somebody has to be told, once for each key; return its number; within `step`.

        `twice`: it may have been told before, by a queue that is no more.
        """
        made = self._run(
            "INSERT OR IGNORE INTO note (key, recipient, sort, occurrence, announced, step, priority, at_ms, "
            "made_ms, long, short, twice) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(key, recipient, sort, occurrence, announced, step, priority, at_ms),
            *(now_ms, said.long, said.short, twice),
        )
        return int(made.lastrowid or 0)

    def told(self, occurrence: str, announced: str | None = None) -> dict[str, set[int]]:
        """Return by recipient at which steps he was told that it stands, or will be.

        Args:
            occurrence: of which.
            announced: of this announcement of it alone; None: of any.
        """
        found: dict[str, set[int]] = {}
        rows = self._rows(
            "SELECT recipient, step FROM note WHERE occurrence = ? AND step IS NOT NULL "
            "AND announced = coalesce(?, announced)",
            *(occurrence, announced),
        )
        for name, step in rows:
            found.setdefault(str(name), set()).add(int(str(step)))
        return found

    def unbound(self) -> dict[tuple[str, Sort], list[Note]]:
        """Return by recipient and sort what is in no message yet, oldest first."""
        found: dict[tuple[str, Sort], list[Note]] = {}
        rows = self._rows(
            "SELECT recipient, sort, id, priority, made_ms, at_ms, step IS NOT NULL FROM note "
            "WHERE message_id IS NULL ORDER BY id"
        )
        for name, sort, *rest in rows:
            found.setdefault((str(name), sort), []).append(Note(*rest))  # type: ignore[arg-type]
        return found

    def has_unheld(self, recipient: str) -> bool:
        """Whether something waits for somebody of which nobody knows why."""
        where = "message_id IS NULL AND recipient = ? AND held = ''"
        return bool(self._rows(f"SELECT 1 FROM note WHERE {where} LIMIT 1", recipient))  # noqa: S608

    def hold(self, recipient: str, why: str) -> None:
        """Remember why what waits for somebody could not be bound; within `step`."""
        self._run(
            "UPDATE note SET held = ? WHERE message_id IS NULL AND recipient = ? AND held = ''",
            why,
            recipient,
        )

    # messages

    def bind(self, recipient: str, sort: Sort, notes: list[int], *, urgent: bool, now_ms: int) -> int:
        """Bind notes into a message; return its number; within `step`."""
        made = self._run(
            "INSERT INTO message (recipient, sort, urgent, state, made_ms, next_ms) "
            "VALUES (?, ?, ?, 'waiting', ?, ?)",
            *(recipient, sort, urgent, now_ms, now_ms),
        )
        number = int(made.lastrowid or 0)
        for note in notes:
            self._run("UPDATE note SET message_id = ? WHERE id = ?", number, note)
        self._run(
            "UPDATE message SET twice = 1 WHERE id = ? AND EXISTS "
            "(SELECT 1 FROM note WHERE message_id = ? AND twice)",
            *(number, number),
        )
        return number

    def waiting(self) -> list[Message]:
        """Return what waits: urgent ones first, then what was tried least: no dead way comes first."""
        return self._messages("state = 'waiting' ORDER BY sort <> 'test', urgent DESC, tries, id")

    def stands(self, number: int) -> bool:
        """Return whether a message tells of an alarm that nobody has acknowledged, and that is not over."""
        return bool(
            self._rows(
                "SELECT 1 FROM note JOIN occurrence ON occurrence.id = note.occurrence WHERE message_id = ? "
                "AND step IS NOT NULL AND occurrence.state = 'unacknowledged' LIMIT 1",
                number,
            )
        )

    def on_the_way(self, recipient: str, sort: Sort) -> list[Message]:
        """Return the messages of a sort to somebody that have not arrived, oldest first."""
        where = "state IN ('waiting', 'sending') AND recipient = ? AND sort = ? ORDER BY id"
        return self._messages(where, recipient, sort)

    def unsettled_messages(self) -> list[Message]:
        """Return of which nobody knows yet what becomes of them."""
        return self._messages("state IN ('waiting', 'sending')")

    def message(self, number: int) -> Message | None:
        """Return a message by its number."""
        found = self._messages("id = ?", number)
        return found[0] if found else None

    def _messages(self, where: str, *values: object) -> list[Message]:
        rows = self._rows(
            "SELECT id, recipient, sort, made_ms, next_ms, tries, twice, why, state FROM message "  # noqa: S608
            f"WHERE {where}",
            *values,
        )
        return [Message(*row[:6], bool(row[6]), *row[7:]) for row in rows]  # type: ignore[arg-type, call-arg]

    def content(self, number: int) -> Content:
        """Return what a message holds, the most urgent first: where it has to be cut the rest is lost."""
        rows = self._rows(
            "SELECT long, short, at_ms, made_ms, held FROM note WHERE message_id = ? ORDER BY CASE priority "
            "WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END, step IS NULL, id",
            number,
        )
        said = tuple(Said(str(long), str(short)) for long, short, *_ in rows)
        whens = [(int(str(at_ms)), int(str(made_ms))) for _, _, at_ms, made_ms, _ in rows]
        of_ms, noted_ms = min(whens, default=(0, 0))
        return Content(said, of_ms, noted_ms, next((str(row[4]) for row in rows if row[4]), ""))

    def keys_in(self, number: int) -> list[str]:
        """Return the keys of what a message holds."""
        return [str(key) for (key,) in self._rows("SELECT key FROM note WHERE message_id = ?", number)]

    def counted(self, recipient: str, now_ms: int, *, urgent: bool) -> list[int]:
        """Return when messages of alarms to somebody were made within the last hour."""
        rows = self._rows(
            "SELECT made_ms FROM message WHERE recipient = ? AND sort = 'alarm' AND urgent = ? "
            "AND made_ms > ? AND made_ms <= ? AND state <> 'given up'",
            *(recipient, urgent, now_ms - HOUR_MS, now_ms),
        )
        return [int(str(ms)) for (ms,) in rows]

    def begin(self, number: int) -> None:
        """Write down that a message is handed over now: before it is."""
        with self.step():
            self._run("UPDATE message SET state = 'sending', tries = tries + 1 WHERE id = ?", number)

    def arrived(self, number: int, now_ms: int, words: str) -> None:
        """Write down that the outside has taken a message."""
        with self.step():
            self._run(
                "UPDATE message SET state = 'sent', done_ms = ?, why = ? WHERE id = ?", now_ms, words, number
            )

    def failed(self, message: Message, now_ms: int, why: str, *, sure: bool) -> None:
        """Write down that a message did not go out, or perhaps did; it is tried again, later and later."""
        with self.step():
            self._again(message, now_ms, why, sure=sure)

    def _again(self, message: Message, now_ms: int, why: str, *, sure: bool, wait: bool = True) -> None:
        if not sure and message.sort in NEVER_TWICE:
            self._give_up(message.id, now_ms, f"{why}; it may have gone out, and is not sent twice")
            return
        wait_s = BACK_OFF_S[min(message.tries, len(BACK_OFF_S) - 1)] if wait else 0
        self._run(
            "UPDATE message SET state = 'waiting', next_ms = ?, why = ?, twice = twice OR ? WHERE id = ?",
            *(now_ms + wait_s * 1000, why, not sure, message.id),
        )

    def give_up(self, number: int, now_ms: int, why: str) -> None:
        """Write down that a message will not be sent, and why."""
        with self.step():
            self._give_up(number, now_ms, why)

    def _give_up(self, number: int, now_ms: int, why: str) -> None:
        self._run(
            "UPDATE message SET state = 'given up', done_ms = ?, why = ? WHERE id = ?", now_ms, why, number
        )

    def hurry(self, names: Sequence[str], now_ms: int) -> None:
        """Let one message that waits for one of these be tried now: their way works again.

        One alone, the one that was tried least; where it arrives the next one's turn comes. All of them at
        once would keep the way busy with those that can never arrive.
        """
        for message in self.waiting():
            if message.recipient in names and message.next_ms > now_ms:
                with self.step():
                    self._run("UPDATE message SET next_ms = ? WHERE id = ?", now_ms, message.id)
                return

    def rename(self, old: str, new: str) -> None:
        """Make what somebody was told, and what waits for him, that of his new name; within `step`."""
        self._run("UPDATE message SET recipient = ? WHERE recipient = ?", new, old)
        for number, key in self._rows("SELECT id, key FROM note WHERE recipient = ?", old):
            # a key that is there already is of one who had the name before
            self._run("UPDATE OR IGNORE note SET key = ? WHERE id = ?", key_of(str(key), old, new), number)
        self._run("UPDATE note SET recipient = ? WHERE recipient = ?", new, old)

    def recover(self, now_ms: int) -> int:
        """Deal with what was being handed over when the messenger ended; return how many there were.

        Alarms are sent again and say so, for twice is better than never; readings and tests are not.
        """
        left = self._messages("state = 'sending'")
        with self.step():
            for message in left:
                why = "the messenger ended while it was handed over"
                self._again(message, now_ms, why, sure=False, wait=False)
        return len(left)

    def forget(self, now_ms: int) -> None:
        """Remove what is long over; what may be seen again is kept."""
        old = now_ms - KEPT_MS
        with self.step():
            self._run(
                "DELETE FROM note WHERE made_ms < ? AND occurrence NOT IN "
                "(SELECT id FROM occurrence WHERE settled = 0) AND message_id IN "
                "(SELECT id FROM message WHERE done_ms IS NOT NULL)",
                old,
            )
            self._run(
                "DELETE FROM message WHERE done_ms < ? AND id NOT IN "
                "(SELECT message_id FROM note WHERE message_id IS NOT NULL)",
                old,
            )
            self._run(
                "DELETE FROM occurrence WHERE settled = 1 AND over_ms < ? AND id NOT IN "
                "(SELECT occurrence FROM note)",
                old,
            )

    def last(self, state: State) -> tuple[str, int, str] | None:
        """Return of the last message in this state: recipient, when, words."""
        rows = self._rows(
            "SELECT recipient, done_ms, why FROM message WHERE state = ? "
            "ORDER BY done_ms DESC, id DESC LIMIT 1",
            state,
        )
        return (str(rows[0][0]), int(str(rows[0][1])), str(rows[0][2])) if rows else None

    def oldest_ms(self) -> int | None:
        """Return since when the oldest message has been waiting to leave."""
        rows = self._rows("SELECT min(made_ms) FROM message WHERE state IN ('waiting', 'sending')")
        return None if rows[0][0] is None else int(str(rows[0][0]))

    def counts(self) -> dict[str, int]:
        """Return by state how many messages there are; `unbound`: what is in none yet."""
        rows = self._rows("SELECT state, count(*) FROM message GROUP BY state")
        rows += self._rows("SELECT 'unbound', count(*) FROM note WHERE message_id IS NULL")
        return {str(state): int(str(count)) for state, count in rows}
