"""What the reference says of log events: changes of state in the history, and notices in the poller's log."""

STATION_EVENTS = {
    "supply": "a circuit's supply became live, phase lost, dead or unknown; the detail is the evidence",
    "supply.confirmed": "a circuit was called dead as its meter kept silent, and its energy register, read "
    "afterwards, stood still meanwhile; stamped when it became dead",
    "supply.corrected": "the same, but its register went on: it had supply, and the verdict was wrong; "
    "stamped when it was said to have become dead",
    "station.start": "the poller began; new is the machine's boot id",
    "station.stop": "the poller ended in order",
    "station.gap": "nobody polled from old to new (UTC); the detail says why, and what each meter's energy "
    "register tells of that time",
    "alarm.raised": "an alarm is raised; new is its state, the detail value, limit or evidence, with its "
    "key and the number of this change; stamped when it became true, before the on-delay",
    "alarm.cleared": "what it warned of is over; stamped when it was in order again, before the off-delay",
    "alarm.acknowledged": "somebody has acknowledged it; the detail says who, with his note",
    "alarm.shelved": "somebody has put it aside; the detail says who, for how long and why",
    "alarm.unshelved": "its shelf is over, or somebody took it off",
    "alarm.suppressed": "it stands and is suppressed by design from now on; the detail says by what",
    "alarm.unsuppressed": "it still stands, and nothing suppresses it any more",
    "alarm.out_of_service": "somebody has taken it out of service; the detail says who and why",
    "alarm.in_service": "somebody has put it back",
    "alarm.note": "somebody has written a note to it",
    "alarm.ended": "it stood, and is watched no more; the detail says why",
    "store.gap": "the medium took nothing, or not everything, from old to new (UTC), or readings of that "
    "time were given up: the detail says why (full, read-only, gone, failing; the history could not be "
    "written; the live file alone kept them and grew too long) and how many readings were lost",
    "store.given_up": "readings or events (new says how many) were given up though the medium was well: "
    "a reading found no free millisecond beside others of its meter, or events were pushed out of memory; "
    "told once an hour at most",
    "store.relief": "room was made on a full medium: the ballast was freed (new says so), or the single "
    "polls from old to new (UTC) were given up, their minutes and longer rows kept",
    "store.room": "there is room again, and a ballast",
    "energy.rollover": "a counter reached the end of its register and began again at 0; the detail says how "
    "much was counted",
    "energy.reset": "a meter's counters fell about to zero and count on from there; old and new are its "
    "registers, stamped with the first reading of the new ones",
    "energy.swap": "a meter was exchanged: its counters stand at other levels than the circuit can have "
    "brought them to, or its serial number is another; old and new are its registers",
    "energy.false_reading": "one reading's counters (new) were taken back by the next reading, which goes on "
    "from those before (old)",
    "meter.frozen": "a meter answers, but repeats itself to the bit, or its energy registers stand still "
    "though power flows (new says which); stamped with the last value that was one",
    "meter.thawed": "the same meter goes on; the detail says after how long",
    "meter.profile": "a meter's profile cannot be used, so that it is not polled; or can be used again "
    "(old, new). The detail names file, line and remedy",
    "store.damaged": "the history was damaged and is set aside (new is the name of the file); the detail "
    "says what was wrong; stamped when it was found",
    "store.salvaged": "a new history was made of what is whole in it; the detail says what was saved, and "
    "which rows of which days (UTC) are lost. new is done, or nothing where nothing could be read",
    "store.restored": "the history was made anew from the copies on the second medium: up to new (UTC); the "
    "detail says of when the copy is, and what was lacking",
    "store.new": "the damaged file did not say whose history it was, or the history that stood here was "
    "gone, so that it goes on under a new uid: earlier copies belong to the old one",
    "comm.lost": "a meter gave no valid answer for some rounds",
    "comm.back": "a lost meter answers again; the detail says after how long",
    "comm.refused": "a meter refuses a question (Modbus exception)",
    "comm.answers": "a meter that refused answers again, or a register of it that was disabled",
    "comm.disabled": "a meter refuses a register: it is not asked for any more, the meter is read without it",
    "comm.limits": "a meter answers only shorter blocks than its profile allows, or none across a gap",
    "comm.doubt": "a meter's frequency makes sense in another word order only: its values are flagged",
    "comm.sure": "the same meter's word order is in doubt no more",
    "comm.line_down": "a line cannot be used: its port is missing, lost, or held by another program",
    "comm.line_up": "a line that was down works again; the detail says after how long",
    "clock.step": "the machine's clock was set, forward or back, by a second or more",
    "clock.offset": "how far off (new, ms) the times of a clock span are; "
    "`datalogger.py clock correct` moves them",
    "clock.trusted": "somebody vouches for the clock from now on: time server, battery clock, administrator",
    "clock.corrected": "the readings and events of a clock span were moved to their true times",
    "site.site": "the site has another name (old, new)",
    "site.zone": "the site's clock is another zone's from now on; older hours and days keep theirs",
    "import": "the readings from old to new (UTC) come from a file of the original system; stamped at their "
    "beginning. The detail names file, number, pace and zone",
    "audit.anchor": "the last number of the audit log, kept here too: a cut end of that log shows",
}
"""Every kind in the table `event` of `daily_data.db`; `python3 datalogger.py events` shows them."""

