"""What a salvage brought back and what is lost, day by day, in words."""

import datetime as dt

from substation.store.check.found import TABLE_WORDS
from substation.store.digest import DATED, day_of
from substation.store.salvage.blocks import Block, Blocks
from substation.store.salvage.report import Lost, Report

_MOST_DAYS = 6
_ONE_DAY = 86_400_000 << 8


def lost_blocks(blocks: Blocks, counts: dict[Block, int]) -> dict[Block, int | None]:
    """Return how many rows are lost by table and day; None where nobody knows how many there were."""
    lost: dict[Block, int | None] = {}
    first, last = min((d for _, d in counts), default=0), max((d for _, d in counts), default=0)
    for block in {*counts, *blocks.known, *blocks.dropped}:
        if block[0] not in DATED or block in blocks.proved:
            continue
        if block in blocks.known:
            lacking: int | None = blocks.known[block][0] - counts.get(block, 0)
        else:
            lacking = blocks.dropped.get(block, 0) - blocks.anew.get(block, 0)
        if lacking and lacking > 0:
            lost[block] = lacking
    sure = blocks.proved | blocks.known.keys()
    for block in blocks.lacking - sure:
        lost.setdefault(block, None)
    for day in {day for _, day in counts}:  # where nothing shows that a table is whole, that is told
        for table in DATED[:-1]:
            block = (table, day)
            if block not in sure | blocks.complete and day >= blocks.from_day.get(table, 0):
                lost.setdefault(block, None)
    for table, holes in blocks.holes.items():
        for low, high in holes:
            for day in range(max(first, day_of(low)), min(last, day_of(high)) + 1):
                if (table, day) not in sure | blocks.complete:
                    lost.setdefault((table, day), None)
    return lost


def lost_of(blocks: Blocks, counts: dict[Block, int], events: dict[int, int]) -> list[Lost]:
    """Return the report's lines of what is lost, the oldest day first."""
    found: dict[Block, int | None] = {**lost_blocks(blocks, counts)}
    found |= {("event", day): rows for day, rows in events.items()}
    return [
        Lost(table, _date(day), rows)
        for (table, day), rows in sorted(found.items(), key=lambda one: (one[0][1], one[0][0]))
    ]


def told(report: Report) -> str:
    """Return the report in one sentence."""
    if not any(report.saved.values()):
        return "nothing in the damaged file could be read; a new history has begun"
    words = f"saved {', '.join(_rows(table, rows) for table, rows in report.saved.items() if rows)}"
    for what, rows in (("made anew from readings", report.anew), ("from the copies", report.copied)):
        if total := sum(rows.values()):
            words += f", of them {total} rows {what}"
    if not report.lost:
        return f"{words}; nothing is lost"
    days = dict.fromkeys(one.day for one in report.lost)
    parts = []
    for day in list(days)[:_MOST_DAYS]:
        of_day = ", ".join(_rows(one.table, one.rows) for one in report.lost if one.day == day)
        parts.append(f"{day}: {of_day}")
    more = (
        f" and of {len(days) - _MOST_DAYS} more days (state/salvage.json)" if len(days) > _MOST_DAYS else ""
    )
    return f"{words}; lost: {'; '.join(parts)}{more}"


def _rows(table: str, rows: int | None) -> str:
    words = TABLE_WORDS.get(table, table)
    return f"perhaps rows of {words}" if rows is None else f"{rows} {words}"


def _date(day: int) -> str:
    return dt.date.fromordinal(dt.date(1970, 1, 1).toordinal() + day).isoformat()
