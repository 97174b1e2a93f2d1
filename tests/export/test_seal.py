"""S26: the archive: AES-256 as 7-Zip reads it, in constant memory, and never whole by accident."""

import datetime as dt
import os
import struct
import tracemalloc

import pytest

from substation.errors import AccessError, StoreError
from substation.export.seal import LONGEST_PASSWORD, check_password, sealed
from substation.settings.passwords import hash_password, verify_password

pytestmark = pytest.mark.filterwarnings("ignore:PBKDF2 without:DeprecationWarning")
"""ZIP's own key derivation, 1000 rounds of SHA-1: as fixed by the format as its weakness is known."""

AT = dt.datetime(2026, 11, 24, 11, 30, tzinfo=dt.UTC)
PASSWORD = "secure123"
CONTENT = b"Date,Time\r\n2026-11-24,11:30:00\r\n" * 1000


def archive(*members: tuple[str, list[bytes]], password: str = PASSWORD, at: dt.datetime = AT) -> bytes:
    return b"".join(sealed(members or [("a.csv", [CONTENT])], password, at))


def test_7_zip_opens_it_byte_for_byte(unpacker):
    code, files, said = unpacker.unpack(archive(("a.csv", [CONTENT, b"end"]), ("b.json", [b"{}"])))
    assert (code, files) == (0, {"a.csv": CONTENT + b"end", "b.json": b"{}"}), said


def test_7_zip_refuses_another_password(unpacker):
    code, files, said = unpacker.unpack(archive(), "secure124")
    assert code != 0
    assert "Wrong password" in said
    assert CONTENT not in files.values()


def test_an_archive_that_was_changed_by_one_bit_is_refused(unpacker):
    content = bytearray(archive(("a.csv", [os.urandom(5000)])))
    content[2500] ^= 1
    code, _, said = unpacker.unpack(bytes(content))
    assert code != 0, said


def extra_fields(extra: bytes) -> dict[int, bytes]:
    found = {}
    while extra:
        kind, size = struct.unpack_from("<HH", extra)
        found[kind], extra = extra[4 : 4 + size], extra[4 + size :]
    return found


def test_it_is_ae_2_with_256_bits_and_shows_no_crc_of_the_plaintext():
    content = archive(("a.csv", [CONTENT]), ("export.json", [b"{}"]))
    entries = 0
    for signature, form, name_at, crc_at in ((b"PK\x03\x04", "<HH", 26, 14), (b"PK\x01\x02", "<HH", 28, 16)):
        place = content.find(signature)
        while place >= 0:
            header = 30 if signature == b"PK\x03\x04" else 46
            name_size, extra_size = struct.unpack_from(form, content, place + name_at)
            extra = content[place + header + name_size : place + header + name_size + extra_size]
            if content[place + header : place + header + name_size] in (b"a.csv", b"export.json"):
                fields = extra_fields(extra)
                version, vendor, strength, method = struct.unpack("<H2sBH", fields[0x9901])
                assert (version, vendor, strength, method) == (2, b"AE", 3, 8)
                assert struct.unpack_from("<I", content, place + crc_at) == (0,)
                assert 0x0001 in fields  # zip64: no limit of 4 GiB
                entries += 1
            place = content.find(signature, place + 1)
    assert entries == 4
    descriptor = content.find(b"PK\x07\x08")
    assert struct.unpack_from("<I", content, descriptor + 4) == (0,)


def test_nothing_of_the_plaintext_stands_in_it():
    content = archive(("a.csv", [b"Watts Total" * 20 + os.urandom(2000)]))
    assert b"Watts" not in content


@pytest.mark.parametrize(
    "password", ["x", "k3fw9-7hqzm-x2rpd-uv8ta", "pässwörd ąñ", "विद्युत", "a" * LONGEST_PASSWORD]
)
def test_7_zip_takes_every_password_that_is_let_through(unpacker, password):
    code, files, said = unpacker.unpack(archive(password=password), password)
    assert (code, files) == (0, {"a.csv": CONTENT}), said


@pytest.mark.parametrize("password", ["", "a" * (LONGEST_PASSWORD + 1), "विद्युत" * 5])
def test_a_password_that_7_zip_could_not_take_is_refused_before_anything_is_written(password):
    with pytest.raises(AccessError, match="password"):
        check_password(password)
    with pytest.raises(AccessError, match="password"):
        next(iter(sealed([("a.csv", [CONTENT])], password, AT)))


FULL_WIDTH = "".join(chr(ord(letter) + 0xFEE0) for letter in PASSWORD)


@pytest.mark.parametrize(
    ("typed", "opens"),
    [(FULL_WIDTH, PASSWORD), ("se\u0301same, ouvre-toi", "s\u00e9same, ouvre-toi")],
)
def test_the_archive_opens_with_the_form_in_which_the_password_was_verified(unpacker, typed, opens):
    assert verify_password(hash_password(opens), typed), "the login takes both"
    code, files, said = unpacker.unpack(archive(password=typed), opens)
    assert (code, files) == (0, {"a.csv": CONTENT}), said


def test_the_length_of_the_sealed_form_counts():
    check_password("ａ" * LONGEST_PASSWORD)
    check_password("e\u0301" * 49)
    with pytest.raises(AccessError, match="102 bytes"):
        check_password("ﷺ" * 3 + "ａ" * 3)


def test_an_error_of_the_producer_comes_through_and_leaves_no_whole_archive(unpacker):
    def failing():
        yield os.urandom(300_000)
        raise StoreError("the history is damaged")

    got = []
    with pytest.raises(StoreError, match="is damaged"):
        got.extend(sealed([("a.csv", failing())], PASSWORD, AT))
    assert len(b"".join(got)) > 100_000
    code, _, said = unpacker.unpack(b"".join(got))
    assert code != 0, said


def test_a_member_is_asked_for_only_when_its_turn_comes():
    seen = []

    def csv():
        yield CONTENT
        seen.append("csv")

    def manifest():
        yield ",".join(seen).encode()
        seen.append("manifest")

    archive(("a.csv", csv()), ("export.json", manifest()))
    assert seen == ["csv", "manifest"]


def test_memory_does_not_grow_with_the_content():
    piece = os.urandom(100_000)

    def peak_of(count: int) -> int:
        tracemalloc.start()
        for _ in sealed([("a.csv", (piece for _ in range(count)))], PASSWORD, AT):
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    peak_of(5)
    assert peak_of(200) < peak_of(20) + 200_000


@pytest.mark.parametrize("year", [1970, 1980, 2038, 2040, 2106])
def test_no_clock_however_wrong_stops_an_export(unpacker, year):
    code, _, said = unpacker.unpack(archive(at=AT.replace(year=year)))
    assert code == 0, said
