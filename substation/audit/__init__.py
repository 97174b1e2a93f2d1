"""Who did what: one chained line an action, in JSON, ASCII only.

Each line carries the MAC of the line before it and its own (HMAC-SHA256), so that an edited,
deleted, inserted, moved or copied line is named by `verify`. A chain cannot see a cut tail (lines
missing at the very end); and whoever holds the running key can write a chain of his own.

- `chain`    the form of a line and its MAC
- `writer`   `Audit`: appends lines; several processes at once
- `verdict`  `verify` names what was changed, `tail` shows the last lines to a person
"""

from substation.audit.verdict import Problem, Verdict, tail, verify
from substation.audit.writer import Audit

KEY_INFO = "audit v1"
"""The purpose for which `settings.vault.derive` makes the chain's key."""

__all__ = ["KEY_INFO", "Audit", "Problem", "Verdict", "tail", "verify"]
