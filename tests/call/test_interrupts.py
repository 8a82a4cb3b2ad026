"""Ctrl-C and cancellations: what is whole and paid for gets to its place; what is not is left at once."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from nanobanana import APIConnectionError, ImageRequest, NanoBanana
from nanobanana._call.call import Call, perform

PROGRAM = """
import sys
from nanobanana import NanoBanana
client = NanoBanana("sk-interrupted-0123456789", base_url=sys.argv[1], timeout=60)
print("ready", flush=True)
client.generate("Draw", save_to=sys.argv[2])
print("done", flush=True)
"""

TRACED = """
import sys, threading
from nanobanana import NanoBanana
import nanobanana
client = NanoBanana("sk-interrupted-0123456789", base_url=sys.argv[1], timeout=60)
count, at = [0], int(sys.argv[3])
inside = nanobanana.__file__.rpartition("/")[0]
def trace(frame, event, argument):
    if event == "call":
        return trace if frame.f_code.co_filename.startswith(inside) else None
    if event == "line":
        count[0] += 1
        if count[0] == at:
            raise KeyboardInterrupt
    return trace
sys.settrace(trace)
try:
    client.generate("Draw", save_to=sys.argv[2])
    sys.settrace(None)
    print(count[0], flush=True)
except KeyboardInterrupt:
    sys.settrace(None)
    print("interrupted", flush=True)
"""


class _Gateway:
    """Answers each call after a while, and counts the answers that it gave whole."""

    def __init__(self, seconds: float) -> None:
        self.answered = 0
        self._seconds = seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            data = b""
            while not data.endswith(b"}"):  # of the request's JSON
                data += connection.recv(65536)
            time.sleep(self._seconds)
            part = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo" + "A" * 400_001}}
            body = json.dumps({"candidates": [{"content": {"parts": [part]}}]}).encode()
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            except OSError:
                return
            self.answered += 1

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def fast() -> Iterator[_Gateway]:
    gateway = _Gateway(0.0)
    yield gateway
    gateway.close()


@pytest.fixture
def slow() -> Iterator[_Gateway]:
    gateway = _Gateway(30.0)
    yield gateway
    gateway.close()


def _default_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_ends_a_call_that_is_still_silent(slow: _Gateway, tmp_path: Path) -> None:
    """While nothing has come, Ctrl-C ends the program at once, and leaves nothing behind."""
    program = [sys.executable, "-c", PROGRAM, slow.url, str(tmp_path / "cat.png")]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_default_interrupts
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.5)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=20)
    assert time.monotonic() - began < 8
    assert b"KeyboardInterrupt" in words
    assert list(tmp_path.iterdir()) == []


NO_THREADS = """
import asyncio, sys, threading
from nanobanana import AsyncNanoBanana, NanoBanana
def refused(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = refused
url, target, how = sys.argv[1:]
async def main():
    await AsyncNanoBanana("sk-threadless-0123456789", base_url=url).generate("Draw", save_to=target)
if how == "sync":
    NanoBanana("sk-threadless-0123456789", base_url=url).generate("Draw", save_to=target)
else:
    asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["sync", "async"])
def test_machine_without_threads_still_makes_pictures(fast: _Gateway, tmp_path: Path, how: str) -> None:
    """Where the system gives no more threads, a call is made and saved without one."""
    target = tmp_path / "cat.png"
    done = subprocess.run(
        [sys.executable, "-c", NO_THREADS, fast.url, str(target), how], capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert target.exists()


def test_call_that_is_ended_before_its_first_try_sends_nothing(fast: _Gateway) -> None:
    """A call that Ctrl-C finds before its first try is not sent after it."""
    client = NanoBanana("sk-interrupted-0123456789", base_url=fast.url)
    call = Call(ImageRequest("Draw"), client._settings, client._key)
    call.exchange.abort()
    with pytest.raises(APIConnectionError):
        perform(call)
    assert fast.answered == 0


def _traced(gateway: _Gateway, target: Path, at: int) -> str:
    program = [sys.executable, "-c", TRACED, gateway.url, str(target), str(at)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout.strip()


def test_ctrl_c_at_any_line_loses_nothing_that_was_answered(fast: _Gateway, tmp_path: Path) -> None:
    """At whatever line of the library Ctrl-C falls: where the gateway gave its answer whole, the picture is on disk, and
    where it did not, nothing is."""
    lines = int(_traced(fast, tmp_path / "whole.png", 0))
    assert lines > 50
    for number, at in enumerate({lines * share // 16 for share in range(1, 16)} | {lines - 1, lines}):
        before, folder = fast.answered, tmp_path / str(number)
        folder.mkdir()
        assert _traced(fast, folder / "cat.png", at) == "interrupted"
        time.sleep(0.1)
        assert [path.name for path in folder.iterdir()] == ["cat.png"] * (fast.answered - before), at
