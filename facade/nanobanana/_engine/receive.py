"""Receiving: the body of an answer, from the connection into an intake.

Where its length is known, all but its beginning is read straight from the connection: HTTP has nothing more to say
there, and h11 with the generators between takes a quarter of the time of a large answer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import aclosing, closing, contextmanager, suppress
from enum import Enum, auto
from typing import TypeAlias

import anyio.lowlevel
import httpcore
import httpx

from .intake import Intake
from .streams import AsyncStream, SyncStream

Left: TypeAlias = Callable[[], float]
_Piece: TypeAlias = bytes | memoryview


class _Next(Enum):
    """What the drivers below are asked for."""

    PARSED = auto()  # the next piece of the body from HTTP's parser; empty at the end
    RAW = auto()  # the next bytes of the connection; empty at the end
    TURN = auto()  # a turn for other tasks


def receive(response: httpx.Response, intake: Intake, left: Left) -> None:
    """Takes the body, as far as there is room for it, and closes the response.

    left: the seconds that are left of the call; inflating may take a while, too.

    Raises: httpx.HTTPError where it is cut, or comes too late.
    """
    stream = response.extensions.get("network_stream")
    steps, pieces = _steps(response, intake, left), response.iter_raw()
    with closing(response), suppress(StopIteration):
        wanted = next(steps)
        while True:
            piece: _Piece = b""
            if wanted is _Next.PARSED:
                piece = next(pieces, b"")
            elif wanted is _Next.RAW and isinstance(stream, SyncStream):
                with _as_httpx():
                    piece = stream.read_view()
            wanted = steps.send(piece)


async def receive_async(response: httpx.Response, intake: Intake, left: Left) -> None:
    """`receive` for async calls."""
    stream = response.extensions.get("network_stream")
    steps, pieces = _steps(response, intake, left), response.aiter_raw()
    async with aclosing(response):
        try:
            wanted = next(steps)
            while True:
                piece: _Piece = b""
                if wanted is _Next.PARSED:
                    piece = await anext(pieces, b"")
                elif wanted is _Next.RAW and isinstance(stream, AsyncStream):
                    with _as_httpx():
                        piece = await stream.read_view()
                else:
                    await anyio.lowlevel.checkpoint()
                wanted = steps.send(piece)
        except StopIteration:
            pass
        finally:
            if isinstance(stream, AsyncStream):  # ends the generators of httpx and httpcore: the next read fails
                await stream.aclose()
                with suppress(httpx.HTTPError):
                    async for _ in pieces:
                        pass


def _steps(response: httpx.Response, intake: Intake, left: Left) -> Generator[_Next, _Piece, None]:
    length = _length(response)
    came = 0
    while not intake.is_full and (length is None or came < length or not came):
        is_raw = length is not None and came > 0
        piece = yield _Next.RAW if is_raw else _Next.PARSED
        if not piece:
            if is_raw:
                raise httpx.RemoteProtocolError(f"the connection ended after {came} of {length} bytes of the answer")
            return
        if length is not None:
            piece = piece[: length - came]
        came += len(piece)
        for number, _ in enumerate(intake.steps(piece)):
            if left() <= 0:
                raise httpx.ReadTimeout("the time for this call is over")
            if number:  # there is more in it than came
                yield _Next.TURN


@contextmanager
def _as_httpx() -> Iterator[None]:
    try:
        yield
    except httpcore.TimeoutException as exc:
        raise httpx.ReadTimeout(str(exc)) from exc
    except httpcore.NetworkError as exc:
        raise httpx.ReadError(str(exc)) from exc


def _length(response: httpx.Response) -> int | None:
    """The bytes of the body, where the connection can be read without HTTP's parser."""
    length = response.headers.get("content-length", "")
    is_ours = isinstance(response.extensions.get("network_stream"), SyncStream | AsyncStream)
    has_body = response.status_code >= 200 and response.status_code not in (204, 304)
    is_plain = (
        length.isascii() and length.isdecimal() and len(length) < 20 and "transfer-encoding" not in response.headers
    )
    return int(length) if is_ours and has_body and is_plain else None
