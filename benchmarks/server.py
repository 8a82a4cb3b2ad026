"""The server that all clients are measured against: canned answers on 127.0.0.1, plain and over TLS at once.

    python -m benchmarks.server FOLDER

It writes its certificate authority to FOLDER/authority.pem and prints its two addresses as one line of JSON. The first
part of a path is the size of the picture in bytes, as in http://127.0.0.1:PORT/1024/v1beta/models/...; a short
request can ask for another one with bytes=N in its prompt. It ends when its standard input is closed.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
import re
import socket
import ssl
import sys
import threading
from pathlib import Path

import trustme

from .picture import picture

PIECE = 256 * 1024
SHORT = 16 * 1024  # a request up to this long is looked through for bytes=N
PATIENCE = 600.0  # seconds


@functools.cache
def _encoded(size: int) -> str:
    return base64.b64encode(picture(size)).decode()


@functools.cache
def _answer(size: int, chat: bool) -> bytes:
    document: dict[str, object]
    if chat:
        message = {"role": "assistant", "content": f"![image](data:image/png;base64,{_encoded(size)})"}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        usage = {"prompt_tokens": 10, "completion_tokens": 1290, "total_tokens": 1300}
        document = {"id": "1", "object": "chat.completion", "created": 0, "model": "nanobanana", "choices": choices}
        document["usage"] = usage
    else:
        part = {"inlineData": {"mimeType": "image/png", "data": _encoded(size)}}
        usage = {"promptTokenCount": 10, "candidatesTokenCount": 1290, "totalTokenCount": 1300}
        document = {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}]}
        document["usageMetadata"] = usage
    body = json.dumps(document, separators=(",", ":")).encode()
    fields = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return f"HTTP/1.1 200 OK\r\n{fields}".encode() + body


_making = threading.Lock()


def answer(path: str, body: bytes) -> memoryview:
    """The whole response to a request for this path; `body` may be given where it is short."""
    asked = re.search(rb"bytes=(\d+)", body)
    size = int(asked[1]) if asked else int(path.split("/")[1])
    with _making:
        return memoryview(_answer(size, path.endswith("/chat/completions")))


def attend(sock: socket.socket) -> None:
    """Answers the requests of one connection until it is closed."""
    sock.settimeout(PATIENCE)
    piece = bytearray(PIECE)
    buffer = b""
    while True:
        while b"\r\n\r\n" not in buffer:
            count = sock.recv_into(piece)
            if not count:
                return
            buffer += piece[:count]
        head, _, buffer = buffer.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        if length is None:
            sock.sendall(b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        body, left = buffer, int(length[1]) - len(buffer)
        buffer = b""
        while left > 0:
            count = sock.recv_into(piece, min(left, PIECE))
            if not count:
                return
            left -= count
            if len(body) + count <= SHORT:
                body += piece[:count]
        short = body if int(length[1]) <= SHORT else b""
        sock.sendall(answer(head.split(b" ", 2)[1].decode("latin-1"), short))


def accept(listener: socket.socket, context: ssl.SSLContext | None) -> None:
    """Gives each connection that comes a thread of its own."""

    def run(sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            if context is None:
                attend(sock)
            else:
                with context.wrap_socket(sock, server_side=True) as secure:
                    attend(secure)

    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=run, args=(sock,), daemon=True).start()


def main() -> None:
    """Serves until the parent ends."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(Path(sys.argv[1], "authority.pem")))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    addresses = {}
    for scheme, wrapping in (("http", None), ("https", context)):
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        addresses[scheme] = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(target=accept, args=(listener, wrapping), daemon=True).start()
    print(json.dumps(addresses), flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
