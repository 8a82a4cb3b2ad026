"""Waits: what a failed call means for the batch, and how long all of its workers wait after a rate limit."""

from __future__ import annotations

from typing import Literal

from ..errors import (
    AuthenticationError,
    ConfigurationError,
    NanoBananaError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
)

PATIENCE = 3600.0  # seconds that a batch waits for rate limits to end, from one picture to the next
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 60.0  # seconds, the least that is waited, the first time and at last

Verdict = Literal["pause", "stop", "fail"]


def judge(error: NanoBananaError) -> Verdict:
    """Whether to pause and try again, to stop everything, or to fail alone.

    A 403 for one model is that request's own; any other, a bad key, an empty account and a client that cannot be made
    meet all that follow.
    """
    if isinstance(error, AuthenticationError | QuotaExceededError | ConfigurationError):
        return "stop"
    if isinstance(error, PermissionDeniedError) and error.code != "model_not_accessible":
        return "stop"
    return "pause" if isinstance(error, RateLimitError) else "fail"


def pause_after(asked: float | None, times: int, left: float) -> float | None:
    """Seconds to wait after a rate limit that came `times` times before: as long as it asks, and longer each time in
    any case. None where that is more than the patience that is left."""
    least: float = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(times, 20))
    pause = max(asked or 0.0, least)
    return pause if pause <= left else None
