"""A form made in a process of its own, which steps back behind all others and is gone afterwards.

    made(document, "pdf")      bytes, or SubstationError in words

The library that writes PDF brings 40 MB with it; the dashboard has 120 in all. Workbook and CSV need no
library and take milliseconds, so they are written where they are asked for.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

from substation.errors import SubstationError
from substation.reports.csv import csv
from substation.reports.document import Document, packed
from substation.reports.xlsx import xlsx

Form = Literal["pdf", "xlsx", "csv"]
FORMS: tuple[Form, ...] = ("pdf", "xlsx", "csv")
TYPES: dict[Form, str] = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
"""How a browser is told what it is."""
LONGEST_S = 60.0
"""A log sheet of five meters takes half a second; a slow card under load some more."""
NICE = 10
MOST_BYTES = 768 * 2**20
"""Of memory that the child may map; it uses about 60 MB."""
FAILED = 3
"""Exit code of a child that tells on standard error why it did not do it."""
_PROJECT = Path(__file__).resolve().parents[2]


def made(document: Document, form: Form, *, longest_s: float = LONGEST_S) -> bytes:
    """Return the document in such a form.

    Args:
        document: what it says.
        form: pdf, xlsx or csv.
        longest_s: the child is ended after so many seconds.

    Raises:
        SubstationError: it could not be made, in words.
    """
    if form == "xlsx":
        return xlsx(document)
    if form == "csv":
        return csv(document)
    try:
        # the parent's end is the child's too: it reads a pipe and writes one, and both end with us
        process = subprocess.Popen(
            [sys.executable, "-m", "substation.reports"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=_PROJECT,
            start_new_session=True,
        )
    except OSError as exc:
        raise SubstationError(f"the PDF could not be made: {exc.strerror}. Try again") from exc
    with process:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)  # from here on: its start is work too
        try:
            output, words = process.communicate(packed(document), timeout=longest_s)
        except subprocess.TimeoutExpired:
            process.kill()
            raise SubstationError(
                f"the PDF was not ready after {longest_s:g} s and was broken off; "
                "try again when the machine is less busy, or take XLSX"
            ) from None
        except BaseException:
            process.kill()
            raise
    if process.returncode == FAILED:
        raise SubstationError(words.decode("utf-8", "replace").strip())
    if process.returncode or not output.startswith(b"%PDF"):
        raise SubstationError(
            f"the PDF could not be made: its process ended with code {process.returncode}"
            f"{_last_line(words)}. XLSX and CSV hold the same figures"
        )
    return output


def _last_line(words: bytes) -> str:
    lines = words.decode("utf-8", "replace").strip().splitlines()
    return f" ({lines[-1][:200]})" if lines else ""
