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
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs

from .._engine.disk import sync_folder
from ..errors import ConfigurationError
from .decision import State

_VERSION = 1
_SCHEMA = """
create table if not exists task (
  key text primary key, line integer not null, state text not null,
  stem text, folded text unique,  -- the name of its picture without suffix, as it is and as filesystems compare it
  refuge text,                    -- where its picture was put when the folder would not take it
  record text not null            -- its line of results.jsonl
) without rowid;
create table if not exists wrong (line integer primary key, record text not null);
"""
_WAYS = (  # how it is kept, the best first
    ("wal", "full", ""),
    ("truncate", "extra", ""),  # as safe, and slower
    ("truncate", "off", "does not sync files: after a power cut, the last pictures may be paid for again"),
)
_PUT = (
    "insert into task values (?, ?, ?, ?, ?, ?, ?) on conflict (key) do update set line = excluded.line, "
    "state = excluded.state, stem = excluded.stem, folded = excluded.folded, refuge = excluded.refuge, "
    "record = excluded.record"
)
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_ATTEMPTS = 4
_HELD = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class LedgerWarning(UserWarning):
    """The filesystem lacks something by which a batch is kept safe, and another way was taken."""


@attrs.frozen
class Row:
    """What is known of a task."""

    state: State
    stem: str | None
    refuge: str | None
    record: dict[str, Any]


@attrs.define(eq=False)
class _Write:
    statement: str
    values: tuple[Any, ...]
    is_over: bool = False
    error: BaseException | None = None


