"""Decision: what to do with a task, by what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

State = Literal["done", "free", "paid", "elsewhere", "unknown"]
"""What the ledger says of a task: done, free (failed, nothing was billed), paid (failed, and paid for), elsewhere (paid
for; the answer only names the address of its picture), unknown (a call may have left, and no usable answer is here)."""

Action = Literal["send", "skip", "recover", "fetch", "tell"]
_BY_BILLING: dict[str, State] = {"no": "free", "probably": "paid", "unknown": "unknown"}


@attrs.frozen
class Options:
    """What the caller allows beyond what is safe."""

    retry_unknown: bool = False
    retry_failed: bool = False
    fetch_remote: bool = False


def state_of(record: Mapping[str, Any]) -> State:
    """The state of a task, by its line of results.jsonl.

    Raises: KeyError, TypeError or AttributeError where it is no such line.
    """
    if record["status"] == "done":
        return "done"
    error = record["error"]
    return "elsewhere" if error.get("url") else _BY_BILLING[error["billed"]]


def decide(state: State | None, options: Options, *, is_there: bool) -> Action:
    """What to do with a task of a state (None: never heard of) whose picture is there or not.

    As one runner at a time holds a folder, a claim that is found belongs to a run that died.
    """
    if state == "done":
        return "skip"
    if is_there:
        return "recover"
    match state:
        case None | "free":
            return "send"
        case "unknown":
            return "send" if options.retry_unknown else "tell"
        case "elsewhere" if options.fetch_remote:
            return "fetch"
        case "paid" | "elsewhere":
            return "send" if options.retry_failed else "tell"
