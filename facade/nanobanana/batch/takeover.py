"""Takeover: what is known of a folder that has no ledger yet, by the files of an earlier version or results.jsonl."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from .decision import State
from .folder import STATE, Folder
from .journal import NAME

Known = tuple[State, dict[str, Any], str | None]
_STATES: dict[tuple[str, str], State] = {
    ("done", ""): "done",
    ("failed", "no"): "free",
    ("failed", "probably"): "paid",
    ("failed", "unknown"): "unknown",
    ("unknown", "unknown"): "unknown",
}


def known_before(folder: Folder) -> Iterator[Known]:
    """State, record and refuge of each picture that was paid for, or may have been. The first word on one counts.

    An earlier version kept, by key, `.record` (the end of a task), `.claim` (made before its call) and `.picture` (one
    that had no place yet). A `results.jsonl` alone is what a folder keeps that lost its ledger.

    Raises: whatever the folder does.
    """
    claims: dict[str, str | None] = {}
    for name in folder.names(STATE):
        key, _, kind = name.rpartition("/")[2].partition(".")
        if kind == "record":
            known = list(_of_line(folder.read(name)))
            yield from known
            if not known:  # damaged: it was sent, and that is all
                claims.setdefault(key, None)
        elif kind == "picture":
            claims[key] = name
        elif kind.startswith("claim"):
            claims.setdefault(key, None)
    with contextlib.suppress(FileNotFoundError):
        for line in folder.read(NAME).splitlines():  # a claim may be of a later run than a failure that cost nothing
            yield from (known for known in _of_line(line) if known[0] != "free" or known[1]["key"] not in claims)
    for key, picture in claims.items():
        yield "claimed", {"id": key[:20], "key": key, "line": 0, "status": "unknown", "error": _LOST}, picture


_LOST = {
    "class": "OutcomeUnknownError",
    "message": "it was sent in an earlier run that did not live to see the answer",
    "billed": "unknown",
}


def _of_line(line: bytes) -> Iterator[Known]:
    try:
        record = json.loads(line)
        error = record.get("error") or {}
        state = _STATES.get((str(record["status"]), str(error.get("billed", ""))))
        number = record.get("line")
    except (ValueError, RecursionError, KeyError, AttributeError):  # a run that was killed may leave half a line
        return
    if state is not None and isinstance(record.get("key"), str):
        yield state, record | {"line": number if isinstance(number, int) else 0}, None
