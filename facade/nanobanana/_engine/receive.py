"""Receiving: the body of an answer, from the connection into an intake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import aclosing, closing, contextmanager

import anyio.lowlevel
import httpx

from .intake import Intake

Left = Callable[[], float]


def receive(response: httpx.Response, intake: Intake, left: Left) -> None:
    """Takes the body, as far as there is room for it, and closes the response.

    left: the seconds that are left of the call; inflating may take a while, too.

    Raises: httpx.HTTPError where it is cut, or comes too late.
    """
    stream = response.extensions["network_stream"]
    with closing(response), _ended(intake):
        for piece in response.iter_raw():
            for _ in intake.steps(piece):
                _check(left)
            if intake.is_full:
                stream.close()


async def receive_async(response: httpx.Response, intake: Intake, left: Left) -> None:
    """`receive` for async calls."""
    stream = response.extensions["network_stream"]
    async with aclosing(response):
        with _ended(intake):
            async for piece in response.aiter_raw():
                for number, _ in enumerate(intake.steps(piece)):
                    _check(left)
                    if number:  # there is more of it than came
                        await anyio.lowlevel.checkpoint()
                if intake.is_full:
                    await stream.aclose()


@contextmanager
def _ended(intake: Intake) -> Iterator[None]:
    """Where there was too much, the connection was closed, and the next read failed: leaving the loop instead would
    leave the generators of httpx and httpcore open."""
    try:
        yield
    except httpx.HTTPError:
        if not intake.is_full:
            raise


def _check(left: Left) -> None:
    if left() <= 0:
        raise httpx.ReadTimeout("the time for this call is over")
