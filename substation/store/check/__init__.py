"""Whether a history is whole: a look that changes nothing in it, while the poller goes on writing.

    found = looking.look(path, clock)             everything; with quick=True what a start has time for
    looking.prove(path, clock)                    the same, as an error when it is not whole

- `looking`  the order of the looks, and their outcome
- `shape`    the history as a file: length, schema, SQLite's own structure, the small tables
- `days`     day by day: every row, every digest
- `agree`    whether the tables agree with each other
- `found`    what was found, and the words for it
- `report`   `state/check.json`
"""
