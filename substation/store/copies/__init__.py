"""Copies of everything on a second medium: a stick, a share, another folder. Text, a file a day.

    taken = copies.take(home, settings, clock)          what is new since the last copy, and a part proved
    copies.rows(folder, uid, table)                     what was copied, for salvage
    copies.restore(folder, home, clock)                 a history anew, in a home without one

- `writer`     which machine copied last: no other one may go on unasked
- `medium`     the folder on the medium, and all that may happen to it
- `layout`     names; which tables stand together
- `dayfile`    the file of a day: gzip'ed JSON lines that say themselves what they are
- `index`      which files count; written after them, so that whoever pulls the stick out leaves whole copies
- `stations`   whose folders there are
- `source`     the history: which days changed, and their rows
- `taking`, `taken`  a copy: what is new, in an order in which nothing is ever half believed
- `beside`     operator database, audit log, profiles
- `fuller`     days of which a salvage lost rows that the copies hold
- `room`       what goes when the medium is full
- `proving`    a restore into a scratch history: only then a copy counts as one
- `recover`    an index anew from the files
- `reading`    rows of files that proved to be whole
- `restoring`  a history anew
- `verifying`  everything against its sums, and no day lacking
- `report`     `state/backup.json`
"""

from substation.store.copies.fuller import of_history as fuller_days
from substation.store.copies.reading import Held, Newest, held, newest, rows
from substation.store.copies.restoring import Restored, restore
from substation.store.copies.taken import Taken
from substation.store.copies.taking import alone, take
from substation.store.copies.verifying import Verified, verify

__all__ = [
    "Held",
    "Newest",
    "Restored",
    "Taken",
    "Verified",
    "alone",
    "fuller_days",
    "held",
    "newest",
    "restore",
    "rows",
    "take",
    "verify",
]
