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
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
import nanobanana
from nanobanana import (
    AsyncConversation,
    AsyncNanoBanana,
    Conversation,
    GeneratedImage,
    Generation,
    ImageRequest,
    NanoBanana,
    NanoBananaError,
    RemoteImage,
)
from nanobanana._call.clock import Clock

IS_ASYNC = "--async" in sys.argv
CLIENT: Any = AsyncNanoBanana if IS_ASYNC else NanoBanana
FEATURES = ["clock", "tls", "save", "reload", "look", "together", "proxy", *(["cancel"] if IS_ASYNC else [])]
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
FAILURES = {"dns": socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "connect_timeout": TimeoutError()}


class Runner:
    """The other side of stdin and stdout, and the time as it moves it."""

    def __init__(self) -> None:
        self.clock = self.skew = 0.0
        self.wake: Callable[[], object] = lambda: None
        self._lines: queue.Queue[Any] = queue.Queue()
        self._asking = threading.Lock()
        self._saying = threading.RLock()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin.buffer:
            message = json.loads(line)
            if message["type"] == "tick":
                with self._saying:  # nothing that comes of the new time is said before this
                    self._set(message)
                    self.say(type="ticked")
                self.wake()
            else:
                self._lines.put(message)
        self._lines.put(None)

    def _set(self, message: Any) -> None:
        if message["clock"] is not None:
            self.skew += message["clock"] - self.clock
            self.clock = message["clock"]

    def say(self, **message: Any) -> None:
        with self._saying:
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()

    def hear(self) -> Any:
        return self._lines.get()

    def ask(self, **message: Any) -> Any:
        with self._asking:
            self.say(**message)
            answer = self.hear()
        self._set(answer)
        return answer

    def reroute(self, host: str, port: int) -> tuple[str, int]:
        way = self.ask(type="connect", host=host, port=port)
        if "fail" in way:
            raise FAILURES[way["fail"]]
        return way["host"], way["port"]

    def sleep(self, seconds: float) -> None:
        self.ask(type="sleep", seconds=seconds)

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


RUNNER = Runner()
FAKE = Clock(
    monotonic=lambda: RUNNER.clock,
    now=lambda: BEGINNING + timedelta(seconds=RUNNER.clock),
    sleep=RUNNER.sleep,
    sleep_async=RUNNER.sleep_async,
    random=lambda: 1.0,
)


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose timers go by the runner's clock as well."""

    def time(self) -> float:
        return super().time() + RUNNER.skew


def picture(image: GeneratedImage | RemoteImage) -> dict[str, Any]:
    if isinstance(image, RemoteImage):
        return {"url": image.url}
    seen: dict[str, Any] = {"type": image.mime_type, "sha256": sha256(image.data).hexdigest()}
    with contextlib.suppress(ValueError):
        seen |= {"width": image.width, "height": image.height}
    return seen


def named(value: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(value, name, None) for name in names}


def result(generation: Generation) -> dict[str, Any]:
    return {
        "images": [*map(picture, generation.images[:-1]), picture(generation.image)],
        "drafts": [*map(picture, generation.drafts)],
        "usage": attrs.asdict(generation.usage),
        **named(generation, "text", "thoughts", "finish_reason", "request_id", "model", "metadata"),
    }


def failure(error: NanoBananaError) -> dict[str, Any]:
    names = ("billed", "code", "type", "param", "request_id", "retry_after", "reason", "text", "finish_reason")
    usage = getattr(error, "usage", None)
    return {
        "class": type(error).__name__,
        "words": str(error),
        "status": getattr(error, "status_code", None),
        "usage": usage and attrs.asdict(usage),
        "body": str(getattr(error, "body", "")) + getattr(error, "content", b"").decode("utf-8", "replace"),
        **named(error, *names),
    }


def request(made: ImageRequest) -> dict[str, Any]:
    return {"request": named(made, "prompt", "model", "aspect_ratio", "image_size", "include_thoughts", "wire")}


