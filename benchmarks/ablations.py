"""This library without one part of its engine or another, so that what each part brings is seen.

Each of these puts something plain in the place of a part, in a process of its own, before the client is made.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


def httpcores_sockets() -> None:
    """Connections and TLS by httpcore and anyio, as httpx has them; so the body comes through HTTP's parser as well."""
    import httpcore
    from nanobanana._engine import transport

    def plain(make: Callable[[], Any]) -> Callable[..., Any]:
        def backend(*_: Any, **__: Any) -> Any:
            made = make()
            made.wires = []
            return made

        return backend

    from httpcore._backends.auto import AutoBackend

    transport.SyncBackend = plain(httpcore.SyncBackend)  # type: ignore[misc, assignment]
    transport.AsyncBackend = plain(AutoBackend)  # type: ignore[misc, assignment]


def ssl_sockets() -> None:
    """TLS by the sockets of `ssl`, which give one record at a time, of 16 KB, and ask the system twice for each."""
    import ssl

    from nanobanana._engine import streams, wires
    from nanobanana._engine.waiting import READ, WRITE, Wait

    class Socket(wires.TCP):
        def __init__(self, wire: Any, context: ssl.SSLContext, server_hostname: str | None) -> None:
            sock = context.wrap_socket(wire._socket, server_hostname=server_hostname, do_handshake_on_connect=False)
            super().__init__(sock, wire._try)

        def _when_ready(self, step: Callable[[], Any]) -> Iterator[Any]:
            while True:
                seconds = self._try.wait()
                try:
                    return step()
                except ssl.SSLWantReadError:
                    yield Wait([(self._socket, READ)], seconds)
                except ssl.SSLWantWriteError:
                    yield Wait([(self._socket, WRITE)], seconds)

        @classmethod
        def over(cls, wire: Any, context: ssl.SSLContext, server_hostname: str | None) -> Iterator[Any]:
            tls = cls(wire, context, server_hostname)
            yield from tls._when_ready(tls._socket.do_handshake)
            return tls

        def read(self, most: int = wires.SIZE) -> Iterator[Any]:
            size = yield from self._when_ready(lambda: self._socket.recv_into(wires.scratch(), most))
            return wires.scratch()[:size]

        def write(self, data: memoryview) -> Iterator[Any]:
            while data:
                data = data[(yield from self._when_ready(lambda rest=data: self._socket.send(rest))) :]
                self._try.wrote()

    streams.TLS = Socket  # type: ignore[misc, assignment]


def through_the_parser() -> None:
    """The body through h11 and the generators of httpcore and httpx, also where its length is known."""
    from nanobanana._engine import receive

    receive._length = lambda response: None


def no_lifter() -> None:
    """Base64 stays in the JSON, and is decoded when all of it is there."""
    from nanobanana._engine.intake import Intake

    real = Intake.__init__

    def without(self: Intake, *args: Any, **options: Any) -> None:
        real(self, *args, **{**options, "lifts": False})

    Intake.__init__ = without  # type: ignore[method-assign]


def no_spool() -> None:
    """A picture goes to memory first, and to its file when it is whole."""
    from nanobanana._engine.spool import Spool

    real = Spool.__init__

    def without(self: Spool, folder: Any, room: int = 0) -> None:
        real(self, None, room)

    Spool.__init__ = without  # type: ignore[method-assign]


def plain_upload() -> None:
    """The request is put together whole before it leaves."""
    from nanobanana._engine.upload import Upload

    real = Upload.__iter__

    def whole(self: Upload) -> Iterator[bytes]:
        yield b"".join(real(self))

    Upload.__iter__ = whole  # type: ignore[method-assign]


ABLATIONS: dict[str, Callable[[], None]] = {
    "httpcore's sockets": httpcores_sockets,
    "ssl's sockets": ssl_sockets,
    "through the parser": through_the_parser,
    "no lifter": no_lifter,
    "no spool": no_spool,
    "plain upload": plain_upload,
}
