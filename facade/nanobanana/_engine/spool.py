"""Spool: where a picture goes while it arrives."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
from pathlib import Path
from typing import Any, BinaryIO

_SMALL = 128 * 1024  # bytes up to which a file costs more than it saves
_LARGE = 8 * 1024 * 1024  # bytes from which on a picture gets memory of its own from the system, which goes back whole:
_MAPPED = 33 * 1024 * 1024  # malloc (glibc's) maps what is larger than 32 MB, and what is not touched costs nothing

_UNSYNCABLE = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY}  # SMB, FUSE and their kin


class Spool:
    """The bytes of a picture while it arrives: in memory or, given a folder, in a file there, under a passing name.

    The file stays open, so that what was paid for is not lost with a folder that somebody deletes. A small picture
    needs no file; and where none can be made, or the disk is full, memory takes over.

    room: bytes that it may come to. In memory they are made ready, so that it need not be moved as it grows; where it
    goes into a file, it goes there from the beginning, as many that come at once would fill the memory.
    """

    def __init__(self, folder: Path | None, room: int = 0) -> None:
        self.path: Path | None = None
        self.size = 0
        self._folder = folder  # until there is a file in it
        self._room = room
        self._file: io.FileIO | None = None
        self._is_passing = True
        ready = 0 if folder else room if room < _LARGE else max(room, _MAPPED)
        self._memory = io.BytesIO(bytes(ready))

    def write(self, data: bytes) -> None:
        """Adds what came."""
        if self._folder is not None and max(self._room, self.size + len(data)) > _SMALL:
            self._begin_file(self._folder)
        view = memoryview(data)
        try:
            while view and self._file is not None:
                written = self._file.write(view)
                self.size, view = self.size + written, view[written:]
        except OSError:
            self.recall()
        self.size += self._memory.write(view)

    def _begin_file(self, folder: Path) -> None:
        self._folder = None
        path = folder / f".{secrets.token_hex(8)}.part"
        try:
            self._file, self.path = io.FileIO(path, "x+"), path
        except OSError:
            return
        kept, self._memory, self.size = self._memory.getvalue(), io.BytesIO(), 0
        self.write(kept)

    def finish(self) -> bytes | Spool:
        """What has come: its bytes, or this very spool where they are in its file."""
        if self._file is not None:
            return self
        self._memory.truncate(self.size)
        return self._memory.getvalue()

    def opened(self) -> BinaryIO:
        """All of it, from its beginning. Raises: OSError where its file was released and is gone."""
        if self._file is None or self.path is None:
            return io.BytesIO(self._memory.getvalue())
        try:
            file = self.path.open("rb")
            if self._file.closed or os.path.samestat(os.fstat(file.fileno()), os.fstat(self._file.fileno())):
                return file
            file.close()
        except OSError:  # it was deleted, or there is no descriptor left
            if self._file.closed:
                raise
        self._file.seek(0)
        return open(self._file.fileno(), "rb", closefd=False)

    def read(self) -> bytes:
        """All of it, as `opened` gives it."""
        with self.opened() as file:
            return file.read(self.size)

    def sync(self) -> None:
        """Makes the file survive a power cut, where its filesystem can. Raises: OSError."""
        assert self._file is not None and self.path is not None  # noqa: S101 - they are there once it is finished
        if not self._file.closed:
            sync(self._file.fileno())
            return
        with self.path.open("r+b") as file:
            sync(file.fileno())

    def recall(self) -> None:
        """Takes what is in the file into memory. The file is deleted, unless it has got its place.

        Raises: OSError where it was released and is gone.
        """
        if self._file is not None:
            self._memory.write(self.read())
            self.discard()
            self._file = self.path = None

    @property
    def is_passing(self) -> bool:
        """Whether it is in a file that has not got its place."""
        return self._is_passing and self.path is not None

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process finds the file by its name, or gets the bytes where that name passes."""
        if self.path is None or self.is_passing:
            return bytes, (self.read(),)
        return Path, (self.path,)

    def close(self) -> None:
        """Lets go of the file, which from now on is found by its name only."""
        if self._file is not None:
            self._file.close()

    def moved_to(self, path: Path) -> None:
        """Notes that the file has got its place: it is read there, and never deleted by `discard`."""
        self.close()
        self.path, self._is_passing = path, False

    def discard(self) -> None:
        """Deletes the file, where it is still there under its passing name."""
        self.close()
        if self.path is not None and self._is_passing:
            with contextlib.suppress(OSError):
                self.path.unlink()


def sync(descriptor: int) -> None:
    """Makes a file survive a power cut, where its filesystem can. Raises: OSError, such as that the disk is full."""
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in _UNSYNCABLE:
            raise
