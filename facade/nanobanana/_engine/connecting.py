"""Connecting: from a host's name to a TCP connection, by whichever of its addresses answers first, in one time.

After "happy eyeballs" (RFC 8305): the addresses are tried one beside the other, a quarter of a second apart, the two
families in turn.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from itertools import chain, zip_longest
from typing import Any, TypeAlias

from .waiting import READ, WRITE, Steps, Wait

Option: TypeAlias = tuple[Any, ...]
Address: TypeAlias = tuple[Any, ...]
Left: TypeAlias = Callable[[], float]
"""Seconds that a wait may take. Raises TimeoutError when there are none."""

_DELAY = 0.25  # seconds that an address has for itself; RFC 8305, section 5
_SILENCE = 60  # seconds after which NAT and load balancers begin to forget a connection on which nothing moves
_BEGUN = {0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", 0)}
_CONNECTING = {errno.ENOTCONN, errno.EINVAL, getattr(errno, "WSAENOTCONN", 0)}


def keep_alive() -> list[Option]:
    """The options of a socket that shows now and then, while a call waits in silence, that it is still there."""
    options: list[Option] = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    for name, value in (("TCP_KEEPIDLE", _SILENCE), ("TCP_KEEPALIVE", _SILENCE), ("TCP_KEEPINTVL", 15)):
        if hasattr(socket, name):  # macOS calls the first TCP_KEEPALIVE; older Windows has none
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options


def connect(host: str, port: int, left: Left, *, allow: Callable[[str], None] | None = None) -> Steps[socket.socket]:
    """A connection to a host, without blocking.

    left: how long each wait may take. allow: called with each address before it is used; it raises OSError for one that
    must not be.

    Raises: OSError, such as socket.gaierror or TimeoutError.
    """
    addresses = yield from look_up(host, port, left)
    for *_, address in addresses if allow else ():
        allow(address[0])  # type: ignore[misc]
    return (yield from _race(addresses, left))


def look_up(host: str, port: int, left: Left) -> Steps[list[Address]]:
    """The addresses of a host, as `socket.getaddrinfo` gives them. That knows no time-out, so it runs in a thread that
    may be left behind. Raises: OSError."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, ValueError):
        pass  # it is a name
    found: list[list[Address] | BaseException] = []
    ours, theirs = socket.socketpair()

    def ask() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except BaseException as exc:
            found.append(exc)
        finally:
            theirs.close()

    with ours:
        try:
            threading.Thread(target=ask, name="look-up", daemon=True).start()
        except RuntimeError as exc:  # the system gives no more threads
            theirs.close()
            raise OSError(errno.EAGAIN, str(exc)) from None
        while not found:
            yield Wait([(ours, READ)], left())
    if isinstance(found[0], ValueError):  # UnicodeError: a label that is empty or too long
        raise OSError(f"{host!r} is no name of a host")
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def _race(addresses: Iterable[Address], left: Left) -> Steps[socket.socket]:
    waiting = _in_turn(addresses)
    trying: list[socket.socket] = []
    failure: OSError | None = None
    begins = 0.0  # when the next address may be tried
    try:
        while waiting or trying:
            if waiting and (not trying or time.monotonic() >= begins):
                try:
                    trying.append(_begin(*waiting.pop(0)))
                except OSError as exc:
                    failure = failure or exc
                    continue
                begins = time.monotonic() + _DELAY
            most = max(0.0, begins - time.monotonic()) if waiting else float("inf")
            yield Wait([(sock, WRITE) for sock in trying], min(most, left()))
            for sock in tuple(trying):
                try:
                    if _is_connected(sock):
                        trying.remove(sock)
                        return sock
                except OSError as exc:
                    failure, begins = failure or exc, 0.0
                    trying.remove(sock)
                    sock.close()
        raise failure or OSError("the host has no address")
    finally:
        for sock in trying:
            sock.close()


def _in_turn(addresses: Iterable[Address]) -> list[Address]:
    """The addresses as they came, but for the families, which take turns."""
    families: dict[int, list[Address]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    return [address for address in chain(*zip_longest(*families.values())) if address is not None]


def _begin(family: int, kind: int, protocol: int, _: str, address: Any) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        for option in keep_alive():
            with contextlib.suppress(OSError):
                sock.setsockopt(*option)
        code = sock.connect_ex(address)
        if code not in _BEGUN:
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


def _is_connected(sock: socket.socket) -> bool:
    """Whether it is connected by now. Raises: OSError where it will never be."""
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
    try:
        sock.getpeername()
    except OSError as exc:
        if exc.errno in _CONNECTING:
            return False
        raise
    return True
