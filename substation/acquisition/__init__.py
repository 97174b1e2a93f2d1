"""The poller.

- `spine`    THE SPINE: the pipeline on one page
- `audited`  the poller with its audit log: taken-over configuration, anchors
- `process`  around it: one at a time, signals, start and stop in the audit log
"""
