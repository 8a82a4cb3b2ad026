"""Body: what has come of an answer, inflated, bounded and lifted as it arrives."""

from __future__ import annotations

import zlib

from .lifter import Lifter

_ZLIB, _RAW, _GZIP = zlib.MAX_WBITS, -zlib.MAX_WBITS, zlib.MAX_WBITS | 16
_WINDOWS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}


class Body:
    """What has come of an answer. httpx would inflate each piece whole, so that some hundred bytes could fill the
    memory; here no more is inflated than the limit allows.

    We ask for no encoding, but some proxies compress all the same: gzip and deflate are undone (RFC 9110, 8.4.1). Bytes
    in any other encoding are kept as they are, and will not pass for JSON.

    limit: bytes. lifter: what takes large values out of it; without one, `text` is all that came.
    """

    def __init__(self, encoding: str = "", limit: int = 0, lifter: Lifter | None = None) -> None:
        self.size = 0
        self._limit = limit
        self._lifter = lifter
        self._text = bytearray()
        self._window = _WINDOWS.get(encoding.strip().lower())
        self._inflater = None if self._window is None else zlib.decompressobj(self._window)

    @property
    def text(self) -> bytes:
        """What came, but for what was lifted."""
        return bytes(self._lifter.text if self._lifter else self._text)

    @property
    def is_full(self) -> bool:
        """Whether more has come than the limit."""
        return self.size > self._limit

    def add(self, piece: bytes) -> None:
        """Takes the next piece of the body, as far as the limit goes.

        Raises: zlib.error where it is not in the encoding it claims.
        """
        if self.is_full:  # no room at all would mean any amount to zlib
            return
        if self._inflater is not None:
            piece = self._inflated(self._inflater, piece, self._limit + 1 - self.size)
        self.size += len(piece)
        if self._lifter:
            self._lifter.add(piece)
        else:
            self._text += piece

    def _inflated(self, inflater: zlib._Decompress, piece: bytes, room: int) -> bytes:
        try:
            return inflater.decompress(piece, room)
        except zlib.error:
            if self.size or self._window != _ZLIB:
                raise
            self._window = _RAW  # "deflate" without the zlib header, as some servers send it
            self._inflater = zlib.decompressobj(_RAW)
            return self._inflater.decompress(piece, room)

    def finish(self) -> None:
        """Takes the end of it, wherever it came."""
        if self._lifter:
            self._lifter.finish()
