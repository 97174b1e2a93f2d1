"""The wire: lines of meters, a round of all of them, how each is doing.

One line, from the bytes up:

- `frame`     the bytes of a reply, judged (pure); `mbap` the same for Modbus TCP (pure)
- `pdu`       the Modbus library, behind one file
- `port`      a serial port held by us alone; `latency` how long its adapter holds bytes back
- `transport` the way bytes travel, and the only place that writes them; `tcp` the same to a gateway
- `exchange`  one question, one answer; `rtu` and `modbus_tcp` the two engines on it
- `owed`      replies that may still come, so that none can pass for another
- `line`      one line of any kind: what the others ask; `wire` what a round needs of it

A round of its meters:

- `groups`    which registers of a meter travel together, and how often (pure)
- `seat`      one meter's place in the round; `health` how it is on the wire (pure)
- `scan`      one round; `asking` one meter of it; `notice` what has changed
- `spare`     what is done in the time that is left, `errands` what waits for it
- `refusal`   which register does a meter refuse (pure); `inquiries` the search carried on

All lines:

- `seating`   which meters can be polled
- `plant`     all lines of a station; `alone` one of them in the caller's thread, `crew` several, each with a
              `worker`
- `view`      what of a line is shown, `summary` what `--rounds` prints
- `schedule`  when the next round begins
- `lock`      one poller a station
- `problems`  what is wrong with the poller itself, said once
- `commission` who is on the line, which model, what does it say, is it wired right
"""
