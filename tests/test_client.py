"""The clients, end to end on the sandbox: what a person who makes pictures does."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import trio
from nanobanana import (
    ASPECT_RATIOS,
    IMAGE_SIZES,
    MODELS,
    AsyncNanoBanana,
    AuthenticationError,
    ConfigurationError,
    Generation,
    ImageRequest,
    InvalidRequestError,
    NanoBanana,
)
from nanobanana.vocabulary import nearest_aspect_ratio, pixels

from .conftest import KEY


@pytest.mark.parametrize("model", MODELS)
def test_each_model_makes_a_picture(client: NanoBanana, model: Any) -> None:
    """Every model that the contract lists gives a picture through the same call."""
    generation = client.generate("Draw a cat", model=model, aspect_ratio="4:3")
    assert (generation.image.width, generation.image.height) == (1200, 896)
    assert generation.image.data
    assert generation.model == model
    assert generation.usage.total_tokens
    assert generation.request_id


@pytest.mark.parametrize("size", IMAGE_SIZES)
@pytest.mark.parametrize("ratio", ASPECT_RATIOS)
def test_each_shape_has_its_documented_pixels(client: NanoBanana, ratio: Any, size: Any) -> None:
    """The sandbox answers each ratio and size with a picture of the documented pixels, up to what it paints at most."""
    image = client.generate("Draw a cat", aspect_ratio=ratio, image_size=size).image
    width, height = pixels(ratio, size) or (image.width, image.height)
    assert (image.width, image.height) == (width, height) or width * height > 8192 * 8192 >= image.width * image.height


def test_async_client_on_asyncio_and_trio(nanobanana_sandbox: str) -> None:
    """The async client does the same on asyncio and on trio."""

    async def draw() -> Generation:
        async with AsyncNanoBanana(KEY, base_url=nanobanana_sandbox) as client:
            return await client.generate("Draw a cat", model="nanobanana_pro", include_thoughts=True)

    on_asyncio, on_trio = asyncio.run(draw()), trio.run(draw)
    assert on_asyncio.image == on_trio.image
    assert on_asyncio.image.mime_type == "image/jpeg"


def test_thoughts_come_apart_from_the_picture(client: NanoBanana) -> None:
    """Reasoning and drafts are kept apart from the words and the final picture."""
    generation = client.generate("Draw a cat", model="nanobanana_pro", include_thoughts=True)
    assert len(generation.images) == 1
    assert len(generation.drafts) == 1
    assert generation.drafts[0] != generation.image
    assert generation.thoughts
    assert generation.text == ""
    assert generation.metadata["usageMetadata"] == {"thoughtsTokenCount": 180}


def test_references_travel_in_their_order(client: NanoBanana, picture: Callable[..., bytes], tmp_path: Any) -> None:
    """References of every kind arrive, and another order gives another picture."""
    path = tmp_path / "a.png"
    path.write_bytes(picture(colour="red"))
    with path.open("rb") as file:
        first = client.generate("Draw both", references=[path, picture("JPEG", colour="blue"), file])
    second = client.generate("Draw both", references=[picture("JPEG", colour="blue"), str(path), path.read_bytes()])
    assert first.image != second.image


def test_result_can_be_pickled(client: NanoBanana) -> None:
    """A generation travels between processes."""
    generation = client.generate("Draw a cat")
    assert pickle.loads(pickle.dumps(generation)) == generation


def test_client_is_usable_from_threads(client: NanoBanana) -> None:
    """Several threads may share a client."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        generations = list(pool.map(client.generate, [f"Draw cat number {n}" for n in range(16)]))
    assert len({generation.image.data for generation in generations}) == 16


