"""Serving: the sandbox on 127.0.0.1, in this process or in a thread of it."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator

import uvicorn

from .app import application

_HOST = "127.0.0.1"
_START = 10.0  # seconds to wait for it to come up


def _listen(port: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only for a socket that names its protocol; with it, answers take 40 ms more.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except OSError:
        listener.close()
        raise
    return listener


def _server() -> uvicorn.Server:
    logging.getLogger("uvicorn.error").addFilter(_is_not_staged)
    config = uvicorn.Config(
        application(), log_level="warning", lifespan="off", http="h11", ws="none", timeout_graceful_shutdown=1
    )
    return uvicorn.Server(config)


def _is_not_staged(record: logging.LogRecord) -> bool:
    """Keeps the traces of answers that were cut on purpose out of the log."""
    return not (record.exc_info and isinstance(record.exc_info[1], ConnectionAbortedError))


def run(port: int = 0, *, ready: Callable[[str], None] = print) -> None:
    """Serves until it is interrupted. `ready` is called with the address once it can be reached.

    Raises: OSError where the port is taken.
    """
    listener = _listen(port)
    listener.listen(128)
    ready(f"http://{_HOST}:{listener.getsockname()[1]}")
    with contextlib.suppress(KeyboardInterrupt):
        _server().run(sockets=[listener])


@contextlib.contextmanager
def serve(port: int = 0) -> Iterator[str]:
    """Serves in a thread for as long as the context lasts, and gives the address, such as "http://127.0.0.1:49152".

    Port 0 takes a free one.

    Raises: OSError where the port is taken.
    """
    listener = _listen(port)
    server = _server()
    thread = threading.Thread(target=server.run, args=([listener],), name="nanobanana-sandbox", daemon=True)
    listener.listen(128)
    thread.start()
    try:
        yield f"http://{_HOST}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_START)
        listener.close()
