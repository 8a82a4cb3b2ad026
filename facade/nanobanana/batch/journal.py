"""Journal: `results.jsonl`, one line for each picture of the batch."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import attrs

from ..pictures.saving import sync_folder
from .store import LocalStore, Store
from .task import BatchResult, Task

NAME = "results.jsonl"


class Journal:
    """`results.jsonl`. On a disk each line is appended as it comes; several runners may do so at once. Where
    nothing can be appended, the file is written from the records when the run ends.

    What is already in it is kept in a private file of SQLite's, not in memory.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index = sqlite3.connect("", check_same_thread=False)
        self._index.isolation_level = None
        self._index.execute("create table noted (key text primary key, status text) without rowid")
        self._guard = threading.Lock()
        self._path: Path | None = None
        if isinstance(store, LocalStore):
            self._path = store.path(NAME)
            self._file = self._path.open("ab+")
            with self._locked() as file:
                self._mend(file)
                for line, _ in _lines(file):
                    self._remember(line)

    def note(self, result: BatchResult, task: Task | BatchResult) -> None:
        """Adds the line of a result, unless it says what the last one for this picture says already."""
        if self._path is None or result.status == "taken":
            return
        with self._guard:
            self._note(result, task)

    def _note(self, result: BatchResult, task: Task | BatchResult) -> None:
        status = "done" if result.status == "skipped" else result.status
        line = task.about() if isinstance(task, Task) else {}
        line |= {name: value for name, value in attrs.asdict(result).items() if value is not None}
        line["status"] = status
        known = self._index.execute("select status from noted where key = ?", (_key(line),)).fetchone()
        if known == (status,) and result.status != "done":
            return
        with self._locked() as file:
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            file.flush()  # not synced one by one: the records are, and a line that a power cut takes is written again
        self._remember(line)

    def close(self) -> None:
        """Leaves one line for each picture, the last, and closes the file."""
        if self._path is None:
            names = sorted(self._store.names(".nanobanana", ".record"))
            records = filter(None, map(self._store.get, names))
            self._store.put(NAME, b"".join(record + b"\n" for record in records))
        else:
            with self._locked() as file:
                os.fsync(file.fileno())
                self._compact(file, self._path)
            self._file.close()
        self._index.close()

    def _remember(self, line: dict[str, Any]) -> None:
        self._index.execute("insert or replace into noted values (?, ?)", (_key(line), str(line.get("status"))))

    def _mend(self, file: IO[bytes]) -> None:
        """Ends a last line that was cut in the middle of being written."""
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
                file.flush()

    def _compact(self, file: IO[bytes], path: Path) -> None:
        """Writes the file anew with the last line of each picture only, if any has several: of an earlier run, or of
        another runner that met the same picture."""
        self._index.execute("create table last (key text primary key, start integer) without rowid")
        repeats = False
        for line, start in _lines(file):
            known = self._index.execute("select 1 from last where key = ?", (_key(line),)).fetchone()
            repeats = repeats or known is not None
            self._index.execute("insert or replace into last values (?, ?)", (_key(line), start))
        if not repeats:
            return
        temporary = path.with_name(f".{secrets.token_hex(8)}.part")
        with temporary.open("xb") as fresh:
            for (start,) in self._index.execute("select start from last order by start"):
                file.seek(start)
                fresh.write(file.readline())
            fresh.flush()
            os.fsync(fresh.fileno())
        temporary.replace(path)
        sync_folder(path.parent)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        """The file, locked against other runners. One that has replaced it meanwhile is followed."""
        assert self._path is not None  # noqa: S101 - only called where there is a file
        while True:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            if self._path.exists() and os.path.samestat(os.fstat(self._file.fileno()), self._path.stat()):
                break
            self._file.close()
            self._file = self._path.open("ab+")
        try:
            yield self._file
        finally:
            if not self._file.closed:
                fcntl.flock(self._file, fcntl.LOCK_UN)


def _key(line: dict[str, Any]) -> str:
    return str(line.get("key") or f"{line.get('line')} {line.get('id')}")


def _lines(file: IO[bytes]) -> Iterator[tuple[dict[str, Any], int]]:
    """The lines that can be read, with where they start."""
    start = 0
    file.seek(0)
    for raw in file:
        with contextlib.suppress(ValueError, RecursionError):
            line = json.loads(raw)
            if isinstance(line, dict):
                yield line, start
        start += len(raw)