def test_key_and_address_come_from_the_environment(nanobanana_sandbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """INFINITYBLUE_API_KEY and INFINITYBLUE_BASE_URL are read when the client is made."""
    monkeypatch.setenv("INFINITYBLUE_API_KEY", KEY)
    monkeypatch.setenv("INFINITYBLUE_BASE_URL", nanobanana_sandbox)
    with NanoBanana() as client:
        assert client.generate("Draw a cat").image.width == 1024


def test_default_address_is_the_gateway() -> None:
    """Without an address the client talks to the gateway."""
    with NanoBanana(KEY) as client:
        assert repr(client) == "<NanoBanana https://api.getinfinityblue.com>"


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "ftp://x"},
        {"base_url": "nonsense"},
        {"base_url": "http://example.org"},
        {"base_url": "https://user:secret@example.org"},
        {"timeout": 0},
        {"timeout": float("inf")},
        {"timeout": float("nan")},
        {"timeout": None},
        {"connect_timeout": -1},
        {"max_retries": -1},
        {"max_retries": 1.5},
        {"max_response_bytes": 0},
    ],
)
def test_bad_settings_are_refused(options: dict[str, Any]) -> None:
    """A setting that makes no sense is refused when the client is made; no time-out is ever infinite."""
    with pytest.raises(ConfigurationError, match="Nothing was sent"):
        NanoBanana(KEY, **options)


def test_insecure_address_needs_consent() -> None:
    """An http:// address off this machine is accepted only when asked for."""
    NanoBanana(KEY, base_url="http://example.org", allow_insecure=True).close()
    NanoBanana(KEY, base_url="http://localhost:1").close()


@pytest.mark.parametrize("key", [None, "", " sk-a", "sk a", "sk-a\n", "sk-\0", "sk-é", "sk-\u200b"])
def test_bad_keys_are_refused_without_being_shown(key: str | None) -> None:
    """A missing or malformed key is refused up front, in words that do not repeat it."""
    with pytest.raises(ConfigurationError) as caught:
        NanoBanana(key)
    assert not key or key.strip() not in str(caught.value).replace("sk-...", "")


def test_wrong_key_is_an_authentication_error(nanobanana_sandbox: str) -> None:
    """A key that the endpoint refuses gives an AuthenticationError."""
    with NanoBanana("not-a-key", base_url=nanobanana_sandbox) as client, pytest.raises(AuthenticationError) as caught:
        client.generate("Draw a cat")
    assert caught.value.code == "invalid_api_key"
    assert caught.value.billed == "no"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"prompt": ""}, "the prompt is empty"),
        ({"prompt": " \n"}, "the prompt is empty"),
        ({"prompt": None}, "the prompt is of type NoneType"),
        ({"prompt": "\ud800"}, "surrogate"),
        ({"model": "no such model"}, f"accepted are {', '.join(MODELS)}"),
        ({"aspect_ratio": "no such ratio"}, f"accepted are {', '.join(ASPECT_RATIOS)}"),
        ({"image_size": "no such size"}, f"accepted are {', '.join(IMAGE_SIZES)}"),
        ({"include_thoughts": "yes"}, "include_thoughts is 'yes'"),
        ({"wire": "smoke"}, "accepted are native, chat"),
        ({"model": "nanobanana_2", "wire": "native"}, "speaks the chat format only"),
        ({"model": "nanobanana_2", "include_thoughts": True}, "the chat format cannot ask for thoughts"),
        ({"references": "cat.png"}, "it must be a list"),
        ({"references": b"bytes"}, "it must be a list"),
        ({"references": [b""]}, "reference 1: .* is empty"),
        ({"references": [b"not a picture"]}, "reference 1: .* no picture of a known type"),
        ({"references": ["/no/such/file.png"]}, "reference 1: .*no such file"),
        ({"references": ["https://example.org/cat.png"]}, "from_url"),
        ({"references": [None]}, "reference 1: it is of type NoneType"),
    ],
)
def test_bad_requests_are_refused_before_sending(arguments: dict[str, Any], words: str) -> None:
    """A bad argument is refused with what is accepted, and nothing is sent."""
    with (
        NanoBanana(KEY, base_url="http://127.0.0.1:9") as client,
        pytest.raises(InvalidRequestError, match=words) as caught,
    ):
        client.generate(**{"prompt": "Draw a cat", **arguments})
    assert "Nothing was sent." in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert caught.value.billed == "no"


