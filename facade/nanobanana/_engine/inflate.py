"""Inflating: what compressed answers come to, in bounded pieces.

We ask for no encoding, but some proxies compress all the same. httpx would inflate each piece whole, so that some
hundred bytes could fill the memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator

_ZLIB, _RAW, _GZIP = zlib.MAX_WBITS, -zlib.MAX_WBITS, zlib.MAX_WBITS | 16
_STEP = 1024 * 1024  # bytes inflated at a time
_MAGIC = b"\x1f\x8b"
_JSON = (b"{", b"[", b" ", b"\t", b"\r", b"\n", b"\xef")  # as it begins; no deflate of JSON begins so


class Inflate:
    """Undoes gzip, all members of it (RFC 1952, 2.2), and deflate, with or without its zlib header (RFC 9110, 8.4.1).

    The first bytes decide: an answer that claims an encoding, and begins without gzip's mark or as JSON does, is taken
    as it is. So is one in any other encoding, which will not pass for JSON.
    """

    def __init__(self, encoding: str) -> None:
        # A list is read as well (RFC 9110, 8.4), where but one name in it says something.
        named = {name.strip().removeprefix("x-") for name in encoding.lower().split(",")} - {"", "identity"}
        self._encoding = named.pop() if len(named) == 1 else ""
        self._is_plain = self._encoding not in ("gzip", "deflate")
        self._is_over = False  # behind the last member, where there may be padding
        self._members = 0
        self._inflater: zlib._Decompress | None = None
        self._head = b""  # of a member, as far as it does not tell what it is

    def pieces(self, data: bytes | memoryview, room: int) -> Iterator[bytes | memoryview]:
        """What the data comes to, in pieces of at most 1 MB, and where it is inflated, of at most `room` bytes in all.

        Raises: zlib.error where it is damaged, after everything that stands before the damage.
        """
        if self._is_plain:
            yield data
            return
        rest, self._head = self._head + data, b""
        while room > 0 and not self._is_over:
            if self._inflater is None:
                if len(rest) < len(_MAGIC):
                    self._head = rest
                    return
                self._inflater = self._begun(rest)
                if self._is_plain:
                    yield rest
                if self._inflater is None:
                    return
            piece, rest = yield from self._step(self._inflater, rest, min(_STEP, room))
            room -= len(piece)
            if self._inflater.eof:
                self._inflater, self._members = None, self._members + 1
            elif not rest and not piece:
                return

    def _step(self, inflater: zlib._Decompress, data: bytes, most: int) -> Generator[bytes, None, tuple[bytes, bytes]]:
        before = inflater.copy()
        try:
            piece = inflater.decompress(data, most)
        except zlib.error:
            yield _before_damage(before, data, most)
            raise
        if piece:
            yield piece
        return piece, inflater.unused_data if inflater.eof else inflater.unconsumed_tail

    def _begun(self, head: bytes) -> zlib._Decompress | None:
        """What inflates that which begins so; None where nothing does."""
        if self._encoding == "gzip" and head.startswith(_MAGIC):
            return zlib.decompressobj(_GZIP)
        if self._members:
            self._is_over = True
        elif self._encoding == "gzip" or head[:1] in _JSON:
            self._is_plain = True
        else:
            is_zlib = head[0] & 15 == 8 and int.from_bytes(head[:2], "big") % 31 == 0  # RFC 1950, 2.2
            return zlib.decompressobj(_ZLIB if is_zlib else _RAW)
        return None

    def end(self) -> bytes:
        """What was held back, once nothing more comes."""
        rest, self._head = self._head, b""
        return b"" if self._members else rest


def _before_damage(before: zlib._Decompress, data: bytes, most: int) -> bytes:
    """What can be inflated of damaged data; zlib would throw it away."""
    whole, low, high = b"", 0, most
    while low < high:
        middle = (low + high + 1) // 2
        try:
            whole = before.copy().decompress(data, middle)
            low = middle
        except zlib.error:
            high = middle - 1
    return whole
