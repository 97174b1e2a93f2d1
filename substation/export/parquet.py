"""The rows as a Parquet file: typed columns for pandas, DuckDB, Spark or Power Query.

Values are float64 (exact: steps of at most 2^53 divided by a power of ten, as everywhere), missing ones null;
texts that repeat are dictionaries; UTC is a time stamp in ms. Each column's unit and meaning stand in its
metadata, and all that the manifest says in the file's (`substation`).

Columns are built from their buffers: given a list, pyarrow would load pandas, 60 MB, to see whether it is one
of its own. A group of rows is written as soon as it is whole, and nothing but the footer is kept.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from substation.export.body import About
from substation.export.table import (
    Form,
    Tally,
    columns,
    due_in,
    local_of,
    quality_of,
    tally,
    word_of,
)
from substation.quantities import KEYS
from substation.store.pages import Facts, Pages, Row

GROUP_PAGES = 2
"""Pages in a group of rows: 10 000 rows are 4 MB."""
_TEXT = pa.dictionary(pa.int32(), pa.string())
_TYPES = {
    "DateTime": pa.string(),
    "Meter_ID": pa.int64(),
    "UTC": pa.timestamp("ms", tz="UTC"),
    "Meter_Name": _TEXT,
    "quality": _TEXT,
    "rows_found": pa.int64(),
    "rows_due": pa.int64(),
    "simulated": pa.bool_(),
}
"""Of all that is no value."""
_HEAD = 4


class Parquet:
    """Writes pages of `Pages.rows` as groups of rows."""

    def __init__(self, form: Form, about: About) -> None:
        """Write rows of this form."""
        self._form, self._about = form, about
        self._columns = columns(form, "parquet")
        self.tallies: dict[int, Tally] = {}

    def pieces(self, pages: Pages, facts: Facts | None) -> Iterator[tuple[bytes, int]]:
        """Yield the file in pieces, each with its number of rows."""
        schema, sink = self._schema(), _Sink()
        texts = [field.name for field in schema if field.type == _TEXT]
        writer = parquet.ParquetWriter(sink, schema, compression="snappy", use_dictionary=texts)
        group: list[Any] = []
        for page in pages.rows(facts) if facts is not None else ():
            group.append(pa.RecordBatch.from_arrays(self._arrays(page), schema=schema))
            if len(group) == GROUP_PAGES:
                yield self._written(writer, sink, group)
        if group:
            yield self._written(writer, sink, group)
        told = json.dumps(self._about(), ensure_ascii=False)
        writer.add_key_value_metadata({"substation": told.encode("utf-8", "replace")})
        writer.close()
        yield sink.taken(), 0

    def _written(self, writer: Any, sink: "_Sink", group: list[Any]) -> tuple[bytes, int]:
        rows = pa.Table.from_batches(group)
        group.clear()
        writer.write_table(rows, row_group_size=rows.num_rows)
        return sink.taken(), rows.num_rows

    def _schema(self) -> Any:
        fields = [
            pa.field(c.name, _TYPES.get(c.name, pa.float64()), metadata={"unit": c.unit, "what": c.what})
            for c in self._columns
        ]
        readings = "SIMULATED" if self._form.simulated else "real"
        return pa.schema(fields, metadata={"readings": readings, "timezone": self._form.zone.key})

    def _arrays(self, page: Sequence[Row]) -> list[Any]:
        """Return a page's columns in their order."""
        form, each = self._form, list(zip(*page, strict=True))
        keys, codes, third, fourth = each[:_HEAD]
        at = np.array(keys, np.int64) >> 8
        ids = [key & 0xFF for key in keys]
        polls = [int(code == 0) for code in codes] if form.period_s is None else fourth
        times = at.tolist()
        for meter_id, at_ms, found in zip(ids, times, polls, strict=True):
            tally(self.tallies, meter_id, at_ms).add(at_ms, found)
        values = [_numbers(column) for column in each[_HEAD:]]
        found = [
            _strings([local_of(at_ms, form.zone) for at_ms in times]),
            _whole(ids),
            *values[: len(KEYS)],
            pa.Array.from_buffers(_TYPES["UTC"], len(page), [None, pa.py_buffer(at)]),
            _texts([form.names.get(meter_id, "") for meter_id in ids]),
        ]
        if form.period_s is None:
            told = [quality_of(*one) for one in zip(codes, third, fourth, strict=True)]
            found.append(_texts(told))
        else:
            due = [due_in(at_ms, form) for at_ms in times]
            found += [_texts([word_of(code) for code in codes]), _whole(fourth), _whole(due)]
        simulated = np.packbits(np.full(len(page), form.simulated), bitorder="little")
        found.append(pa.Array.from_buffers(pa.bool_(), len(page), [None, pa.py_buffer(simulated)]))
        return found + values[len(KEYS) :]


class _Sink:
    """Takes what pyarrow writes until it is handed on."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: Any) -> int:
        """Keep a copy: the buffer is pyarrow's."""
        part = bytes(data)
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken

    def tell(self) -> int:
        """Return how much was written in all."""
        return self._size

    def flush(self) -> None:
        """Do nothing: all is here."""

    def close(self) -> None:
        """Note that nothing more comes."""
        self.closed = True


def _numbers(column: Sequence[float | None]) -> Any:
    """Return a column of values; the history holds no NaN, so one stands for what is missing."""
    values = np.array(column, np.float64)
    return _nullable(pa.float64(), values, np.isnan(values))


def _whole(column: Sequence[int | None]) -> Any:
    missing = np.array([value is None for value in column])
    return _nullable(pa.int64(), np.array([value or 0 for value in column], np.int64), missing)


def _nullable(kind: Any, values: Any, missing: Any) -> Any:
    there = pa.py_buffer(np.packbits(~missing, bitorder="little")) if missing.any() else None
    return pa.Array.from_buffers(kind, len(values), [there, pa.py_buffer(values)])


def _strings(texts: Sequence[str]) -> Any:
    parts = [text.encode("utf-8", "replace") for text in texts]
    ends = np.zeros(len(parts) + 1, np.int32)
    np.cumsum([len(part) for part in parts], out=ends[1:])
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(parts))]
    return pa.Array.from_buffers(pa.string(), len(parts), buffers)


def _texts(texts: Sequence[str]) -> Any:
    """Return a column of texts that repeat."""
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    numbers = np.array([places[text] for text in texts], np.int32)
    indices = pa.Array.from_buffers(pa.int32(), len(texts), [None, pa.py_buffer(numbers)])
    return pa.DictionaryArray.from_arrays(indices, _strings(list(places)))
