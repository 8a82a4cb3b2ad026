"""The endpoint as a case plays it: real HTTP, TLS and failures on connections that the program made to 127.0.0.1."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from .cases import Response, Step

CERTIFICATES = Path(__file__).parent / "certificates"
AUTHORITY = CERTIFICATES / "authority.pem"
_TLS_RECORD = b"\x16"  # RFC 8446, 5.1: the type of a handshake record
_PIECE = 65536


class ClosedError(Exception):
    """The program closed the connection."""


@dataclass
class Seen:
    """A request as it came."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    secure: bool
    proxy: dict[str, str | None] | None = None
    problems: list[str] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """The value of a header, several joined by commas (RFC 9110, 5.3)."""
        values = [value for known, value in self.headers if known.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def json(self) -> Any:
        """The body as JSON (RFC 8259: in UTF-8, each key once, no NaN); a word on what it is instead."""
        try:
            return json.loads(self.body.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_no_number)
        except ValueError as exc:
            return f"no JSON ({exc}): {self.body[:200]!r}"


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a key is there twice: {', '.join(name for name, _ in pairs)[:200]}")
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


@cache
def _context(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem")
    context.set_alpn_protocols(["http/1.1"])
    return context


class Connection:
    """One connection that the program made. Nothing of it takes longer than `patience` seconds."""

    def __init__(self, raw: socket.socket, patience: float) -> None:
        raw.settimeout(patience)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = raw
        self._patience = patience
        self._buffer = b""

    def close(self) -> None:
        """Closes it, in order."""
        self._socket.close()

    def receive(self, step: Step) -> Seen | None:
        """The request that comes over it, through TLS and a proxy where the program speaks so; None where the TLS of
        the step is not trusted and the program saw it.

        Raises: ClosedError.
        """
        proxy: dict[str, str | None] | None = None
        try:
            head = self._socket.recv(7, socket.MSG_PEEK)
            if head.startswith(b"CONNECT"[: len(head)]) and head:
                line, headers = self._head()
                known = {name.lower(): value for name, value in headers}
                proxy = {"target": line.split(" ")[1], "authorization": known.get("proxy-authorization")}
                self._send(b"HTTP/1.1 200 Connection established\r\n\r\n")
                head = self._socket.recv(1, socket.MSG_PEEK)
            secure = head[:1] == _TLS_RECORD
            untrusted = step.failure in ("tls_untrusted", "tls_other_name")
            if secure:
                name = {"tls_untrusted": "stranger", "tls_other_name": "other-name"}.get(step.failure or "", "endpoint")
                self._socket = _context(name).wrap_socket(self._socket, server_side=True)
            seen = self._request(secure, proxy)
        except (ssl.SSLError, ConnectionError, ClosedError):
            if step.failure in ("tls_untrusted", "tls_other_name"):
                return None
            raise ClosedError from None
        if untrusted:
            seen.problems.append("was sent to a server that cannot be trusted")
        return seen

    def _request(self, secure: bool, proxy: dict[str, str | None] | None) -> Seen:
        line, headers = self._head()
        method, _, rest = line.partition(" ")
        target, _, version = rest.rpartition(" ")
        seen = Seen(method, target, headers, b"", secure, proxy)
        if version != "HTTP/1.1":
            seen.problems.append(f"begins with the line {line[:200]!r}")
        if (seen.header("expect") or "").lower() == "100-continue":
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in (seen.header("transfer-encoding") or "").lower():
            seen.body = self._chunks()
        else:
            seen.body = self._exactly(int(seen.header("content-length") or 0))
        return seen

    def _head(self) -> tuple[str, list[tuple[str, str]]]:
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines[1:] if line)
        return lines[0], [(name, value.strip()) for name, _, value in pairs]

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._buffer += self._more()
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def _exactly(self, size: int) -> bytes:
        pieces = [self._buffer]
        missing = size - len(self._buffer)
        while missing > 0:
            pieces.append(self._more())
            missing -= len(pieces[-1])
        whole = b"".join(pieces)
        self._buffer = whole[size:]
        return whole[:size]

    def _chunks(self) -> bytes:
        whole = []
        while size := int(self._until(b"\r\n").split(b";")[0], 16):
            whole.append(self._exactly(size))
            self._until(b"\r\n")
        self._until(b"\r\n")
        return b"".join(whole)

    def _more(self) -> bytes:
        piece = self._socket.recv(_PIECE)
        if not piece:
            raise ClosedError
        return piece

    def answer(self, step: Step, tick: Callable[[], None], *, real_clock: bool) -> str | None:
        """Plays the step back. `tick` moves the program's clock, where that is to happen while it waits.

        Returns: what the program did wrong meanwhile, if anything.
        """
        response = step.response
        try:
            if step.failure != "read_timeout":
                tick()
            if response is not None:
                is_whole = step.failure is None and response.drip is None
                self._send(_head(response, is_whole=is_whole) + _body(response, is_whole=is_whole))
            match step.failure:
                case "read_timeout":
                    tick()
                    return self._starve(0 if real_clock else 0.02, begun=response is not None)
                case "reset":
                    self._socket.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
                    )
            if response is not None and response.drip is not None:
                return self._starve(response.drip, begun=True)
        except (OSError, ClosedError):
            return None  # the program has had enough, as it may
        finally:
            self.close()
        return None

    def _starve(self, pause: float, *, begun: bool) -> str | None:
        """Sends a byte at a time, or none with a pause of 0, until the program hangs up."""
        end = time.monotonic() + self._patience
        pieces = iter(b"" if begun else b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self._socket.settimeout(pause or 0.02)
        while time.monotonic() < end:
            if pause:
                self._send(bytes([next(pieces, 0x20)]))
            try:
                if not self._socket.recv(_PIECE):
                    return None
            except (TimeoutError, ssl.SSLWantReadError):
                continue
        return f"the connection was still open after {self._patience:g} s"

    def _send(self, data: bytes) -> None:
        self._socket.sendall(data)


def _head(response: Response, *, is_whole: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {http.client.responses.get(response.status, 'Unnamed')}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    if response.encoding:
        lines.append(f"Content-Encoding: {response.encoding}")
    if response.chunked:
        lines.append("Transfer-Encoding: chunked")
    elif response.status != 204:
        lines.append(f"Content-Length: {len(response.body) + (0 if is_whole else 1_000_000)}")
    return ("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode("utf-8")


def _body(response: Response, *, is_whole: bool) -> bytes:
    body = response.body
    if not response.chunked:
        return body
    half = len(body) // 2
    chunks = [piece for piece in (body[:half], body[half:]) if piece]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in chunks) + (b"0\r\n\r\n" if is_whole else b"")
