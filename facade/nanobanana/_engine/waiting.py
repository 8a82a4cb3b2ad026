"""Waiting: the network's code says what it waits for, and one of two small drivers waits.

A generator that yields `Wait`s is one body for sync and async code, as nothing in it waits itself. A wait ends when one
of its sockets is ready or its time is over; whoever waited looks again, at the socket and at the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket
import sys
from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeAlias, TypeVar

import anyio

T = TypeVar("T")
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_LONGEST = 24 * 3600.0  # seconds; poll takes no more than some weeks


class Wait(NamedTuple):
    """What is waited for: that any of some sockets can be read or written, but no longer than some seconds."""

    sockets: list[tuple[socket.socket, int]]
    seconds: float


Steps: TypeAlias = Generator[Wait, None, T]
"""Some work on the network, with a result at its end."""


def run(steps: Steps[T]) -> T:
    """Does the work, and blocks this thread meanwhile."""
    try:
        while True:
            _block(next(steps))
    except StopIteration as end:
        result: T = end.value
        return result


async def run_async(steps: Steps[T]) -> T:
    """Does the work, and lets other tasks run meanwhile: on asyncio (uvloop too), and on trio."""
    try:
        while True:
            wait = next(steps)
            loop = _selector_loop()
            await (_anyio_ready(wait) if loop is None else _asyncio_ready(loop, wait))
    except StopIteration as end:
        result: T = end.value
        return result


def _block(wait: Wait) -> None:
    kind = getattr(selectors, "PollSelector", selectors.SelectSelector)  # select knows no descriptor above 1023
    with kind() as selector:
        for sock, event in wait.sockets:
            selector.register(sock, event)
        selector.select(min(wait.seconds, _LONGEST))


def _selector_loop() -> asyncio.AbstractEventLoop | None:
    """The running asyncio loop, where it has readers and writers; None on trio, and on the usual loop of Windows."""
    try:
        if asyncio.current_task() is None:  # such as in a task of trio's that is a guest on asyncio's loop
            return None
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    return None if sys.platform == "win32" and isinstance(loop, asyncio.ProactorEventLoop) else loop


async def _asyncio_ready(loop: asyncio.AbstractEventLoop, wait: Wait) -> None:
    """anyio's way takes twice the time, and there are many waits in a picture."""
    ready: asyncio.Future[None] = loop.create_future()
    with contextlib.ExitStack() as stack:
        for sock, event in wait.sockets:
            add: Callable[..., Any] = loop.add_reader if event == READ else loop.add_writer
            add(sock, _wake, ready)
            stack.callback(loop.remove_reader if event == READ else loop.remove_writer, sock)
        stack.callback(loop.call_later(wait.seconds, _wake, ready).cancel)
        await ready


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def _anyio_ready(wait: Wait) -> None:
    async def one(sock: socket.socket, event: int) -> None:
        await (anyio.wait_readable(sock) if event == READ else anyio.wait_writable(sock))
        tasks.cancel_scope.cancel()

    with anyio.move_on_after(wait.seconds):
        async with anyio.create_task_group() as tasks:
            for sock, event in wait.sockets:
                tasks.start_soon(one, sock, event)
