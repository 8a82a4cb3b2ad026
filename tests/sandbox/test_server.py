"""Server: whatever clients do to it, they get the gateway's error shape, and no terminal gets a traceback."""

from __future__ import annotations

import json
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import nanobanana_sandbox as package
import pytest
from nanobanana_sandbox import app, endpoint, intake

from ..conftest import KEY
from .asking import NATIVE, asking, log, post

RUN = "import nanobanana_sandbox; nanobanana_sandbox.run(ready=lambda url: print(url, flush=True))"
SERVE = """
import nanobanana_sandbox, sys
with nanobanana_sandbox.serve() as url:
    print(url, flush=True)
    sys.stdin.read()
"""
GOOD = json.dumps(asking("Draw")).encode()


def _head(method: str = "POST", target: str = NATIVE, *lines: str) -> bytes:
    known = ("Host: localhost", f"Authorization: Bearer {KEY}", "Content-Type: application/json")
    return "\r\n".join((f"{method} {target} HTTP/1.1", *known, *lines, "", "")).encode()


def _whole(body: bytes, *lines: str) -> bytes:
    return _head("POST", NATIVE, f"Content-Length: {len(body)}", *lines) + body


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def _exchanged(url: str, sent: bytes) -> bytes:
    """All that comes back until the server closes the connection."""
    with _connected(url) as connection:
        connection.sendall(sent)
        received = b""
        while piece := connection.recv(65_536):
            received += piece
        return received


