"""TLS: the records of one connection, turned into bytes and back. Nothing here waits, so sync and async share it.

The socket is read in large pieces and several records are taken out of each: ssl's own sockets make two system calls
for each record of 16 KB, asyncio's own TLS keeps buffers of 256 KB for each connection. And it runs over any stream, so
also over another TLS, as on the way through an https:// proxy.
"""

from __future__ import annotations

import ssl
import threading
from typing import Any

READ = 120 * 1024  # bytes read at a time: what malloc maps anew each time begins behind that

_THREAD = threading.local()


def scratch() -> memoryview:
    """Where all connections of this thread read to. What came is copied out before another can."""
    if not hasattr(_THREAD, "buffer"):
        _THREAD.buffer = memoryview(bytearray(READ))
    buffer: memoryview = _THREAD.buffer
    return buffer


class TLS:
    """The client's end of a TLS connection. After each step, `outgoing()` is to be sent."""

    def __init__(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._error: ssl.SSLError | None = None
        self.object = context.wrap_bio(self._in, self._out, server_hostname=server_hostname)

    def outgoing(self) -> bytes:
        """The records to be sent, taken away."""
        return self._out.read()

    def feed(self, records: bytes) -> None:
        """Takes what came; nothing stands for the end of the stream."""
        if records:
            self._in.write(records)
        else:
            self._in.write_eof()

    def shake_hands(self) -> bool:
        """Goes on with the handshake; returns whether it is done. Raises: ssl.SSLError."""
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def read(self) -> bytes | None:
        """What has come; nothing at the end, and None where more must be fed first. Raises: ssl.SSLError."""
        if self._error is not None:
            raise self._error
        buffer, size = scratch(), 0
        try:
            while size < READ and (more := self._read_into(buffer[size:])):
                size += more
        except ssl.SSLWantReadError:
            if not size:
                return None
        except ssl.SSLEOFError:  # the other side left without a word; the length of the answer tells whether it matters
            pass
        except ssl.SSLError as exc:
            self._error = exc  # for the next read, if something came before it
            if not size:
                raise
        return bytes(buffer[:size])

    def _read_into(self, buffer: memoryview) -> int:
        size: Any = self.object.read(len(buffer), buffer)  # the type stubs know only of the call without a buffer
        return int(size)

    def write(self, data: memoryview) -> None:
        """Takes what is to be sent. Raises: ssl.SSLError."""
        while data:
            data = data[self.object.write(data) :]
