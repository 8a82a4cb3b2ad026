"""Receiving: the body of an answer, from the connection into an intake.

Where its length is known, all but its beginning is read straight from the connection: HTTP has nothing more to say
there, and h11 with the generators between takes a quarter of the time of a large answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import aclosing, closing, suppress
from typing import TypeAlias

import anyio.lowlevel
import httpx

from .intake import Intake
from .streams import AsyncStream, SyncStream, mapped

Left: TypeAlias = Callable[[], float]


def receive(response: httpx.Response, intake: Intake, left: Left) -> None:
    """Takes the body, as far as there is room for it, and closes the response.

    left: the seconds that are left of the call; inflating may take a while, too.

    Raises: httpx.HTTPError where it is cut, or comes too late.
    """
    body, stream = _Body(response, intake, left), response.extensions.get("network_stream")
    pieces = response.iter_raw()  # kept by its name: a generator that is let go of closes the connection
    with closing(response):
        for piece in pieces:
            for _ in body.take(piece):
                pass
            if body.is_direct or intake.is_full:
                break
        while isinstance(stream, SyncStream) and body.wants_more:
            with mapped(httpx.ReadTimeout, httpx.ReadError):
                view = stream.read_view()
            for _ in body.take(view):
                pass


async def receive_async(response: httpx.Response, intake: Intake, left: Left) -> None:
    """`receive` for async calls."""
    body, stream = _Body(response, intake, left), response.extensions.get("network_stream")
    pieces = response.aiter_raw()
    async with aclosing(response):
        try:
            async for piece in pieces:
                for _ in body.take(piece):
                    await anyio.lowlevel.checkpoint()
                if body.is_direct or intake.is_full:
                    break
            while isinstance(stream, AsyncStream) and body.wants_more:
                with mapped(httpx.ReadTimeout, httpx.ReadError):
                    view = await stream.read_view()
                for _ in body.take(view):
                    await anyio.lowlevel.checkpoint()
        finally:
            if isinstance(stream, AsyncStream):  # ends the generators of httpx and httpcore: the next read fails
                await stream.aclose()
                with suppress(httpx.HTTPError):
                    async for _ in pieces:
                        pass


class _Body:
    """What came of a body, and what is to come. HTTP's parser gives its first piece, and where its length is known, the
    connection the others."""

    def __init__(self, response: httpx.Response, intake: Intake, left: Left) -> None:
        self._intake, self._left = intake, left
        self._length = _length(response)
        self._came = 0

    @property
    def is_direct(self) -> bool:
        """Whether the rest is read from the connection itself."""
        return self._length is not None and self._came > 0

    @property
    def wants_more(self) -> bool:
        """Whether there is anything to read from the connection itself, and room for it."""
        return self._length is not None and 0 < self._came < self._length and not self._intake.is_full

    def take(self, piece: bytes | memoryview) -> Iterator[None]:
        """Takes the next piece, in steps between which others can have their turn. Only its first step looks at it.

        Raises: httpx.HTTPError where the body ends too early, or the time of the call is over.
        """
        if self._length is not None:
            if not piece:
                raise httpx.RemoteProtocolError(
                    f"the connection ended after {self._came} of {self._length} bytes of the answer"
                )
            piece = piece[: self._length - self._came]
        self._came += len(piece)
        for number, _ in enumerate(self._intake.steps(piece)):
            if self._left() <= 0:
                raise httpx.ReadTimeout("the time for this call is over")
            if number:  # there is more in it than came
                yield


def _length(response: httpx.Response) -> int | None:
    """The bytes of the body, where the connection can be read without HTTP's parser."""
    length = response.headers.get("content-length", "")
    is_ours = isinstance(response.extensions.get("network_stream"), SyncStream | AsyncStream)
    has_body = response.status_code >= 200 and response.status_code not in (204, 304)
    is_plain = (
        length.isascii() and length.isdecimal() and len(length) < 20 and "transfer-encoding" not in response.headers
    )
    return int(length) if is_ours and has_body and is_plain else None
