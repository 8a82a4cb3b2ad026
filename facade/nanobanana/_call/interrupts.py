"""Interrupts: neither Ctrl-C nor a cancellation falls between a picture that was paid for and its place."""

from __future__ import annotations

import contextlib
import contextvars
import math
import threading
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from .exchange import Exchange

T = TypeVar("T")
_LARGE = 1024 * 1024  # bytes of JSON, pictures not counted
_PATIENCE = 5.0  # seconds for a connection that was cut to be noticed


def apart(exchange: Exchange, function: Callable[[], T]) -> T:
    """Runs a function in a thread of its own, where Ctrl-C does not reach it, and returns or raises what it does.

    Ctrl-C, which only the main thread sees, cuts a call that is still under way; one whose answer is whole is finished
    first, so that its picture is in its file. A call from another thread needs no thread of its own.
    """
    if threading.current_thread() is not threading.main_thread():
        return function()
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as exc:
            errors.append(exc.with_traceback(None))

    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), name="nanobanana-call", daemon=True)
    try:
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads
            return function()
        _wait(thread)
    except BaseException:
        exchange.abort()
        if thread.ident is not None:
            _wait_all_the_same(thread, exchange)
        raise
    if errors:
        raise errors.pop()
    return results.pop()


def _wait(thread: threading.Thread) -> None:
    while thread.is_alive():
        thread.join(0.2)  # without a time-out, Ctrl-C does not end it on every system


def _wait_all_the_same(thread: threading.Thread, exchange: Exchange) -> None:
    """Waits for a call whose answer is whole, whatever comes; for one that was cut, as long as that takes."""
    while True:
        try:
            thread.join(_PATIENCE)
        except BaseException:  # noqa: S112 - another Ctrl-C: what is paid for is on its way to the disk
            continue
        if not thread.is_alive() or exchange.answer is None:
            return


async def to_its_end(function: Callable[[], T], size: float = math.inf) -> T:
    """Runs a function in a thread, but for one that only reads so little JSON, in bytes, that it takes no time; returns
    or raises what it does. Whatever cancels this, the function is done: it stands for work on an answer that is whole
    and paid for."""
    if size <= _LARGE:
        return function()
    begun: list[bool] = []

    def run() -> T:
        begun.append(True)
        return function()

    try:
        with anyio.CancelScope(shield=True):
            return await anyio.to_thread.run_sync(run)
    except RuntimeError:
        if begun:
            raise
        return function()  # the system gives no more threads
    except BaseException:
        if not begun:  # asyncio's own cancellation knows no shield
            with contextlib.suppress(Exception):
                function()
        raise
    raise AssertionError("a shielded scope swallows nothing")
