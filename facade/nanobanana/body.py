"""Body: what has come of an answer, decoded and bounded as it arrives."""

from __future__ import annotations

import zlib

_ZLIB, _RAW, _GZIP = zlib.MAX_WBITS, -zlib.MAX_WBITS, zlib.MAX_WBITS | 16
_WINDOWS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}


class Body:
    """What has come of an answer. httpx would inflate each piece whole, so that some hundred bytes could fill the
    memory; here no more is inflated than the limit allows.

    We ask for no encoding, but some proxies compress all the same: gzip and deflate are undone (RFC 9110, 8.4.1). Bytes
    in any other encoding are kept as they are, and will not pass for JSON.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        self.data = bytearray()
        self._limit = limit
        self._window = _WINDOWS.get(encoding.strip().lower())
        self._inflater = None if self._window is None else zlib.decompressobj(self._window)

    @property
    def is_full(self) -> bool:
        """Whether more has come than the limit."""
        return len(self.data) > self._limit

    def add(self, piece: bytes) -> None:
        """Takes the next piece of the body, as far as the limit goes.

        Raises: zlib.error where it is not in the encoding it claims.
        """
        if self._inflater is None:
            self.data += piece
            return
        room = self._limit + 1 - len(self.data)
        try:
            self.data += self._inflater.decompress(piece, room)
        except zlib.error:
            if self.data or self._window != _ZLIB:
                raise
            self._window = _RAW  # "deflate" without the zlib header, as some servers send it
            self._inflater = zlib.decompressobj(_RAW)
            self.data += self._inflater.decompress(piece, room)
