"""Rows to CSV, CSV to a sealed archive, in a child process that steps back behind all others.

- `order`     what is asked for
- `estimate`  how much that will be, before it is done
- `table`     rows to lines of CSV
- `manifest`  what the archive says about itself
- `seal`      the archive
- `job`, `engine`   the child process: pages in, archive out
- `running`   the parent's side: start, read, progress, cancel
"""

from substation.export.estimate import Measure, measure
from substation.export.order import FILE_FORMS, RESOLUTIONS, FileForm, Order, Resolution
from substation.export.running import Outcome, Progress, Running, start
from substation.export.seal import ARCHIVE_NAME, CSV_NAME, MANIFEST_NAME

__all__ = [
    "ARCHIVE_NAME",
    "CSV_NAME",
    "FILE_FORMS",
    "MANIFEST_NAME",
    "RESOLUTIONS",
    "FileForm",
    "Measure",
    "Order",
    "Outcome",
    "Progress",
    "Resolution",
    "Running",
    "measure",
    "start",
]
