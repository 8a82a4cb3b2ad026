"""Spool: where a picture goes while it arrives."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
from pathlib import Path
from typing import Any

_SMALL = 128 * 1024  # bytes up to which a file costs more than it saves
_LARGE = 8 * 1024 * 1024  # bytes from which on a picture gets memory of its own from the system, which goes back whole:
_MAPPED = 33 * 1024 * 1024  # malloc (glibc's) maps what is larger than 32 MB, and what is not touched costs nothing


class _Open(io.RawIOBase):
    """A file that stays open when this is closed. It takes no descriptor of its own, as there may be none left."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer) or 0

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)


class Spool:
    """The bytes of a picture while it arrives: in memory or, given a folder, in a file there, under a passing name.

    The file stays open, so that what was paid for is not lost with a folder that somebody deletes. A small picture
    needs no file; and where none can be made, or the disk is full, memory takes over.

    room: bytes to have ready in memory, so that it need not be moved as it grows.
    """

    def __init__(self, folder: Path | None, room: int = 0) -> None:
        self.path: Path | None = None
        self.size = 0
        self._folder = folder  # until there is a file in it
        self._file: io.FileIO | None = None
        ready = 0 if folder else room if room < _LARGE else max(room, _MAPPED)
        self._memory = io.BytesIO(bytes(ready))

    def write(self, data: bytes) -> None:
        """Adds what came."""
        if self._folder is not None and self.size + len(data) > _SMALL:
            self._begin_file(self._folder)
        view = memoryview(data)
        try:
            while view and self._file is not None:
                written = self._file.write(view)
                self.size, view = self.size + written, view[written:]
        except OSError:
            self._leave_file()
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

    def _leave_file(self) -> None:
        self._memory.write(self.read())
        self.discard()
        self._file = self.path = None

    def finish(self) -> bytes | Spool:
        """What has come: its bytes, or this very spool where they are in its file."""
        if self._file is not None:
            return self
        self._memory.truncate(self.size)
        return self._memory.getvalue()

    def opened(self) -> io.BufferedReader:
        """The file from its beginning, over the descriptor that is open. Only for one that `finish` returned."""
        assert self._file is not None  # noqa: S101 - it is there from then on
        self._file.seek(0)
        return io.BufferedReader(_Open(self._file))

    def read(self) -> bytes:
        """All that is in the file."""
        with self.opened() as file:
            return file.read(self.size)

    def sync(self) -> None:
        """Makes the file survive a power cut. Raises: OSError."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            self._file.close()

    def discard(self) -> None:
        """Deletes the file, where it is still there."""
        self.close()
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()
