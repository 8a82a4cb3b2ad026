"""The floor: the least a client in Python can do, with sockets, written-out requests and no HTTP library."""

from __future__ import annotations

import socket
import ssl

try:
    import pybase64 as base64
except ImportError:
    import base64  # type: ignore[no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Sequence

PIECE = 3 * 128 * 1024  # bytes of a reference that are encoded and sent at a time; a multiple of 3
BEFORE = b'{"contents":[{"role":"user","parts":[{"text":"%s"}'
REFERENCE = b',{"inline_data":{"mimeType":"image/png","data":"'
AFTER_REFERENCE = b'"}}'
AFTER = (
    b']}],"generationConfig":{"responseModalities":["TEXT","IMAGE"],'
    b'"imageConfig":{"aspectRatio":"1:1","imageSize":"1K"}}}'
)


class Floor:
    """One kept connection when used synchronously; asynchronously, one connection a call."""

    def __init__(self, url: str) -> None:
        self._scheme, _, rest = url.partition("://")
        self._host, _, path = rest.partition("/")
        self._path = f"/{path}/v1beta/models/nanobanana:generateContent"
        name, _, port = self._host.partition(":")
        self._address = name, int(port)
        self._context = ssl.create_default_context() if self._scheme == "https" else None
        self._sock: socket.socket | None = None

    def _head(self, length: int) -> bytes:
        return (
            f"POST {self._path} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer sk-benchmark\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        ).encode()

    def _request(self, prompt: str, references: Sequence[bytes]) -> Iterator[bytes]:
        """The request in pieces, none of which holds a whole reference."""
        before = BEFORE % prompt.encode()
        wrapping = len(REFERENCE) + len(AFTER_REFERENCE)
        length = len(before) + len(AFTER) + sum(wrapping + (len(r) + 2) // 3 * 4 for r in references)
        pending = self._head(length) + before
        for reference in references:
            yield pending + REFERENCE
            view = memoryview(reference)
            for start in range(0, len(view), PIECE):
                yield base64.b64encode(view[start : start + PIECE])
            pending = AFTER_REFERENCE
        yield pending + AFTER

    @staticmethod
    def _picture(body: bytes | bytearray | memoryview, whole: bytes | bytearray) -> bytes:
        start = whole.index(b'"data":"') + 8
        return base64.b64decode(memoryview(body)[start : whole.index(b'"', start)])

    def draw(self, prompt: str, references: Sequence[bytes]) -> bytes:
        """Makes a picture."""
        if self._sock is None:
            self._sock = socket.create_connection(self._address)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                self._sock = self._context.wrap_socket(self._sock, server_hostname=self._address[0])
        for piece in self._request(prompt, references):
            self._sock.sendall(piece)
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._sock.recv(4096)
        head, _, begun = head.partition(b"\r\n\r\n")
        body = bytearray(_length(head))
        body[: len(begun)] = begun
        count, view = len(begun), memoryview(body)
        while count < len(body):
            count += self._sock.recv_into(view[count:])
        return self._picture(view, body)

    async def draw_async(self, prompt: str, references: Sequence[bytes]) -> bytes:
        """Makes a picture, by a raw socket on the event loop."""
        import asyncio

        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(sock, self._address)
            wire = _Wire(loop, sock) if self._context is None else _TLSWire(loop, sock, self._context, self._address[0])
            await wire.begin()
            for piece in self._request(prompt, references):
                await wire.send(piece)
            head = b""
            while b"\r\n\r\n" not in head:
                head += await wire.receive()
            head, _, begun = head.partition(b"\r\n\r\n")
            body = bytearray(_length(head))
            count = len(begun)
            body[:count] = begun
            while count < len(body):
                piece = await wire.receive()
                body[count : count + len(piece)] = piece
                count += len(piece)
        return self._picture(body, body)


_SCRATCH = memoryview(bytearray(128 * 1024))  # where all read to; what came is used before another has its turn


class _Wire:
    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        self.loop, self.sock = loop, sock

    async def begin(self) -> None:
        """There is nothing to do before the request."""

    async def send(self, data: bytes) -> None:
        await self.loop.sock_sendall(self.sock, data)

    async def receive(self) -> memoryview:
        while True:
            try:
                return _SCRATCH[: self.sock.recv_into(_SCRATCH)]
            except BlockingIOError:
                await self._readable()

    async def _readable(self) -> None:
        ready = self.loop.create_future()
        self.loop.add_reader(self.sock, lambda: ready.done() or ready.set_result(None))
        try:
            await ready
        finally:
            self.loop.remove_reader(self.sock)


class _TLSWire(_Wire):
    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, context: ssl.SSLContext, name: str
    ) -> None:
        super().__init__(loop, sock)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=name)

    async def begin(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._flush()
                self._in.write(await super().receive())
        await self._flush()

    async def send(self, data: bytes) -> None:
        self._tls.write(data)
        await self._flush()

    async def _flush(self) -> None:
        if self._out.pending:
            await super().send(self._out.read())

    async def receive(self) -> memoryview:
        size = 0
        while True:
            try:
                while size < len(_SCRATCH):
                    size += self._tls.read(len(_SCRATCH) - size, _SCRATCH[size:])  # type: ignore[arg-type, operator]
                return _SCRATCH
            except ssl.SSLWantReadError:
                if size:
                    return _SCRATCH[:size]
                self._in.write(await super().receive())


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
