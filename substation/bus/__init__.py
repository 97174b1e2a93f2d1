"""The wire: one RS-485 line, one round of all meters, how each of them is doing.

- `frame`     the bytes of a reply, judged (pure)
- `port`      a serial port held by us alone
- `line`      one line; the only client of the Modbus library, the only place that writes bytes
- `health`    one meter on the wire: lost, back, back-off, patience, counters (pure)
- `scan`      one round over all meters of a line, then idle line time for the doubtful ones
- `plant`     all lines of a station
- `schedule`  when the next round begins
- `lock`      one poller a station
- `problems`  what is wrong with the poller itself, said once
- `commission` who is on the line, which model, what does it say, is it wired right
"""
