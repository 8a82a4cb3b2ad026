"""Runner: the work of a batch, many calls at once, drawn here or by the workers of an executor."""

from __future__ import annotations

import math
import os
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread
import attrs

from ..errors import ConfigurationError, InvalidRequestError, NanoBananaError
from ..pictures.generation import Generation
from ..pictures.image import GeneratedImage
from ..pictures.remote import RemoteImage
from ..request import ImageRequest
from .books import Books, Claim, Known
from .decision import Options
from .drawn import Drawn, Recipe, draw_there
from .lines import Line
from .task import BatchResult, Expander, Task
from .waits import PATIENCE, judge, pause_after

Draw = Callable[[ImageRequest, Path | None], Awaitable[Generation]]
T = TypeVar("T")
_FILE_THREADS, _FETCHES = 8, 4


@attrs.define
class Summary:
    """What became of a batch: how many pictures are done now, were done before (skipped), failed or are unknown; tokens
    and seconds of this run; and why it stopped early, if it did. None is `taken`, as one run has a folder at a time."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    unknown: int = 0
    taken: int = 0
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


class Runner:
    """The work of a batch, in an event loop of its own, and its summary. `next_request` is asked, in a thread, for one
    line after the other, and for None at the end.

    Raises: InvalidRequestError where the concurrency is no whole number of at least 1.
    """

    def __init__(
        self,
        draw: Draw,
        output_dir: str | os.PathLike[str],
        options: Options,
        *,
        concurrency: int,
        executor: Executor | None,
        recipe: Recipe | None,
        ledger_dir: str | os.PathLike[str] | None,
    ) -> None:
        if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
            raise InvalidRequestError(f"concurrency is {concurrency!r}; it must be at least 1", param="concurrency")
        self.summary = Summary()
        self._draw = draw
        self._address = os.fspath(output_dir)
        self._ledger_dir = None if ledger_dir is None else os.fspath(ledger_dir)
        self._options = options
        self.concurrency = concurrency
        self._executor = executor
        self._recipe = recipe
        self.is_stopping = False
        self._failure: Exception | None = None
        self._resume_at = -math.inf  # when a shared wait is over, on the monotonic clock
        self._patience = PATIENCE

    def stop(self, reason: str) -> None:
        """Takes no new work; calls under way are finished and kept."""
        self.is_stopping = True
        self.summary.stopped = self.summary.stopped or reason

    async def run(self, next_request: Callable[[], Line | None], send: Callable[[BatchResult], None]) -> None:
        """Does all of it; `send` is given each result. Raises: ConfigurationError; what `next_request` raises, once the
        calls under way are finished and kept."""
        began = time.monotonic()
        self._threads = _Threads()
        self._calls = anyio.CapacityLimiter(self.concurrency)
        self._fetches = anyio.CapacityLimiter(_FETCHES)
        self._turn = anyio.Lock()
        self._books: Books = await self._threads.run(
            Books.open, self._address, self._ledger_dir, self._options, self.stop
        )
        self._source = _Source(next_request)
        try:
            async with anyio.create_task_group() as group:
                for _ in range(self.concurrency):
                    group.start_soon(self._work, send)
        finally:
            await self._threads.run(self._close, is_kept=True)
            self.summary.seconds = time.monotonic() - began
        if self._failure is not None:
            raise self._failure

    def _close(self) -> None:
        self._source.close()
        self._books.close()

    async def _work(self, send: Callable[[BatchResult], None]) -> None:
        while not self.is_stopping:
            try:
                async with self._turn:  # an iterator has one taker at a time
                    task = await self._threads.run(self._source.next)
            except Exception as exc:  # the caller's own
                self._failure = self._failure or exc
                self.stop(f"{type(exc).__name__}: {exc}")
                return
            if task is None or (self.is_stopping and isinstance(task, Task)):
                return
            result = await self._safely(task)
            if result is not None:
                self.summary.count(result)
                send(result)

    async def _safely(self, task: Task | BatchResult) -> BatchResult | None:
        if isinstance(task, BatchResult):
            return await self._threads.run(self._books.wrong, task)
        try:
            return await self._do(task)
        except Exception as exc:  # such as no memory left, or a fault of this library: not for the tasks beside it
            self.stop(f"{type(exc).__name__}: {exc}")
            error = {"class": "OutcomeUnknownError", "message": f"{type(exc).__name__}: {exc}", "billed": "unknown"}
            return BatchResult(task.line, "unknown", task.id, task.key, error=error)

    async def _do(self, task: Task) -> BatchResult | None:
        """One task, to its end; None where it was not begun."""
        begun = await self._threads.run(self._books.begin, task)
        if isinstance(begun, BatchResult):
            return begun
        if isinstance(begun, Known):
            return await self._fetch(begun.claim, begun.drawn)
        return await self._send(begun)

    async def _send(self, claim: Claim) -> BatchResult | None:
        keep, books = self._threads.run, self._books
        times, is_claimed = 0, True
        while True:
            try:
                await self._wait_for_all()
                await anyio.lowlevel.checkpoint()  # an abort from here on meets a call that is under way
                if self.is_stopping:
                    await keep(books.give_back, claim, is_kept=True)
                    return None
                if not is_claimed:
                    await keep(books.claim_again, claim)
                    is_claimed = True
            except Exception as exc:
                self.stop(f"the ledger cannot be written: {exc}")
                await keep(books.give_back, claim, is_kept=True)
                return None
            claim.tries, claim.has_left = claim.tries + 1, True
            try:
                drawn = await self._draw_one(claim)
            except _NeverLeftError as exc:
                self.stop(exc.message)
                return await keep(books.fail, claim, exc, is_kept=True)
            except NanoBananaError as exc:
                match judge(exc):
                    case "pause":
                        pause = pause_after(getattr(exc, "retry_after", None), times, self._patience)
                        if pause is not None:
                            self._hold(pause)
                            times, claim.has_left = times + 1, False
                            await keep(books.give_back, claim, is_kept=True)
                            is_claimed = False
                            continue
                        self.stop(f"{exc.message}: that is a longer wait than the batch has patience for")
                    case "stop":
                        self.stop(str(exc))
                return await keep(books.fail, claim, exc, is_kept=True)
            except Exception as exc:  # nobody knows what it is, nor what was paid for; the calls beside it go on
                return await keep(books.revisit, claim, exc, is_kept=True)
            self._patience = PATIENCE
            if drawn.url is not None:
                return await self._fetch(claim, drawn)
            return await keep(books.keep, claim, drawn, is_kept=True)

    def _hold(self, pause: float) -> None:
        """Lets all workers wait. What they wait together is charged to the batch once."""
        until = time.monotonic() + pause
        self._patience -= max(0.0, until - max(self._resume_at, time.monotonic()))
        self._resume_at = max(self._resume_at, until)

    async def _wait_for_all(self) -> None:
        """Waits as long as a rate limit holds all workers."""
        while (pause := self._resume_at - time.monotonic()) > 0 and not self.is_stopping:
            await anyio.sleep(min(pause, 0.5))

    async def _draw_one(self, claim: Claim) -> Drawn:
        """Draws, here or in a worker of the executor. What comes back is paid for: no cancellation takes it away."""
        request = claim.task.request
        if self._executor is None or self._recipe is None:
            return Drawn.of(await self._draw(request, self._books.folder.incoming))
        folder, token = self._books.folder, f"{claim.task.key[:16]}-{secrets.token_hex(8)}"
        try:
            future = self._executor.submit(draw_there, self._recipe, request, folder.address, claim.stem, token)
        except Exception as exc:  # it is broken or shut down
            raise _NeverLeftError(f"the executor takes no work: {type(exc).__name__}: {exc}") from None
        try:
            outcome = await anyio.to_thread.run_sync(future.result, limiter=self._calls, abandon_on_cancel=True)
        except BaseException:
            claim.has_left = not future.cancel()
            raise
        if isinstance(outcome, NanoBananaError):
            raise outcome
        return outcome

    async def _fetch(self, claim: Claim, drawn: Drawn) -> BatchResult:
        """Fetches a picture that was paid for and lies elsewhere, where that is allowed. Its address is kept first."""
        run, books = self._threads.run, self._books
        why = "it is fetched only where that is allowed (fetch_remote), then without paying again"
        if self._options.fetch_remote:
            why = "it could not be fetched from there"
        told: BatchResult = await run(books.lies_elsewhere, claim, drawn, why, is_kept=True)
        if not self._options.fetch_remote or not isinstance(drawn.image, RemoteImage):
            return told
        try:
            image: GeneratedImage = await anyio.to_thread.run_sync(
                drawn.image.download, limiter=self._fetches, abandon_on_cancel=True
            )
        except Exception:  # what that server says of it is not for results.jsonl
            return told
        return await run(books.keep, claim, attrs.evolve(drawn, image=image), is_kept=True)


class _NeverLeftError(ConfigurationError):
    """The executor takes no work, so nothing was sent."""


class _Source:
    """The tasks of a batch, one at a time, expanded as they are asked for."""

    def __init__(self, next_request: Callable[[], Line | None]) -> None:
        self._next = next_request
        self._expander = Expander()
        self._ready: deque[Task | BatchResult] = deque()

    def next(self) -> Task | BatchResult | None:
        """The next task, a line that is wrong, or None at the end. Raises: whatever the caller's iterable does."""
        while not self._ready:
            line = self._next()
            if line is None:
                return None
            self._ready.extend(self._expander.tasks(line))
        return self._ready.popleft()

    def close(self) -> None:
        """Lets go of the file of what was seen."""
        self._expander.close()


class _Threads:
    """Functions that take a while, in threads of their own lane."""

    def __init__(self) -> None:
        self._limiter = anyio.CapacityLimiter(_FILE_THREADS)

    async def run(self, function: Callable[..., T], *arguments: Any, is_kept: bool = False) -> T:
        """What the function returns or raises. With `is_kept` no cancellation comes between. Where no thread can be had
        any more, as when the program ends, it is run here."""
        outcome: list[tuple[T | None, Exception | None]] = []

        def call() -> None:
            try:
                outcome.append((function(*arguments), None))
            except Exception as exc:
                outcome.append((None, exc))

        try:
            with anyio.CancelScope(shield=is_kept):
                await anyio.to_thread.run_sync(call, limiter=self._limiter)
        except RuntimeError:
            call()
        value, error = outcome[0]
        if error is not None:
            raise error
        return value  # type: ignore[return-value]