@pytest.fixture
def process() -> Iterator[Any]:
    """Starts a sandbox in a process of its own; its address is its first line."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str) -> tuple[subprocess.Popen[str], str]:
        pipe = subprocess.PIPE
        running = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        started.append(running)
        assert running.stdout is not None
        return running, running.stdout.readline().strip()

    yield start
    for running in started:
        running.kill()
        running.communicate()


ODD = {
    "no HTTP": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a bad chunk": _head("POST", NATIVE, "Transfer-Encoding: chunked") + b"zz\r\n",
    "a bad chunk after a good one": _head("POST", NATIVE, "Transfer-Encoding: chunked") + b"1\r\n{\r\nzz\r\n",
    "a negative length": _head("POST", NATIVE, "Content-Length: -1"),
    "a length of 5,000 digits": _head("POST", NATIVE, "Content-Length: " + "9" * 5000),
    "a very large length": _head("POST", NATIVE, "Content-Length: 99999999999999", "Connection: close"),
    "two lengths": _head("POST", NATIVE, "Content-Length: 1", "Content-Length: 2"),
    "no host": f"GET {NATIVE} HTTP/1.1\r\n\r\n".encode(),
    "two hosts": _head("POST", NATIVE, "Host: localhost"),
    "a head above 64 KB": _head("POST", NATIVE, "X: " + "x" * 200_000),
    "OPTIONS *": _head("OPTIONS", "*", "Connection: close"),
    "CONNECT": _head("CONNECT", "example.org:443", "Connection: close"),
    "TRACE": _head("TRACE", NATIVE, "Connection: close"),
    "a method of nobody": _head("BREW", NATIVE, "Connection: close"),
    "a method in small letters": _head("post", "/", "Connection: close"),
    "the null byte": _head("POST", "/v1beta/models/%00%ff%2F:generateContent", "Connection: close"),
    "half a pair in the path": _head("POST", "/%ed%a0%80", "Connection: close"),
    "a long path": _head("POST", "/" + "a" * 60_000, "Connection: close"),
    "two slashes": _head("GET", "//evil.example/x", "Connection: close"),
    "deep JSON": _whole(b'{"contents":' + b"[" * 100_000, "Connection: close"),
    "a half pair": _whole(json.dumps(asking("\ud800", ratio="\udfff")).encode(), "Connection: close"),
}


@pytest.mark.parametrize("oddity", ODD)
def test_oddity_is_refused_in_the_error_shape(nanobanana_sandbox: str, oddity: str) -> None:
    """What is hardly HTTP, and what is no sensible request, gets an error like any other."""
    received = _exchanged(nanobanana_sandbox, ODD[oddity])
    head, _, body = received.partition(b"\r\n\r\n")
    assert 400 <= int(head.split()[1]) < 500
    assert b"content-type: application/json" in head.lower()
    assert set(json.loads(body)["error"]) == {"message", "type", "code", "param"}


def test_oddities_leave_the_terminal_clean(process: Any) -> None:
    """All of them, clients that hang up at any moment, and a Ctrl-C in the midst of calls print not a single line."""
    running, url = process(RUN)
    for sent in ODD.values():
        _exchanged(url, sent)
    for sent in (
        b"",
        b"POST",
        _head()[:-2],
        _whole(GOOD)[:-5],
        _whole(GOOD),
        _whole(GOOD) + _whole(GOOD),
        _whole(GOOD) + b"\x00\r\n\r\n",
    ):
        for is_reset in (False, True):
            connection = _connected(url)
            connection.sendall(sent)
            if is_reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            url + NATIVE, json=asking("[sandbox:slow=30]"), headers={"Authorization": f"Bearer {KEY}"}, timeout=0.2
        )
    with pytest.raises(httpx.RemoteProtocolError):
        post(url, NATIVE, asking("[sandbox:cut-body]"))
    waiting = [_connected(url) for _ in range(6)]
    waiting[0].sendall(_whole(GOOD)[:-5])
    waiting[1].sendall(_head()[:-2])
    for connection in waiting[2:]:
        connection.sendall(
            _whole(json.dumps(asking("[sandbox:slow=30]" if connection is waiting[2] else "x", size="4K")).encode())
        )
    while not any(entry.get("scenario") == "slow" and entry["status"] is None for entry in log(url)[-6:]):
        time.sleep(0.02)
    begun = time.monotonic()
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=30)
    assert (running.returncode, *said) == (0, "", "")
    assert time.monotonic() - begun < 15  # it does not wait for the slow answer
    for connection in waiting:
        connection.close()


@pytest.mark.parametrize("end", ["the end of the context", "Ctrl-C"])
def test_serving_in_a_thread_ends_without_a_word(process: Any, end: str) -> None:
    """serve() ends at once while calls are under way, and only the program's own KeyboardInterrupt is seen."""
    running, url = process(SERVE)
    thread = threading.Thread(target=lambda: answers.append(post(url, NATIVE, asking("[sandbox:slow=30]")).status_code))
    answers: list[int] = []
    thread.start()
    while not log(url, "slow"):
        time.sleep(0.02)
    if end == "Ctrl-C":
        running.send_signal(signal.SIGINT)
    said, complaint = running.communicate(timeout=30)
    thread.join()
    assert answers == [503]
    assert said == ""
    assert [
        line for line in complaint.splitlines() if "uvicorn" in line or "starlette" in line or "Cancelled" in line
    ] == []
    assert complaint.count("Traceback") == (end == "Ctrl-C")


IN_PYTEST = """
import httpx, pytest

def test_mine(nanobanana_sandbox):
    print("ADDRESS", nanobanana_sandbox, flush=True)
    headers = {"Authorization": "Bearer sk-x"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(nanobanana_sandbox + PATH, json=BODY, headers=headers, timeout=0.3)
    if WAITS:
        httpx.post(nanobanana_sandbox + PATH, json=BODY, headers=headers, timeout=60)
"""


