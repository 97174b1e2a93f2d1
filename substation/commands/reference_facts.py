"""What the reference says beside what the program itself can tell."""

from dataclasses import dataclass

from substation.errors import EXIT_BUSY, EXIT_CONFIG, EXIT_MEDIUM, EXIT_OK, EXIT_UNAVAILABLE, EXIT_USAGE

EXIT_CODES = {
    EXIT_OK: "done, or stopped as asked",
    1: "failed; the message says why",
    EXIT_USAGE: "wrong usage of a command",
    EXIT_UNAVAILABLE: "the line is down: its adapter or gateway is not there",
    EXIT_MEDIUM: "a service: the station's folder is not there, or its medium does not answer; started again "
    "it goes on when that is back",
    EXIT_BUSY: "somebody else has it: the station already runs, the port is busy, a change is under way",
    EXIT_CONFIG: "the configuration, a store of another station or the machine itself cannot be used; "
    "starting again does not help",
    130: "broken off with Ctrl+C",
}

AUDIT_EVENTS = {
    "request.asked": "somebody asked the poller for something in the browser (`kind`, `arguments`)",
    "clock.trusted": "somebody gave their word that the clock is right (`datalogger.py clock trust`)",
    "clock.corrected": "readings of a clock span were moved to their true times: span, offset, how many",
    "start": "a process of the station starts (`svc` says which)",
    "stop": "a process of the station ends in order",
    "login": "a person has logged in",
    "login.failed": "a wrong password, an unknown or disabled user",
    "login.throttled": "too many failures: further tries from there are not even checked for a while",
    "login.expired": "a login was ended by its limit (`why`: idle, age, or boot of the machine)",
    "logout": "a person has logged out",
    "request.refused": "nobody was let in: unknown name of the host, another web site, demo passwords",
    "request.obeyed": "the poller does what somebody asked of it (`kind`, `arguments`); it only reads from "
    "meters",
    "request.declined": "the poller did not do what somebody has asked of it, and why (`words`)",
    "alarm.asked": "somebody asked to acknowledge, shelve or unshelve an alarm (`kind`, `alarm`, `note`, "
    "`minutes`, `occurrence`); the poller's answer stands in the events",
    "log_sheet.written": "somebody wrote into the hourly log sheet, corrected it or took something back "
    "(`subject`, `item`, `at`: which hour, `before`, `after`)",
    "log_sheet.made": "a log sheet was handed out as a file (`day`, `meter`, `form`)",
    "register.made": "the register of interruptions or the DG log of a month was handed out as a file "
    "(`view`, `month`, `form`)",
    "register.written": "somebody wrote into the register of interruptions or the DG log (`form`, `subject`, "
    "`moment_ms` of the interruption or the start, `item`; `before`, `after`)",
    "statement.made": "a month's statement was handed out as a file (`month`, `form`)",
    "page": "a page was opened",
    "page.refused": "somebody asked for a page that his role may not see",
    "export.asked": "somebody asked to take readings away (days, interval, meters)",
    "export.granted": "the export password was right: one download may follow",
    "export.refused": "nothing was exported (`why`: wrong password, too many, another one under way ...)",
    "export.done": "a file was handed out whole (rows, bytes, SHA-256 of the rows, ms)",
    "export.aborted": "a granted export gave no whole file (rows so far, `why`)",
    "export.screen": "the figures of a chart on `/trends` were handed out as a plain CSV (`rows`, days, "
    "meters, quantities); means, never single readings",
    "config.loaded": "a running process took a changed configuration over (which settings; by any way)",
    "config.refused": "a running process could not use a changed configuration; the last good one stays",
    "config.changed": "the configuration was made, or a setting changed (before and after; secrets never)",
    "config.taken_over": "a configuration of the original system became ours (which settings, never values)",
    "password.changed": "a password was set (whose, never what)",
    "user.added": "a user was added (whom, with which role)",
    "user.role": "a user got another role (before and after)",
    "user.disabled": "a user may not log in any more",
    "user.enabled": "a disabled user may log in again",
    "user.removed": "a user was removed",
    "key.rotated": "the last line under an old key: names the old and the new one",
    "audit.cut": "lines that a running process had seen were gone: `audit verify` names the place (`seen`)",
    "audit.lost": "so many lines could not be written before this one (`events`, `times`)",
    "audit.anchor": "once a day: from here on the log's last number is also kept in another file (`kept`)",
    "audit.rotate": "the first line of a new file: names the closed one, its last line, its SHA-256",
    "tunnel.opened": "the world can reach the dashboard through a tunnel, and at which address",
    "tunnel.closed": "a tunnel has ended, or lost its address",
    "tunnel.refused": "a tunnel must not or could not be opened, and why",
    "import.done": "readings of the original system were taken over (files, rows found, taken, refused)",
    "kit.made": "configuration and key were sealed into a file by a passphrase (`file`; `kid` names the key)",
    "kit.opened": "a kit was put back into this home (`of`: the day it was made)",
    "backup.taken": "somebody copied the stores to a folder of his choice, or in another machine's place "
    "(`folder`, `files`, `take_over`)",
    "backup.verified": "all copies on the second medium were proved (`rows`, `problems`)",
    "backup.restored": "the history was made anew from copies (`newest`, what is `lacking`)",
    "message.tested": "somebody asked for a test message (`to`: the recipient's name)",
    "message.given_up": "a message could not be sent for too long, or its recipient is gone (`to`, `why`)",
    "key.mode": "a file that others could read was put back to its owner alone",
}
"""Every event of the audit log; `tests/test_docs.py` looks for others in the code."""


