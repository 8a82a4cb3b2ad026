"""The adapter of the Python library: `python conformance/adapters/python.py [--async]`."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import inspect
import json
import os
import queue
import socket
import ssl
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
import nanobanana
from nanobanana import (
    AsyncNanoBanana,
    GeneratedImage,
    Generation,
    ImageRequest,
    NanoBanana,
    NanoBananaError,
    RemoteImage,
)
from nanobanana._call.clock import Clock

VERSION = getattr(nanobanana, "__version__", "")
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
FAILURES = {"dns": socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "connect_timeout": TimeoutError()}


class Runner:
    """The other side of stdin and stdout, and the time as it moves it."""

    def __init__(self) -> None:
        self.clock: float | None = 0.0
        self.skew = 0.0
        self.wake: Callable[[], object] = lambda: None
        self._lines: queue.Queue[Any] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin.buffer:
            message = json.loads(line)
            if message["type"] == "tick":
                self._set(message)
                self.wake()
                self.say(type="ticked")
            else:
                self._lines.put(message)
        self._lines.put(None)

    def _set(self, message: Any) -> None:
        if message["clock"] is not None:
            self.skew += message["clock"] - (self.clock or 0.0)
            self.clock = message["clock"]

    def say(self, **message: Any) -> None:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()

    def hear(self) -> Any:
        return self._lines.get()

    def ask(self, **message: Any) -> Any:
        self.say(**message)
        answer = self.hear()
        self._set(answer)
        return answer

    def route(self, host: str, port: int) -> tuple[str, int]:
        way = self.ask(type="connect", host=host, port=port)
        if "fail" in way:
            raise FAILURES[way["fail"]]
        return way["host"], way["port"]

    def sleep(self, seconds: float) -> None:
        self.ask(type="sleep", seconds=seconds)

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


RUNNER = Runner()


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose timers go by the runner's clock as well."""

    def time(self) -> float:
        return super().time() + RUNNER.skew


def wiring(order: Any, context: ssl.SSLContext) -> dict[str, Any]:
    """What the library takes from outside: the time, where to connect, and whom to trust."""
    clock = Clock()
    if order["clock"] == "fake":
        clock = Clock(
            monotonic=lambda: RUNNER.clock or 0.0,
            now=lambda: BEGINNING + timedelta(seconds=RUNNER.clock or 0.0),
            sleep=RUNNER.sleep,
            sleep_async=RUNNER.sleep_async,
            random=lambda: 1.0,
        )
    return {"clock": clock, "reroute": RUNNER.route, "ssl_context": context}


def seen_image(image: GeneratedImage | RemoteImage) -> dict[str, Any]:
    if isinstance(image, RemoteImage):
        return {"url": image.url}
    seen: dict[str, Any] = {"type": image.mime_type, "sha256": sha256(image.data).hexdigest()}
    with contextlib.suppress(ValueError):
        seen |= {"width": image.width, "height": image.height}
    return seen


def seen_result(generation: Generation) -> dict[str, Any]:
    names = ("text", "thoughts", "finish_reason", "request_id", "model", "metadata")
    return {
        "images": [*map(seen_image, generation.images[:-1]), seen_image(generation.image)],
        "drafts": [*map(seen_image, generation.drafts)],
        "usage": attrs.asdict(generation.usage),
        **{name: getattr(generation, name) for name in names},
    }


def seen_error(error: NanoBananaError) -> dict[str, Any]:
    names = ("billed", "code", "type", "param", "request_id", "retry_after", "reason", "text", "finish_reason")
    usage = getattr(error, "usage", None)
    kept = str(getattr(error, "body", "")) + getattr(error, "content", b"").decode("utf-8", "replace")
    return {
        "class": type(error).__name__,
        "words": str(error),
        "status": getattr(error, "status_code", None),
        "usage": attrs.asdict(usage) if usage else None,
        "body": kept,
        **{name: getattr(error, name, None) for name in names},
    }


def seen_request(request: ImageRequest) -> dict[str, Any]:
    names = ("prompt", "model", "aspect_ratio", "image_size", "include_thoughts", "wire")
    return {name: getattr(request, name) for name in names}


