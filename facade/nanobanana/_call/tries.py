"""What is repeated and after how long: one pure decision."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable

import anyio
from attrs import frozen

from .._formats.refusals import is_turned_away
from ..errors import (
    APIConnectionError,
    NanoBananaError,
    OutcomeUnknownError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
)

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0  # seconds, before jitter


@frozen
class Clock:
    """Time as the client sees it, so that a test can bring its own."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    sleep_async: Callable[[float], Awaitable[None]] = anyio.sleep
    random: Callable[[], float] = random.random


CLOCK = Clock()


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
    wait: float = asked if asked is not None else jitter * min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt - 1))
    return wait if wait < left else None
