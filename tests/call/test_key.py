"""The key: sent in one header to one place, and found nowhere else, whatever goes wrong."""

from __future__ import annotations

import asyncio
import copy
import io
import json
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from nanobanana import AsyncNanoBanana, ConfigurationError, NanoBanana, NanoBananaError, ReferenceImage
from rich.console import Console
from rich.traceback import Traceback

SECRET = "sk-HUNTED-5f1e0d9c8b7a"


def _told(error: BaseException) -> str:
    """Everything that an exception tells: itself, its chain and pickle, and its tracebacks with all locals."""
    while error.__traceback__ and error.__traceback__.tb_frame.f_code.co_filename == __file__:
        error.__traceback__ = error.__traceback__.tb_next  # the tests' own frames know the key, of course
    told = [repr(error), str(error), str(vars(error))]
    seen: list[BaseException | None] = [error, error.__cause__, error.__context__]
    for one in filter(None, seen):
        told += traceback.TracebackException.from_exception(one, capture_locals=True).format()
    buffer = io.StringIO()
    rich = Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True, locals_max_string=10_000)
    Console(file=buffer, width=200).print(rich)
    told.append(buffer.getvalue())
    if isinstance(error, NanoBananaError):
        told.append(pickle.dumps(error).decode("latin-1"))
    return "\n".join(told)