def test_request_is_a_value() -> None:
    """Two requests with the same content are equal, frozen and hashable."""
    assert ImageRequest("a") == ImageRequest("a", model="nanobanana", aspect_ratio="1:1")
    assert hash(ImageRequest("a")) == hash(ImageRequest("a"))
    with pytest.raises(AttributeError):
        ImageRequest("a").prompt = "b"  # type: ignore[misc]


@pytest.mark.parametrize(("width", "height"), [(1000, 1000), (1920, 1080), (3000, 3900), (1, 1)])
def test_request_for_pixels(width: int, height: int) -> None:
    """The nearest ratio, and the smallest size whose known pixels cover a shape, are found."""
    request = ImageRequest.for_pixels(width, height, prompt="Draw a cat", model="nanobanana_pro")
    ratio = nearest_aspect_ratio(width, height)
    covering = [
        (shape, size)
        for size in IMAGE_SIZES
        if (shape := pixels(ratio, size)) and shape[0] >= width and shape[1] >= height
    ]
    assert (request.aspect_ratio, request.image_size, request.model) == (ratio, min(covering)[1], "nanobanana_pro")


@pytest.mark.parametrize(("width", "height"), [(900_000, 900_000), (0, 5)])
def test_request_for_impossible_pixels(width: int, height: int) -> None:
    """A shape that no size covers is refused."""
    with pytest.raises(InvalidRequestError, match="pixels"):
        ImageRequest.for_pixels(width, height, prompt="Draw a cat")


@pytest.mark.parametrize("side", ["800", None, [], float("nan"), float("inf"), object()])
def test_what_is_no_number_of_pixels_is_refused(side: Any) -> None:
    """Sides are numbers."""
    for shape in ((side, 100), (100, side)):
        with pytest.raises(InvalidRequestError, match="no shape in pixels"):
            ImageRequest.for_pixels(*shape, prompt="Draw a cat")


@pytest.mark.parametrize("request_", ["Draw a cat", None, {"prompt": "Draw a cat"}])
def test_what_is_no_request_is_refused(client: NanoBanana, request_: Any) -> None:
    """`send` takes a request, and says so to whoever gives it a prompt."""
    with pytest.raises(InvalidRequestError, match="it must be an ImageRequest") as caught:
        client.send(request_)
    assert caught.value.param == "request"


def test_closed_client_says_so(nanobanana_sandbox: str) -> None:
    """A call on a closed client is refused in words."""
    client = NanoBanana(KEY, base_url=nanobanana_sandbox)
    client.close()
    with pytest.raises(ConfigurationError, match="has been closed"):
        client.generate("Draw a cat")


def test_async_client_serves_several_loops(nanobanana_sandbox: str) -> None:
    """One async client may be used by several event loops, one after another and at once in several threads."""
    from concurrent.futures import ThreadPoolExecutor

    client = AsyncNanoBanana(KEY, base_url=nanobanana_sandbox)

    async def draw(thread: int) -> int:
        calls = (client.generate(f"Draw cat {thread} {number}") for number in range(8))
        return len({generation.image.data for generation in await asyncio.gather(*calls)})

    assert asyncio.run(draw(0)) == 8
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda thread: asyncio.run(draw(thread)), range(4))) == [8] * 4
    asyncio.run(client.aclose())


def test_this_machine_needs_no_proxy(nanobanana_sandbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment is not asked for addresses of this machine."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with NanoBanana(KEY, base_url=nanobanana_sandbox) as client:
        assert client.generate("Draw a cat").images


def test_short_key_spoils_no_picture(nanobanana_sandbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key so short that it stands in a picture by chance is not taken out of it."""
    with NanoBanana("sk-", base_url=nanobanana_sandbox) as client:
        assert client.generate("Draw a cat").images
    from nanobanana._call.key import Key

    assert not Key("data").is_distinct
    assert Key("sk-0123456789").is_distinct
