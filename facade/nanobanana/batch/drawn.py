"""Drawn: what came of a call, and how a worker of an executor draws."""

from __future__ import annotations

import contextlib
import socket
from functools import lru_cache
from typing import Any, Protocol, Self

import attrs

from .._engine.content import digest
from ..errors import ConfigurationError, NanoBananaError, OutcomeUnknownError, plain
from ..pictures.generation import Generation
from ..pictures.image import GeneratedImage
from ..pictures.remote import Picture
from ..request import ImageRequest
from .folder import Folder, open_folder

_folder = lru_cache(maxsize=4)(open_folder)


class Recipe(Protocol):
    """How a process of an executor draws. It is pickled, so it holds no key: the worker reads that from its own
    environment."""

    def __call__(self, request: ImageRequest) -> Generation: ...


@attrs.frozen
class Drawn:
    """What came of a call that was paid for: its picture, unless a worker on `host` has put it into the folder; and
    what is told of it, then with its path and digest."""

    image: Picture | None
    told: dict[str, Any]
    host: str = ""

    @classmethod
    def of(cls, generation: Generation) -> Self:
        """What a generation gave."""
        told: dict[str, Any] = {"tokens": generation.usage.total_tokens, "request_id": generation.request_id}
        return cls(generation.image, told | ({"text": generation.text} if generation.text else {}))

    def placed(self, folder: Folder, stem: str) -> Self:
        """The same, with the picture in the folder. Raises: whatever the folder does."""
        assert isinstance(self.image, GeneratedImage)  # noqa: S101 - others are there, or elsewhere
        try:
            path = folder.place(stem, self.image)
        except FileNotFoundError:  # another run, which has the folder now, cleared it of what it took for leftovers
            path = folder.place(stem, self.image)
        told = {"path": path, "sha256": digest(self.image.content)}
        return attrs.evolve(self, image=None, told=self.told | told)


def draw_there(recipe: Recipe, request: ImageRequest, address: str, stem: str, token: str) -> Drawn | NanoBananaError:
    """Draws in a process of an executor, and puts the picture into the folder under the name that was claimed for it.
    Where that cannot be, its bytes go back to the runner.

    An executor may give a task to a second worker when the first dies, as Dask does unasked, even where the first had
    ended it and its result was taken. So the worker that begins marks the token of the claim in the folder, where it
    stays for as long as the run does, and nobody else draws.
    """
    host = socket.gethostname()
    try:
        folder = _folder(address)
        is_first = folder.begin(token)
        there = None if is_first else folder.find(stem)
    except Exception as exc:
        problem = f"a worker on {host} cannot use {address}, which workers must share: {plain(str(exc), 300)}"
        return ConfigurationError(problem)
    if there is not None:
        return Drawn(None, {"path": there, "sha256": digest(folder.read(there))}, host)
    if not is_first:
        return OutcomeUnknownError("a worker had begun it and did not live to tell")
    try:
        drawn = Drawn.of(recipe(request))
    except NanoBananaError as exc:
        return exc
    if isinstance(drawn.image, GeneratedImage):
        with contextlib.suppress(Exception):
            return attrs.evolve(drawn.placed(folder, stem), host=host)
    return drawn
