"""Runner: the work of a batch, many calls at once, in asyncio, trio, a thread or an executor."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import attrs

from ..errors import InvalidRequestError, NanoBananaError
from ..request import ImageRequest
from .journal import Journal
from .ledger import Turn
from .store import open_store
from .task import BatchResult, Expander, Task
from .worker import Plan, judge, pause_after, work

if TYPE_CHECKING:
    from ..client import AsyncNanoBanana

OnResult = Callable[[BatchResult], None]
_FILE_THREADS = 8


@attrs.define
class Summary:
    """What became of a batch: how many pictures are done now, were done before (skipped), failed, are unknown or taken
    by another runner; tokens and seconds of this run; and why it stopped early, if it did."""

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
        client: AsyncNanoBanana,
        requests: Iterable[object],
        plan: Plan,
        *,
        concurrency: int,
        executor: Executor | None,
        on_result: OnResult | None,
    ) -> None:
        if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
            raise InvalidRequestError(f"concurrency is {concurrency!r}; it must be at least 1", param="concurrency")
        self.summary = Summary()
        self._client = client
        self._requests = requests
        self._plan = plan
        self._concurrency = concurrency
        self._executor = executor
        self._on_result = on_result
        self._is_stopping = False
        self._failure: Exception | None = None
        self._resume_at = -math.inf  # when a shared wait is over, on the monotonic clock

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
        self._files = anyio.CapacityLimiter(_FILE_THREADS)
        self._calls = anyio.CapacityLimiter(self._concurrency)
        store = await self._in_thread(open_store, self._plan.output_dir)
        self._journal = await self._in_thread(Journal, store)
        self._ledger = await self._in_thread(self._plan.ledger)
        self._tasks = expand(self._requests)
        self._turn = anyio.Lock()
        sender, receiver = anyio.create_memory_object_stream[BatchResult](self._concurrency)
        try:
            async with anyio.create_task_group() as group:
                async with sender:
                    for _ in range(self._concurrency):
                        group.start_soon(self._work, sender.clone())
                async with receiver:
                    async for result in receiver:
                        self.summary.count(result)
                        self.summary.seconds = time.monotonic() - began
                        try:
                            if self._on_result is not None:
                                self._on_result(result)
                        except Exception as exc:
                            self._give_up(exc)
                        yield result
        finally:
            with anyio.CancelScope(shield=True):
                try:
                    await self._in_thread(self._journal.close)
                except OSError as exc:
                    self._give_up(exc)
                await self._in_thread(self._ledger.close)
        self.summary.seconds = time.monotonic() - began
        if self._failure is not None:
            raise self._failure

    def _give_up(self, error: Exception) -> None:
        """Keeps an error of the caller's iterable, callback or folder until the calls under way are finished and
        kept."""
        self._failure = self._failure or error
        self.stop(f"{type(error).__name__}: {error}")

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await anyio.to_thread.run_sync(function, *arguments, limiter=self._files)

    async def _work(self, sender: Any) -> None:
        async with sender:
            while not self._is_stopping:
                try:
                    async with self._turn:  # an iterator has one taker at a time
                        task, turn = await self._in_thread(self._take)
                except Exception as exc:
                    self._give_up(exc)
                    return
                if task is None:
                    return
                result = turn if isinstance(turn, BatchResult) else await self._do(task, turn)
                if result is not None:
                    await sender.send(result)

    def _take(self) -> tuple[Task | None, Turn | BatchResult | None]:
        """The next task and, where this process is to send it, the right to do so. What is known of it already is
        noted at once."""
        task = next(self._tasks, None)
        if task is None or self._is_stopping:
            return None, None
        if isinstance(task, BatchResult):
            self._journal.note(task, task)
            return _NO_TASK, task
        if self._executor is not None:
            return task, None
        turn = self._ledger.begin(task)
        if isinstance(turn, BatchResult):
            self._journal.note(turn, task)
        return task, turn

    async def _do(self, task: Task, turn: Turn | None) -> BatchResult | None:
        if turn is None or self._executor is not None:
            return await self._hand_over(task)
        times, waited = 0, 0.0
        while True:
            waited += await self._wait_for_all()
            if self._is_stopping:
                await self._in_thread(self._ledger.give_back, turn)
                return None
            turn.tries += 1
            try:
                generation = await self._client._draw(task.request, self._ledger.spool_folder(turn))
            except NanoBananaError as error:
                verdict = judge(error, waited)
                if verdict == "pause":
                    self._resume_at = max(self._resume_at, time.monotonic() + pause_after(error, times))
                    times += 1
                    continue
                if verdict == "stop":
                    self.stop(str(error))
                return await self._noted(task, self._ledger.fail, turn, error)
            with anyio.CancelScope(shield=True):  # it is paid for: an abort does not keep it from the disk
                result = await self._noted(task, self._ledger.succeed, turn, generation)
            if result.error is not None and result.error["class"] == "SaveError":
                self.stop(result.error["message"])  # the disk is full, or gone: no more is paid for
            return result

    async def _noted(self, task: Task, function: Callable[..., BatchResult], *arguments: Any) -> BatchResult:
        """Calls a method of the ledger and notes its result, in one visit to a thread."""

        def both() -> BatchResult:
            try:
                result = function(*arguments)
            except OSError as exc:
                self._give_up(exc)
                message = f"what came of it could not be written down ({exc}); run the batch again when there is room"
                told = {"class": "SaveError", "message": message, "billed": "unknown"}
                return BatchResult(task.line, "unknown", task.id, task.key, error=told)
            try:
                self._journal.note(result, task)
            except OSError as exc:
                self._give_up(exc)  # the result, which may say where a picture is, reaches the caller all the same
            return result

        noted: BatchResult = await self._in_thread(both)
        return noted

    async def _wait_for_all(self) -> float:
        """Waits as long as a rate limit holds all workers; returns the seconds waited."""
        waited = 0.0
        while (pause := self._resume_at - time.monotonic()) > 0 and not self._is_stopping:
            step = min(pause, 0.5)
            await anyio.sleep(step)
            waited += step
        return waited

    async def _hand_over(self, task: Task) -> BatchResult:
        assert self._executor is not None  # noqa: S101 - only called where there is one
        future = self._executor.submit(work, self._plan, task)
        try:
            result, stop = await anyio.to_thread.run_sync(future.result, limiter=self._calls, abandon_on_cancel=True)
        except Exception as exc:  # the worker died, or could not start
            message = f"the worker did not live to tell: {type(exc).__name__}: {exc}"[:500]
            about = {"class": "OutcomeUnknownError", "message": message, "billed": "unknown"}
            result, stop = BatchResult(task.line, "unknown", task.id, task.key, error=about), None
        if stop is not None:
            self.stop(stop)
        return await self._noted(task, lambda: result)


_NO_TASK = Task(0, "", "", ImageRequest("stands for a line that is no task"))


def expand(requests: Iterable[object]) -> Iterator[Task | BatchResult]:
    """The tasks of all requests, one line at a time; a line that is wrong gives its failure instead.

    A request may come with the number of its line, as `read_lines` gives it; otherwise they are counted.
    """
    expander = Expander()
    for number, given in enumerate(requests, 1):
        line, request = given if isinstance(given, tuple) else (number, given)
        try:
            yield from expander.tasks(line, request)
        except InvalidRequestError as error:
            about = {"class": type(error).__name__, "message": f"line {line}: {error.message}", "billed": "no"}
            name = request.get("id") if isinstance(request, dict) else None
            yield BatchResult(line, "failed", str(name or f"line-{line}"), error=about)


class Batch:
    """A batch on its way. Made by `NanoBanana.batch`.

    Iterate it for each result as it comes, then look at `summary`; or let `run()` do both. The calls are made by a
    thread of its own. Ctrl-C once takes no new work and lets what is paid for finish; twice, it aborts.
    """

    def __init__(self, batch: AsyncBatch) -> None:
        self._batch = batch

    @property
    def summary(self) -> Summary:
        """What became of it so far."""
        return self._batch.summary

    def stop(self, reason: str = "it was told to stop") -> None:
        """Takes no new work; calls under way are finished and kept."""
        self._batch.stop(reason)

    def run(self) -> Summary:
        """Does all of it, and returns the summary."""
        for _ in self:
            pass
        return self.summary

    def __iter__(self) -> Iterator[BatchResult]:
        results: queue.Queue[BatchResult | BaseException | None] = queue.Queue(maxsize=1000)
        abort = threading.Event()

        async def collect() -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(self._watch, abort, group.cancel_scope)
                async with aclosing(self._batch.__aiter__()) as stream:
                    async for result in stream:
                        while not abort.is_set():
                            try:
                                results.put_nowait(result)
                                break
                            except queue.Full:
                                await anyio.sleep(0.01)
                group.cancel_scope.cancel()

        def target() -> None:
            try:
                anyio.run(collect)
            except BaseException as exc:  # handed to whoever iterates
                results.put(exc)
            else:
                results.put(None)

        thread = threading.Thread(target=target, name="nanobanana-batch", daemon=True)
        thread.start()
        try:
            while True:
                try:
                    result = results.get(timeout=0.2)
                except queue.Empty:
                    continue
                except KeyboardInterrupt:
                    if self._batch._is_stopping:
                        raise
                    self._batch.stop("interrupted")
                    continue
                if isinstance(result, BaseException):
                    raise _single(result)
                if result is None:
                    return
                yield result
        except GeneratorExit:  # the loop was left: what is under way is paid for, and finished
            self._batch.stop("the loop over its results was left")
            _drain(results, thread)
            raise
        finally:
            abort.set()
            _drain(results, thread)

    async def _watch(self, abort: threading.Event, scope: anyio.CancelScope) -> None:
        while not abort.is_set():
            await anyio.sleep(0.05)
        scope.cancel()


def _drain(results: queue.Queue[Any], thread: threading.Thread) -> None:
    while thread.is_alive():
        try:
            results.get_nowait()
        except queue.Empty:
            thread.join(0.05)


def _single(error: BaseException) -> BaseException:
    """The one exception inside the groups that task groups make."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