class Player:
    """One case: its client, conversation and last result."""

    def __init__(self, order: Any, client: Any) -> None:
        self._client = client
        self._folder = Path(order["folder"])
        self._conversation: Any = None
        self._last: Any = None

    async def act(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return await getattr(self, method)(**arguments) or {}

    async def _drawn(self, drawing: Generation | Awaitable[Generation]) -> dict[str, Any]:
        self._last = await drawing if inspect.isawaitable(drawing) else drawing
        return {"result": seen_result(self._last)}

    async def generate(self, **arguments: Any) -> dict[str, Any]:
        return await self._drawn(self._client.generate(**self._placed(arguments)))

    async def send(self, **arguments: Any) -> dict[str, Any]:
        call: dict[str, Any] = {
            name: arguments.pop(name) for name in ("save_to", "timeout", "extra_headers") if name in arguments
        }
        return await self._drawn(self._client.send(ImageRequest(**arguments), **self._placed(call)))

    def _placed(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if "save_to" in arguments:
            arguments["save_to"] = self._path(arguments["save_to"])
        return arguments

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    async def request(self, **arguments: Any) -> dict[str, Any]:
        return {"request": seen_request(ImageRequest(**arguments))}

    async def for_pixels(self, width: int, height: int, **arguments: Any) -> dict[str, Any]:
        return {"request": seen_request(ImageRequest.for_pixels(width, height, **arguments))}

    async def conversation(self, **arguments: Any) -> None:
        self._conversation = self._client.conversation(**arguments)

    async def say(self, **arguments: Any) -> dict[str, Any]:
        return await self._drawn(self._conversation.send(**arguments))

    async def undo(self) -> None:
        self._conversation.undo()

    async def turns(self) -> dict[str, Any]:
        return {"turns": list(self._conversation.turns)}

    async def reload(self) -> dict[str, Any]:
        text = self._conversation.to_json()
        self._conversation = type(self._conversation).from_json(text, self._client)
        return {"text": text}

    async def save(self, path: str, **options: Any) -> dict[str, Any]:
        written = self._last.image.save(self._path(path), **options)
        return {"saved": written.relative_to(self._folder).as_posix()}


async def play(order: Any, client_class: Any, context: ssl.SSLContext) -> list[Any]:
    outcomes: list[Any] = []
    client = player = None
    for action in order["do"]:
        try:
            if player is None:
                client = client_class._wired(**wiring(order, context), **order["client"])
                player = Player(order, client)
            acting = player.act(action["method"], action.get("arguments", {}))
            async with asyncio.timeout(action.get("cancel_after")):
                outcomes.append(await acting)
        except NanoBananaError as error:
            outcomes.append({"error": seen_error(error)})
        except TimeoutError:
            outcomes.append({"cancelled": True})
    if client is not None:
        closing = (client.aclose if client_class is AsyncNanoBanana else client.close)()
        if inspect.isawaitable(closing):
            await closing
    return outcomes


def plain_bytes(read: dict[str, Any]) -> Any:
    return base64.b64decode(read["$base64"]) if read.keys() == {"$base64"} else read


def main() -> None:
    is_async = "--async" in sys.argv
    name = "Python, " + ("async" if is_async else "sync")
    features = ["clock", "tls", "save", "reload", "proxy", *(["cancel"] if is_async else [])]
    context = ssl.create_default_context(cadata=RUNNER.hear()["ca"])
    RUNNER.say(type="hello", protocol=1, name=name, version=VERSION, features=features)
    with asyncio.Runner(loop_factory=Loop) as loop:
        RUNNER.wake = lambda: loop.get_loop().call_soon_threadsafe(lambda: None)
        while order := RUNNER.hear():
            RUNNER.clock = 0.0 if order["clock"] == "fake" else None
            order = json.loads(json.dumps(order), object_hook=plain_bytes)
            try:
                outcomes = loop.run(play(order, AsyncNanoBanana if is_async else NanoBanana, context))
            except Exception as exc:
                RUNNER.say(type="broken", why=f"{type(exc).__name__}: {exc}")
            else:
                RUNNER.say(type="done", outcomes=outcomes)


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        traceback.print_exc()
        os._exit(1)  # the thread that reads stdin would keep the interpreter from ending in order
    os._exit(0)
