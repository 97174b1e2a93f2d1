"""The sentences of the poller, the stores and the rules, by pattern: what `heard.told` knows.

Whoever changes one of them where it is made changes it here, too; a sentence that is not here is drawn in
English.
"""

from substation.dashboard import alarm_sentences, log_sentences, message_sentences, register_sentences
from substation.dashboard.tongue import later

SENTENCES: tuple[str, ...] = (
    *alarm_sentences.SENTENCES,
    *message_sentences.SENTENCES,
    *register_sentences.SENTENCES,
    *log_sentences.SENTENCES,
    # the poller, lines, meters, supply
    later("no answer within {ms} ms"),
    later("no answer"),
    later("timeout"),
    later("the poller does not run"),
    later("no reading yet"),
    later("no reading for {long}"),
    later("no reading yet, polling pauses: {why}"),
    later("no reading for {long}, polling pauses: {why}"),
    later("The poller does not run: it has left no sign of life."),
    later("No poller has run here yet."),
    later("The poller's report belongs to a simulated station; it is not shown."),
    later("The poller's report belongs to a real station; it is not shown."),
    later("The poller was stopped {long} ago."),
    later("The poller has not reported for {long}."),
    later("The poller's report lies {long} ahead: was the clock set back?"),
    later("frozen since {at}: the meter repeats itself"),
    # why a line is down (bus.port, bus.transport, bus.tcp): the evidence of its alarm
    later("{line}: port missing: {port} is not there; plug the adapter in, or correct lines.*.port"),
    later("{line}: port busy: {port} is held by {who}; stop that program first"),
    later("{line}: port closed to us: no permission for {port}; add this user to the group dialout"),
    later("{line}: port unusable: {port}: {error}; check lines.*.port, baud and format"),
    later("{line}: {port} cannot be held alone: {error}"),
    later("{line}: port is not open"),
    later("{line}: port lost: {port}: {why}; plug the adapter in again"),
    later("nothing behind it any more"),
    later(
        "{line}: gateway {port} not reached: {why}; look at its supply, the network cable and lines.*.port"
    ),
    later(
        "{line}: gateway {port} not reached: {why}; as a service this program reaches no address it was not "
        "given: sudo systemd/install.sh"
    ),
    later("no answer to the call"),
    later("{line}: not open"),
    later("port not opened yet"),
    later("the line is down"),
    later("the adapter of {line} is gone"),
    later("the adapter of {line} is gone; looking for it"),
    later("{line} up again after {long}"),
    later("{meter} back after {long}"),
    later("{count} rounds without answer"),
    later("the machine was started anew: power cut, crash or reset; no samples for {seconds} s"),
    later("the poller was killed; no samples for {seconds} s"),
    later("the poller was stopped in order; no samples for {seconds} s"),
    later("the poller was stopped in order, the machine was started anew; no samples for {seconds} s"),
    later("disabled: {why}"),
    later("time server"),
    later("no load"),
    later(
        "times may be wrong: no time server and no battery clock vouches for this machine's clock. "
        "Where it is right, say so: {command}"
    ),
    later("read at a time that nobody vouched for"),
    later("register {register} refused with exception {code}, {why}"),
    later("{volts} V of {nominal} V"),
    later("there is no history yet"),
    later("there is no history yet; the poller makes it"),
    later("whole"),
    # errors.EXCEPTION_WORDS
    later("illegal data address"),
    later("function not known to this meter"),
    later("register not in this meter"),
    later("block too long or not allowed"),
    later("meter reports an internal fault"),
    later("meter asks for more time"),
    later("meter is busy"),
    later("meter reports an error in its memory"),
    later("gateway has no path to this meter"),
    later("gateway got no answer from the meter"),
    # errors.LOOK_AT
    later("the meter's supply, its id, the wires A and B (try them swapped), speed and format"),
    later("the gateway: its own limit of connections and idle time; another program connected to it"),
    later("the RS-485 side of the gateway: wires, speed and format, the meter's id and supply"),
    later("the meter's turnaround: its replies come later than they are waited for"),
    later("the turnaround of meter and gateway: these replies came later than they were waited for"),
    later(
        "termination (120 ohms at both ends only), the shield's earth (one end), cables beside power "
        "cables; two meters with one id answering at once"
    ),
    later("the adapter and its USB cable; wires and clamps that break off in the middle of a reply"),
    later("a reply that came late (a slow meter or gateway), or a profile that does not fit the meter"),
    later("two meters with one id, a second master on the line, or a meter that answers too late"),
    later("the meter's profile (function 03 or 04), a second master on the line"),
    later("the gateway: it mixes up the replies of several masters; its firmware"),
    later("the adapter's local echo (switch it off); the meter itself was silent: supply, id and wires"),
    later(
        "biasing (one resistor pair a line) and termination, the shield, cables beside power cables; "
        "a second master on the line"
    ),
    later("the adapter: is it plugged in, is the port's name right, does another program hold it"),
    later("the meter's profile: its function codes and registers against the manual; the model's name"),
    later("the meter's profile: the register is not in this model or its firmware"),
    later("the meter's profile: max_registers (the longest block the meter answers)"),
    later("the meter: its display and manual; switch its supply off and on when that is allowed"),
    later("nothing, when seldom; else the poll interval: the meter needs more time"),
    later("nothing, when seldom; else a second master or a person at the meter's menu"),
    later("the meter's manual: this exception is not in the Modbus specification"),
    later("the adapter and the wires"),
    # readers of the stores
    later("The live file cannot be read: {why}"),
    later("The live file holds readings of another kind of station; they are not shown."),
    later("The live file is damaged: no line of it can be read."),
    later(
        "The history answers too slowly: a question was stopped after {seconds} s, and what it would "
        "have told is missing; it is asked again by itself."
    ),
    # the export
    later("one row a minute and meter"),
    later("one row a quarter of an hour and meter"),
    later("one row an hour and meter"),
    later("one row a day and meter"),
    later(
        "rows begin on {since}: of what is older, {what} is kept no longer (settings store.raw_days, "
        "store.minute_days); a coarser resolution reaches further back"
    ),
    later("rows begin on {since}: the history holds nothing earlier in this time"),
    later(
        "the history cut its hours and days in {zone}, the settings say {other}: Date and Time of "
        "the rows are in {zone}; their UTC is sure"
    ),
    later(
        "the history was written in {zone}, the settings say {other}: Date and Time of the rows are "
        "in {other}; their UTC is sure"
    ),
    later("no rows: {what} is not kept for so long; take a coarser resolution"),
    later("no rows: the history holds nothing of this time"),
    later("about {rows} rows: a spreadsheet opens {most}; take a coarser resolution for one"),
    later(
        "XLSX holds {most} rows, a month of minutes of five meters, and this is about {rows}: take "
        "fewer days or meters, a coarser resolution, or the form CSV or Parquet"
    ),
    later("The dashboard is stopping. Ask again when it is back."),
    later("Your export is still running. Wait for its end, or cancel it."),
    later(
        "Another export is under way at this station, and one is made at a time. Try again in a few "
        "minutes; an administrator can end it on Reports."
    ),
    later("{why} meanwhile. Ask again."),
    later("the user was removed"),
    later("the user was disabled"),
    later("the user's role does not allow exports any more"),
    later("the user's password was changed"),
    later("the export password was changed"),
    later("the browser broke the download off"),
    later("nobody fetched it within {seconds} s"),
    later("the dashboard was stopped"),
    later("cancelled by whoever asked for it"),
    later("the browser took less than {rate} kB a second; ask again over a quicker way"),
    later("asked for anew"),
    later("the export could not be started"),
    later("ended by the administrator {name}"),
    later("the audit log cannot be written"),
    # audit
    later("{path}: the audit log cannot be read ({why})"),
    later("Not compared with the numbers noted in {path}: {why}"),
    # settings.passwords, settings.people
    later(
        "At least {count} characters, of any kind, blanks too: four words that do not belong together are "
        "good. Not taken: what is tried first, such as password, admin, 12345 or the names of this station."
    ),
    later("this is a documented demo password, known to everybody; choose another"),
    later("{count} characters; use at least {least}, such as four words that do not belong together"),
    later("{count} characters; use at most {most}"),
    later("it holds a control character, which cannot be typed into a browser; leave it out"),
    later(
        "it is made of words, runs or repetitions that are tried first "
        "(password, admin, substation, 12345, the station's own names); add words of your own"
    ),
    later("There is no user {name}; known: {known}"),
    later("{name}: there is already a user {taken}; choose another name"),
    later("{name}: too easily confused with the user {taken}; choose another name"),
    later("{name}: is what the export's password is called; choose another name"),
    later("this password was changed elsewhere a moment ago; log in with that one"),
    later(
        "nobody could administrate this station any more: it needs one enabled user with the "
        "role administrator. Leave this one as it is, or make another user administrator first"
    ),
)
