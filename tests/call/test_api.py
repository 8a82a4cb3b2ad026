"""The generated client on a client's key, deadline, cap and errors."""

from __future__ import annotations

import anyio
import pytest
from nanobanana import AsyncNanoBanana, AuthenticationError, NanoBanana, NotFoundError, UnusableResponseError
from nanobanana_api import Client
from nanobanana_api.api.images import generate_image
from nanobanana_api.models.generate_content_request import GenerateContentRequest
from nanobanana_api.models.generate_content_response import GenerateContentResponse
from nanobanana_api.models.generation_config import GenerationConfig
from nanobanana_api.models.image_config import ImageConfig
from nanobanana_api.models.part import Part
from nanobanana_api.models.user_turn import UserTurn

from ..conftest import KEY

BODY = GenerateContentRequest(
    contents=[UserTurn(role="user", parts=[Part(text="Draw a cat")])],
    generation_config=GenerationConfig(
        response_modalities=["TEXT", "IMAGE"], image_config=ImageConfig(aspect_ratio="1:1", image_size="1K")
    ),
)


def _is_a_picture(answer: object) -> bool:
    return isinstance(answer, GenerateContentResponse) and "iVBOR" in str(answer.to_dict())


def test_a_generated_operation_runs_with_the_key(client: NanoBanana) -> None:
    """An operation of the generated client works on `client.api`, and gives the generated model whole."""
    assert isinstance(client.api, Client)
    assert _is_a_picture(generate_image.sync(client=client.api, model="nanobanana", body=BODY))


def test_a_generated_operation_runs_async(nanobanana_sandbox: str) -> None:
    """The same on `AsyncNanoBanana.api`."""

    async def call() -> object:
        async with AsyncNanoBanana(KEY, base_url=nanobanana_sandbox) as client:
            return await generate_image.asyncio(client=client.api, model="nanobanana", body=BODY)

    assert _is_a_picture(anyio.run(call))


def test_its_errors_are_those_of_the_tree(nanobanana_sandbox: str) -> None:
    """A refusal is raised as a typed error, before the generated parser sees it."""
    with pytest.raises(NotFoundError) as caught:
        generate_image.sync(
            client=NanoBanana(KEY, base_url=f"{nanobanana_sandbox}/elsewhere").api, model="nanobanana", body=BODY
        )
    assert caught.value.billed == "no"
    with pytest.raises(AuthenticationError):
        generate_image.sync(
            client=NanoBanana("no-such-key", base_url=nanobanana_sandbox).api, model="nanobanana", body=BODY
        )


def test_its_answers_are_bounded(nanobanana_sandbox: str) -> None:
    """An answer above the client's cap is refused as by the client's own calls."""
    client = NanoBanana(KEY, base_url=nanobanana_sandbox, max_response_bytes=1000)
    with pytest.raises(UnusableResponseError, match="larger than 1000 bytes"):
        generate_image.sync(client=client.api, model="nanobanana", body=BODY)
