"""A server that misbehaves on purpose, over real sockets on 127.0.0.1, and counts the requests it was sent.

It plays acts: functions that get a connection and do with it as they please. A fresh connection takes
the next act when it is accepted, a kept one when it becomes readable; the last act is played again and again until
`mend()`, after which every answer is a good one.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import functools
import ipaddress
import itertools
import json
import select
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

KEY = "sk-0fault7table1key9never8shown"
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PATIENCE = 60.0  # seconds after which any wait of the server ends by itself
PIECE = 64 * 1024

Act = Callable[["Connection"], None]
Body = bytes | Callable[["Connection"], bytes]


class GoneError(Exception):
    """The other side has left, or the server is closing."""


class Connection:
    """One accepted connection, with what acts need."""

    def __init__(self, server: Server, sock: socket.socket, *, astray: bool) -> None:
        self.server, self.sock, self.astray = server, sock, astray
        self.path = ""
        self.is_post = False
        self.is_open = True
        self._buffer = b""
        self._length = 0

    def read_head(self) -> None:
        """Reads a request up to its body."""
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.path = lines[0].split(" ")[1]
        self.is_post = lines[0].startswith("POST ")
        self._length = int(fields.get("content-length", 0))
        if self.astray and KEY.encode() in head:
            self.server.key_strayed = True

    def read_body(self, pause: float = 0.0) -> None:
        """Reads the body and counts the request, which is complete with it."""
        left = self._length - len(self._buffer)
        while left > 0:
            time.sleep(pause)
            left -= len(self._receive(keep=False))
        self._buffer = b""
        with self.server.lock:
            if self.astray:
                self.server.strayed += 1
                self.path = self.server.asked_for
            elif self.is_post:
                self.server.requests += 1
                self.server.asked_for = self.path

    def read(self) -> None:
        """Reads a whole request."""
        self.read_head()
        self.read_body()

    def _receive(self, *, keep: bool = True) -> bytes:
        data = self.sock.recv(PIECE)
        if not data:
            raise GoneError
        if keep:
            self._buffer += data
        return data

    def send(self, data: bytes | memoryview) -> None:
        """Sends all of it, in pieces, so that `server.sent` says how far it came."""
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            self.sock.sendall(piece)
            self.server.sent += len(piece)

    def close(self) -> None:
        """Ends the connection in good order."""
        self.is_open = False
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def reset(self) -> None:
        """Breaks the connection off (RST)."""
        self.is_open = False
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def linger(self) -> None:
        """Says nothing more until the other side leaves or the server is closed."""
        while self.sock.recv(PIECE):
            pass
        raise GoneError


class Server:
    """The hostile server. Use it as a context manager.

    `requests` counts the complete requests (POST) that came, `strayed` those of any method that came to `elsewhere`,
    an address that only redirects name.
    """

    def __init__(
        self, acts: Sequence[Act], *, door: str = "open", secure: bool = False, certificate: str | None = None
    ) -> None:
        self.requests = self.strayed = self.connections = self.sent = 0
        self.key_strayed = False
        self.asked_for = ""  # the path of the last request, which one that a redirect sent elsewhere has lost
        self.lock = threading.Lock()
        self._acts = list(acts)
        self._is_mended = self._is_closed = False
        self._door, self._secure, self._certificate = door, secure, certificate
        self._open: set[socket.socket] = set()
        self._fillers: list[socket.socket] = []
        self._socket, self._other = _bind(), _bind()
        self.url = f"{'https' if secure else 'http'}://127.0.0.1:{self._socket.getsockname()[1]}"
        self.elsewhere = f"http://127.0.0.1:{self._other.getsockname()[1]}/elsewhere"
        self._serve(self._other, astray=True)
        if door == "open":
            self._serve(self._socket)
        elif door == "full":
            self._fill()

    def _serve(self, listener: socket.socket, *, astray: bool = False) -> None:
        listener.listen(64)
        threading.Thread(target=self._accept, args=(listener, astray), daemon=True).start()

    def _fill(self) -> None:
        """Fills the queue of connections that nobody accepts, so that the next one waits."""
        self._socket.listen(0)
        with contextlib.suppress(OSError):
            while len(self._fillers) < 8:
                self._fillers.append(socket.socket())
                self._fillers[-1].settimeout(0.1)
                self._fillers[-1].connect(self._socket.getsockname())

    def _accept(self, listener: socket.socket, astray: bool) -> None:
        with contextlib.suppress(OSError):
            while not self._is_closed:
                sock, _ = listener.accept()
                threading.Thread(target=self._attend, args=(sock, astray), daemon=True).start()

    def _attend(self, sock: socket.socket, astray: bool) -> None:
        sock.settimeout(PATIENCE)
        with self.lock:
            self._open.add(sock)
            self.connections += not astray
        connection: Connection | None = None
        with contextlib.suppress(OSError, GoneError):
            act = good if astray else self._next()
            name = "good" if self._secure and self._is_mended else None if self._is_mended else self._certificate
            if name is not None:
                sock = certificates().context(name).wrap_socket(sock, server_side=True)
                with self.lock:
                    self._open.add(sock)
            connection = Connection(self, sock, astray=astray)
            act(connection)
            while connection.is_open and name is None:
                select.select([sock], [], [], PATIENCE)
                if not sock.recv(1, socket.MSG_PEEK):
                    break
                act = good if astray else self._next()
                act(connection)
        if connection is None or connection.is_open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        with self.lock:
            self._open.discard(sock)

    def _next(self) -> Act:
        with self.lock:
            if self._is_mended:
                return good
            return self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]

    def mend(self) -> None:
        """Answers well from now on."""
        self._is_mended = True
        for filler in self._fillers:
            filler.close()
        if self._door != "open":
            self._serve(self._socket)

    def close(self) -> None:
        """Ends everything."""
        self._is_closed = True
        for listener in (self._socket, self._other):
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for filler in self._fillers:
            filler.close()
        with self.lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _bind() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


class Certificates:
    """Certificates for 127.0.0.1, made when first needed; `roots` is the file that a client is to trust."""

    def __init__(self) -> None:
        ours, theirs = trustme.CA(), trustme.CA()
        past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        self._alone = _self_signed()
        self._certificates = {
            "good": ours.issue_cert("127.0.0.1"),
            "untrusted": theirs.issue_cert("127.0.0.1"),
            "of another name": ours.issue_cert("elsewhere.example"),
            "expired": ours.issue_cert("127.0.0.1", not_after=past, not_before=past - datetime.timedelta(days=9)),
        }
        self._folder = tempfile.TemporaryDirectory()
        self.roots = str(Path(self._folder.name, "roots.pem"))
        ours.cert_pem.write_to_path(self.roots)

    def _write(self, name: str, content: bytes) -> Path:
        path = Path(self._folder.name, name)
        path.write_bytes(content)
        return path

    @functools.cache  # noqa: B019 - there is one of it in the process
    def context(self, name: str) -> ssl.SSLContext:
        """A server's context with the certificate of this name."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if name == "good, no cipher in common":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("AES128-SHA")
        if name == "signed by itself":
            context.load_cert_chain(self._write("alone.pem", self._alone))
        else:
            self._certificates[name.partition(",")[0]].configure_cert(context)
        return context


