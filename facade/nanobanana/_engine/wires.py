"""Wires: what bytes go over, a TCP connection or TLS over any other wire. Their steps are driven by `waiting`.

TLS is run over memory: several records are taken out of each large read, where ssl's own sockets make two system calls
for each of 16 KB; and it runs over any wire, so also over another TLS, as on the way through an https:// proxy.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any, Protocol, Self

from attrs import define, field

from .waiting import READ, WRITE, Steps, Wait

SIZE = 120 * 1024  # bytes read at a time: what malloc maps anew each time begins behind that
_FED = 32 * 1024  # bytes that TLS is given at a time: each connection has such memory of its own, and it never shrinks
_THREAD = threading.local()


def scratch(floor: int = 0) -> memoryview:
    """Where all wires of this thread read to that stand on so many others. What came is used, or copied, before
    anything else is waited for."""
    buffers: list[memoryview] = _THREAD.__dict__.setdefault("buffers", [])
    while len(buffers) <= floor:
        buffers.append(memoryview(bytearray(SIZE)))
    return buffers[floor]


@define
class Try:
    """One try of a call, as the network sees it.

    left: the seconds that are left of the call, asked before each wait. sent: whether a byte of the request, not of a
    handshake before it, has been handed to the system.
    """

    left: Callable[[], float]
    sent: bool = False
    _reserve: float = field(default=0.0, init=False)  # seconds at the end of the call that connecting may not use
    _is_sending: bool = field(default=False, init=False)
    _is_cut: bool = field(default=False, init=False)
    _socket: socket.socket | None = field(default=None, init=False)

    def cut(self) -> None:
        """Ends the try, from another thread: a wait for its connection ends at once, any other by itself."""
        self._is_cut = True
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it may be closed by now
                self._socket.shutdown(socket.SHUT_RDWR)

    def watch(self, sock: socket.socket) -> None:
        """Names the connection of the try."""
        self._socket = sock

    def begin(self, connect_timeout: float) -> None:
        """Connecting begins, handshakes and proxies included, and may take so many seconds in all."""
        self.sent, self._is_sending = False, False
        self._reserve = max(0.0, self.left() - connect_timeout)

    def send(self) -> None:
        """Whatever is written from now on is the request."""
        self._reserve, self._is_sending = 0.0, True

    def wrote(self) -> None:
        """Something was handed to the system."""
        self.sent = self._is_sending

    def wait(self) -> float:
        """The seconds that a wait may take. Raises: TimeoutError when there are none."""
        if self._is_cut:
            raise ConnectionAbortedError("the call was cut")
        seconds = self.left() - self._reserve
        if seconds <= 0:
            raise TimeoutError("the time for connecting is over" if self._reserve else "the time for this call is over")
        return seconds


class Wire(Protocol):
    """Something that bytes go over."""

    floor: int
    """How many others it stands on."""

    def read(self, most: int = SIZE) -> Steps[memoryview]:
        """What has come, in the scratch memory of the thread; nothing at the end. Raises: OSError."""

    def write(self, data: memoryview) -> Steps[None]:
        """Sends all of it. Raises: OSError."""

    def close(self) -> None:
        """Closes it, without a word to the other side."""

    def get_extra_info(self, info: str) -> Any:
        """What httpcore may ask for by name; None where there is no such thing."""


class TCP:
    """A connected socket that does not block."""

    floor = 0

    def __init__(self, sock: socket.socket, try_: Try) -> None:
        self._socket = sock
        self._try = try_
        try_.watch(sock)

    def read(self, most: int = SIZE) -> Steps[memoryview]:
        while True:
            seconds = self._try.wait()  # also where something has come: it may never end
            try:
                return scratch()[: self._socket.recv_into(scratch(), most)]
            except BlockingIOError:
                yield Wait([(self._socket, READ)], seconds)

    def write(self, data: memoryview) -> Steps[None]:
        while data:
            seconds = self._try.wait()
            try:
                data = data[self._socket.send(data) :]
                self._try.wrote()
            except BlockingIOError:
                yield Wait([(self._socket, WRITE)], seconds)

    def close(self) -> None:
        self._socket.close()

    def get_extra_info(self, info: str) -> Any:
        match info:
            case "socket":
                return self._socket
            case "client_addr":
                return self._socket.getsockname()
            case "server_addr":
                return self._socket.getpeername()
            case _:  # nobody asks whether it is readable, as no connection is used twice
                return None


class TLS:
    """The client's end of TLS over another wire."""

    def __init__(self, wire: Wire, context: ssl.SSLContext, server_hostname: str | None) -> None:
        self._wire = wire
        self.floor = wire.floor + 1
        self._records = memoryview(b"")  # what came and has not been given to TLS yet
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._error: ssl.SSLError | None = None
        self._object = context.wrap_bio(self._in, self._out, server_hostname=server_hostname)

    @classmethod
    def over(cls, wire: Wire, context: ssl.SSLContext, server_hostname: str | None) -> Steps[Self]:
        """TLS, once hands are shaken.

        Raises: OSError, ssl.SSLError among them, after the other side has been told what is wrong.
        """
        tls = cls(wire, context, server_hostname)
        try:
            while True:
                try:
                    tls._object.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    yield from tls._feed(SIZE)
        except ssl.SSLError:
            with contextlib.suppress(OSError):
                yield from tls._flush()
            raise
        tls._feed_rest()
        yield from tls._flush()
        return tls

    def read(self, most: int = SIZE) -> Steps[memoryview]:
        if self._error is not None:
            raise self._error
        buffer, size = scratch(self.floor)[:most], 0
        while True:
            try:
                while size < most and (more := self._read_into(buffer[size:])):
                    size += more
                break
            except ssl.SSLWantReadError:
                if size and not self._records:
                    break
            except (
                ssl.SSLEOFError
            ):  # the other side left without a word; the length of the answer tells whether it matters
                break
            except ssl.SSLError as exc:
                if not size:
                    raise
                self._error = exc  # for the next read, as something came before it
                break
            yield from self._feed(most)
        self._feed_rest()
        return buffer[:size]

    def write(self, data: memoryview) -> Steps[None]:
        for start in range(0, len(data), SIZE):
            rest = data[start : start + SIZE]
            while rest:
                rest = rest[self._object.write(rest) :]
            yield from self._flush()

    def _read_into(self, buffer: memoryview) -> int:
        size: Any = self._object.read(len(buffer), buffer)  # the type stubs know only of the call without a buffer
        return int(size)

    def _feed(self, most: int) -> Steps[None]:
        """Gives TLS more of what came; first of all, where there is none, sends what is to be sent, such as the answer
        to a KeyUpdate, and takes what comes."""
        if not self._records:
            yield from self._flush()
            self._records = yield from self._wire.read(most)
            if not self._records:
                self._in.write_eof()
                return
        self._in.write(self._records[:_FED])
        self._records = self._records[_FED:]

    def _feed_rest(self) -> None:
        """Gives TLS all of what came, before others read to the memory that it is in."""
        if self._records:
            self._in.write(self._records)
        self._records = memoryview(b"")

    def _flush(self) -> Steps[None]:
        if self._out.pending:
            yield from self._wire.write(memoryview(self._out.read()))

    def close(self) -> None:
        self._wire.close()

    def get_extra_info(self, info: str) -> Any:
        return self._object if info == "ssl_object" else self._wire.get_extra_info(info)
