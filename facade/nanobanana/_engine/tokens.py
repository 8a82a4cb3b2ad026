"""Blobs: large byte strings that travel beside the JSON, which holds a short token in the place of each.

So whatever parses or writes the JSON, the generated code included, never sees a big string. A token stands for the
Base64 of its blob, to the letter: with that put back, the JSON says what it said before.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from pybase64 import b64encode, b64encode_as_string

from ..pictures.header import Content, read
from .spool import Spool

_TOKEN = re.compile(r"nanobananaBlob[0-9a-f]{32}")
_TOKEN_BYTES = re.compile(_TOKEN.pattern.encode())
_STEP = 90 * 1024  # bytes encoded at a time: groups of three, and in Base64 below what malloc would map anew each time


class Blobs(dict[str, Content]):
    """Blobs by their tokens.

    redact: takes out of a string what must not show, where putting a blob back has made the string whole.
    """

    def __init__(self, redact: Callable[[str], str] = str) -> None:
        super().__init__()
        self._redact = redact
        self._taken: set[str] = set()

    def add(self, content: Content) -> str:
        """Takes a blob and returns its token. Nobody can guess it, and it looks like Base64, as some patterns ask."""
        token = f"nanobananaBlob{secrets.token_hex(16)}"
        self[token] = content
        return token

    def take(self, token: str) -> Content:
        """The blob of a token, each of which stands in one place only. Raises: KeyError where there is none."""
        content = self[token]
        self._taken.add(token)
        return content

    def restore(self, value: Any) -> Any:
        """A JSON value with the Base64 of each blob in the place of its token, but for those that were taken."""
        return value if self._taken >= self.keys() else self.put_back(value)

    def put_back(self, value: Any) -> Any:
        """The same for those that were taken as well."""
        if isinstance(value, str):
            whole = _TOKEN.sub(self._encoded, value)
            return self._redact(whole) if whole is not value else value
        if isinstance(value, list):
            entries = []
            for entry in value:  # a comprehension would take a frame of its own at each level, of which there are few
                entries.append(self.put_back(entry))
            return entries
        if isinstance(value, dict):
            fields = {}
            for name, entry in value.items():
                fields[self.put_back(name)] = self.put_back(entry)
            return fields
        return value

    def _encoded(self, found: re.Match[str]) -> str:
        content = self.get(found[0])
        return found[0] if content is None else b64encode_as_string(read(content))

    def discard(self, *, but: Content | None = None) -> None:
        """Deletes the files that hold blobs, but for one."""
        for content in self.values():
            if isinstance(content, Spool) and content is not but:
                content.discard()


class Upload:
    """JSON as it leaves, with the Base64 of each blob in the place of its token, encoded piece by piece.

    Iterating it again gives the same bytes again.
    """

    def __init__(self, text: bytes, blobs: Blobs) -> None:
        self._parts: list[tuple[bytes, bytes]] = []  # some JSON, and the blob that follows it
        end = 0
        for found in _TOKEN_BYTES.finditer(text) if blobs else ():
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


class AsyncUpload:
    """The same for async iteration, and for that only: httpx takes what has both for a sync body."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._upload:
            yield piece
