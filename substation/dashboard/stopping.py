"""What must be ended when the dashboard stops, and would not end by itself in time.

The worker (`worker.PatientWorker`) calls it when the stop is asked for, whoever serves the application
otherwise may do the same. Parts of the dashboard enter themselves here; a part that is made anew (tests
make many dashboards in one process) takes its own place.
"""

from collections.abc import Callable

AT_STOP: dict[str, Callable[[], None]] = {}
"""What ends long answers, by the name of the part."""


def end_long_answers() -> None:
    """Call each of them once."""
    while AT_STOP:
        _, end = AT_STOP.popitem()
        end()
