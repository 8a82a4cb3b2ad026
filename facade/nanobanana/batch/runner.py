"""Runner: the work of a batch, many calls at once, in asyncio, trio or an executor."""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

import anyio
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
from .lines import Line, lines_of
from .task import BatchResult, Expander, Task
from .waits import PATIENCE, judge, pause_after

Draw = Callable[[ImageRequest, Path | None], Awaitable[Generation]]
OnResult = Callable[[BatchResult], None]
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


class AsyncBatch:
    """A batch on its way. Made by `AsyncNanoBanana.batch`.

    Iterate it to its end (`async for result in batch`) for each result as it comes, then look at `summary`; or let
    `run()` do both. `stop()` takes no new work and lets what is paid for finish.
    """

    def __init__(
        self,
        draw: Draw,
        requests: object,
        output_dir: str | os.PathLike[str],
        options: Options,
        *,
        concurrency: int = 8,
        executor: Executor | None = None,
        recipe: Recipe | None = None,
        on_result: OnResult | None = None,
        ledger_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
            raise InvalidRequestError(f"concurrency is {concurrency!r}; it must be at least 1", param="concurrency")
        self.summary = Summary()
        self._draw = draw
        self._lines = lines_of(requests)
        self._address = os.fspath(output_dir)
        self._ledger_dir = None if ledger_dir is None else os.fspath(ledger_dir)
        self._options = options
        self._concurrency = concurrency
        self._executor = executor
        self._recipe = recipe
        self._on_result = on_result
        self._is_stopping = False
        self._failure: Exception | None = None
        self._resume_at = -math.inf  # when a shared wait is over, on the monotonic clock
        self._patience = PATIENCE

    def stop(self, reason: str = "it was told to stop") -> None:
        """Takes no new work; calls under way are finished and kept."""
        self._is_stopping = True
        self.summary.stopped = self.summary.stopped or reason

    async def run(self) -> Summary:
        """Does all of it, and returns the summary."""
        async with aclosing(self.__aiter__()) as results:
            async for _ in results:
                pass
        return self.summary

    async def __aiter__(self) -> AsyncGenerator[BatchResult, None]:
        began = time.monotonic()
        threads = _Threads()
        self._threads = threads
        self._calls = anyio.CapacityLimiter(self._concurrency)
        self._fetches = anyio.CapacityLimiter(_FETCHES)
        self._turn = anyio.Lock()
        self._books: Books = await threads.run(Books.open, self._address, self._ledger_dir, self._options, self.stop)
        self._source = _Source(self._lines)
        sender, receiver = anyio.create_memory_object_stream[BatchResult](self._concurrency)
        try:
            async with anyio.create_task_group() as group:
                async with sender:
                    for _ in range(self._concurrency):
                        group.start_soon(self._work, sender.clone())
                async with receiver:
                    async for result in receiver:
                        self._count(result, began)
                        try:
                            yield result
                        except GeneratorExit:  # the loop was left: what is under way is paid for, and finished
                            self.stop("the loop over its results was left")
                            with anyio.CancelScope(shield=True):
                                async for rest in receiver:
                                    self._count(rest, began)
                            raise
        finally:
            with anyio.CancelScope(shield=True):
                await threads.run(self._close, is_kept=True)
        self.summary.seconds = time.monotonic() - began
        if self._failure is not None:
            raise self._failure

    def _close(self) -> None:
        self._threads.join()
        self._source.close()
        self._books.close()

    def _count(self, result: BatchResult, began: float) -> None:
        self.summary.count(result)
        self.summary.seconds = time.monotonic() - began
        try:
            if self._on_result is not None:
                self._on_result(result)
        except Exception as exc:
            self._give_up(exc)

    def _give_up(self, error: Exception) -> None:
        """Keeps an error of the caller's iterable or callback until the calls under way are finished and kept."""
        self._failure = self._failure or error
        self.stop(f"{type(error).__name__}: {error}")

    async def _work(self, sender: Any) -> None:
        async with sender:
            while not self._is_stopping:
                try:
                    async with self._turn:  # an iterator has one taker at a time
                        task = await self._source.next(self._threads)
                except Exception as exc:
                    self._give_up(exc)
                    return
                if task is None or (self._is_stopping and not isinstance(task, BatchResult)):
                    return
                if isinstance(task, BatchResult):
                    result: BatchResult | None = await self._threads.run(self._books.wrong, task)
                else:
                    result = await self._safely(task)
                if result is not None:
                    await sender.send(result)

    async def _safely(self, task: Task) -> BatchResult | None:
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
                if self._is_stopping:
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
        while (pause := self._resume_at - time.monotonic()) > 0 and not self._is_stopping:
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
        with contextlib.suppress(Exception):  # what is left over is cleared by the next run
            await self._threads.run(folder.end, token, is_kept=True)
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

    def __init__(self, lines: Any) -> None:
        self._expander = Expander()
        self._lines = lines
        self._is_async = hasattr(lines, "__aiter__")
        self._ready: deque[Task | BatchResult] = deque()

    async def next(self, threads: _Threads) -> Task | BatchResult | None:
        """The next task, a line that is wrong, or None at the end. Raises: whatever the caller's iterable does."""
        while not self._ready:
            if self._is_async:
                line = await self._next_async()
                more = line is not None and await threads.run(self._expand, line)
            else:
                more = await threads.run(self._next)
            if not more:
                return None
        return self._ready.popleft()

    async def _next_async(self) -> Line | None:
        if not isinstance(self._lines, _Numbered):
            self._lines = _Numbered(aiter(self._lines))
        return await self._lines.next()

    def _next(self) -> bool:
        line = next(self._lines, None)
        return line is not None and self._expand(line)

    def _expand(self, line: Line) -> bool:
        self._ready.extend(self._expander.tasks(line))
        return True

    def close(self) -> None:
        """Lets go of the file of what was seen."""
        self._expander.close()


class _Numbered:
    """An async iterator's requests as lines."""

    def __init__(self, requests: AsyncIterator[object]) -> None:
        self._requests = requests
        self._number = 0

    async def next(self) -> Line | None:
        """The next one; None at the end."""
        try:
            given = await anext(self._requests)
        except StopAsyncIteration:
            return None
        self._number += 1
        return given if isinstance(given, Line) else Line(self._number, given)


class _Threads:
    """Functions that take a while, in threads."""

    def __init__(self) -> None:
        self._limiter = anyio.CapacityLimiter(_FILE_THREADS)
        self._idle = threading.Condition()
        self._busy = 0

    async def run(self, function: Callable[..., T], *arguments: Any, is_kept: bool = False) -> T:
        """What the function returns or raises. With `is_kept`, it is run to its end whatever becomes of the task that
        waits for it; and where no thread can be had any more, as when the program ends, it is run here."""
        once, outcome = threading.Lock(), list[tuple[T | None, Exception | None]]()

        def call() -> None:
            if not once.acquire(blocking=False):
                return
            with self._idle:
                self._busy += 1
            try:
                outcome.append((function(*arguments), None))
            except Exception as exc:
                outcome.append((None, exc))
            finally:
                with self._idle:
                    self._busy -= 1
                    self._idle.notify_all()

        try:
            with anyio.CancelScope(shield=is_kept):
                await anyio.to_thread.run_sync(call, limiter=self._limiter)
        except RuntimeError:
            call()
        except BaseException:
            if is_kept:
                call()
            raise
        value, error = outcome[0]
        if error is not None:
            raise error
        return value  # type: ignore[return-value]

    def join(self) -> None:
        """Waits until nothing runs but what asks."""
        with self._idle:
            self._idle.wait_for(lambda: self._busy <= 1)
