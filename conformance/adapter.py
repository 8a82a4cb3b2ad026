"""The adapter of a program, as the runner sees it: a process that speaks JSON lines, and the sockets it is led to."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from .cases import FEATURES
from .endpoint import AUTHORITY

Message: TypeAlias = dict[str, Any]
_LARGE = 1_000_000  # bytes of a message that a slow parser can take long for
_UNSET = ("INFINITYBLUE_", "SSL_CERT_")


_FIELDS: dict[str, dict[str, Any]] = {  # what a message must have, and of which type
    "hello": {"protocol": int, "features": list},
    "connect": {"host": str, "port": int},
    "sleep": {"seconds": int | float},
    "done": {"outcomes": list},
}
_CALLED = {int: "a whole number", int | float: "a number", str: "a text", list: "a list"}


class AdapterError(Exception):
    """The adapter is stuck, has ended or says what the protocol does not know."""


class Adapter:
    """A running adapter, from its greeting to its end. `features` and `name` are what it says of itself."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        patience: float,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._patience = patience
        self._events: queue.Queue[Message | socket.socket | None] = queue.Queue()
        self._later: list[Message | socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closed_port = socket.socket()
        self._closed_port.bind(("127.0.0.1", 0))  # and never listens
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        self._shown = 0
        self._told = 0  # bytes of the last message to it
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env=_surroundings(environment or {}),
                cwd=folder,
            )
        except OSError as exc:
            self._close_sockets()
            raise AdapterError(f"{command[0]} cannot be started: {exc}") from None
        for work in (self._read, self._accept):
            threading.Thread(target=work, daemon=True).start()
        try:
            self.tell({"type": "hello", "protocol": 1, "ca": AUTHORITY.read_text("ascii"), "ca_file": str(AUTHORITY)})
            hello = self.hear("hello")
            if hello["protocol"] != 1:
                raise AdapterError(f"it speaks protocol {hello['protocol']}, not 1")
            if unknown := {*map(str, hello["features"])} - FEATURES:
                raise AdapterError(f"no such feature: {', '.join(sorted(unknown))}")
        except AdapterError as exc:
            self.close()
            raise AdapterError(f"{exc}\n{self.new_words()}".strip()) from None
        self.name = f"{hello.get('name', 'a program without name')} {hello.get('version', '')}".strip()
        self.features = frozenset(hello["features"])

    @property
    def port(self) -> int:
        """Where it is led to."""
        return int(self._listener.getsockname()[1])

    @property
    def closed_port(self) -> int:
        """Where every connection is refused."""
        return int(self._closed_port.getsockname()[1])

    def tell(self, message: Message) -> None:
        """Sends a message.

        Raises: AdapterError.
        """
        assert self._process.stdin is not None
        line = json.dumps(message).encode() + b"\n"
        self._told = len(line)
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except OSError:
            raise AdapterError("it has ended") from None

    def next_event(self, patience: float | None = None) -> Message | socket.socket:
        """The next message or connection.

        Raises: AdapterError where none comes in time.
        """
        if self._later:
            return self._later.pop(0)
        return self._event(patience)

    def _event(self, patience: float | None = None) -> Message | socket.socket:
        limit = patience or self._patience
        try:
            event = self._events.get(timeout=limit)
        except queue.Empty:
            size = f" after a message of {self._told / 1e6:.0f} MB" if self._told >= _LARGE else ""
            raise AdapterError(f"it said nothing for {limit:g} s{size} (--patience gives it longer)") from None
        if event is None:
            raise AdapterError(f"it has ended with exit code {self._process.wait(self._patience)}")
        if isinstance(event, dict) and event["type"] == "broken":
            raise AdapterError(f"it broke: {event.get('why')}")
        return event

    def hear(self, kind: str) -> Message:
        """The next message of a type. What else comes meanwhile stays for `next_event`."""
        while True:
            event = self._event()
            if isinstance(event, dict) and event.get("type") == kind:
                return event
            if isinstance(event, dict) and event["type"] == "done":
                raise AdapterError(f"it says done where {kind} is due")
            self._later.append(event)

    def new_words(self) -> str:
        """What it has written to stderr since this was last asked."""
        self._stderr.seek(self._shown)
        words = self._stderr.read()
        self._shown += len(words)
        return words.decode("utf-8", "replace")

    def close(self) -> None:
        """Ends it: by the end of its stdin, and by force where it does not heed that."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close_sockets()

    def _close_sockets(self) -> None:
        self._listener.close()
        self._closed_port.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._events.put(_message(line))
        self._events.put(None)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # the listener was closed
                return
            self._events.put(connection)


def _message(line: bytes) -> Message:
    """What a line says; where that is no message of the protocol, that the adapter is broken."""
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if not isinstance(message, dict) or "type" not in message:
        return {"type": "broken", "why": f"no message of the protocol: {line[:200]!r}"}
    for name, kind in _FIELDS.get(str(message["type"]), {}).items():
        if isinstance(message.get(name), bool) or not isinstance(message.get(name), kind):
            return {"type": "broken", "why": f"{message['type']} needs {name}, {_CALLED[kind]}: {line[:200]!r}"}
    return message


def _surroundings(more: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_UNSET) and not name.upper().endswith("_PROXY")
    }
    return {**kept, "CONFORMANCE_CA": str(AUTHORITY), **more}
