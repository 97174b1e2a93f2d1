"""R20: a corrupted live file. The board shows the good rows, and no value that nobody measured."""

from collections.abc import Callable

import pytest

from substation.dashboard.feed import Feed
from substation.store.live_row import HEADER_LINE
from tests.dashboard.conftest import Station

BOM = b"\xef\xbb\xbf"


def lines_of(data: bytes) -> list[bytes]:
    return data.split(b"\n")


def half_line_at_the_end(data: bytes) -> bytes:
    return data + lines_of(data)[1][:200]


def half_line_in_the_middle(data: bytes) -> bytes:
    head, *rows = lines_of(data)
    return b"\n".join([head, rows[0][:150], *rows])


def half_line_before_a_row(data: bytes) -> bytes:
    head, *rows = lines_of(data)
    return b"\n".join([head, rows[4][:150] + rows[0], *rows[0:]])


def byte_order_mark(data: bytes) -> bytes:
    return BOM + data


def byte_order_mark_on_every_line(data: bytes) -> bytes:
    return b"\n".join(BOM + line for line in lines_of(data))


def nuls_at_the_end(data: bytes) -> bytes:
    return data + b"\0" * 4096


def nuls_between(data: bytes) -> bytes:
    head, rows = data.split(b"\n", 1)
    return head + b"\n" + b"\0" * 512 + b"\n" + rows


def nuls_over_an_old_row(data: bytes) -> bytes:
    head, *rows = lines_of(data)
    return b"\n".join([head, rows[0][:100] + b"\0" * 50 + rows[0][150:], *rows])


def a_million_characters(data: bytes) -> bytes:
    return data + b"7" * 1_000_000 + b"\n"


def a_million_characters_without_end(data: bytes) -> bytes:
    return data + b"," * 1_000_000


def a_million_characters_first(data: bytes) -> bytes:
    head, rows = data.split(b"\n", 1)
    return head + b"\n" + b"x" * 1_000_000 + b"\n" + rows


def windows_line_ends(data: bytes) -> bytes:
    return data.replace(b"\n", b"\r\n")


def no_text(data: bytes) -> bytes:
    return data + bytes(range(128, 256)) * 3 + b"\n"


def words_for_numbers(data: bytes) -> bytes:
    bad = lines_of(data)[1].replace(b"239.50", b"nan", 1).replace(b"414.90", b"1e9", 1)
    return data + bad + b"\n"


def header_again(data: bytes) -> bytes:
    return data + HEADER_LINE.encode() + b"\n"


def without_a_column(data: bytes) -> bytes:
    place = HEADER_LINE.split(",").index("V Y phase")
    cells = [line.split(b",") for line in lines_of(data)]
    return b"\n".join(b",".join(c[:place] + c[place + 1 :]) if len(c) > 1 else c[0] for c in cells)


def with_a_foreign_column(data: bytes) -> bytes:
    return b"\n".join(line and line + b",note" for line in lines_of(data))


CORPUS: tuple[Callable[[bytes], bytes], ...] = (
    half_line_at_the_end,
    half_line_in_the_middle,
    half_line_before_a_row,
    byte_order_mark,
    byte_order_mark_on_every_line,
    nuls_at_the_end,
    nuls_between,
    nuls_over_an_old_row,
    a_million_characters,
    a_million_characters_without_end,
    a_million_characters_first,
    windows_line_ends,
    no_text,
    words_for_numbers,
    header_again,
    without_a_column,
    with_a_foreign_column,
)


@pytest.mark.parametrize("spoil", CORPUS)
def test_the_board_shows_the_good_rows_of_a_damaged_live_file(
    station: Station, feed: Feed, spoil: Callable[[bytes], bytes]
) -> None:
    station.read()
    station.beat()
    whole = {meter.id: meter.values for meter in feed.board().meters}
    station.home.live.write_bytes(spoil(station.home.live.read_bytes()))
    station.clock.advance(1)
    station.beat()
    board = feed.board()
    assert [meter.id for meter in board.meters] == [1, 2, 3, 4, 5]
    for meter in board.meters:
        assert meter.freshness == "fresh", meter.id
        for key, shown in meter.values.items():
            if key == "v_y" and spoil is without_a_column:
                assert shown.value is None
            else:
                assert (shown.value, shown.quality) == (whole[meter.id][key].value, "good"), key
