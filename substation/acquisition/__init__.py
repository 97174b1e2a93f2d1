"""The poller.

- `spine`    THE SPINE: the pipeline on one page
- `process`  around it: one at a time, signals, start and stop in the audit log
"""
