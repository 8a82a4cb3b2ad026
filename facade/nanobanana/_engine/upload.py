"""Upload: JSON as it leaves, with the Base64 of each blob in the place of its token, encoded piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
from pybase64 import b64encode

from .content import read
from .tokens import TOKEN_BYTES, Blobs

_STEP = 90 * 1024  # bytes encoded at a time: groups of three, and in Base64 below what malloc would map anew each time


class Upload(httpx.SyncByteStream):
    """A request body: iterating it again gives the same bytes again, and its length is known beforehand.

    It is to be the `stream` of a request: around `content`, httpx would put a generator of its own.
    """

    def __init__(self, text: bytes, blobs: Blobs) -> None:
        self._parts: list[tuple[bytes, bytes]] = []  # some JSON, and the blob that follows it
        end = 0
        for found in TOKEN_BYTES.finditer(text) if blobs else ():
            content = blobs.get(found[0].decode())
            if content is not None:
                self._parts.append((text[end : found.start()], read(content)))
                end = found.end()
        self._parts.append((text[end:], b""))

    def __len__(self) -> int:
        return sum(len(text) + (len(blob) + 2) // 3 * 4 for text, blob in self._parts)

    def __iter__(self) -> Iterator[bytes]:
        for text, blob in self._parts:
            if text:
                yield text
            view = memoryview(blob)
            for start in range(0, len(view), _STEP):
                yield b64encode(view[start : start + _STEP])


class AsyncUpload(httpx.AsyncByteStream):
    """An `Upload` for async requests."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Pieces(iter(self._upload))


class _Pieces(AsyncIterator[bytes]):
    """An async generator would be left open by a request that breaks off."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    async def __anext__(self) -> bytes:
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration
