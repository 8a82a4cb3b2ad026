"""The clients that are measured, each behind the same two calls.

This module imports none of them: each is imported when it is first made, in a process of its own. `CLIENTS` says
what an adapter is called, what stands for its import, and what its own installation brings.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

KEY = "sk-benchmark"
PATIENCE = 600.0  # seconds
CHAT_MARK = "base64,"


class Httpx:
    """Plain httpx, the json and base64 of the standard library."""

    def __init__(self, url: str) -> None:
        import base64
        import json

        import httpx

        self._base64, self._json = base64, json
        self._url = f"{url}/v1beta/models/nanobanana:generateContent"
        self._options: dict[str, Any] = {"headers": {"Authorization": f"Bearer {KEY}"}, "timeout": PATIENCE}
        self._make, self._client = httpx.AsyncClient, httpx.Client(**self._options)
        self._async_client: httpx.AsyncClient | None = None

    def _body(self, prompt: str, references: Sequence[bytes]) -> dict[str, Any]:
        parts: list[dict[str, Any]] = [{"text": prompt}]
        for reference in references:
            encoded = self._base64.b64encode(reference).decode()
            parts.append({"inline_data": {"mimeType": "image/png", "data": encoded}})
        image = {"aspectRatio": "1:1", "imageSize": "1K"}
        return {
            "contents": [{"role": "user", "parts": parts}],
            "generationConfig": {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": image},
        }

    def _picture(self, answer: Any) -> bytes:
        part = answer.raise_for_status().json()["candidates"][0]["content"]["parts"][0]
        return self._base64.b64decode(part["inlineData"]["data"])

    def draw(self, prompt: str, references: Sequence[bytes]) -> bytes:
        """Makes a picture."""
        return self._picture(self._client.post(self._url, json=self._body(prompt, references)))

    async def draw_async(self, prompt: str, references: Sequence[bytes]) -> bytes:
        """Makes a picture."""
        self._async_client = self._async_client or self._make(**self._options)
        return self._picture(await self._async_client.post(self._url, json=self._body(prompt, references)))

    async def batch(self, prompts: Sequence[str], folder: str, concurrency: int) -> list[str]:
        """Makes pictures, so many at a time, and returns their paths. It keeps no account of them."""
        import asyncio
        from pathlib import Path

        free = asyncio.Semaphore(concurrency)

        async def make(number: int, prompt: str) -> str:
            async with free:
                picture = await self.draw_async(prompt, ())
            Path(path := f"{folder}/{number}.png").write_bytes(picture)
            return path

        return await asyncio.gather(*(make(number, prompt) for number, prompt in enumerate(prompts)))


class Generated:
    """The generated client alone, as its generator leaves it."""

    def __init__(self, url: str) -> None:
        import base64

        import httpx
        import nanobanana_api
        from nanobanana_api import models
        from nanobanana_api.api.images import generate_image

        self._base64, self._models, self._operation = base64, models, generate_image
        self._client = nanobanana_api.AuthenticatedClient(base_url=url, token=KEY, timeout=httpx.Timeout(PATIENCE))

    def _body(self, prompt: str, references: Sequence[bytes]) -> Any:
        models = self._models
        parts = [models.Part(text=prompt)]
        for reference in references:
            encoded = self._base64.b64encode(reference).decode()
            parts.append(models.Part(inline_data=models.InlineData(mime_type="image/png", data=encoded)))
        return models.GenerateContentRequest(
            contents=[models.UserTurn(role="user", parts=parts)],
            generation_config=models.GenerationConfig(
                response_modalities=["TEXT", "IMAGE"],
                image_config=models.ImageConfig(aspect_ratio="1:1", image_size="1K"),
            ),
        )

    def _picture(self, answer: Any) -> bytes:
        return self._base64.b64decode(answer.parsed.candidates[0].content.parts[0].inlineData.data)

    def draw(self, prompt: str, references: Sequence[bytes]) -> bytes:
        """Makes a picture."""
        body = self._body(prompt, references)
        return self._picture(self._operation.sync_detailed("nanobanana", client=self._client, body=body))

    async def draw_async(self, prompt: str, references: Sequence[bytes]) -> bytes:
        """Makes a picture."""
        body = self._body(prompt, references)
        return self._picture(await self._operation.asyncio_detailed("nanobanana", client=self._client, body=body))


class Nanobanana:
    """This library."""

    def __init__(self, url: str) -> None:
        import nanobanana

        self._url, self._make = url, nanobanana.AsyncNanoBanana
        self._client = nanobanana.NanoBanana(KEY, base_url=url)
        self._async_client: nanobanana.AsyncNanoBanana | None = None

    def draw(self, prompt: str, references: Sequence[bytes]) -> bytes:
        """Makes a picture."""
        return self._client.generate(prompt, references=references).image.data

    def save(self, prompt: str, references: Sequence[bytes], path: str) -> None:
        """Makes a picture in a file."""
        self._client.generate(prompt, references=references, save_to=path)

    async def draw_async(self, prompt: str, references: Sequence[bytes]) -> bytes:
        """Makes a picture."""
        self._async_client = self._async_client or self._make(KEY, base_url=self._url)
        return (await self._async_client.generate(prompt, references=references)).image.data

    async def save_async(self, prompt: str, references: Sequence[bytes], path: str) -> None:
        """Makes a picture in a file."""
        self._async_client = self._async_client or self._make(KEY, base_url=self._url)
        await self._async_client.generate(prompt, references=references, save_to=path)

    async def batch(self, prompts: Sequence[str], folder: str, concurrency: int) -> list[str]:
        """Makes pictures, so many at a time, and returns their paths."""
        self._async_client = self._async_client or self._make(KEY, base_url=self._url)
        batch = self._async_client.batch([{"prompt": prompt} for prompt in prompts], folder, concurrency=concurrency)
        return [f"{folder}/{result.path}" async for result in batch]


class GoogleGenai:
    """Google's SDK, whose native endpoint this is, on httpx2, its default. It repeats nothing."""

    on_aiohttp = False

    def __init__(self, url: str) -> None:
        from google import genai
        from google.genai import _api_client, types

        if _api_client.has_aiohttp is not self.on_aiohttp:
            raise RuntimeError(f"has_aiohttp is {_api_client.has_aiohttp}")
        self._types = types
        options = types.HttpOptions(
            base_url=url, timeout=int(PATIENCE * 1000), retry_options=types.HttpRetryOptions(attempts=1)
        )
        self._client = genai.Client(api_key=KEY, http_options=options)

    def _arguments(self, prompt: str, references: Sequence[bytes]) -> dict[str, Any]:
        types = self._types
        pictures = [types.Part.from_bytes(data=reference, mime_type="image/png") for reference in references]
        config = types.GenerateContentConfig(
            response_modalities=["TEXT", "IMAGE"],
            image_config=types.ImageConfig(aspect_ratio="1:1", image_size="1K"),
        )
        return {"model": "nanobanana", "contents": [prompt, *pictures], "config": config}

    def draw(self, prompt: str, references: Sequence[bytes]) -> bytes:
        """Makes a picture."""
        return _google_picture(self._client.models.generate_content(**self._arguments(prompt, references)))

    async def draw_async(self, prompt: str, references: Sequence[bytes]) -> bytes:
        """Makes a picture."""
        return _google_picture(await self._client.aio.models.generate_content(**self._arguments(prompt, references)))


