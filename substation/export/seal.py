"""The archive: ZIP with AES-256 (AE-2), written while it is sent, in constant memory.

7-Zip, WinRAR, Keka and most other archivers open it; the unpacker of Windows and Info-ZIP's `unzip` know no
AES. The file is as strong as its password: a guess costs 1000 rounds of PBKDF2-SHA1.
"""

import datetime as dt
import stat
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from typing import cast

from substation.errors import AccessError
from substation.export.order import FileForm

ARCHIVE_NAME = "meter_data_1year.zip"
CSV_NAME = "meter_data_1year.csv"
"""As the original named its file."""
FILE_NAMES: dict[FileForm, str] = {
    "csv": CSV_NAME,
    "parquet": "meter_data_1year.parquet",
    "xlsx": "meter_data_1year.xlsx",
}
MANIFEST_NAME = "export.json"
LEVEL = 1
"""Of deflate: ten times as quick as the default on CSV, and a fifth larger."""
LONGEST_PASSWORD = 99
"""Bytes: 7-Zip takes no longer ones for AES in a ZIP."""
_MODE = stat.S_IFREG | 0o600


def secret_of(password: str) -> bytes:
    """Return the bytes that seal an archive: UTF-8 of the NFKC form, that in which passwords are verified.

    A phone's full-width letters and a Mac's letters in two parts open the login like the plain ones; the
    archive opens with the plain ones, as most keyboards type them.
    """
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def check_password(password: str) -> None:
    """Raise AccessError, in words, for a password with which 7-Zip could not open the archive."""
    if not password:
        raise AccessError("an archive needs a password")
    length = len(secret_of(password))
    if length > LONGEST_PASSWORD:
        raise AccessError(
            f"this password has {length} bytes, and archivers open an archive with at most "
            f"{LONGEST_PASSWORD}; let the archive have a fresh one"
        )


def sealed(members: Iterable[tuple[str, Iterable[bytes]]], password: str, at: dt.datetime) -> Iterator[bytes]:
    """Yield the archive's bytes, in chunks of 64 KiB at most.

    A member's content is asked for when its turn comes, so a later one may tell about an earlier one. An
    error of a member is raised through here: what was yielded before has no directory at its end, and every
    archiver says so.

    Args:
        members: name and content of each file, in order.
        password: of the archive; see `secret_of`.
        at: the time of the files in it, aware.
    """
    # a sixth of a second and the whole of asyncio and AES, which only the process that exports needs
    from stream_zip import ZIP_64, stream_zip  # noqa: PLC0415

    check_password(password)
    # the bytes of the password: as text, the library would refuse what is not Latin-1
    secret = cast(str, secret_of(password))
    at = max(
        at, dt.datetime(1980, 1, 1, tzinfo=at.tzinfo)
    )  # a clock that was never set; ZIP knows no earlier
    with_utc = at.timestamp() < 2**31  # the second time stamp ends in 2038
    files = ((name, at, _MODE, ZIP_64, content) for name, content in members)
    yield from stream_zip(files, get_compressobj=_deflate, password=secret, extended_timestamps=with_utc)


def _deflate() -> "zlib._Compress":
    return zlib.compressobj(level=LEVEL, wbits=-zlib.MAX_WBITS)
