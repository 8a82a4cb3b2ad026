"""Journal: `results.jsonl`, one line for each picture of the batch and each line that was wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from .._engine.disk import sync_folder
from .._engine.spool import sync

NAME = "results.jsonl"


class Journal:
    """The file, written whole from the ledger when a run begins and ends, and appended to between. Its methods raise
    OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._guard = threading.Lock()
        self._file: IO[bytes] | None = None

    def write(self, lines: Iterable[str]) -> None:
        """Writes it anew, whole or not at all."""
        self.close()
        temporary = self.path.with_name(f".{self.path.name}.part")
        try:
            with temporary.open("wb") as file:
                file.writelines(f"{line}\n".encode() for line in lines)
                file.flush()
                sync(file.fileno())
            temporary.replace(self.path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(self.path.parent)

    def append(self, line: str) -> None:
        """Adds a line. It is not synced: the ledger is."""
        with self._guard:
            if self._file is None:
                self._file = self.path.open("ab", buffering=0)
            self._file.write(f"{line}\n".encode())

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