def _self_signed() -> bytes:
    """A certificate for 127.0.0.1 that only its own key vouches for, and that key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    return certificate.public_bytes(encoding) + key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@functools.cache
def certificates() -> Certificates:
    """The certificates of this process."""
    return Certificates()


# ------------------------------------------------------------------ bodies


def native(data: object = base64.b64encode(PICTURE).decode(), **fields: Any) -> bytes:
    """A good answer in the native format, with `data` for the picture."""
    part = {"inlineData": {"mimeType": "image/png", "data": data}}
    return json.dumps(
        {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}], **fields}
    ).encode()


def chat(content: object = f"![image](data:image/png;base64,{base64.b64encode(PICTURE).decode()})") -> bytes:
    """A good answer in the chat format."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return json.dumps(
        {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
    ).encode()


def picture(connection: Connection) -> bytes:
    """A good answer in the format of the request."""
    return chat() if connection.path.endswith("/chat/completions") else native()


def words(text: str) -> Body:
    """An answer that holds words and no picture, in the format of the request."""

    def body(connection: Connection) -> bytes:
        if connection.path.endswith("/chat/completions"):
            return chat(text)
        part = {"text": text}
        return json.dumps({"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]}).encode()

    return body


# ------------------------------------------------------------------ acts


def head(status: int | str, *fields: str) -> bytes:
    """A status line and header fields, up to the body."""
    if isinstance(status, int):
        phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unheard Of"
        status = f"{status} {phrase}"
    return "\r\n".join((f"HTTP/1.1 {status}", *fields, "", "")).encode("latin-1")


def reply(status: int | str = 200, body: Body = b"", *fields: str | Callable[[Connection], str]) -> Act:
    """Reads the request and answers with a body of stated length, and keeps the connection."""

    def act(connection: Connection) -> None:
        connection.read()
        content = body(connection) if callable(body) else body
        lines = [field(connection) if callable(field) else field for field in fields]
        connection.send(head(status, *lines, f"Content-Length: {len(content)}") + content)

    return act


good = reply(200, picture, "Content-Type: application/json", "x-request-id: req_good")


def write(*pieces: Body, pause: float = 0.0, read: bool = True, end: str = "close") -> Act:
    """Writes exactly these bytes, `pause` seconds before each piece but the first, and then ends as told:
    close, reset, linger (says nothing more) or keep."""

    def act(connection: Connection) -> None:
        if read:
            connection.read()
        for number, piece in enumerate(pieces):
            time.sleep(pause if number else 0)
            connection.send(piece(connection) if callable(piece) else piece)
        if end != "keep":
            getattr(connection, end)()

    return act


def drip(prefix: bytes, pieces: Iterable[bytes], every: float = 0.1) -> Act:
    """Writes the prefix at once and then a piece every so many seconds, for as long as the other side stays."""
    taken = list(itertools.islice(pieces, 1000))

    def act(connection: Connection) -> None:
        connection.read()
        connection.send(prefix)
        for piece in itertools.chain(taken, itertools.repeat(taken[-1])):
            time.sleep(every)
            connection.send(piece)

    return act


def flood(prefix: bytes, piece: bytes, times: int = 10**9) -> Act:
    """Writes the prefix and then the same piece over and over, as fast as the other side takes it."""

    def act(connection: Connection) -> None:
        connection.read()
        connection.send(prefix)
        for _ in range(times):
            connection.send(piece)
        connection.close()

    return act


def early(answer: bytes, then: str) -> Act:
    """Answers when only the head of the request has come, and then does with the rest as told:
    drain (reads it all), reset, close or stall (reads nothing more)."""

    def act(connection: Connection) -> None:
        connection.read_head()
        connection.send(answer)
        if then == "drain":
            connection.read_body()
            connection.close()
        elif then == "close":
            connection.sock.shutdown(socket.SHUT_WR)
            connection.linger()
        elif then == "reset":
            connection.reset()
        else:
            _until_closed(connection)

    return act


def sluggish(connection: Connection) -> None:
    """Reads the request a little at a time, far slower than it is sent."""
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.read_head()
    connection.read_body(pause=0.4)


def stall(connection: Connection) -> None:
    """Accepts the connection and never reads from it."""
    _until_closed(connection)


def _until_closed(connection: Connection) -> None:
    end = time.monotonic() + PATIENCE
    while not connection.server._is_closed and time.monotonic() < end:
        time.sleep(0.02)


def hang_up(connection: Connection) -> None:
    """Reads the request and ends the connection in good order, without a word."""
    connection.read()
    connection.close()


def break_off(connection: Connection) -> None:
    """Reads the request and resets the connection."""
    connection.read()
    connection.reset()


def slam(connection: Connection) -> None:
    """Resets the connection before it has read anything."""
    connection.reset()


def shut(connection: Connection) -> None:
    """Closes the connection before it has read anything."""
    connection.close()


def good_then(after: Callable[[Connection], None]) -> Act:
    """Answers well and then does something that nobody asked for."""

    def act(connection: Connection) -> None:
        good(connection)
        after(connection)

    return act
