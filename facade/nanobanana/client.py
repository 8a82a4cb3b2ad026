"""NanoBanana and AsyncNanoBanana: the clients that people import."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterable, Iterable
from concurrent.futures import Executor
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import anyio.to_thread
import attrs
import nanobanana_api

from ._call.call import Call
from ._call.settings import BearerKey, Settings
from ._call.settings import base_url as checked_base_url
from ._call.transport import AsyncHTTP, SyncHTTP
from .batch import AsyncBatch, Batch, OnResult, Options
from .conversation import AsyncConversation, Conversation
from .errors import ConfigurationError, NanoBananaError
from .pictures.generation import Generation
from .pictures.reference import ReferenceLike
from .pictures.saving import check_target
from .request import ImageRequest, WireName
from .vocabulary import AspectRatio, ImageSize, Model


@attrs.frozen
class _Recipe:
    """How a worker of an executor draws: with a client of its own, whose key is that of its environment."""

    base_url: str
    timeout: float
    connect_timeout: float
    max_retries: int
    max_response_bytes: int

    def __call__(self, request: ImageRequest) -> Generation:
        try:
            return _client_of(self).send(request)
        except ConfigurationError as exc:
            problem = exc.message
        raise ConfigurationError(
            f"a worker can make no client: {problem}",
            advice="The workers need INFINITYBLUE_API_KEY in their environment",
        )


@lru_cache(maxsize=4)
def _client_of(recipe: _Recipe) -> NanoBanana:
    return NanoBanana(**attrs.asdict(recipe), allow_insecure=True)  # the address has been looked at


class _Client:
    """What both clients are made from: settings, and the key, which is kept where nothing shows it."""

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float = 600.0,
        connect_timeout: float = 10.0,
        max_retries: int = 2,
        retry_unknown: bool = False,
        max_response_bytes: int = 256 * 1024 * 1024,
        allow_insecure: bool = False,
    ) -> None:
        auth = BearerKey.of(api_key)
        del api_key  # from here on, no traceback shows it
        if isinstance(auth, ConfigurationError):
            raise auth
        address = checked_base_url(base_url, allow_insecure=allow_insecure)
        auth.only_for(address)
        self._auth = auth
        self._settings = Settings(
            base_url=address,
            timeout=timeout,
            connect_timeout=connect_timeout,
            max_retries=max_retries,
            retry_unknown=retry_unknown,
            max_response_bytes=max_response_bytes,
        )
        self._api = nanobanana_api.Client(base_url=str(self._settings.base_url))
        self._connect()

    def _connect(self) -> None:
        raise NotImplementedError

    def __repr__(self) -> str:
        settings = vars(self).get("_settings")  # it is missing while the client is being made
        return f"<{type(self).__name__} {settings.base_url if settings else 'unfinished'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} holds a key and connections; make one in each process instead")


class NanoBanana(_Client):
    """Makes pictures.

        client = NanoBanana()
        client.generate("Draw a cat on a rooftop").image.save("cat")

    api_key: the key; else INFINITYBLUE_API_KEY. base_url: the endpoint; else INFINITYBLUE_BASE_URL, else the
    gateway. timeout: seconds for a call, all its tries and waits together. connect_timeout: seconds for making a
    connection. max_retries: repeats of a call of which nothing was processed. retry_unknown: repeat also those that
    may have been, and may be paid for twice. max_response_bytes: the largest answer accepted. allow_insecure: accept
    an http:// address that is not on this machine.

    It can be used by several threads at once, and as a context manager that closes its connections.

    Raises: ConfigurationError.
    """

    def _connect(self) -> None:
        self._http = SyncHTTP(self._settings, self._auth)
        self._api.set_httpx_client(self._http)

    def generate(
        self,
        prompt: str,
        *,
        references: Iterable[ReferenceLike] = (),
        model: Model = "nanobanana",
        aspect_ratio: AspectRatio | None = None,
        image_size: ImageSize = "1K",
        include_thoughts: bool = False,
        wire: WireName | None = None,
        save_to: str | os.PathLike[str] | None = None,
    ) -> Generation:
        """Makes a picture, from words or from words and reference images.

        The arguments are those of `ImageRequest`. save_to: a file or folder to write the picture to, as
        `GeneratedImage.save` does; whether that can be done is looked at before the call is made, and
        `generation.image.path` is the real path.

        Returns: a `Generation` with at least one picture.

        Raises: InvalidRequestError before anything is sent; any other of the tree in `nanobanana.errors`.

        Source: the endpoint page.
        """
        return self.send(
            ImageRequest(
                prompt,
                references=references,
                model=model,
                aspect_ratio=aspect_ratio,
                image_size=image_size,
                include_thoughts=include_thoughts,
                wire=wire,
            ),
            save_to=save_to,
        )

    def send(self, request: ImageRequest, *, save_to: str | os.PathLike[str] | None = None) -> Generation:
        """Makes the picture that a request describes. Returns and raises as `generate` does."""
        save_to, folder = check_target(save_to)
        generation = self._draw(request, folder)
        return generation if save_to is None else generation.saved(save_to)

    def _draw(self, request: ImageRequest, folder: Path | None) -> Generation:
        return self._perform(Call(request, self._settings, folder=folder))

    def _perform(self, call: Call) -> Generation:
        with call:
            try:
                call.take(call.wire.sync_operation(client=self._api, **call.arguments).parsed)
            except NanoBananaError:
                raise
            except Exception as exc:
                call.trip(exc)
        return call.result()

    def conversation(
        self,
        *,
        model: Model = "nanobanana",
        aspect_ratio: AspectRatio | None = None,
        image_size: ImageSize = "1K",
        include_thoughts: bool = False,
        wire: WireName | None = None,
    ) -> Conversation:
        """Begins a conversation, in which each prompt builds on the pictures before. The arguments are those of
        `ImageRequest`; an aspect_ratio of None is settled by the first turn."""
        return Conversation(
            self,
            model=model,
            aspect_ratio=aspect_ratio,
            image_size=image_size,
            include_thoughts=include_thoughts,
            wire=wire,
        )

    def batch(
        self,
        requests: Iterable[object] | AsyncIterable[object],
        output_dir: str | os.PathLike[str],
        *,
        concurrency: int = 8,
        executor: Executor | None = None,
        on_result: OnResult | None = None,
        retry_unknown: bool = False,
        retry_failed: bool = False,
        fetch_remote: bool = False,
        ledger_dir: str | os.PathLike[str] | None = None,
    ) -> Batch:
        """Makes many pictures into one folder, each paid for once; running it again finishes what is missing.

        requests: `ImageRequest`s, prompts, or dicts with the fields of one and, if wanted, `id` (the name of the file),
        `n` and `aspect_ratios` (variations); any iterable, taken one at a time, a data frame, or `read_lines(path)`.
        output_dir: a folder, or an fsspec URL (extra `cloud`). concurrency: calls at once. executor: any
        `concurrent.futures.Executor`, such as Dask's, whose workers read the key from their own environment. on_result:
        called with each result. retry_unknown: send again what was sent before and may have been paid for.
        retry_failed: send again what failed for good. fetch_remote: fetch pictures that an answer only names, from
        public addresses. ledger_dir: a local folder for the ledger, by which nothing is paid for twice; by itself,
        output_dir, or for a URL a folder of this user's.

        Returns: a `Batch`, to be iterated or `run()`.

        Raises: InvalidRequestError where requests is nothing of this kind; ConfigurationError, when it runs, where the
        folder cannot be used or another run works on it.
        """
        twin = AsyncNanoBanana._twin(self)
        return Batch(
            twin.batch(
                requests,
                output_dir,
                concurrency=concurrency,
                executor=executor,
                on_result=on_result,
                retry_unknown=retry_unknown,
                retry_failed=retry_failed,
                fetch_remote=fetch_remote,
                ledger_dir=ledger_dir,
            )
        )

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncNanoBanana(_Client):
    """`NanoBanana` for asyncio and trio: the same arguments, methods and errors, with `await` and `aclose()`.

    async with AsyncNanoBanana() as client:
        generation = await client.generate("Draw a cat on a rooftop")

    Cancelling a call closes its connection and leaves the client usable; the call may be billed all the same.
    """

    def _connect(self) -> None:
        self._http = AsyncHTTP(self._settings, self._auth)
        self._api.set_async_httpx_client(self._http)

    async def generate(
        self,
        prompt: str,
        *,
        references: Iterable[ReferenceLike] = (),
        model: Model = "nanobanana",
        aspect_ratio: AspectRatio | None = None,
        image_size: ImageSize = "1K",
        include_thoughts: bool = False,
        wire: WireName | None = None,
        save_to: str | os.PathLike[str] | None = None,
    ) -> Generation:
        """Makes a picture, as `NanoBanana.generate` does."""
        return await self.send(
            ImageRequest(
                prompt,
                references=references,
                model=model,
                aspect_ratio=aspect_ratio,
                image_size=image_size,
                include_thoughts=include_thoughts,
                wire=wire,
            ),
            save_to=save_to,
        )

    async def send(self, request: ImageRequest, *, save_to: str | os.PathLike[str] | None = None) -> Generation:
        """Makes the picture that a request describes, as `NanoBanana.send` does."""
        save_to, folder = check_target(save_to)
        generation = await self._draw(request, folder)
        if save_to is None:
            return generation
        target, begun = save_to, []

        def save() -> Generation:
            begun.append(True)
            return generation.saved(target)

        try:
            return await anyio.to_thread.run_sync(save)
        except BaseException:
            if not begun:  # cancelled before the thread began: what is whole and paid for is kept all the same
                with contextlib.suppress(Exception):
                    save()
            raise

    async def _draw(self, request: ImageRequest, folder: Path | None) -> Generation:
        return await self._perform(Call(request, self._settings, folder=folder))

    async def _perform(self, call: Call) -> Generation:
        with call:
            try:
                call.take((await call.wire.async_operation(client=self._api, **call.arguments)).parsed)
            except NanoBananaError:
                raise
            except Exception as exc:
                call.trip(exc)
        return call.result()

    def conversation(
        self,
        *,
        model: Model = "nanobanana",
        aspect_ratio: AspectRatio | None = None,
        image_size: ImageSize = "1K",
        include_thoughts: bool = False,
        wire: WireName | None = None,
    ) -> AsyncConversation:
        """Begins a conversation, as `NanoBanana.conversation` does."""
        return AsyncConversation(
            self,
            model=model,
            aspect_ratio=aspect_ratio,
            image_size=image_size,
            include_thoughts=include_thoughts,
            wire=wire,
        )

    def batch(
        self,
        requests: Iterable[object] | AsyncIterable[object],
        output_dir: str | os.PathLike[str],
        *,
        concurrency: int = 8,
        executor: Executor | None = None,
        on_result: OnResult | None = None,
        retry_unknown: bool = False,
        retry_failed: bool = False,
        fetch_remote: bool = False,
        ledger_dir: str | os.PathLike[str] | None = None,
    ) -> AsyncBatch:
        """Makes many pictures into one folder, as `NanoBanana.batch` does; iterate it with `async for`."""
        settings = self._settings
        recipe = _Recipe(
            base_url=str(settings.base_url),
            timeout=settings.timeout,
            connect_timeout=settings.connect_timeout,
            max_retries=settings.max_retries,
            max_response_bytes=settings.max_response_bytes,
        )
        options = Options(retry_unknown=retry_unknown, retry_failed=retry_failed, fetch_remote=fetch_remote)
        return AsyncBatch(
            self._draw,
            requests,
            output_dir,
            options,
            concurrency=concurrency,
            executor=executor,
            recipe=recipe,
            on_result=on_result,
            ledger_dir=ledger_dir,
        )

    @classmethod
    def _twin(cls, client: NanoBanana) -> AsyncNanoBanana:
        """An async client with the settings and the key of a sync one."""
        twin = cls.__new__(cls)
        twin._settings, twin._auth = client._settings, client._auth
        twin._api = nanobanana_api.Client(base_url=str(client._settings.base_url))
        twin._connect()
        return twin

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
