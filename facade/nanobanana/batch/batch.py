"""Batch: what people iterate. The work runs in a thread with an event loop of its own, so that neither a loop that is
left, nor a task that is cancelled, nor the end of the program takes away what was paid for."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import queue
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread

from ..errors import InvalidRequestError
from ..pictures.saving import as_path
from .decision import Options
from .lines import Line, lines_of
from .runner import Draw, Runner, Summary
from .task import BatchResult

OnResult = Callable[[BatchResult], None]
T = TypeVar("T")
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
        on_result: OnResult | None = None,
        **how: Any,
    ) -> None:
        """how: what else a `Runner` takes."""
        self._lines = lines_of(requests)
        self._on_result = on_result
        if not (on_result is None or callable(on_result)):  # it would be found out once the first picture is paid for
            raise InvalidRequestError(
                f"on_result is of type {type(on_result).__name__}; it must be a function", param="on_result"
            )
        self._runner = Runner(draw=draw, address=as_path(output_dir, "output_dir"), options=options, **how)

    @property
    def summary(self) -> Summary:
        """What became of it so far."""
        return self._runner.summary

    def stop(self, reason: str = "it was told to stop") -> None:
        """Takes no new work; calls under way are finished and kept."""
        self._runner.stop(reason)

    def _told(self, result: BatchResult) -> BatchResult:
        if self._on_result is not None:
            self._on_result(result)
        return result


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
                    while (results := thread.next()) == []:
                        pass  # an interrupt that comes now is met here as well
                except KeyboardInterrupt:
                    if self.summary.stopped:
                        thread.abort()
                        raise
                    self.stop("interrupted")
                    continue
                if results is None:
                    break
                for result in results:
                    yield self._told(result)
        finally:
            thread.leave("the loop over its results was left")
            thread.join()


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
        is_waited_for = True
        try:
            while (results := await anyio.to_thread.run_sync(thread.next)) is not None:
                for result in results:
                    yield self._told(result)
        except anyio.get_cancelled_exc_class():
            is_waited_for = False
            raise
        finally:
            thread.leave("the loop over its results was left")
            if is_waited_for:
                await anyio.to_thread.run_sync(thread.join)


class _Thread:
    """The thread of a batch, and what comes out of it."""

    def __init__(self, runner: Runner, lines: Iterator[Line] | AsyncIterable[object]) -> None:
        self._runner = runner
        self._is_over = self._is_left = self._is_aborted = False
        self._next_line = (
            _in_this_loop(lines, lambda: self._is_left)
            if isinstance(lines, AsyncIterable)
            else partial(next, lines, None)
        )
        self._results: queue.SimpleQueue[BatchResult | BaseException | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(2 * runner.concurrency)  # for what is under way, and results not asked for
        self._thread = threading.Thread(target=self._run, name="nanobanana-batch", daemon=True)
        atexit.register(self._at_exit)  # the interpreter waits for it, but not for ever more work
        self._thread.start()

    def next(self) -> list[BatchResult] | None:
        """The next result, or none in a while; None at the end. Raises: what ended the work."""
        try:
            result = self._results.get(timeout=_TICK)
        except queue.Empty:
            if self._thread.is_alive() or not self._results.empty():
                return []
            self._runner.stop("it goes on in the process that this one was forked from")
            return None
        if isinstance(result, BaseException):
            raise result
        self._room.release()
        return None if result is None else [result]

    def leave(self, reason: str) -> None:
        """Takes no more results; what is under way is finished and kept."""
        self._is_left = True
        if not self._is_over:
            self._runner.stop(reason)

    def join(self) -> None:
        """Waits until what is under way is finished and kept, or aborted by Ctrl-C."""
        try:
            while self._thread.is_alive():
                self._thread.join(_TICK)
        except KeyboardInterrupt:
            self.abort()
            self._thread.join()
            raise
        finally:
            atexit.unregister(self._at_exit)

    def abort(self) -> None:
        """Ends what is under way."""
        self._is_aborted = True

    def _at_exit(self) -> None:
        self.leave("the program ended")
        with contextlib.suppress(KeyboardInterrupt):
            self.join()

    def _run(self) -> None:
        work = partial(self._runner.run, self._asked, self._results.put)
        try:
            anyio.run(_unless, lambda: self._is_aborted, work).result()
            end = self._runner.failure
        except BaseException as exc:  # handed to whoever iterates
            end = exc
        self._is_over = True
        self._results.put(end)

    def _asked(self) -> Line | None:
        """The next line, once there is room for its result."""
        while not self._room.acquire(timeout=_TICK):
            if self._runner.summary.stopped:
                return None
        return self._next_line()


async def _unless(is_unwanted: Callable[[], bool], work: Callable[[], Awaitable[T]]) -> Future[T]:
    """What the work gives or raises; it is cut short, and gives nothing, once it is unwanted."""
    outcome: Future[T] = Future()

    async def watch() -> None:
        while not is_unwanted():
            await anyio.sleep(_TICK / 4)
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        try:
            outcome.set_result(await work())
        except Exception as exc:
            outcome.set_exception(exc)
        group.cancel_scope.cancel()
    if not outcome.done():
        outcome.cancel()
    return outcome


def _in_this_loop(requests: AsyncIterable[object], has_left: Callable[[], bool]) -> Callable[[], Line | None]:
    """A function for other threads that gives the next line of an async iterable, asked for in the event loop that is
    running now, to which it belongs; None at its end, or when nobody wants it any more.

    The loop may end at any time, and then never answers: so a thread asks it that nobody waits for.
    """
    loop, iterator, numbers = anyio.lowlevel.current_token(), aiter(requests), itertools.count(1)

    def ask(answer: queue.SimpleQueue[Future[object] | None]) -> None:
        given = None
        with contextlib.suppress(BaseException):  # the loop has ended
            given = anyio.from_thread.run(_unless, has_left, lambda: anext(iterator, _END), token=loop)
        answer.put(given)

    def next_line() -> Line | None:
        answer: queue.SimpleQueue[Future[object] | None] = queue.SimpleQueue()
        threading.Thread(target=ask, args=[answer], name="nanobanana-batch-lines", daemon=True).start()
        while not has_left():
            with contextlib.suppress(queue.Empty):
                outcome = answer.get(timeout=_TICK)
                given = _END if outcome is None or outcome.cancelled() else outcome.result()
                if given is _END:
                    return None
                return given if isinstance(given, Line) else Line(next(numbers), given)
        return None

    return next_line
