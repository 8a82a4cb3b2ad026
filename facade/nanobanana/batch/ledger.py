"""Ledger: what is known of each picture of a batch, in one SQLite file that one runner holds at a time.

A claim is a row that is committed, and synced, before its call leaves; what came of the call is committed once its
picture is on disk. So whatever moment a run ends at, the next one knows which calls may have been paid for.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import sqlite3
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Any, TypeAlias
from unicodedata import normalize

import attrs

from .._engine.disk import sync_folder
from ..errors import ConfigurationError
from .decision import State, state_of
from .task import as_error

_VERSION = 1
_SCHEMA = (
    """
create table if not exists task (
  key text primary key, line integer not null, state text not null,
  stem text, folded text unique,  -- the name of its picture without suffix, as it is and as filesystems compare it
  refuge text,                    -- where its picture was put when the folder would not take it
  record text not null            -- its line of results.jsonl
) without rowid""",
    "create table if not exists about (name text primary key, value text not null) without rowid",
    "create temporary table wrong (line integer primary key, record text not null)",  # each run looks at them again
)
_PUT = (
    "insert into task values (?, ?, ?, ?, ?, ?, ?) on conflict (key) do update set line = excluded.line, "
    "state = excluded.state, stem = excluded.stem, folded = excluded.folded, refuge = excluded.refuge, "
    "record = excluded.record"
)
_WAYS = (  # how it is kept, the best first
    ("wal", "full", ""),
    ("truncate", "extra", ""),  # as safe, and slower
    ("truncate", "off", "does not sync files: after a power cut, the last pictures may be paid for again"),
)
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_HELD = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_ATTEMPTS = 4


_Write: TypeAlias = tuple[str, tuple[Any, ...], Future[None]]
"""A statement with its values, and its end, which whoever asked for it awaits."""


class LedgerWarning(UserWarning):
    """The filesystem lacks something by which a batch is kept safe, and another way was taken."""


@attrs.frozen
class Row:
    """What is known of a task: its line of results.jsonl, the name of its picture without suffix, and where the picture
    is, if not under that name: in another folder, or below this one."""

    record: dict[str, Any]
    stem: str | None = None
    refuge: str | None = None

    @property
    def state(self) -> State:
        """What the record says."""
        return state_of(self.record)

    def _values(self) -> tuple[str | int | None, ...]:
        folded = None if self.stem is None else normalize("NFC", normalize("NFD", self.stem).casefold())
        key, line = self.record["key"], self.record["line"]
        return key, line, self.state, self.stem, folded, self.refuge, as_line(self.record)


def claimed(about: Mapping[str, Any], *, stem: str | None = None, refuge: str | None = None) -> Row:
    """That a task may have been sent. Whoever finds it later knows that its run died."""
    error = as_error("OutcomeUnknownError", "it was sent by a run that did not live to see the answer", "unknown")
    return Row({**about, "status": "unknown", "error": error}, stem, refuge)


class Ledger:
    """The rows of a batch. Its methods may be called by several threads; those that write return when what they wrote
    is on disk.

    Raises: ConfigurationError where another runner holds it, where it is damaged, or where the filesystem cannot keep
    one. Its methods raise sqlite3.Error.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._guard, self._pending = threading.Lock(), deque[_Write]()
        self._holder = path.with_suffix(".holder")
        self._lock: IO[bytes] | None = None
        try:
            self._connection, self.is_new = self._opened()
        except BaseException:
            self._unlock()
            raise
        about = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        with contextlib.suppress(OSError):  # it only tells others who holds it
            self._holder.write_text(json.dumps(about))
        sync_folder(path.parent)

    def _opened(self) -> tuple[sqlite3.Connection, bool]:
        """Two that come at the same moment may both be refused; so each comes again, after a time of its own."""
        ways, attempts = list(_WAYS), _ATTEMPTS
        while True:
            journal, synchronous, lack = ways[0]
            try:
                if self._lock is None:
                    self._lock = _locked(self._holder)
                opened = _connected(self.path, journal, synchronous)
            except sqlite3.Error as exc:
                code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
                if code in _HELD and attempts > 1:
                    attempts -= 1
                    time.sleep(random.uniform(0.02, 0.3))  # noqa: S311 - no secret
                elif code in _HELD | _DAMAGED or len(ways) == 1:
                    raise self._refusal(exc, code) from None
                else:
                    ways.pop(0)
            else:
                if lack:
                    warnings.warn(f"the filesystem of {self.path} {lack}", LedgerWarning, stacklevel=2)
                return opened

    def _refusal(self, error: sqlite3.Error, code: int) -> ConfigurationError:
        if code in _DAMAGED:
            return ConfigurationError(
                f"the ledger {self.path}, by which nothing is paid for twice, is damaged ({error}), and kept as it is",
                advice="Put back a copy of it; or move it away: then results.jsonl is what the next run goes by",
            )
        if code in _HELD:
            who, advice = self._who(), "Wait until it has ended"
            if not who:
                advice += "; if there is none, the filesystem cannot lock files: name a local folder (ledger_dir)"
            return ConfigurationError(
                f"another run works on this folder: {who or f'it holds {self.path}'}", advice=advice
            )
        return ConfigurationError(
            f"the ledger {self.path} cannot be kept there: {error}",
            advice="Name a local folder for the ledger (ledger_dir)",
        )

    def _who(self) -> str:
        """Who holds the ledger; "" where that is not known."""
        try:
            about = json.loads(self._holder.read_text())
            return f"process {about['pid']} on {about['host']}, since {about['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def close(self) -> None:
        """Lets go of the folder. Raises: sqlite3.Error."""
        with contextlib.suppress(OSError):
            self._holder.unlink()
        with self._guard:
            try:
                self._connection.close()
            finally:
                self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()

    def row(self, key: str) -> Row | None:
        """What is known of a task; None where it was never heard of."""
        with self._guard:
            query = "select record, stem, refuge from task where key = ?"
            found = self._connection.execute(query, (key,)).fetchone()
        return Row(json.loads(found[0]), *found[1:]) if found else None

    def records(self) -> Iterator[str]:
        """All lines of results.jsonl, in the order of the requests."""
        both = "select line, record from wrong union all select line, record from task order by line"
        with self._guard:
            for _, record in self._connection.execute(both):
                yield record

    def place(self, place: str) -> str:
        """Where the tasks were drawn that are here; where there are none, they are drawn at this place from now on."""
        with self._guard, self._connection:
            self._connection.execute("delete from about where not exists (select 1 from task)")
            self._connection.execute("insert or ignore into about values ('place', ?)", (place,))
            return str(self._connection.execute("select value from about where name = 'place'").fetchone()[0])

    def put(self, row: Row) -> None:
        """Writes down what is known of a task now, over what was."""
        self._write(_PUT, row._values())

    def name(self, row: Row, stems: Iterable[str]) -> str:
        """Writes down what is known of a task, under the first of the names that no other has, and returns that."""
        for stem in stems:
            with contextlib.suppress(sqlite3.IntegrityError):
                self.put(attrs.evolve(row, stem=stem))
                return stem
        raise sqlite3.IntegrityError(f"another task has the name of {row.record['id']}")

    def put_wrong(self, record: dict[str, Any]) -> None:
        """Writes down a line that is no task."""
        self._write("insert or replace into wrong values (?, ?)", (record["line"], as_line(record)))

    def forget(self, key: str) -> None:
        """Forgets a task."""
        self._write("delete from task where key = ?", (key,))

    def take_over(self, rows: Iterable[Row]) -> None:
        """Takes the rows of what went before a new ledger: all of them, or none if this is cut short."""
        with self._guard, self._connection:
            for row in rows:
                self._connection.execute("insert or ignore into task values (?, ?, ?, ?, ?, ?, ?)", row._values())
            self._connection.execute(f"pragma user_version = {_VERSION}")

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        """Commits a write, together with all that came while the one before was synced."""
        end: Future[None] = Future()
        self._pending.append((statement, values, end))
        with self._guard:
            if not end.done():
                self._commit([self._pending.popleft() for _ in range(len(self._pending))])
        end.result()

    def _commit(self, group: list[_Write]) -> None:
        try:
            with self._connection:
                for statement, values, _ in group:
                    self._connection.execute(statement, values)
        except BaseException as exc:
            if len(group) == 1:
                group[0][2].set_exception(exc)
                return
            for write in group:  # each by itself: only one may be at fault
                self._commit([write])
        else:
            for _, _, end in group:
                end.set_result(None)