class GoogleGenaiAiohttp(GoogleGenai):
    """The same with aiohttp installed, which its async calls then use."""

    on_aiohttp = True


def _google_picture(answer: Any) -> bytes:
    picture: bytes = answer.candidates[0].content.parts[0].inline_data.data
    return picture


class Openai:
    """OpenAI's SDK on the chat format. It repeats nothing."""

    def __init__(self, url: str) -> None:
        import base64

        import openai

        self._base64, self._make = base64, openai.AsyncOpenAI
        self._options: dict[str, Any] = {
            "api_key": KEY,
            "base_url": f"{url}/v1",
            "max_retries": 0,
            "timeout": PATIENCE,
        }
        self._client = openai.OpenAI(**self._options)
        self._async_client: openai.AsyncOpenAI | None = None

    def _arguments(self, prompt: str, references: Sequence[bytes]) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": prompt}]
        for reference in references:
            url = "data:image/png;base64," + self._base64.b64encode(reference).decode()
            content.append({"type": "image_url", "image_url": {"url": url}})
        image = {"aspect_ratio": "1:1", "image_size": "1K"}
        return {
            "model": "nanobanana",
            "messages": [{"role": "user", "content": content if references else prompt}],
            "extra_body": {"extra_body": {"google": {"image_config": image}}},
        }

    def _picture(self, answer: Any) -> bytes:
        text = answer.choices[0].message.content
        start = text.index(CHAT_MARK) + len(CHAT_MARK)
        return self._base64.b64decode(text[start : text.index(")", start)])

    def draw(self, prompt: str, references: Sequence[bytes]) -> bytes:
        """Makes a picture."""
        return self._picture(self._client.chat.completions.create(**self._arguments(prompt, references)))

    async def draw_async(self, prompt: str, references: Sequence[bytes]) -> bytes:
        """Makes a picture."""
        self._async_client = self._async_client or self._make(**self._options)
        return self._picture(await self._async_client.chat.completions.create(**self._arguments(prompt, references)))


class Gemimg:
    """gemimg, whose pictures are Pillow's. It is not asked to edit: it would encode references anew, as WebP."""

    def __init__(self, url: str) -> None:
        import gemimg

        self._client = gemimg.GemImg(api_key=KEY, base_url=url, model="nanobanana")

    def draw(self, prompt: str, references: Sequence[bytes]) -> bytes:
        """Makes a picture."""
        if references:
            raise ValueError("gemimg encodes references anew")
        content: bytes = self._client.generate(prompt, save=False).image.fp.getvalue()
        return content


def make(name: str, url: str) -> Any:
    """The client of this name, ready to draw."""
    if name == "floor":
        from .floor import Floor

        return Floor(url)
    if name.startswith("without: "):
        from .ablations import ABLATIONS

        ABLATIONS[name.removeprefix("without: ").removesuffix(" to file")]()
        return Nanobanana(url)
    adapters = {
        "httpx": Httpx,
        "generated": Generated,
        "nanobanana": Nanobanana,
        "nanobanana to file": Nanobanana,
        "google-genai": GoogleGenai,
        "google-genai+aiohttp": GoogleGenaiAiohttp,
        "openai": Openai,
        "gemimg": Gemimg,
    }
    return adapters[name](url)
