"""Serving: the sandbox on 127.0.0.1, in this process or in a thread of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .app import Sandbox
from .intake import encoded
from .journal import opened
from .violation import Violation

_HOST = "127.0.0.1"
_START = 10.0  # seconds to wait for it to come up
_PATIENCE = 0.5  # seconds that a client gets to read what it is told before its connection is closed

# What uvicorn has to say of a connection is said to the client, and in the log of requests; nothing goes to a terminal.
_quiet = logging.getLogger("nanobanana_sandbox.connection")
_quiet.propagate = False
_quiet.addHandler(logging.NullHandler())


class _Connection(H11Protocol):
    """uvicorn's connection, which can hang up as well, and says in the gateway's shape what is no HTTP."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.logger = _quiet
        self.access_log = False
        self.app_state = {**self.app_state, "hang_up": self._hang_up}
        self._is_refused = False

    def _hang_up(self) -> None:
        """Ends the connection once what was written has left."""
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            message = f"{msg.rstrip('.')}: this is not HTTP/1.1 as RFC 9112 has it, or its head is above 64 KB"
            body = encoded(Violation(400, "invalid_request_body", message).body())
            headers = [
                ("content-type", "application/json"),
                ("content-length", str(len(body))),
                ("connection", "close"),
            ]
            for event in (h11.Response(status_code=400, headers=headers, reason=b"Bad Request"), h11.Data(body)):
                self.transport.write(self.conn.send(event) or b"")
            # Closed with bytes unread, the connection would be reset, and the client might lose what was said to it.
            self._is_refused = True
            self.transport.write_eof()
            self.loop.call_later(_PATIENCE, self.transport.close)
        else:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        if not self._is_refused:
            super().data_received(data)


class _Server(uvicorn.Server):
    """uvicorn's server, which ends what is under way when it stops, instead of waiting for it."""

    def __init__(self, app: Sandbox) -> None:
        # No log_config and no log_level: they would set up the loggers of every other uvicorn in this process.
        options: dict[str, Any] = {"lifespan": "off", "ws": "none", "timeout_graceful_shutdown": 3, "log_config": None}
        super().__init__(uvicorn.Config(app, http=_Connection, log_level=None, **options))
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.stop()
        asyncio.get_running_loop().call_later(_PATIENCE, self._abort)
        await super().shutdown(sockets)

    def _abort(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def _listen(port: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only for a socket that names its protocol; with it, answers take 40 ms more.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except OSError:
        listener.close()
        raise
    listener.listen(1024)
    return listener


@contextlib.contextmanager
def _prepared(port: int, log: str | Path | None) -> Iterator[tuple[socket.socket, _Server]]:
    """A listening socket and a server for it; both, and the file of the log, are closed in the end."""
    with contextlib.ExitStack() as stack:
        file = opened(log)
        if file is not None:
            stack.enter_context(file)
        yield stack.enter_context(_listen(port)), _Server(Sandbox(file))


def _address(listener: socket.socket) -> str:
    return f"http://{_HOST}:{listener.getsockname()[1]}"


def run(port: int = 0, *, ready: Callable[[str], None] = print, log: str | Path | None = None) -> None:
    """Serves until it is interrupted. `ready` is called with the address once it can be reached.

    Raises: OSError where the port is taken, or the log cannot be written.
    """
    with contextlib.suppress(KeyboardInterrupt), _prepared(port, log) as (listener, server):
        ready(_address(listener))
        server.run(sockets=[listener])


@contextlib.contextmanager
def serve(port: int = 0, *, log: str | Path | None = None) -> Iterator[str]:
    """Serves in a thread for as long as the context lasts, and gives the address, such as "http://127.0.0.1:49152".

    Port 0 takes a free one.

    Raises: OSError where the port is taken, or the log cannot be written.
    """
    with _prepared(port, log) as (listener, server):
        address = _address(listener)
        thread = threading.Thread(target=server.run, args=([listener],), name="nanobanana-sandbox", daemon=True)
        thread.start()
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join(_START)
