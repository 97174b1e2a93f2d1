"""Smart Substation Monitoring System: from the meters' wire to the engineer's screen.

A reading climbs one way - **bus -> meters -> readings -> store -> dashboard** - and only questions,
acknowledgements and audit lines go the other way. Two processes, `dmf_reader.py` (the poller) and
`app.py` (the dashboard), meet only in stores, and **each store has one writer**. A third, small one
(`messenger.py`) reads them and tells people outside.

The rooms, from the ground up (each may import only what stands above it in this list):

- `quantities`   the vocabulary: what is measured, in which unit, at which resolution
- `errors`       every error, as a tree
- `clock`        the only place that asks the time
- `clock_trust`  who vouches for the machine's clock
- `notify`       signs of life for the service manager
- `readings`     Reading, Scan, Quality: frozen records; None is a value
- `settings`     the typed configuration, its sealed file, its keys
- `meters`       a meter model: register map, words to numbers, plausibility
- `energy`       registers to intervals (pure)
- `alarms`       supply and alarm rules (pure)
- `bus`          one RS-485 line, one round of all meters, their health
- `simulator`    a site that obeys physics, answering Modbus RTU on a pseudo-terminal
- `store`        live file, history, operator database
- `audit`        one chained line an action
- `access`       users and throttle
- `export`       rows to a sealed archive
- `reports`      the forms that are printed and signed: log sheet, statement; as PDF, XLSX, CSV
- `messages`     alarms on their way to a person: queue, escalation, gateways, SMS modem, siren
- `acquisition`  THE SPINE: the poller's pipeline on one page
- `dashboard`    the screens
- `commands`     the command lines behind the doors, and the demo
"""

__version__ = "0.1.0"
