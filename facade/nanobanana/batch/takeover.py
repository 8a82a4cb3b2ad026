"""Takeover: what is known of a folder that has no ledger yet, by the files of an earlier version or results.jsonl."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from .decision import state_of
from .folder import STATE, Folder
from .journal import NAME
from .ledger import Row, claimed


def known_before(folder: Folder) -> Iterator[Row]:
    """What is known of each picture that was paid for, or may have been. The first word on one counts.

    An earlier version kept, by key, `.record` (the end of a task), `.claim` (made before its call) and `.picture` (one
    that had no place yet). A `results.jsonl` alone is what a folder keeps that lost its ledger.

    Raises: whatever the folder does.
    """
    claims: dict[str, str | None] = {}
    for name in folder.names(STATE):
        key, _, kind = name.rpartition("/")[2].partition(".")
        row = _of_line(folder.read(name)) if kind == "record" else None
        if row is not None:
            yield row
        elif kind == "picture":
            claims[key] = name
        elif kind.startswith(("claim", "record")):  # a damaged record: it was sent, and that is all
            claims.setdefault(key, None)
    with contextlib.suppress(FileNotFoundError):
        for row in map(_of_line, folder.read(NAME).splitlines()):
            # A claim may be of a later run than a failure that cost nothing.
            if row is not None and not (row.state == "free" and row.record["key"] in claims):
                yield row
    for key, picture in claims.items():
        yield claimed({"id": key[:20], "key": key, "line": 0}, refuge=picture)


def _of_line(line: bytes) -> Row | None:
    try:
        record = json.loads(line)
        state_of(record)  # or it is none
        key, number = record["key"], record.get("line")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):  # a kill may leave half a line
        return None
    return Row(record | {"line": number if isinstance(number, int) else 0}) if isinstance(key, str) else None
