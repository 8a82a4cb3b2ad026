"""Proxies on 127.0.0.1 that connect everybody to one server: HTTP with CONNECT, behind TLS or not, and SOCKS5."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import threading
from typing import Self

from ..faults.server import certificates


class Proxy:
    """A proxy of some kind ("http", "https" or "socks5"). `asked` is what it was asked for, `given` the users and
    passwords that it was shown; without the right one it refuses.

    nonsense: what it says in the place of its first answer.
    """

    def __init__(
        self, kind: str, port: int, *, user: bytes = b"", password: bytes = b"", nonsense: bytes | None = None
    ) -> None:
        self._kind, self._port = kind, port
        self._wanted = (user, password) if user else None
        self._nonsense = nonsense
        self.asked: list[str] = []
        self.given: list[tuple[bytes, bytes] | None] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"{kind}://{self.address}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                threading.Thread(target=self._attend, args=(sock,), daemon=True).start()

    def _attend(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError):
            sock.settimeout(30)
            if self._kind == "https":
                sock = certificates().context("good").wrap_socket(sock, server_side=True)
            with sock:
                if self._nonsense is not None:
                    sock.recv(65536)
                    sock.sendall(self._nonsense)
                elif self._kind == "socks5":
                    self._socks(sock)
                else:
                    self._http(sock)

    def _http(self, near: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += _some(near)
        line, *fields = head.partition(b"\r\n\r\n")[0].split(b"\r\n")
        self.asked.append(line.decode())
        credentials = [
            field.partition(b": ")[2] for field in fields if field.lower().startswith(b"proxy-authorization")
        ]
        user, _, password = (
            base64.b64decode(credentials[0].partition(b" ")[2]).partition(b":") if credentials else (b"",) * 3
        )
        self.given.append((user, password) if credentials else None)
        if self._wanted not in (None, self.given[-1]):
            near.sendall(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
            )
            return
        with socket.create_connection(("127.0.0.1", self._port)) as far:
            if line.startswith(b"CONNECT"):
                near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                far.sendall(head)
            _join(near, far)

    def _socks(self, near: socket.socket) -> None:
        """RFC 1928, with RFC 1929 for the user."""
        _, count = _exactly(near, 2)
        methods = _exactly(near, count)
        method = 2 if self._wanted else 0
        if method not in methods:
            near.sendall(b"\x05\xff")
            return
        near.sendall(bytes([5, method]))
        self.given.append(None)
        if method:
            user = _exactly(near, _exactly(near, 2)[1])
            self.given[-1] = user, _exactly(near, _exactly(near, 1)[0])
            near.sendall(b"\x01\x00" if self.given[-1] == self._wanted else b"\x01\x01")
            if self.given[-1] != self._wanted:
                return
        kind = _exactly(near, 4)[3]
        host = _exactly(near, _exactly(near, 1)[0]).decode() if kind == 3 else socket.inet_ntoa(_exactly(near, 4))
        self.asked.append(f"{host}:{int.from_bytes(_exactly(near, 2), 'big')}")
        with socket.create_connection(("127.0.0.1", self._port)) as far:
            near.sendall(b"\x05\x00\x00\x01" + bytes(6))
            _join(near, far)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _some(sock: socket.socket) -> bytes:
    piece = sock.recv(65536)
    if not piece:
        raise EOFError
    return piece


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def _join(near: socket.socket, far: socket.socket) -> None:
    """Passes everything on, both ways, until one side ends."""
    while True:
        pending = getattr(near, "pending", int)()
        for source in [near] if pending else select.select([near, far], [], [], 30)[0]:
            piece = source.recv(65536)
            if not piece:
                return
            (far if source is near else near).sendall(piece)
