"""S38: what the issue lists is written by the code, documented, and each with its who and where."""

import re
from pathlib import Path

import pytest

from substation.commands.reference_facts import AUDIT_EVENTS
from tests.source_trees import calls_of
from tests.test_docs import PROJECT, audit_calls

ISSUE = {
    "start": {"start"},
    "stop": {"stop"},
    "login": {"login"},
    "failed and throttled login": {"login.failed", "login.throttled"},
    "log-out": {"logout", "login.expired"},
    "page": {"page", "page.refused"},
    "export asked, granted, done, aborted": {
        "export.asked", "export.granted", "export.refused", "export.done", "export.aborted",
    },
    "configuration, before and after": {"config.changed", "config.loaded", "config.refused"},
    "password": {"password.changed"},
    "user": {"user.added", "user.role", "user.disabled", "user.enabled", "user.removed"},
    "request": {"request.refused"},
    "tunnel": {"tunnel.opened", "tunnel.closed", "tunnel.refused"},
    "the log itself": {"audit.rotate", "audit.anchor", "key.rotated", "key.mode"},
}  # fmt: skip
"""The issue's words, and the events in which they stand in the log."""
WRITES_A_SECRET = re.compile(r"password|token|secret|cookie")


@pytest.mark.parametrize("words", ISSUE)
def test_every_action_that_the_issue_lists_is_documented_and_written(words: str) -> None:
    assert ISSUE[words] <= AUDIT_EVENTS.keys()
    assert ISSUE[words] <= audit_calls()


def test_no_call_hands_a_password_or_a_token_to_the_log() -> None:
    found = []
    for path in sorted((PROJECT / "substation").rglob("*.py")):
        for writer, node in calls_of(path):
            if re.search(r"(^|[._])(audit\.write|_audit|record)$", writer):
                named = [keyword.arg or "" for keyword in node.keywords]
                found += [f"{path.name}: {name}" for name in named if WRITES_A_SECRET.search(name)]
    assert found == []


def test_both_processes_write_their_start_and_their_stop() -> None:
    for file in ("acquisition/process.py", "dashboard/serve.py"):
        source = (Path(PROJECT) / "substation" / file).read_text(encoding="utf-8")
        assert 'audit.write("start"' in source
        assert 'audit.write("stop"' in source