class Player:
    """One case: its client, conversation and last result."""

    def __init__(self, order: Any, context: ssl.SSLContext) -> None:
        self.folder = Path(order["folder"])
        clock = FAKE if order["clock"] == "fake" else None
        self.client = CLIENT._wired(clock=clock, reroute=RUNNER.reroute, ssl_context=context, **order["client"])
        self.conversation: Any = None
        self.last: Any = None

    async def drawn(self, drawing: Any) -> dict[str, Any]:
        self.last = await drawing if inspect.isawaitable(drawing) else drawing
        return {"result": result(self.last)}

    async def together(self, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if IS_ASYNC:
            made = await asyncio.gather(*(self.client.generate(**call) for call in calls))
        else:
            made = await asyncio.gather(*(asyncio.to_thread(self.client.generate, **call) for call in calls))
        return [{"result": result(generation)} for generation in made]

    def has_what_it_needs(self, method: str) -> bool:
        needs = {"last": ("raw", "headers", "to_dict", "save"), "conversation": ("say", "undo", "turns", "reload")}
        return all(getattr(self, name) is not None for name, methods in needs.items() if method in methods)

    async def act(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if not self.has_what_it_needs(method):
            return {}
        if "save_to" in given:
            given["save_to"] = f"{self.folder}/{given['save_to']}"
        match method:
            case "generate":
                return await self.drawn(self.client.generate(**given))
            case "send":
                call = {name: given.pop(name) for name in {"save_to", "timeout", "extra_headers"} & given.keys()}
                return await self.drawn(self.client.send(ImageRequest(**given), **call))
            case "request":
                return request(ImageRequest(**given))
            case "for_pixels":
                return request(ImageRequest.for_pixels(given.pop("width"), given.pop("height"), **given))
            case "conversation":
                self.conversation = self.client.conversation(**given)
            case "say":
                return await self.drawn(self.conversation.send(**given))
            case "undo":
                self.conversation.undo()
            case "turns":
                return {"turns": list(self.conversation.turns)}
            case "reload":
                text = self.conversation.to_json()
                self.conversation = type(self.conversation).from_json(text, self.client)
                return {"text": text}
            case "together":
                return {"results": await self.together(given["calls"])}
            case "from_json":
                kind = AsyncConversation if IS_ASYNC else Conversation
                self.conversation = kind.from_json(given["text"], self.client)
            case "raw":
                return {"raw": self.last.raw}
            case "headers":
                return {"headers": self.last.headers}
            case "to_dict":
                return {"dict": self.last.to_dict()}
            case "save":
                written = self.last.image.save(f"{self.folder}/{given.pop('path')}", **given)
                return {"saved": written.relative_to(self.folder).as_posix()}
        return {}


async def play(order: Any, context: ssl.SSLContext) -> list[Any]:
    outcomes: list[Any] = []
    player = None
    for action in order["do"]:
        try:
            player = player or Player(order, context)
            async with asyncio.timeout(action.get("cancel_after")):
                outcomes.append(await player.act(action["method"], action.get("arguments", {})))
        except NanoBananaError as error:
            outcomes.append({"error": failure(error)})
        except TimeoutError:
            outcomes.append({"cancelled": True})
    if player is not None:
        await player.client.aclose() if IS_ASYNC else player.client.close()
    return outcomes


def plain_bytes(read: dict[str, Any]) -> Any:
    return base64.b64decode(read["$base64"]) if read.keys() == {"$base64"} else read


def main() -> None:
    context = ssl.create_default_context(cadata=RUNNER.hear()["ca"])
    name = "Python, " + ("async" if IS_ASYNC else "sync")
    RUNNER.say(type="hello", protocol=1, name=name, version=nanobanana.__version__, features=FEATURES)
    with asyncio.Runner(loop_factory=Loop) as loop:
        RUNNER.wake = lambda: loop.get_loop().call_soon_threadsafe(lambda: None)
        while order := RUNNER.hear():
            RUNNER.clock = 0.0
            order = json.loads(json.dumps(order), object_hook=plain_bytes)
            try:
                outcomes = loop.run(play(order, context))
            except Exception as exc:
                traceback.print_exc()
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
