"""R35: an export beside the polling takes no more memory for a year than for an hour, page by page.

That it is the last to get the processor, and that the writer commits and checkpoints meanwhile, stands in
`test_running.py`; how late a poller's beat is beside a real one: `benchmarks/export.py`.
"""

import tracemalloc

import pytest

from substation.export import Order
from substation.export.engine import Export
from substation.store import pool
from tests.export.conftest import END_MS, ROUNDS
from tests.store.readings import BEGIN_MS

pytestmark = pytest.mark.filterwarnings("ignore:PBKDF2 without:DeprecationWarning")
PAGE_ROWS = 200
HOUR_MS = 3_600_000


def exported(job, rows: int) -> None:
    """Export in this process, in small pages."""
    told: list[dict] = []
    work = Export(job, told.append)
    work._pages._page_rows = PAGE_ROWS
    for _ in work.archive():
        pass
    assert work.result()["rows"] == rows


def peak_of(job, rows: int) -> int:
    """Return the greatest memory meanwhile, bytes."""
    tracemalloc.start()
    try:
        exported(job, rows)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_rows(job_of):
    short = Order("poll", BEGIN_MS, BEGIN_MS + HOUR_MS // 4)
    long = Order("poll", BEGIN_MS, BEGIN_MS + HOUR_MS)
    exported(job_of(short), 90 * 5)  # what is made once
    assert peak_of(job_of(long), 360 * 5) < peak_of(job_of(short), 90 * 5) + 100_000


def test_no_question_reads_more_than_a_page(job_of, monkeypatch):
    asked, ask = [], pool.ask

    def counted(path, clock, limit_s, question):
        answer = ask(path, clock, limit_s, question)
        asked.append((limit_s, len(answer[1]) if isinstance(answer, tuple) else 0))
        return answer

    monkeypatch.setattr(pool, "ask", counted)
    exported(job_of(Order("poll", BEGIN_MS, END_MS)), ROUNDS * 5)
    assert {limit_s for limit_s, _ in asked} == {5.0}
    assert max(rows for _, rows in asked) == PAGE_ROWS
    assert sum(rows for _, rows in asked) == ROUNDS * 5
