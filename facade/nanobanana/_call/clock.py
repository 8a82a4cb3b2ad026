"""Clock: time and chance as a call sees them, so that whoever plays a call can bring others."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import anyio
from attrs import frozen


def _now() -> datetime:
    return datetime.now(UTC)


@frozen
class Clock:
    """monotonic: seconds since some moment. now: the time of day with its zone, for dates of HTTP. sleep, sleep_async:
    wait so many seconds. random: a number from 0 to 1, for jitter."""

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _now
    sleep: Callable[[float], None] = time.sleep
    sleep_async: Callable[[float], Awaitable[None]] = anyio.sleep
    random: Callable[[], float] = random.random
