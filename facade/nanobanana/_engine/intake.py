"""Intake: an answer as it comes in, inflated, bounded, and with its large values lifted out."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from .inflate import Inflate
from .lifter import Lifter
from .tokens import Blobs, Lifted

_NEXT_VALUE = re.compile(rb'(?:[^"{\[,]++|"(?:[^"\\]++|\\.)*+"?)*+(?:[{\[,]|\Z)', re.DOTALL)
_BEGINNING = 64 * 1024  # bytes in which something of a compressed body shows
_MOST_VALUES = 50_000  # in a document; real ones have some hundred, and one takes up to a quarter of a KB in memory


class Intake:
    """Takes an answer piece by piece. What is wrong with it is in `problem`, and what came in `content()`.

    encoding: its Content-Encoding. limit: bytes after inflating, above which no more is taken. expected: its
    Content-Length, as far as known. folder: where large values go, each into a file; without one, into memory. lifts:
    whether they are lifted out at all. is_json: whether it is to be parsed, so that its values are counted.
    """

    def __init__(
        self,
        encoding: str = "",
        *,
        limit: int,
        expected: int = 0,
        folder: Path | None = None,
        lifts: bool = True,
        is_json: bool = True,
    ) -> None:
        self.size = 0
        self.problem = ""
        self._limit = limit
        self._is_json = is_json
        self._inflate = Inflate(encoding)
        self._blobs = Blobs()
        self._text = bytearray()
        self._lifter = Lifter(self._blobs, folder, 0 if encoding else expected) if lifts else None
        self._raw = bytearray()  # what came, until something was inflated out of it
        self._is_damaged = False

    @property
    def is_full(self) -> bool:
        """Whether more has come than the limit."""
        return self.size > self._limit

    def add(self, piece: bytes | memoryview) -> None:
        """Takes the next piece of the body, as far as the limit goes."""
        for _ in self.steps(piece):
            pass

    def steps(self, piece: bytes | memoryview) -> Iterator[None]:
        """Takes the next piece in steps of at most 1 MB, between which others can have their turn.

        The piece is not looked at again after the first step, so its memory may be used for something else.
        """
        if self.is_full or self._is_damaged:
            return
        if not self.size and len(self._raw) < _BEGINNING:
            self._raw += piece
        try:
            for inflated in self._inflate.pieces(piece, self._limit + 1 - self.size):
                self._take(inflated)
                yield
        except zlib.error as exc:
            self.problem = f"it is not in the encoding it claims: {exc}"
            if self.size:
                self._is_damaged = True
            else:  # nothing of it was in that encoding, so it is kept as it is
                self._inflate = Inflate("")
                self._take(bytes(self._raw))
        if self.size:
            self._raw.clear()

    def finish(self) -> None:
        """Takes the end of the body, wherever it came. Doing it again changes nothing."""
        self._take(self._inflate.end())
        if self._lifter:
            self._lifter.finish()
        if self._is_json and not self.problem and not self.is_full and _has_too_many_values(self._left):
            self.problem = f"it holds more than {_MOST_VALUES} values"

    def _take(self, piece: bytes | memoryview) -> None:
        self.size += len(piece)
        if self._lifter:
            self._lifter.add(piece)
        else:
            self._text += piece

    @property
    def _left(self) -> bytearray:
        return self._lifter.text if self._lifter else self._text

    @property
    def lifted(self) -> Lifted:
        """The answer, once it is finished."""
        return Lifted(bytes(self._left), self._blobs)

    def content(self) -> bytes:
        """What came, as far as it came, with what was lifted put back."""
        return self.lifted.whole()


def _has_too_many_values(text: bytearray) -> bool:
    """Whether parsing it would fill the memory with many small values: each but the first follows one of `{[,`."""
    if sum(map(text.count, (b"{", b"[", b","))) <= _MOST_VALUES:
        return False
    return sum(1 for _ in islice(_NEXT_VALUE.finditer(text), _MOST_VALUES + 2)) > _MOST_VALUES + 1
