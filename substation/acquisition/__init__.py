"""The poller.

- `spine`       THE SPINE: the pipeline on one page
- `reloading`   a changed configuration, as a running poller looks for it
- `announce`    what has changed, said once
- `accounts`    registers that do not follow the last ones, meters that freeze
- `timekeeper`  what is known of the clock
- `gap`         times in which nobody polled
- `ending`      how a signal ends it
- `audited`     the poller with its audit log: taken-over configuration, requests, anchors
- `requests`    what people ask of it: probe a meter, scan a line
- `process`     around it: one at a time, signals, start and stop in the audit log
"""
