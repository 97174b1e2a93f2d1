"""Tells what SQLite writes, syncs and deletes: a thin layer over the file system that SQLite itself uses.

SQLite does all its work on files through a table of functions (`sqlite3_vfs`, `sqlite3_io_methods`:
https://www.sqlite.org/c3ref/vfs.html). Here the table of the usual one is copied and five of its functions
are replaced by ones that tell a listener, then do what they always did. Registered through `ctypes` into the
same library that Python's `sqlite3` uses; where that is linked in statically it cannot be reached.
"""

import contextlib
import ctypes
import sqlite3
import tempfile
from collections.abc import Iterator
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p, cast
from typing import Protocol

_WRITABLE = 0x2
"""`SQLITE_OPEN_READWRITE`."""


class Listener(Protocol):
    """Who is told; every name is the file's path as SQLite has it."""

    def opened(self, name: str) -> None: ...
    def written(self, name: str, offset: int, data: bytes) -> None: ...
    def cut(self, name: str, size: int) -> None: ...
    def synced(self, name: str) -> None: ...
    def deleted(self, name: str) -> None: ...
    def folder_synced(self, name: str) -> None: ...


class _Nobody:
    """A listener to whom all is one: nothing is synced for it."""

    def opened(self, name: str) -> None: ...
    def written(self, name: str, offset: int, data: bytes) -> None: ...
    def cut(self, name: str, size: int) -> None: ...
    def synced(self, name: str) -> None: ...
    def deleted(self, name: str) -> None: ...
    def folder_synced(self, name: str) -> None: ...


NOBODY = _Nobody()


class _Vfs(Structure):
    _fields_ = [
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        *(
            (name, c_void_p)
            for name in (
                "xOpen",
                "xDelete",
                "xAccess",
                "xFullPathname",
                "xDlOpen",
                "xDlError",
                "xDlSym",
                "xDlClose",
                "xRandomness",
                "xSleep",
                "xCurrentTime",
                "xGetLastError",
                "xCurrentTimeInt64",
                "xSetSystemCall",
                "xGetSystemCall",
                "xNextSystemCall",
            )
        ),
    ]


class _Methods(Structure):
    _fields_ = [
        ("iVersion", c_int),
        *(
            (name, c_void_p)
            for name in (
                "xClose",
                "xRead",
                "xWrite",
                "xTruncate",
                "xSync",
                "xFileSize",
                "xLock",
                "xUnlock",
                "xCheckReservedLock",
                "xFileControl",
                "xSectorSize",
                "xDeviceCharacteristics",
                "xShmMap",
                "xShmLock",
                "xShmBarrier",
                "xShmUnmap",
                "xFetch",
                "xUnfetch",
            )
        ),
    ]


class _File(Structure):
    _fields_ = [("pMethods", POINTER(_Methods))]


_Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, POINTER(c_int))
_Delete = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
_Write = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
_Sync = CFUNCTYPE(c_int, c_void_p, c_int)
_SetCall = CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p)
_GetCall = CFUNCTYPE(c_void_p, c_void_p, c_char_p)
_OpenFolder = CFUNCTYPE(c_int, c_char_p, POINTER(c_int))


