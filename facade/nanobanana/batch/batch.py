"""Batch: what people iterate. The work runs in a thread with an event loop of its own, so that neither a loop that is
left, nor a task that is cancelled, nor the end of the program takes away what was paid for."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import itertools
import os
import queue
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Coroutine, Iterator
from concurrent.futures import Executor, Future, wait
from typing import Any, cast

import anyio
import anyio.to_thread

from ..errors import InvalidRequestError
from .decision import Options
from .drawn import Recipe
from .lines import Line, lines_of
from .runner import Draw, Runner, Summary
from .task import BatchResult

OnResult = Callable[[BatchResult], None]
_END = object()
_TICK = 0.2  # seconds, so that Ctrl-C and cancellations are seen on each system


class _Face:
    """What both kinds of batch share: how they are made, told to stop and summed up."""

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
        self._lines = lines_of(requests)
        self._on_result = on_result
        self._failure: Exception | None = None
        self._runner = Runner(
            draw,
            output_dir,
            options,
            concurrency=concurrency,
            executor=executor,
            recipe=recipe,
            ledger_dir=ledger_dir,
        )

    @property
    def summary(self) -> Summary:
        """What became of it so far."""
        return self._runner.summary

    def stop(self, reason: str = "it was told to stop") -> None:
        """Takes no new work; calls under way are finished and kept."""
        self._runner.stop(reason)

    def _tell(self, result: BatchResult) -> BatchResult:
        try:
            if self._on_result is not None:
                self._on_result(result)
        except Exception as exc:  # the caller's own: raised when the calls under way are finished and kept
            self._failure = self._failure or exc
            self.stop(f"{type(exc).__name__}: {exc}")
        return result

    def _end(self, thread: _Thread) -> None:
        error = thread.error or self._failure
        if error is not None:
            raise error


class Batch(_Face):
    """A batch on its way. Made by `NanoBanana.batch`.

    Iterate it for each result as it comes, then look at `summary`; or let `run()` do both. The calls are made by a
    thread of its own. Ctrl-C once takes no new work and lets what is paid for finish; twice, it aborts. Whoever leaves
    the loop, or ends the program, waits for what is paid for.
    """

    def run(self) -> Summary:
        """Does all of it, and returns the summary."""
        for _ in self:
            pass
        return self.summary

    def __iter__(self) -> Iterator[BatchResult]:
        if isinstance(self._lines, AsyncIterable):
            raise InvalidRequestError(
                "requests is an async iterable, which only AsyncNanoBanana takes", param="requests"
            )
        thread = _Thread(self._runner, self._lines)
        try:
            while True:
                try:
                    result = thread.next()
                except KeyboardInterrupt:
                    if self.summary.stopped:
                        thread.abort()
                        raise
                    self.stop("interrupted")
                    continue
                if result is None:
                    break
                if isinstance(result, BatchResult):
                    yield self._tell(result)
        finally:
            thread.leave("the loop over its results was left")
            thread.join()
        self._end(thread)


class AsyncBatch(_Face):
    """A batch on its way. Made by `AsyncNanoBanana.batch`.

    Iterate it to its end (`async for result in batch`) for each result as it comes, then look at `summary`; or let
    `run()` do both. `stop()` takes no new work and lets what is paid for finish; so does a task that is cancelled,
    without waiting for it; the end of the program waits.
    """

    async def run(self) -> Summary:
        """Does all of it, and returns the summary."""
        async for _ in self:
            pass
        return self.summary

    async def __aiter__(self) -> AsyncGenerator[BatchResult, None]:
        thread = _Thread(self._runner, self._lines)
        is_waited_for = False
        try:
            while (result := await anyio.to_thread.run_sync(thread.next)) is not None:
                if isinstance(result, BatchResult):
                    yield self._tell(result)
            is_waited_for = True
        except GeneratorExit:
            is_waited_for = True
            raise
        finally:
            thread.leave("the loop over its results was left")
            if is_waited_for:
                await anyio.to_thread.run_sync(thread.join)
        self._end(thread)


class _Waiting:
    """Nothing has come yet."""


class _Thread:
    """The thread of a batch, its results, and the error that ended it."""

    def __init__(self, runner: Runner, lines: Iterator[Line] | AsyncIterable[object]) -> None:
        self.error: BaseException | None = None
        self._runner = runner
        self._next_line = _in_this_loop(lines, self._has_left) if isinstance(lines, AsyncIterable) else None
        self._lines = lines
        self._results: queue.SimpleQueue[BatchResult | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(2 * runner.concurrency)  # for what is under way, and results not asked for
        self._is_over = self._is_left = self._is_aborted = False
        self._thread = threading.Thread(target=self._run, name="nanobanana-batch", daemon=True)
        atexit.register(self._at_exit)  # the interpreter waits for it, but not for ever more work
        self._thread.start()

    def next(self) -> BatchResult | _Waiting | None:
        """The next result; None at the end; or that none has come in a while."""
        try:
            result = self._results.get(timeout=_TICK)
        except queue.Empty:
            return _Waiting()
        self._room.release()
        return result

    def leave(self, reason: str) -> None:
        """Takes no more results; what is under way is finished and kept."""
        self._is_left = True
        if not self._is_over:
            self._runner.stop(reason)

    def join(self) -> None:
        """Waits until what is under way is finished and kept."""
        self._thread.join()
        atexit.unregister(self._at_exit)

    def abort(self) -> None:
        """Ends what is under way."""
        self._is_aborted = True

    def _at_exit(self) -> None:
        self.leave("the program ended")
        try:
            self._thread.join()
        except KeyboardInterrupt:
            self.abort()
            self._thread.join()

    def _run(self) -> None:
        try:
            anyio.run(self._work)
        except BaseException as exc:  # handed to whoever iterates
            while isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
                exc = exc.exceptions[0]
            self.error = exc
        self._is_over = True
        self._results.put(None)

    async def _work(self) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch, group.cancel_scope)
            await self._runner.run(self._asked, self._results.put)
            group.cancel_scope.cancel()

    async def _watch(self, scope: anyio.CancelScope) -> None:
        while not self._is_aborted:
            await anyio.sleep(0.05)
        scope.cancel()

    def _asked(self) -> Line | None:
        """The next line, once there is room for its result."""
        while not self._room.acquire(timeout=_TICK):
            if self._runner.is_stopping:
                return None
        return self._next_line() if self._next_line is not None else next(cast(Iterator[Line], self._lines), None)

    def _has_left(self) -> bool:
        return self._is_left


def _in_this_loop(requests: AsyncIterable[object], has_left: Callable[[], bool]) -> Callable[[], Line | None]:
    """A function for other threads that gives the next line of an async iterable, asked for in the event loop that is
    running now, to which it belongs; None at its end, or when nobody wants it any more.

    The loop may end at any time, and then never answers: so nothing here waits for it without looking up.
    """
    numbers, iterator = itertools.count(1), aiter(requests)
    under_way: list[anyio.CancelScope] = []  # one at most, as one line is asked for at a time
    post, spawn = _doors_of_this_loop()

    async def answer(line: Future[Line | None]) -> None:
        given: object = _END
        try:
            with anyio.CancelScope() as scope:
                under_way.append(scope)
                given = await anext(iterator, _END)
        except Exception as exc:
            line.set_exception(exc)
            return
        except BaseException:  # the loop ends
            line.set_result(None)
            raise
        finally:
            under_way.clear()
        if given is _END:
            line.set_result(None)
        else:
            line.set_result(given if isinstance(given, Line) else Line(next(numbers), given))

    def cancel() -> None:
        for scope in under_way:
            scope.cancel()

    def ask() -> Line | None:
        line: Future[Line | None] = Future()
        post(lambda: None if has_left() else spawn(answer(line)))
        while not wait([line], timeout=_TICK).done:
            if has_left():
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    post(cancel)
                return None
        return line.result()

    return ask


def _doors_of_this_loop() -> tuple[
    Callable[[Callable[[], object]], object], Callable[[Coroutine[Any, Any, None]], object]
]:
    """How other threads post a function to the event loop that is running now, and how that begins a task there."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio

        token = trio.lowlevel.current_trio_token()
        return token.run_sync_soon, lambda task: trio.lowlevel.spawn_system_task(lambda: task)
    tasks: set[asyncio.Task[None]] = set()  # a loop keeps none alive by itself

    def spawn(coroutine: Coroutine[Any, Any, None]) -> None:
        task = loop.create_task(coroutine)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    return loop.call_soon_threadsafe, spawn
