"""Who did what: one chained line an action, in JSON, ASCII only.

Each line carries the MAC of the line before it and its own (HMAC-SHA256), so that an edited,
deleted, inserted, moved or copied line is named by `verify`. A chain cannot see a cut tail (lines
missing at the very end): the last line is noted elsewhere for that (`anchors`). Whoever holds the running
key can write a chain of his own from then on.

- `chain`    the form of a line and its MAC
- `keys`     `AuditKey`, `keys_of`: the key in force and the retired ones
- `rotation` closed files of the log: names, order, how long they are kept
- `writer`   `Audit`: appends lines; several processes at once; `anchor`, `rotate`
- `anchors`  where the last line is noted beside the log, and what the stores have noted
- `in_force` which configuration a running process took over, whatever way it was changed
- `verdict`  `verify_all` over all files: whole, or file and line of what was changed (`walk`, `judge`)
- `reader`   backwards through the log: `newest` for the page, `tail` for the terminal
"""

from substation.audit.judge import Problem
from substation.audit.keys import KEY_INFO, AuditKey, keys_in, keys_of
from substation.audit.reader import Entry, View, Wanted, newest, tail
from substation.audit.verdict import Verdict, verify, verify_all
from substation.audit.writer import Audit, rotate

__all__ = [
    "KEY_INFO",
    "Audit",
    "AuditKey",
    "Entry",
    "Problem",
    "Verdict",
    "View",
    "Wanted",
    "keys_in",
    "keys_of",
    "newest",
    "rotate",
    "tail",
    "verify",
    "verify_all",
]