INTRODUCTION = {
    "settings": """\
# Settings

Set one with `python3 encrypt_config.py set NAME VALUE`; see all with `show`. A number in a name counts
from 0: the first line is `lines.0`, the second `lines.1`. A wrong value is refused and named, never mended.

""",
    "quantities": """\
# Quantities

What is measured. The key is the name in `/api/live`, in the views of the database and in meter profiles;
the label is the column of `meter_data.csv` and the word of the meter's manual. A value is stored in whole
steps of its resolution, so file, database and screen agree to the digit. A value outside its plausible
range is kept and marked, never clipped.

""",
    "errors": """\
# Errors and exit codes

A message says what is wrong, where, and what to do next.

""",
    "refusals": """
## Refusals of a meter

The reason of a reading without values, when the meter answered with a Modbus exception:

""",
    "events": """\
# Audit events

`dashboard_audit.log` holds one JSON line an action, chained: an edited, inserted or deleted line is named
by `python3 datalogger.py audit verify`. How to read it: `docs/how-to/audit-log.md`.

""",
}


@dataclass(frozen=True, slots=True)
class Program:
    """One program that a person runs."""

    shown: str
    """As the person types it."""
    command: tuple[str, ...]
    module: str = ""
    """Whose `main` answers the help of its commands, where it has some."""


PROGRAMS = (
    Program("./start.sh", ("./start.sh",)),
    Program("./stop.sh", ("./stop.sh",)),
    Program("./test.sh", ("./test.sh",)),
    Program("python3 app.py", ("python3", "app.py")),
    Program("python3 dmf_reader.py", ("python3", "dmf_reader.py"), "substation.commands.reader"),
    Program("python3 datalogger.py", ("python3", "datalogger.py"), "substation.commands.datalogger"),
    Program("python3 messenger.py", ("python3", "messenger.py")),
    Program(
        "python3 encrypt_config.py", ("python3", "encrypt_config.py"), "substation.commands.configuration"
    ),
    Program("python3 -m substation.commands.station", ("python3", "-m", "substation.commands.station")),
    Program(
        "python3 -m substation.commands.simulated_line",
        ("python3", "-m", "substation.commands.simulated_line"),
    ),
)
