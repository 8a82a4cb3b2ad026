"""Spool: where a picture goes while it arrives."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
from pathlib import Path

_LARGE = 8 * 1024 * 1024  # bytes from which on a picture gets memory of its own from the system, which goes back whole:
_MAPPED = 33 * 1024 * 1024  # malloc (glibc's) maps what is larger than 32 MB, and what is not touched costs nothing


class Spool:
    """The bytes of a picture while it arrives: in memory or, given a folder, in a file there, under a passing name.

    The file stays open, so that what was paid for is not lost with a folder that somebody deletes; and where it cannot
    be made or the disk is full, memory takes over.

    room: bytes to have ready in memory, so that it need not be moved as it grows.
    """

    def __init__(self, folder: Path | None, room: int = 0) -> None:
        self.path: Path | None = None
        self._file: io.BytesIO | io.FileIO = io.BytesIO()
        if folder is not None:
            path = folder / f".{secrets.token_hex(8)}.part"
            with contextlib.suppress(OSError):
                self._file = io.FileIO(path, "x+")
                self.path = path
        if room and self.path is None:
            self._file = io.BytesIO(bytes(room if room < _LARGE else max(room, _MAPPED)))
        self.size = 0

    def write(self, data: bytes) -> None:
        """Adds what came."""
        view = memoryview(data)
        while view:
            try:
                written = self._file.write(view)
            except OSError:
                if self.path is None:
                    raise
                self._move_to_memory()
                continue
            self.size, view = self.size + written, view[written:]

    def _move_to_memory(self) -> None:
        memory = io.BytesIO()
        memory.write(self.read())
        self.discard()
        self.path, self._file = None, memory

    def finish(self) -> bytes | Spool:
        """What has come: its bytes, or this very spool where they are in its file."""
        if isinstance(self._file, io.FileIO):
            return self
        self._file.truncate(self.size)
        return self._file.getvalue()

    def opened(self) -> io.BufferedReader:
        """The file, opened once more, from its beginning."""
        file = os.fdopen(os.dup(self._file.fileno()), "rb")
        file.seek(0)
        return file

    def read(self) -> bytes:
        """All that has come."""
        with self.opened() as file:
            return file.read(self.size)

    def sync(self) -> None:
        """Makes the file survive a power cut. Raises: OSError."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def discard(self) -> None:
        """Deletes the file, where it is still there."""
        self.close()
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()
