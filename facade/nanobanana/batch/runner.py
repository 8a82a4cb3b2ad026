"""Runner: the work of a batch, many calls at once, drawn here or by the workers of an executor."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import attrs

from ..errors import ConfigurationError, InvalidRequestError, NanoBananaError
from ..pictures.generation import Generation
from ..pictures.remote import RemoteImage
from ..pictures.saving import as_path
from ..request import ImageRequest
from .books import Books, Claim
from .decision import Options
from .drawn import Drawn, Recipe, draw_there
from .lines import Line
from .task import BatchResult, Task, as_error, expand
from .waits import PATIENCE, judge, pause_after

Draw = Callable[[ImageRequest, Path | None], Awaitable[Generation]]
T = TypeVar("T")
_MOST = 10_000  # calls at once, each of which takes memory here
_FILE_THREADS, _FETCHES = 8, 4


@attrs.define
class Summary:
    """What became of a batch: how many pictures are done now, were done before (skipped), failed or are unknown; tokens
    and seconds of this run; and why it stopped early, if it did. None is `taken`, as one run has a folder at a time."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    unknown: int = 0
    taken: int = attrs.field(default=0, repr=False)
    tokens: int = 0
    seconds: float = 0.0
    stopped: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every picture of the batch is there."""
        return not (self.failed or self.unknown or self.taken or self.stopped)

    def count(self, result: BatchResult) -> None:
        """Adds a result."""
        setattr(self, result.status, getattr(self, result.status) + 1)
        if result.status == "done":
            self.tokens += result.tokens or 0


def _ledger_dir(given: object) -> str | None:
    return None if given is None else as_path(given, "ledger_dir")


@attrs.define(eq=False, slots=False, kw_only=True)
class Runner:
    """The work of a batch, in an event loop of its own, and its summary.

    Raises: InvalidRequestError where the concurrency is no whole number of at least 1.
    """

    _draw: Draw
    _address: str
    _options: Options
    concurrency: int = attrs.field(default=8)
    _executor: Executor | None = None
    _recipe: Recipe | None = None
    _place: str = "another endpoint"
    _ledger_dir: str | None = attrs.field(default=None, converter=_ledger_dir)
    summary: Summary = attrs.field(factory=Summary, init=False)
    failure: BaseException | None = attrs.field(default=None, init=False)
    """What the lines raised, to be raised once the calls under way are finished and kept."""
    _resume_at: float = attrs.field(default=-math.inf, init=False)  # when a shared wait is over, on the monotonic clock
    _patience: float = attrs.field(default=PATIENCE, init=False)

    @concurrency.validator
    def _check(self, _: object, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST:
            problem = f"concurrency is {value!r}; it must be a whole number from 1 to {_MOST}"
            raise InvalidRequestError(problem, param="concurrency")

    def stop(self, reason: str) -> None:
        """Takes no new work; calls under way are finished and kept. The first reason is the one that is told."""
        self.summary.stopped = self.summary.stopped or reason or "no reason was given"

    async def run(self, next_line: Callable[[], Line | None], send: Callable[[BatchResult], None]) -> None:
        """Does all of it. `next_line` is asked, in a thread, for one line after the other, and gives None at the end;
        `send` is given each result.

        Raises: ConfigurationError. What `next_line` raises is in `failure`.
        """
        began = time.monotonic()
        self._files = anyio.CapacityLimiter(_FILE_THREADS)
        self._fetches = anyio.CapacityLimiter(_FETCHES)
        self._turn = anyio.Lock()
        self._books = await self._in_thread(
            Books, self._address, self._ledger_dir, self._options, self.stop, self._place
        )
        self._tasks = expand(iter(next_line, None))
        try:
            async with anyio.create_task_group() as group:
                for _ in range(self.concurrency):
                    group.start_soon(self._work, send)
        finally:
            self._tasks.close()
            await self._in_thread(self._books.close)
            self.summary.seconds = time.monotonic() - began

    async def _work(self, send: Callable[[BatchResult], None]) -> None:
        while not self.summary.stopped:
            async with self._turn:  # an iterator has one taker at a time
                task = await self._in_thread(self._next)
            if isinstance(task, BaseException):
                self.failure = self.failure or task
                self.stop(f"{type(task).__name__}: {task}")
                return
            if task is None or (self.summary.stopped and isinstance(task, Task)):
                return
            result = await self._safely(task)
            if result is not None:
                self.summary.count(result)
                send(result)

    def _next(self) -> Task | BatchResult | BaseException | None:
        try:
            return next(self._tasks, None)
        except BaseException as exc:  # the caller's own, SystemExit among them: the calls under way go on
            return exc

    async def _safely(self, task: Task | BatchResult) -> BatchResult | None:
        if isinstance(task, BatchResult):
            return await self._in_thread(self._books.wrong, task)
        try:
            return await self._do(task)
        except Exception as exc:  # such as no memory left, or a fault of this library: not for the tasks beside it
            problem = f"{type(exc).__name__}: {exc}"
            self.stop(problem)
            error = as_error("OutcomeUnknownError", problem, "unknown")
            return BatchResult.of(task.about(), status="unknown", error=error)

    async def _do(self, task: Task) -> BatchResult | None:
        """One task, to its end; None where it was not begun."""
        tries = 0
        while True:
            while (pause := self._resume_at - time.monotonic()) > 0 and not self.summary.stopped:
                await anyio.sleep(min(pause, 0.5))
            if self.summary.stopped:
                return None
            claim = await self._in_thread(self._books.begin, task)
            if isinstance(claim, BatchResult):
                return claim
            if claim.drawn is not None:
                return await self._fetch(claim, claim.drawn)
            if self.summary.stopped or self._resume_at > time.monotonic():
                await self._in_thread(self._books.give_back, claim)
                continue
            claim.tries = tries = tries + 1
            result = await self._send(claim)
            if result is not None:
                return result

    async def _send(self, claim: Claim) -> BatchResult | None:
        """One call, to its end; None where a rate limit makes all wait, and it is to be claimed and sent again."""
        books = self._books
        try:
            drawn = await self._draw_one(claim)
        except NanoBananaError as exc:
            verdict = judge(exc)
            pause = pause_after(getattr(exc, "retry_after", None), claim.tries - 1, self._patience)
            if verdict == "pause" and pause is not None:
                self._hold(pause)
                await self._in_thread(books.give_back, claim)
                return None
            if verdict == "pause":
                self.stop(f"{exc.message}: that is a longer wait than the batch has patience for")
            elif verdict == "stop":
                self.stop(str(exc))
            return await self._in_thread(books.fail, claim, exc)
        except Exception as exc:  # nobody knows what it is, nor what was paid for; the calls beside it go on
            return await self._in_thread(books.revisit, claim, exc)
        self._patience = PATIENCE
        if isinstance(drawn.image, RemoteImage):
            return await self._fetch(claim, drawn)
        return await self._in_thread(books.keep, claim, drawn)

    def _hold(self, pause: float) -> None:
        """Lets all workers wait. What they wait together is charged to the batch once."""
        until = time.monotonic() + pause
        self._patience -= max(0.0, until - max(self._resume_at, time.monotonic()))
        self._resume_at = max(self._resume_at, until)

    async def _draw_one(self, claim: Claim) -> Drawn:
        """Draws, here or in a worker of the executor. What comes back is paid for: no cancellation takes it away."""
        request, folder = claim.task.request, self._books.folder
        if self._executor is None or self._recipe is None:
            return Drawn.of(await self._draw(request, folder.incoming))
        token = f"{claim.task.key[:16]}-{secrets.token_hex(8)}"
        try:
            future = self._executor.submit(draw_there, self._recipe, request, folder.address, claim.stem, token)
        except Exception as exc:  # it is broken or shut down
            raise ConfigurationError(f"the executor takes no work: {type(exc).__name__}: {exc}") from None
        try:
            await asyncio.gather(asyncio.wrap_future(future), return_exceptions=True)
        except asyncio.CancelledError:  # this batch is aborted; it is no matter of what the executor itself cancels
            if future.cancel():
                await self._in_thread(self._books.give_back, claim)
            raise
        error = future.exception()
        if error is not None and not isinstance(error, Exception):  # such as SystemExit in a worker
            raise RuntimeError(f"the worker ended by {type(error).__name__}")
        outcome = future.result()
        if isinstance(outcome, NanoBananaError):
            raise outcome
        return outcome

    async def _fetch(self, claim: Claim, drawn: Drawn) -> BatchResult:
        """Fetches a picture that was paid for and lies elsewhere, where that is allowed. Its address is kept first."""
        told = await self._in_thread(self._books.lies_elsewhere, claim, drawn)
        if not self._options.fetch_remote or not isinstance(drawn.image, RemoteImage):
            return told
        try:
            image = await anyio.to_thread.run_sync(drawn.image.download, limiter=self._fetches, abandon_on_cancel=True)
        except Exception:  # what that server says of it is not for results.jsonl
            return told
        return await self._in_thread(self._books.keep, claim, attrs.evolve(drawn, image=image))

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        """What a function that takes a while returns or raises; no cancellation comes between. Where no thread can be
        had any more, as when the program ends, it is run here."""
        outcome: Future[T] = Future()

        def call() -> None:
            try:
                outcome.set_result(function(*arguments))
            except Exception as exc:
                outcome.set_exception(exc)

        try:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(call, limiter=self._files)
        except RuntimeError:
            call()
        return outcome.result()
