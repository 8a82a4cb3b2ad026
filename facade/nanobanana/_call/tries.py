"""Tries: what is repeated and after how long, one pure decision."""

from __future__ import annotations

from .._formats.refusals import is_turned_away
from ..errors import (
    APIConnectionError,
    NanoBananaError,
    OutcomeUnknownError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
)

_FIRST_WAIT, _SHORTEST_WAIT = 0.5, 0.05  # seconds; the first before jitter, and doubled up to four times


def is_repeatable(error: NanoBananaError, *, retry_unknown: bool) -> bool:
    """Whether a repeat is safe: nothing was sent, or the endpoint said that it did nothing.

    With `retry_unknown`, also where it may have done the work and a repeat may be paid for twice.
    """
    match error:
        case APIConnectionError():
            return error.transient
        case QuotaExceededError():
            return False
        case RateLimitError():
            return True
        case ServerError():
            return is_turned_away(error) or (retry_unknown and error.billed == "unknown")
        case OutcomeUnknownError():
            return retry_unknown
        case _:
            return False


def decide(
    error: NanoBananaError,
    *,
    attempt: int,
    left: float,
    max_retries: int,
    retry_unknown: bool = False,
    jitter: float = 1.0,
) -> float | None:
    """Seconds to wait before trying again, or None to give up.

    `attempt` counts the tries made, from 1; `left` is the time left in seconds; `jitter` lies between 0 and 1.
    A wait that the endpoint asks for is kept to; otherwise it doubles, bounded, with full jitter.
    A wait that would outlast the time left is none.
    """
    if attempt > max_retries or not is_repeatable(error, retry_unknown=retry_unknown):
        return None
    asked = getattr(error, "retry_after", None)
    wait = asked if asked is not None else max(_SHORTEST_WAIT, jitter * _FIRST_WAIT * 2 ** min(attempt - 1, 4))
    return float(wait) if wait < left else None