class _Layer:
    """The layer, once in a process and never taken away: connections may outlive a test."""

    def __init__(self) -> None:
        self.listener: Listener | None = None
        self.used = False
        self._names: dict[int, str] = {}
        self._held: list[object] = []
        """Keeps alive what C points to."""
        self._methods: dict[int, tuple[_Methods, _Methods]] = {}
        self.sqlite = ctypes.CDLL("libsqlite3.so.0")
        self.sqlite.sqlite3_vfs_find.restype = c_void_p
        self.sqlite.sqlite3_vfs_find.argtypes = [c_char_p]
        self.sqlite.sqlite3_vfs_register.argtypes = [c_void_p, c_int]
        self.base_address = self.sqlite.sqlite3_vfs_find(None)
        self.base = cast(self.base_address, POINTER(_Vfs)).contents
        self.mine = _Vfs.from_buffer_copy(self.base)
        self.mine.zName, self.mine.pNext = b"witness", None
        self._base_open = _Open(self.base.xOpen)
        self._base_delete = _Delete(self.base.xDelete)
        self.mine.xOpen = self._keep(_Open(self._open))
        self.mine.xDelete = self._keep(_Delete(self._delete))
        self._set_call = _SetCall(self.base.xSetSystemCall)
        usual = _GetCall(self.base.xGetSystemCall)(self.base_address, b"openDirectory")
        self._base_open_folder = _OpenFolder(usual)
        self._open_folder_pointer = self._keep(_OpenFolder(self._open_folder))

    def _keep(self, function: object) -> int:
        self._held.append(function)
        return cast(function, c_void_p).value or 0  # type: ignore[arg-type]

    def switch(self, listener: Listener | None) -> None:
        """Tell this one from now on; with None everything is as if the layer were not there."""
        self.listener = listener
        on = listener is not None
        self.sqlite.sqlite3_vfs_register(ctypes.addressof(self.mine) if on else self.base_address, 1)
        self._set_call(self.base_address, b"openDirectory", self._open_folder_pointer if on else None)

    def _open(self, vfs: int, name: int, file: int, flags: int, out: "ctypes._Pointer[c_int]") -> int:
        self.used = True
        code = self._base_open(vfs, name, file, flags, out)
        if code == 0 and name and flags & _WRITABLE:
            path = (cast(name, c_char_p).value or b"").decode()
            opened = cast(file, POINTER(_File)).contents
            usual = ctypes.addressof(opened.pMethods.contents)
            if usual not in self._methods:
                self._methods[usual] = self._wrapped(opened.pMethods.contents)
            opened.pMethods = POINTER(_Methods)(self._methods[usual][1])
            self._names[file] = path
            if self.listener:
                self.listener.opened(path)
        return int(code)

    def _wrapped(self, usual: _Methods) -> tuple[_Methods, _Methods]:
        mine = _Methods.from_buffer_copy(usual)
        write, truncate, sync = _Write(usual.xWrite), _Truncate(usual.xTruncate), _Sync(usual.xSync)

        def written(file: int, data: int, size: int, offset: int) -> int:
            if self.listener:
                self.listener.written(self._names[file], offset, ctypes.string_at(data, size))
            return int(write(file, data, size, offset))

        def cut(file: int, size: int) -> int:
            if self.listener:
                self.listener.cut(self._names[file], size)
            return int(truncate(file, size))

        def synced(file: int, flags: int) -> int:
            if self.listener is NOBODY:
                return 0  # it takes long, and no power goes
            code = int(sync(file, flags))
            if self.listener and code == 0:
                self.listener.synced(self._names[file])
            return code

        mine.xWrite = self._keep(_Write(written))
        mine.xTruncate = self._keep(_Truncate(cut))
        mine.xSync = self._keep(_Sync(synced))
        return usual, mine

    def _delete(self, vfs: int, name: bytes, sync_folder: int) -> int:
        if self.listener:  # before it is done: the folder may be synced in the same breath
            self.listener.deleted(name.decode())
        return int(self._base_delete(vfs, name, sync_folder))

    def _open_folder(self, name: bytes, out: "ctypes._Pointer[c_int]") -> int:
        # SQLite opens a folder for one reason: to sync it, which it does with the next breath
        if self.listener:
            self.listener.folder_synced(name.decode())
        return int(self._base_open_folder(name, out))


_layers: list[_Layer] = []


@contextlib.contextmanager
def told(listener: Listener) -> Iterator[None]:
    """Tell the listener of every connection that is opened meanwhile.

    Raises OSError where the library that Python uses cannot be reached.
    """
    if not _layers:
        _layers.append(_Layer())
    layer = _layers[0]
    layer.used = False
    layer.switch(listener)
    try:
        yield
    finally:
        layer.switch(None)


def reachable() -> bool:
    """Return whether what SQLite does can be told."""
    try:
        with tempfile.TemporaryDirectory() as folder, told(NOBODY):
            with contextlib.closing(sqlite3.connect(f"{folder}/a.db")) as db:
                db.execute("CREATE TABLE t (x)")
            return _layers[0].used
    except (OSError, AttributeError):
        return False