POLLER_NOTICES = {
    "started: %d meters, a round every %g s": ("info", "the poller polls"),
    "stopped after %d rounds": ("info", "it was told to end, and ended in order"),
    "%d readings taken over from the live file": ("info", "after a kill: the live file is the journal"),
    "%s taken into the history": (
        "info",
        "an imported or prepared history in `state/inbox` is taken",
    ),
    "%s refused: %s": ("error", "a file in `state/inbox` cannot be taken; it is called `.refused` now"),
    "%s: its last registers cannot be found again: %s": (
        "warning",
        "after a start: an exchange of this meter while nobody polled would not be seen",
    ),
    "%s begins beside the polling": (
        "info",
        "a command of `datalogger.py` that takes minutes, at the lowest priority: a check, a copy, a salvage",
    ),
    "%s is done": ("info", "such a command has come to its end"),
    "%s is tried again later: %s": ("info", "somebody else does the same just now, such as a copy by hand"),
    "%s ended with code %d: %s": ("warning", "such a command could not do its work; its words say why"),
    "%s is damaged and set aside as %s; what is whole in it is salvaged beside the polling: %s": (
        "error",
        "the history cannot be believed any more; see the events `store.damaged` and `store.salvaged`",
    ),
    "%d readings from %s to %s were given up: %s": (
        "error",
        "an event `store.gap`: the live file alone kept the readings, and there was no room for it to grow",
    ),
    "%d readings were lost: the history could not be written for long, and memory held only the newest": (
        "error",
        "an event `store.gap`",
    ),
    "given up for good: %s": ("error", "an event `store.given_up`"),
    "the medium was %s for %.0f s; %s": ("warning", "an event `store.gap`"),
    "the medium was full: %s held in reserve were freed": ("warning", "an event `store.relief`"),
    "little room is left: the single polls of %s were given up": ("warning", "an event `store.relief`"),
    "there is room again: %s": ("info", "an event `store.room`"),
    "configuration changed: taken over": ("info", "a changed `config.json` is in force, without a restart"),
    "meter profiles of this station changed: taken over": (
        "info",
        "a file in the station's own folder `profiles` was changed, and is in force without a restart",
    ),
    "meter %d: its profile can be used": ("info", "an event `meter.profile`: the meter is polled again"),
    "meter %d %s: %s, was %s (%s)": ("info", "an event `supply`, with its evidence"),
    "meter %d: what was said of its supply was right: %s": ("info", "an event `supply.confirmed`"),
    "meter %d: what was said of its supply was wrong: %s": ("warning", "an event `supply.corrected`"),
    "the clock is trusted: %s": ("info", "an event `clock.trusted`"),
    "%s: all right again": ("info", "a step or a chore of the poller that failed works again"),
    "alarm, %s -> %s: %s": ("info", "an event `alarm....`: its states before and after, and why"),
    "%s; the alarms begin anew, and what stands is raised again": (
        "warning",
        "`state/alarms.json` could not be read at the start",
    ),
    "the trace of the next line": ("error", "a fault of the program itself: please report both lines"),
}
"""Every notice of `modbus_reader.log` that begins with words of its own, by its form."""

INTRODUCTION = """\
# Log events

What changes is kept once, when it becomes true, never again while it lasts. The poller keeps it in two
places: the table `event` of `daily_data.db`, for ever, and its log `modbus_reader.log`, in words.
Who did what is another log: [audit events](audit-events.md).

## Events in the history

"""

NOTICES = """
## Notices in the poller's log

The words of an event `comm....` stand there as they are (lost and refused as a warning), those of
`energy....` and `meter....` behind the meter's name (as a warning, but rollover and thawed), and so does what
is wrong with the poller itself, once when it begins. Besides:

"""