def _locked(path: Path) -> IO[bytes] | None:
    """A file that is locked as long as it is open. SQLite's own locks are POSIX's: they are lost as soon as this
    process opens and closes the ledger, as whoever copies the folder does. None where there is no such lock.

    Raises: sqlite3.OperationalError where another holds it.
    """
    try:
        import fcntl  # Windows, where a lock belongs to who took it, has none

        file = path.open("ab", buffering=0)
    except (ImportError, OSError):
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        file.close()
        if not isinstance(exc, BlockingIOError):  # not every filesystem has such locks
            return None
        error = sqlite3.OperationalError(str(exc))
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error from None
    _LOCKS.add(file)
    return file


def _unlock_all() -> None:
    for file in _LOCKS:
        file.close()


_LOCKS: weakref.WeakSet[IO[bytes]] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):  # a child that lives on would hold the folder
    os.register_at_fork(after_in_child=_unlock_all)


def _connected(path: Path, journal: str, synchronous: str) -> tuple[sqlite3.Connection, bool]:
    """Takes hold of the file, and tries that it can be written; says whether it is a new one."""
    connection = sqlite3.connect(path, timeout=0.1, isolation_level="IMMEDIATE", check_same_thread=False)
    try:
        connection.execute("pragma locking_mode = exclusive")
        connection.execute(f"pragma journal_mode = {journal}")
        connection.execute(f"pragma synchronous = {synchronous}")
        with connection:
            connection.execute("begin immediate")
            (version,) = connection.execute("pragma user_version").fetchone()
            if version > _VERSION:
                raise ConfigurationError(f"{path} is of a later version of this library", advice="Update it")
            for statement in _SCHEMA:
                connection.execute(statement)
        (verdict,) = connection.execute("pragma quick_check(1)").fetchone()
        if verdict != "ok":
            error = sqlite3.DatabaseError(verdict)
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error
    except BaseException:
        connection.close()
        raise
    return connection, version == 0


def as_line(record: dict[str, Any]) -> str:
    """A record as a line of results.jsonl. Half a surrogate pair, which no file can hold, becomes U+FFFD."""
    line = json.dumps({name: value for name, value in record.items() if value is not None}, ensure_ascii=False)
    return line.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
