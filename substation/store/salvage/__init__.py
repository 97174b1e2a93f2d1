"""A new history of what is whole in a damaged one. The damaged one is not changed.

    report = salvaging.run(home, settings, clock, aside)    a child of the poller, at the lowest priority

- `salvaging`  the run: what is read, proved, made anew, asked of the copies, and put in place
- `source`     rows as far as SQLite reaches, by ranges of keys
- `pages`, `reach`  single pages, where the tree above them is destroyed: candidates for the holes
- `rows`       which of them can be rows of a history at all
- `judge`      which agree with what was kept elsewhere in the file
- `zones`      hours and days by the time zone of their time
- `proof`      keeps what proves true, makes anew what can be made, drops the rest
- `blocks`     of each table and day, whether what was read is what was there
- `copies`     what the second medium gives back
- `replay`     which rows of the live file are dealt with
- `words`, `report`  what was saved and what is lost; `state/salvage.json`
"""