@contextmanager
def _server(answer: Callable[[bytes], bytes | None]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers each request with raw bytes, or closes; gives its address and what it got."""
    listener = socket.create_server(("127.0.0.1", 0))
    got: list[bytes] = []
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                data = b""
                while b"\r\n\r\n" not in data or not data.rstrip().endswith(b"}"):
                    chunk = connection.recv(65536)
                    if not chunk:
                        break
                    data += chunk
                got.append(data)
                reply = answer(data)
                if reply is not None:
                    connection.sendall(reply)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", got
    finally:
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _http(status: str, body: bytes, *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers])
    return head.encode() + b"\r\n\r\n" + body


def _echo(status: str) -> Callable[[bytes], bytes]:
    return lambda request: _http(
        status, b'{"error": {"message": "you sent: %s"}}' % SECRET.encode(), f"x-request-id: {SECRET}"
    )


FAILURES: dict[str, Callable[[bytes], bytes | None]] = {
    "echoed in a 401": _echo("401 Unauthorized"),
    "echoed in a 400": _echo("400 Bad Request"),
    "echoed in a 500": _echo("500 Oops"),
    "echoed in an error under 200": _echo("200 OK"),
    "echoed in a redirect": lambda _: _http("302 Found", b"", f"Location: https://x.invalid/?{SECRET}"),
    "echoed in a page": lambda _: _http("200 OK", b"<html>%s" % SECRET.encode()),
    "echoed in a cut answer": lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + SECRET.encode(),
    "echoed in the reason": lambda _: _http(f"400 {SECRET}", b"{}"),
    "echoed in a refusal": lambda _: _http("200 OK", b'{"candidates": [{"finishReason": "%s"}]}' % SECRET.encode()),
    "echoed in no HTTP": lambda _: SECRET.encode() + b"\r\n\r\n",
    "echoed in a bad header": lambda _: b"HTTP/1.1 200 OK\r\nbad " + SECRET.encode() + b"\r\n\r\n",
    "hung up": lambda _: None,
}


@pytest.mark.parametrize("failure", FAILURES)
def test_key_is_in_no_error(failure: str, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """No error, traceback, log at any level or kept body holds the key, even where the server repeats it."""

    async def draw(url: str) -> None:
        async with AsyncNanoBanana(SECRET, base_url=url, timeout=5) as client:
            await client.generate("Draw a cat")

    for logger in ("", "nanobanana", "httpx", "httpcore", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=logger)
    with _server(FAILURES[failure]) as (url, got):
        os.environ["INFINITYBLUE_API_KEY"] = SECRET  # as people have it
        try:
            with NanoBanana(base_url=url, timeout=5) as client, pytest.raises(NanoBananaError) as caught:
                client.generate("Draw a cat")
            with pytest.raises(NanoBananaError) as caught_async:
                asyncio.run(draw(url))
        finally:
            del os.environ["INFINITYBLUE_API_KEY"]
        assert [request.count(SECRET.encode()) for request in got] == [1, 1]
        assert all(f"Authorization: Bearer {SECRET}".encode() in request for request in got)
    for error in (caught.value, caught_async.value):
        assert SECRET not in _told(error)
        if hasattr(error, "save_body"):
            assert SECRET.encode() not in error.save_body(tmp_path / "body").read_bytes()
    assert caplog.records
    assert SECRET not in caplog.text
    assert SECRET not in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize(
    ("key", "options"),
    [
        (SECRET, {"base_url": "ftp://x"}),
        (SECRET, {"timeout": -1}),
        (SECRET + "\n", {}),
        (SECRET + " x", {}),
        (SECRET + "\u20ac", {}),
    ],
)
def test_key_is_not_in_errors_of_making_a_client(key: str, options: dict[str, Any]) -> None:
    """A client that cannot be made says why without the key, also in the locals of our frames."""
    error: BaseException | None = None
    try:
        NanoBanana(key, **options)
    except ConfigurationError as caught:
        error = caught
    assert error is not None
    assert SECRET not in _told(error)


def test_key_is_not_in_the_client(nanobanana_sandbox: str) -> None:
    """Neither repr, str, vars (at any depth) nor pickling or copying shows the key."""
    for client in (
        NanoBanana(SECRET, base_url=nanobanana_sandbox),
        AsyncNanoBanana(SECRET, base_url=nanobanana_sandbox),
    ):
        shown, todo, seen = [repr(client), str(client)], [client], set()
        while todo:
            value = todo.pop()
            if id(value) in seen or isinstance(value, type):
                continue
            seen.add(id(value))
            slots = [name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ()) if name != "_key"]
            inside = getattr(value, "__dict__", {}) | {name: getattr(value, name, None) for name in slots}
            shown.append(repr(inside))
            todo += list(inside.values())
        assert len(seen) > 15
        assert SECRET not in "".join(shown)
        for way in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="make one in each process"):
                way(client)
        with pytest.raises(TypeError):
            pickle.dumps(client._key)


def test_key_is_not_in_what_a_call_gives(nanobanana_sandbox: str, tmp_path: Path) -> None:
    """Results, their pickles, saved files, saved conversations and notebook HTML are free of it."""
    with NanoBanana(SECRET, base_url=nanobanana_sandbox) as client:
        conversation = client.conversation(model="nanobanana_pro")
        generation = conversation.send("Draw a cat")
        generation.image.save(tmp_path / "cat", metadata=True)
        shown = [
            repr(generation),
            str(generation.metadata),
            generation._repr_html_(),
            conversation.to_json(),
            repr(conversation),
        ]
        assert SECRET not in "".join(shown)
        assert SECRET.encode() not in pickle.dumps(generation)
        assert not [path for path in tmp_path.iterdir() if SECRET.encode() in path.read_bytes()]


def test_key_goes_to_the_configured_origin_only(picture: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect is not followed, and a picture is downloaded without the key."""
    monkeypatch.setenv("INFINITYBLUE_API_KEY", SECRET)
    with _server(lambda _: _http("200 OK", picture())) as (elsewhere, got):
        with _server(lambda _: _http("307 Temporary Redirect", b"", f"Location: {elsewhere}/x")) as (url, _):
            with NanoBanana(base_url=url) as client, pytest.raises(NanoBananaError) as caught:
                client.generate("Draw a cat")
        assert caught.value.location == f"{elsewhere}/x"  # type: ignore[attr-defined]
        assert got == []


def test_key_is_not_downloaded_with(picture: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """ReferenceImage.from_url and RemoteImage.download send no key."""
    monkeypatch.setenv("INFINITYBLUE_API_KEY", SECRET)

    def answer(request: bytes) -> bytes:
        return _http("200 OK", picture())

    listener = socket.create_server(("127.0.0.1", 0))
    got: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            got.append(connection.recv(65536))
            connection.sendall(answer(b""))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    ReferenceImage.from_url(f"http://127.0.0.1:{listener.getsockname()[1]}/a.png")
    thread.join(5)
    listener.close()
    assert got
    assert SECRET.encode() not in got[0]


SLOW = """
import sys, traceback
from nanobanana import NanoBanana
with NanoBanana(base_url=sys.argv[1]) as client:
    print("started", flush=True)
    try:
        client.generate("Draw a cat [sandbox:slow=30]")
    except KeyboardInterrupt as error:
        print("".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))
        print(client.generate("Draw a dog").image.width)
"""


def test_ctrl_c_shows_no_key_and_leaves_the_client_usable(nanobanana_sandbox: str) -> None:
    """Ctrl-C ends a call at once; its traceback is free of the key, and the next call works."""
    environment = {**os.environ, "INFINITYBLUE_API_KEY": SECRET}
    command = [sys.executable, "-c", SLOW, nanobanana_sandbox]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(1.0)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert time.monotonic() - begun < 10
    assert out.rstrip().endswith("1024"), err
    assert SECRET not in out + err


def test_cancelling_shows_no_key_and_leaves_the_client_usable(nanobanana_sandbox: str) -> None:
    """A cancelled call closes its connection; its traceback is free of the key, and the next call works."""

    async def cancel() -> tuple[BaseException, int]:
        async with AsyncNanoBanana(SECRET, base_url=nanobanana_sandbox) as client:
            task = asyncio.create_task(client.generate("Draw a cat [sandbox:slow=30]"))
            await asyncio.sleep(0.5)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError as error:
                return error, (await client.generate("Draw a dog")).image.width
        raise AssertionError("it was not cancelled")

    error, width = asyncio.run(cancel())
    assert width == 1024
    assert SECRET not in _told(error)


def test_key_is_on_no_command_line(nanobanana_sandbox: str, tmp_path: Path) -> None:
    """The command line has no option that takes a key, and a running command shows none to the process list."""
    done = subprocess.run(
        [sys.executable, "-m", "nanobanana", "generate", "--help"], capture_output=True, text=True, timeout=60
    )
    assert "--api-key-file" in done.stdout
    assert "--api-key " not in done.stdout
    environment = {**os.environ, "INFINITYBLUE_API_KEY": SECRET, "INFINITYBLUE_BASE_URL": nanobanana_sandbox}
    command = [
        sys.executable,
        "-m",
        "nanobanana",
        "generate",
        "Draw [sandbox:slow=2]",
        "-o",
        "cat",
        "--json",
        "--metadata",
    ]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        time.sleep(1.5)
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert b"generate" in shown
    assert SECRET.encode() not in shown + out + err + (tmp_path / "cat.png").read_bytes()


def test_hunt_can_find_something() -> None:
    """The search above does find a key that is left lying about."""
    with pytest.raises(ValueError) as caught:
        json.loads(SECRET)  # fails in a frame that is not the test's
    assert SECRET in _told(caught.value)


def test_sandbox_log_is_free_of_keys(nanobanana_sandbox: str) -> None:
    """Not even the sandbox writes a key down."""
    with NanoBanana(SECRET, base_url=nanobanana_sandbox) as client:
        client.generate("Draw a cat")
    assert SECRET not in httpx.get(f"{nanobanana_sandbox}/sandbox/requests").text
