"""Blocking: a batch for programs without an event loop."""

from __future__ import annotations

import atexit
import queue
import threading
from collections.abc import Iterator
from contextlib import aclosing

import anyio

from .runner import AsyncBatch, Summary
from .task import BatchResult

_MOST_WAITING = 1000  # results that nobody has asked for yet


class Batch:
    """A batch on its way. Made by `NanoBanana.batch`.

    Iterate it for each result as it comes, then look at `summary`; or let `run()` do both. The calls are made by a
    thread of its own. Ctrl-C once takes no new work and lets what is paid for finish; twice, it aborts. Whoever leaves
    the loop, or ends the program, waits for what is paid for.
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
        thread = _Thread(self._batch)
        try:
            while True:
                try:
                    result = thread.results.get(timeout=0.2)  # bounded, so that Ctrl-C is seen on each system
                except queue.Empty:
                    continue
                except KeyboardInterrupt:
                    if self.summary.stopped:
                        thread.is_aborted.set()
                        raise
                    self.stop("interrupted")
                    continue
                if result is None:
                    break
                yield result
        finally:
            thread.leave("the loop over its results was left")
        if thread.error is not None:
            raise thread.error


class _Thread:
    """The thread of a batch, its results, and the error that ended it."""

    def __init__(self, batch: AsyncBatch) -> None:
        self.results: queue.SimpleQueue[BatchResult | None] = queue.SimpleQueue()
        self.error: BaseException | None = None
        self.is_aborted = threading.Event()
        self._batch = batch
        self._is_over = False
        self._is_left = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nanobanana-batch", daemon=True)
        atexit.register(self.leave, "the program ended")  # before that, the interpreter would not wait for it
        self._thread.start()

    def leave(self, reason: str) -> None:
        """Takes no more results, and waits for what is under way."""
        self._is_left.set()
        if not self._is_over:
            self._batch.stop(reason)
        self._thread.join()
        atexit.unregister(self.leave)

    def _run(self) -> None:
        try:
            anyio.run(self._collect)
        except BaseException as exc:  # handed to whoever iterates
            while isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
                exc = exc.exceptions[0]
            self.error = exc
        self._is_over = True
        self.results.put(None)

    async def _collect(self) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch, group.cancel_scope)
            async with aclosing(self._batch.__aiter__()) as results:
                async for result in results:
                    while self.results.qsize() >= _MOST_WAITING and not self._is_left.is_set():
                        await anyio.sleep(0.01)
                    self.results.put(result)
            group.cancel_scope.cancel()

    async def _watch(self, scope: anyio.CancelScope) -> None:
        while not self.is_aborted.is_set():
            await anyio.sleep(0.05)
        scope.cancel()
