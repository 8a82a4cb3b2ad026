"""NanoBanana and AsyncNanoBanana: the clients that people import."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Iterable, Mapping
from concurrent.futures import Executor
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, Self

import nanobanana_api

from ._call.api import api_http, async_api_http, generated
from ._call.caller import AsyncCaller, SyncCaller
from ._call.interrupts import to_its_end
from ._call.settings import Settings
from .conversation import AsyncConversation, Conversation
from .errors import ConfigurationError
from .pictures.generation import Generation
from .pictures.reference import ReferenceLike
from .pictures.saving import check_target
from .request import ImageRequest, WireName
from .vocabulary import AspectRatio, ImageSize, Model

if TYPE_CHECKING:  # a tenth of the time that it takes to start, and most programs make no batch
    from .batch import AsyncBatch, Batch, OnResult, Recipe


class NanoBanana(SyncCaller):
    """Makes pictures.

        client = NanoBanana()
        client.generate("Draw a cat on a rooftop").image.save("cat")

    api_key: the key; else INFINITYBLUE_API_KEY. base_url: the endpoint; else INFINITYBLUE_BASE_URL, else the
    gateway. timeout: seconds for a call, all its tries and waits together. connect_timeout: seconds for making a
    connection. max_retries: repeats of a call of which nothing was processed. retry_unknown: repeat also those that
    may have been, and may be paid for twice. max_response_bytes: the largest answer accepted. allow_insecure: accept
    an http:// address that is not on this machine. headers: sent with each call, beside our own. proxy: the URL of a
    proxy (http, https, socks5), with user and password if it wants them; else that of the environment (HTTPS_PROXY,
    HTTP_PROXY, ALL_PROXY, NO_PROXY). ssl_context: what decides on certificates; else the roots of SSL_CERT_FILE or
    SSL_CERT_DIR, or those this machine trusts.

    It can be used by several threads at once, and as a context manager.

    Raises: ConfigurationError, naming the setting that cannot be used.
    """

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
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        save_to: str | os.PathLike[str] | None = None,
    ) -> Generation:
        """Makes a picture, from words or from words and reference images.

        prompt: what to draw, in words. references: pictures to look at, in their order, in any form that
        `ReferenceImage.of` takes. model, aspect_ratio, image_size: one of the listed values; a ratio of None becomes
        the listed one nearest to the first reference's shape, or 1:1. include_thoughts: ask for the reasoning and
        drafts. wire: "native" or "chat" forces that format of the endpoint; by itself, the model decides. extra_body:
        fields of the request's JSON that this library does not know, merged deep into it. extra_headers: sent with this
        call, before those of the client. timeout: seconds for this call, instead of the client's. save_to: a file or
        folder to write the picture to, as `GeneratedImage.save` does; whether that can be done is looked at before the
        call is made, and `generation.image.path` is the real path.

        Returns: a `Generation` with at least one picture.

        Raises: InvalidRequestError before anything is sent; any other of the tree in `nanobanana.errors`.

        Source: the endpoint page.
        """
        request = ImageRequest(
            prompt,
            references=references,
            model=model,
            aspect_ratio=aspect_ratio,
            image_size=image_size,
            include_thoughts=include_thoughts,
            wire=wire,
            extra_body=extra_body,
        )
        return self.send(request, extra_headers=extra_headers, timeout=timeout, save_to=save_to)

    def send(
        self,
        request: ImageRequest,
        *,
        extra_headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        save_to: str | os.PathLike[str] | None = None,
    ) -> Generation:
        """Makes the picture that a request describes. Takes, returns and raises what `generate` does."""
        target, folder = check_target(save_to)
        call = self._call(request, extra_headers=extra_headers, timeout=timeout, folder=folder)
        if target is None:
            return self._perform(call)
        return self._made(call, then=lambda generation: generation.saved(target))

    def conversation(
        self,
        *,
        model: Model = "nanobanana",
        aspect_ratio: AspectRatio | None = None,
        image_size: ImageSize = "1K",
        include_thoughts: bool = False,
        wire: WireName | None = None,
        extra_body: Mapping[str, Any] | None = None,
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
            extra_body=extra_body,
        )

    @cached_property
    def api(self) -> nanobanana_api.Client:
        """The generated client on this client's key, deadline, size limit and errors, for operations that this class
        does not wrap: `generate_image.sync(client=client.api, ...)`."""
        http = api_http(self._settings, self._key, self._check_open)
        return generated(self._settings).set_httpx_client(http)

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
        from .batch import Batch, Options

        return Batch(
            self._draw_async,
            requests,
            output_dir,
            Options(retry_unknown=retry_unknown, retry_failed=retry_failed, fetch_remote=fetch_remote),
            concurrency=concurrency,
            executor=executor,
            recipe=_recipe(self._settings),
            place=self._settings.place,
            on_result=on_result,
            ledger_dir=ledger_dir,
        )

    def close(self) -> None:
        """Ends the use of this client; a later call raises a ConfigurationError."""
        self._is_closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncNanoBanana(AsyncCaller):
    """`NanoBanana` for asyncio and trio: the same arguments, methods and errors, with `await` and `aclose()`.

        async with AsyncNanoBanana() as client:
            generation = await client.generate("Draw a cat on a rooftop")

    Cancelling a call closes its connection and leaves the client usable; the call may be billed all the same.
    """

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
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        save_to: str | os.PathLike[str] | None = None,
    ) -> Generation:
        """Makes a picture, as `NanoBanana.generate` does."""
        request = ImageRequest(
            prompt,
            references=references,
            model=model,
            aspect_ratio=aspect_ratio,
            image_size=image_size,
            include_thoughts=include_thoughts,
            wire=wire,
            extra_body=extra_body,
        )
        return await self.send(request, extra_headers=extra_headers, timeout=timeout, save_to=save_to)

    async def send(
        self,
        request: ImageRequest,
        *,
        extra_headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        save_to: str | os.PathLike[str] | None = None,
    ) -> Generation:
        """Makes the picture that a request describes, as `NanoBanana.send` does."""
        target, folder = check_target(save_to)
        call = self._call(request, extra_headers=extra_headers, timeout=timeout, folder=folder)
        generation = await self._perform(call)
        if target is None:
            return generation
        return await to_its_end(lambda: generation.saved(target))

    def conversation(
        self,
        *,
        model: Model = "nanobanana",
        aspect_ratio: AspectRatio | None = None,
        image_size: ImageSize = "1K",
        include_thoughts: bool = False,
        wire: WireName | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> AsyncConversation:
        """Begins a conversation, as `NanoBanana.conversation` does."""
        return AsyncConversation(
            self,
            model=model,
            aspect_ratio=aspect_ratio,
            image_size=image_size,
            include_thoughts=include_thoughts,
            wire=wire,
            extra_body=extra_body,
        )

    @cached_property
    def api(self) -> nanobanana_api.Client:
        """The generated client, as `NanoBanana.api`: `await generate_image.asyncio(client=client.api, ...)`."""
        http = async_api_http(self._settings, self._key, self._check_open)
        return generated(self._settings).set_async_httpx_client(http)

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
        from .batch import AsyncBatch, Options

        return AsyncBatch(
            self._draw_async,
            requests,
            output_dir,
            Options(retry_unknown=retry_unknown, retry_failed=retry_failed, fetch_remote=fetch_remote),
            concurrency=concurrency,
            executor=executor,
            recipe=_recipe(self._settings),
            place=self._settings.place,
            on_result=on_result,
            ledger_dir=ledger_dir,
        )

    async def aclose(self) -> None:
        """Ends the use of this client; a later call raises a ConfigurationError."""
        self._is_closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


_CARRIED = ("timeout", "connect_timeout", "max_retries", "max_response_bytes", "headers")


def _recipe(settings: Settings) -> Recipe:
    """How a worker of an executor draws: with a client of its own, whose key is that of its environment."""
    carried = ((name, getattr(settings, name)) for name in _CARRIED)
    return partial(_draw_there, (("base_url", str(settings.base_url)), *carried))


def _draw_there(options: tuple[tuple[str, Any], ...], request: ImageRequest) -> Generation:
    return _client_there(options).send(request)


@lru_cache(maxsize=4)
def _client_there(options: tuple[tuple[str, Any], ...]) -> NanoBanana:
    given = dict(options)
    given["headers"] = dict(given["headers"])
    try:
        return NanoBanana(**given, allow_insecure=True)  # the address has been looked at
    except ConfigurationError as exc:
        problem = exc.message
    raise ConfigurationError(
        f"a worker can make no client: {problem}",
        advice="The workers need INFINITYBLUE_API_KEY in their environment",
    )
