"""Worker: one picture of a batch, from claim to record, in this process or in one of an executor's."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any, Literal

import attrs

from ..client import NanoBanana
from ..errors import AuthenticationError, NanoBananaError, PermissionDeniedError, QuotaExceededError, RateLimitError
from .ledger import Ledger, Turn
from .store import open_store
from .task import BatchResult, Task

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds, where a rate limit does not say how long
_PATIENCE = 3600.0  # seconds that one picture waits for a rate limit to end

Verdict = Literal["pause", "stop", "fail"]


@attrs.frozen
class Plan:
    """How a batch is to be done: everything a worker needs but the key, which it reads from its own environment."""

    output_dir: str
    base_url: str
    allow_insecure: bool
    timeout: float
    connect_timeout: float
    max_retries: int
    retry_unknown: bool
    retry_failed: bool
    max_response_bytes: int

    def client_options(self) -> dict[str, Any]:
        """The arguments for a client."""
        names = ("base_url", "allow_insecure", "timeout", "connect_timeout", "max_retries", "max_response_bytes")
        return {name: getattr(self, name) for name in names}

    def ledger(self) -> Ledger:
        """A ledger of the output folder, under a runner of its own."""
        store = open_store(self.output_dir)
        return Ledger(store, timeout=self.timeout, retry_unknown=self.retry_unknown, retry_failed=self.retry_failed)


def judge(error: NanoBananaError, waited: float) -> Verdict:
    """What a failed call means for the batch: pause and try again, stop everything, or fail alone.

    A 403 for one model is that request's own; any other, and a bad key or an empty account, meets all that follow.
    """
    if isinstance(error, AuthenticationError | QuotaExceededError):
        return "stop"
    if isinstance(error, PermissionDeniedError) and error.code != "model_not_accessible":
        return "stop"
    return "pause" if isinstance(error, RateLimitError) and waited < _PATIENCE else "fail"


def pause_after(error: NanoBananaError, times: int) -> float:
    """Seconds to wait after a rate limit: as long as it says, else longer each time."""
    asked = getattr(error, "retry_after", None)
    return float(asked) if asked is not None else min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**times)


@lru_cache(maxsize=4)
def _tools(plan: Plan) -> tuple[Ledger, NanoBanana]:
    return plan.ledger(), NanoBanana(**plan.client_options())


def work(plan: Plan, task: Task) -> tuple[BatchResult, str | None]:
    """Does one task in a process of an executor; returns its result and, where all others would fail as well, why."""
    ledger, client = _tools(plan)
    turn = ledger.begin(task)
    if not isinstance(turn, Turn):
        return turn, None
    times, waited = 0, 0.0
    while True:
        turn.tries += 1
        try:
            generation = client._draw(task.request, ledger.spool_folder(turn))
        except NanoBananaError as error:
            match judge(error, waited):
                case "pause":
                    pause = pause_after(error, times)
                case "stop":
                    return ledger.fail(turn, error), str(error)
                case "fail":
                    return ledger.fail(turn, error), None
        else:
            return ledger.succeed(turn, generation), None
        time.sleep(pause)
        times, waited = times + 1, waited + pause