class Ledger:
    """The rows of a batch. Its methods may be called by several threads; those that write return when what they wrote
    is on disk.

    Raises: ConfigurationError where another runner holds it, where it is damaged, or where the filesystem cannot keep
    one. Its methods raise sqlite3.Error.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._guard, self._pending = threading.Lock(), list[_Write]()
        self._holder = path.with_suffix(".holder")
        self._connection, self.is_new = self._opened()
        about = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        with contextlib.suppress(OSError):  # it only tells others who holds it
            self._holder.write_text(json.dumps(about))
        sync_folder(path.parent)

    def _opened(self) -> tuple[sqlite3.Connection, bool]:
        """Two that come at the same moment may both be refused; so each comes again, after a time of its own."""
        problem: ConfigurationError
        for _ in range(_ATTEMPTS):
            try:
                return self._opened_once()
            except _HeldError as exc:
                problem = exc
                time.sleep(random.uniform(0.02, 0.3))  # noqa: S311 - no secret
            except _OtherWayError as exc:
                problem = exc
                break
        raise ConfigurationError(problem.message, advice=problem.advice)

    def _opened_once(self) -> tuple[sqlite3.Connection, bool]:
        problem = ConfigurationError("")
        for journal, synchronous, lack in _WAYS:
            connection = None
            try:
                connection = sqlite3.connect(self.path, timeout=0.1, isolation_level=None, check_same_thread=False)
                is_new = _prepare(connection, journal, synchronous)
            except (sqlite3.Error, OSError) as exc:
                problem = self._refusal(exc)
            else:
                if lack:
                    warnings.warn(f"the filesystem of {self.path} {lack}", LedgerWarning, stacklevel=2)
                return connection, is_new
            if connection is not None:
                connection.close()
            if not isinstance(problem, _OtherWayError):
                break
        raise problem

    def _refusal(self, error: Exception) -> ConfigurationError:
        code = getattr(error, "sqlite_errorcode", 0)
        if isinstance(error, _NewerError):
            return ConfigurationError(f"{self.path} is of a later version of this library", advice="Update it")
        if code & 0xFF in _DAMAGED:
            return ConfigurationError(
                f"the ledger {self.path}, by which nothing is paid for twice, is damaged ({error}), and kept as it is",
                advice="Put back a copy of it; or move it away: then results.jsonl is what the next run goes by",
            )
        if code & 0xFF in _HELD:
            who, advice = self._who(), "Wait until it has ended"
            if not who:
                advice += "; if there is none, the filesystem cannot lock files: name a local folder (ledger_dir)"
            return _HeldError(f"another run works on this folder: {who or f'it holds {self.path}'}", advice=advice)
        return _OtherWayError(
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
            self._connection.close()

    def row(self, key: str) -> Row | None:
        """What is known of a task; None where it was never heard of."""
        found = self._read("select state, stem, refuge, record from task where key = ?", key)
        return Row(found[0], found[1], found[2], json.loads(found[3])) if found else None

    def is_free(self, stem: str) -> bool:
        """Whether no task has its picture under this name."""
        return self._read("select 1 from task where folded = ?", stem.casefold()) is None

    def _read(self, query: str, value: str) -> Any:
        with self._guard:
            return self._connection.execute(query, (value,)).fetchone()

    def put(self, state: State, record: dict[str, Any], *, stem: str | None, refuge: str | None = None) -> None:
        """Writes down what is known of a task now, over what was."""
        folded = stem.casefold() if stem is not None else None
        self._write(_PUT, (record["key"], record["line"], state, stem, folded, refuge, as_line(record)))

    def put_wrong(self, record: dict[str, Any]) -> None:
        """Writes down a line that is no task."""
        self._write("insert or replace into wrong values (?, ?)", (record["line"], as_line(record)))

    def forget_wrong(self) -> None:
        """Forgets the lines that were wrong in an earlier run: they will be looked at again."""
        self._write("delete from wrong", ())

    def take_over(self, rows: Iterable[tuple[State, dict[str, Any], str | None]]) -> None:
        """Takes the rows of what went before a new ledger: all of them, or none if this is cut short."""
        statement = "insert or ignore into task values (?, ?, ?, ?, ?, ?, ?)"
        with self._guard, _transaction(self._connection):
            for state, record, refuge in rows:
                values = (record["key"], record["line"], state, None, None, refuge, as_line(record))
                self._connection.execute(statement, values)
            self._connection.execute(f"pragma user_version = {_VERSION}")

    def forget(self, key: str) -> None:
        """Forgets a task."""
        self._write("delete from task where key = ?", (key,))

    def records(self) -> Iterator[str]:
        """All lines of results.jsonl, in the order of the requests."""
        both = "select line, record from wrong union all select line, record from task order by line"
        with self._guard:
            for _, record in self._connection.execute(both):
                yield record

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        """Commits a write, together with all that came while the one before was synced."""
        write = _Write(statement, values)
        self._pending.append(write)
        with self._guard:
            if not write.is_over:
                group, self._pending = self._pending, []
                self._commit(group)
        if write.error is not None:
            raise write.error

    def _commit(self, group: list[_Write]) -> None:
        for writes in (group, *([write] for write in group if len(group) > 1)):  # together; or each by itself
            try:
                with _transaction(self._connection):
                    for write in writes:
                        self._connection.execute(write.statement, write.values)
            except BaseException as exc:
                for write in writes:
                    write.error, write.is_over = exc, True
            else:
                for write in writes:
                    write.error, write.is_over = None, True
                if writes is group:
                    return


class _OtherWayError(ConfigurationError):
    """It cannot be kept in this way; perhaps in another."""


class _HeldError(ConfigurationError):
    """Somebody else holds it."""


class _NewerError(sqlite3.Error):
    """A later version of this library has written it."""


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("begin immediate")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def _prepare(connection: sqlite3.Connection, journal: str, synchronous: str) -> bool:
    """Takes hold of the file, and tries that it can be written; says whether it is a new one."""
    connection.execute("pragma locking_mode = exclusive")
    connection.execute(f"pragma journal_mode = {journal}")
    connection.execute(f"pragma synchronous = {synchronous}")
    with _transaction(connection):
        (version,) = connection.execute("pragma user_version").fetchone()
        if version > _VERSION:
            raise _NewerError
        is_new = version == 0
        for statement in _SCHEMA.split(";\n"):
            connection.execute(statement)
    (verdict,) = connection.execute("pragma quick_check(1)").fetchone()
    if verdict != "ok":
        error = sqlite3.DatabaseError(verdict)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error
    return bool(is_new)


def as_line(record: dict[str, Any]) -> str:
    """A record as a line of results.jsonl. Half a surrogate pair, which no file can hold, becomes U+FFFD."""
    line = json.dumps({name: value for name, value in record.items() if value is not None}, ensure_ascii=False)
    return line.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
