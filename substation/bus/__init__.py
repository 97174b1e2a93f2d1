"""The wire: one line of meters, one round of all meters, how each of them is doing.

- `frame`     the bytes of a reply, judged (pure)
- `mbap`      the same for Modbus TCP (pure)
- `pdu`       the Modbus library, behind one file
- `port`      a serial port held by us alone
- `latency`   how long its adapter holds bytes back
- `transport` the way bytes travel, and the only place that writes them: a serial port
- `tcp`       the same: a connection to a gateway
- `exchange`  one question, one answer: what the two engines have in common
- `rtu`       the engine of an RTU line
- `modbus_tcp` the engine of a Modbus TCP line
- `owed`      replies that may still come, so that none can pass for another
- `line`      one line of any kind: what the others ask
- `health`    one meter on the wire: lost, back, back-off, patience, counters (pure)
- `scan`      one round over all meters of a line, then idle line time for the doubtful ones
- `plant`     all lines of a station
- `schedule`  when the next round begins
- `lock`      one poller a station
- `problems`  what is wrong with the poller itself, said once
- `commission` who is on the line, which model, what does it say, is it wired right
"""