@pytest.mark.parametrize("waits", [False, True])
def test_fixture_is_silent_in_the_tests_of_others(tmp_path: Path, waits: bool) -> None:
    """A client's time-out, and a Ctrl-C during a call, show people their own tests and nothing of the server."""
    test = IN_PYTEST.replace("PATH", repr(NATIVE)).replace("WAITS", repr(waits))
    (tmp_path / "test_mine.py").write_text(test.replace("BODY", repr(asking("Draw [sandbox:slow=30]"))))
    command = [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", "-o", "log_cli=true", "test_mine.py"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            url = next(line.split()[-1] for line in process.stdout if "ADDRESS" in line)
            if waits:
                while len(log(url)) < 2:
                    time.sleep(0.02)
                process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == (2 if waits else 0)
    assert [word for word in ("uvicorn", "starlette", "Cancelled", "ASGI") if word in said] == []


def test_client_that_reads_nothing_does_not_hold_up_the_end() -> None:
    """serve() ends although a client never fetches its answer."""
    with package.serve() as url:
        connection = _connected(url)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        body = json.dumps(asking("Draw [sandbox:several-images]", size="4K")).encode()
        connection.sendall(_whole(body))
        while not any(entry["status"] == 200 for entry in log(url)):
            time.sleep(0.02)
        begun = time.monotonic()
    assert time.monotonic() - begun < 8
    connection.close()


@pytest.mark.parametrize("is_chunked", [False, True])
def test_body_is_bounded_however_it_comes(monkeypatch: pytest.MonkeyPatch, is_chunked: bool) -> None:
    """A body above the limit is refused with 413, announced or in chunks, and the sandbox lives on."""
    monkeypatch.setattr(intake, "MAX_BODY", 1_000_000)
    size = 3_000_000
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    pieces = (b"x" * 65_536 for _ in range(size // 65_536))
    with package.serve() as url:
        answer = httpx.post(url + NATIVE, content=pieces if is_chunked else b"x" * size, headers=headers)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (413, "payload_too_large")
        assert "Send fewer or smaller reference images" in error["message"]
        assert post(url, NATIVE, asking("Draw")).status_code == 200
        assert [entry["status"] for entry in log(url)] == [413, 200]


def test_chunked_body_is_drawn(nanobanana_sandbox: str) -> None:
    """A body in chunks is as good as any."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    pieces = iter([GOOD[:7], GOOD[7:]])
    assert httpx.post(nanobanana_sandbox + NATIVE, content=pieces, headers=headers).status_code == 200


def test_several_requests_on_one_connection(nanobanana_sandbox: str) -> None:
    """Requests sent one after the other without waiting are answered in their order."""
    bad = json.dumps(asking("Draw", size="9000K")).encode()
    received = _exchanged(nanobanana_sandbox, _whole(bad) + _whole(GOOD) + _whole(bad, "Connection: close"))
    statuses = [int(head.split()[1]) for head in received.split(b"HTTP/1.1 ")[1:] for head in [b"x " + head[:3]]]
    assert statuses == [400, 200, 400]


def test_fault_of_the_sandbox_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the sandbox itself fail, its caller and its log learn where, in the error shape."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("of the test")

    monkeypatch.setattr(endpoint, "paint", broken)
    with package.serve() as url:
        answer = post(url, NATIVE, asking("Draw"))
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (500, "internal_error")
        assert "ZeroDivisionError at test_server.py:" in error["message"]
        assert log(url)[0]["status"] == 500
        monkeypatch.setattr(app, "paint", broken)
        beside = httpx.get(f"{url}/sandbox/picture.png")
        assert (beside.status_code, beside.json()["error"]["code"]) == (500, "internal_error")


def test_logging_of_other_servers_stays_as_it_was() -> None:
    """Serving changes nothing about the loggers of another uvicorn in the same process."""
    names = ("uvicorn", "uvicorn.error", "uvicorn.access")
    before = [(logging.getLogger(name).level, [*logging.getLogger(name).handlers]) for name in names]
    filters = [[*logging.getLogger(name).filters] for name in names]
    with package.serve() as url:
        post(url, NATIVE, asking("Draw"))
    assert [(logging.getLogger(name).level, [*logging.getLogger(name).handlers]) for name in names] == before
    assert [[*logging.getLogger(name).filters] for name in names] == filters


def test_taken_port_is_an_error(nanobanana_sandbox: str) -> None:
    """A port that is taken is an OSError before anything is served."""
    with pytest.raises(OSError, match="in use"), package.serve(urlsplit(nanobanana_sandbox).port or 0):
        pass
