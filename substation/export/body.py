"""The file in the archive, in the form that was asked for.

Each form loads what it needs when it is asked for, in the child process alone: the dashboard, the poller and
an export as CSV never hold pyarrow.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from substation.export.order import FileForm
from substation.export.table import Form, Lines, Tally
from substation.store.pages import Facts, Pages

About = Callable[[], dict[str, object]]
"""Says what `manifest.about` does, of the rows written so far."""


class Body(Protocol):
    """Writes the rows, and counts what it wrote."""

    tallies: dict[int, Tally]

    def pieces(self, pages: Pages, facts: Facts | None) -> Iterator[tuple[bytes, int]]:
        """Yield the file in pieces, each with its number of rows.

        Raises:
            AccessError: the form cannot hold so many rows.
            StoreError: as `Pages.rows`.
        """


def body_of(file_form: FileForm, form: Form, about: About) -> Body:
    """Return the body of an export."""
    if file_form == "parquet":
        from substation.export.parquet import Parquet  # noqa: PLC0415 - see above

        return Parquet(form, about)
    if file_form == "xlsx":
        from substation.export.workbook import Workbook  # noqa: PLC0415

        return Workbook(form, about)
    return Lines(form)
