"""Blobs: large byte strings that travel beside the JSON, which holds a short token in the place of each.

So whatever parses or writes the JSON, the generated code included, never sees a big string. A token stands for the
Base64 of its blob, to the letter: with that put back, the JSON says what it said before.
"""

from __future__ import annotations

import json
import math
import re
import secrets
from functools import partial
from typing import Any, NoReturn

from attrs import frozen
from pybase64 import b64encode, b64encode_as_string

from .content import Content, read
from .spool import Spool

_MARK = "nanobananaBlob"
_TOKEN = re.compile(_MARK + "[0-9a-f]{32}")
TOKEN_BYTES = re.compile(_TOKEN.pattern.encode())


class Blobs(dict[str, Content]):
    """Blobs by their tokens."""

    def add(self, content: Content) -> str:
        """Takes a blob and returns its token. Nobody can guess it, and it looks like Base64, as some patterns ask."""
        token = f"{_MARK}{secrets.token_hex(16)}"
        self[token] = content
        return token

    def fill(self, value: Any) -> Any:
        """A JSON value with the Base64 of each blob in the place of its token, however deep it is.

        Raises: OSError where the file of a blob is gone.
        """
        if not self:
            return value
        root = [value]
        unfilled: list[Any] = [
            root
        ]  # copies whose entries are still to be looked at; no recursion, so no depth ends it
        while unfilled:
            holder = unfilled.pop()
            for place, entry in enumerate(holder) if isinstance(holder, list) else list(holder.items()):
                if isinstance(entry, str):
                    if _MARK in entry:
                        holder[place] = self._filled(entry)
                elif isinstance(entry, list):
                    holder[place] = entry.copy()
                    unfilled.append(holder[place])
                elif isinstance(entry, dict):
                    holder[place] = {self._filled(name): inner for name, inner in entry.items()}
                    unfilled.append(holder[place])
        return root[0]

    def _filled(self, text: str) -> str:
        return _TOKEN.sub(self._encoded, text)

    def _encoded(self, found: re.Match[str]) -> str:
        content = self.get(found[0])
        return found[0] if content is None else b64encode_as_string(read(content))

    def discard(self) -> None:
        """Deletes the files that hold blobs."""
        for content in self.values():
            if isinstance(content, Spool):
                content.discard()

    def recall(self, *, but: Content | None) -> None:
        """Takes the files that hold blobs, but for one, into memory. Raises: OSError."""
        for content in self.values():
            if isinstance(content, Spool) and content is not but:
                content.recall()


@frozen(repr=False)
class Lifted:
    """A JSON text with the tokens of what was lifted out of it, and the blobs they stand for."""

    text: bytes
    blobs: Blobs

    def whole(self) -> bytes:
        """The text with the Base64 put back, as it came. Raises: OSError where the file of a blob is gone."""
        return TOKEN_BYTES.sub(self._encoded, self.text) if self.blobs else self.text

    def document(self) -> Any:
        """The JSON value with the Base64 put back, read as `read_json` does.

        Raises: ValueError where it is no JSON; RecursionError where it is too deep; OSError where the file of a blob is
        gone.
        """
        return self.blobs.fill(read_json(self.text.decode("utf-8-sig"))[0])

    def _encoded(self, found: re.Match[bytes]) -> bytes:
        content = self.blobs.get(found[0].decode())
        return found[0] if content is None else b64encode(read(content))


def read_json(text: str) -> tuple[Any, bool]:
    """A JSON value, and whether a number in it is not as it was written.

    Half surrogate pairs stay as they are; a number that no float holds, such as 1e400, becomes its text.

    Raises: ValueError where it is no JSON (RFC 8259; NaN and its kin are none); RecursionError where it is too deep.
    """
    odd: list[str] = []

    def number(digits: str, kind: type[int | float]) -> int | float | str:
        if math.isfinite(float(digits)):
            return kind(digits)
        odd.append(digits)
        return digits

    value = json.loads(
        text, parse_float=partial(number, kind=float), parse_int=partial(number, kind=int), parse_constant=_no_constant
    )
    return value, bool(odd)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
