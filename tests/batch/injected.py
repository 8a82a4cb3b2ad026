"""A small batch with a fault injected before or after one of the calls that it makes to folder, ledger and network."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nanobanana import GeneratedImage, Generation, NoImageError, RateLimitError, ServerError
from nanobanana.batch import AsyncBatch, BatchResult, Options
from nanobanana.batch.folder import LocalFolder
from nanobanana.batch.journal import Journal
from nanobanana.batch.ledger import Ledger
from nanobanana.request import ImageRequest

REQUESTS: list[object] = [
    {"prompt": "good", "id": "good"},
    {"prompt": "large", "id": "large"},
    {"prompt": "limited", "id": "limited"},
    {"prompt": "unknown", "id": "unknown"},
    {"prompt": "empty", "id": "empty"},
    {"id": "wrong"},
]
PICTURES = {name: b"\x89PNG\r\n\x1a\n" + name.encode() * 9 for name in ("good", "large", "limited")}
_SEAMS: dict[type, tuple[str, ...]] = {
    LocalFolder: ("prepare", "stems", "known", "has", "place", "names", "read", "delete"),
    Ledger: ("row", "name", "put", "put_wrong", "forget", "take_over", "records", "close"),
    Journal: ("write", "append", "close"),
}


class OddError(Exception):
    """An exception of a class that nobody knows."""


def odd() -> None:
    """Raises it."""
    raise OddError("nobody knows this")


def leave() -> None:
    """Ends the process as a kill does."""
    os._exit(9)


class Calls:
    """Counts the calls over the seams, and acts before or after one of them."""

    def __init__(self, at: int = -1, moment: str = "before", act: Callable[[], None] = odd) -> None:
        self.names: list[str] = []
        self._at, self._moment, self._act = at, moment, act
        self._undo: list[tuple[type, str, Any]] = []

    def __enter__(self) -> Calls:
        for owner, names in _SEAMS.items():
            for name in names:
                real = vars(owner)[name]
                self._undo.append((owner, name, real))
                setattr(owner, name, self.over(real, f"{owner.__name__}.{name}"))
        return self

    def __exit__(self, *_: object) -> None:
        for owner, name, real in self._undo:
            setattr(owner, name, real)

    def over(self, real: Callable[..., Any], name: str) -> Callable[..., Any]:
        """The function, with the fault."""

        @functools.wraps(real)
        def call(*arguments: Any, **options: Any) -> Any:
            is_it = self._count(name)
            if is_it and self._moment == "before":
                self._act()
            result = real(*arguments, **options)
            if is_it and self._moment == "after":
                self._act()
            return result

        return call

    def _count(self, name: str) -> bool:
        self.names.append(name)
        return len(self.names) - 1 == self._at

    def draw(self, bills: Path) -> Callable[[ImageRequest, Path | None], Any]:
        """The network, which writes down whatever may have to be paid for."""
        limited = []

        async def draw(request: ImageRequest, folder: Path | None) -> Generation:
            is_it = self._count("draw")
            if is_it and self._moment == "before":
                self._act()
            name = request.prompt
            if name == "limited" and not limited:
                limited.append(True)
                raise RateLimitError("too many", status_code=429, retry_after=0.0)
            with bills.open("a") as file:
                file.write(f"{name}\n")
            if is_it and self._moment == "after":
                self._act()
            if name == "unknown":
                raise ServerError("HTTP 500", status_code=500)
            if name == "empty":
                raise NoImageError("no picture")
            return Generation((GeneratedImage(PICTURES[name]),))

        return draw


def run(out: Path, bills: Path, calls: Calls) -> list[BatchResult]:
    """Runs the batch to its end. Raises: what it raises."""
    results: list[BatchResult] = []
    with calls:
        batch = AsyncBatch(calls.draw(bills), REQUESTS, out, Options(), concurrency=1, on_result=results.append)
        asyncio.run(batch.run())
    return results


def run_and_leave(out: Path, bills: Path, at: int, moment: str) -> None:
    """Runs it in a process that is gone at that moment."""
    run(out, bills, Calls(at, moment, leave))
    os._exit(0)
