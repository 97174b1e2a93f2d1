"""The stores: the live file, the history, the operator database. Each has one writer.

- `live`, `live_row`      `meter_data.csv`: the last hour, and the journal of the history
- `history`               `daily_data.db`, its writer; `absorb` and `upkeep` do its long work in slices
- `schema`, `rows`        its shape: tables, views, migrations; a reading as whole numbers
- `rollup`                readings to minutes, quarters, hours, days, exactly and in any order
- `check`                 is the history whole? `digest` guards finished days; `check_*` are its parts
- `reader`                its readers' side: `series` for charts, `registers` for energy and demand,
                          `pool` for connections, `door` for what may be opened at all
- `pages`                 rows of one table page by page, for the export
- `events`                changes of state; `left_events` keeps those that no history can take yet
- `operator_db`           `operator.db`: what people at the dashboard leave for the poller
- `heartbeat`             `state/poller.json`
- `original`              which store of the original a file is; `original_rows` reads it, `original_judge`
                          says what a row is worth, `original_staging` makes a history for `absorb`
- `copies`                the second medium: a file a day, proved, restored (its own map)
- `keeper`, `log`         the poller's two stores together; its log file
"""
