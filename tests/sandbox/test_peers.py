"""Peers: other people's clients make pictures on the sandbox, so that it speaks the protocol and not just our dialect."""

from __future__ import annotations

import base64
import importlib.util
import re
from collections.abc import Callable
from typing import Any

import pytest

from ..conftest import KEY


@pytest.fixture
def google(nanobanana_sandbox: str) -> Any:
    """google-genai on the sandbox."""
    from google import genai
    from google.genai import types

    options = types.HttpOptions(
        base_url=nanobanana_sandbox, api_version="v1beta", headers={"Authorization": f"Bearer {KEY}"}
    )
    return genai.Client(api_key="unused", http_options=options)


def _config(**options: Any) -> Any:
    from google.genai import types

    shape = types.ImageConfig(aspect_ratio="16:9", image_size="1K")
    return types.GenerateContentConfig(response_modalities=["TEXT", "IMAGE"], image_config=shape, **options)


@pytest.mark.parametrize("model", ["nanobanana", "nanobanana_pro"])
def test_google_genai_makes_a_picture(google: Any, model: str) -> None:
    """google-genai makes a picture, and reads the sandbox's usage and finish reason."""
    answer = google.models.generate_content(model=model, contents="Draw a cat", config=_config())
    assert answer.parts[0].as_image().image_bytes[:3] in (b"\x89PN", b"\xff\xd8\xff")
    assert answer.usage_metadata.total_token_count > 1000
    assert answer.candidates[0].finish_reason.name == "STOP"


def test_google_genai_sends_references_and_gets_thoughts(google: Any, picture: Callable[..., bytes]) -> None:
    """google-genai sends a reference image, asks for thoughts, and goes on with the signed answer."""
    from google.genai import types

    chat = google.chats.create(
        model="nanobanana_pro", config=_config(thinking_config=types.ThinkingConfig(include_thoughts=True))
    )
    first = chat.send_message(["Draw this", types.Part.from_bytes(data=picture(), mime_type="image/png")])
    assert [part.thought for part in first.parts] == [True, True, None]
    second = chat.send_message("Now at night")
    assert second.parts[-1].inline_data.data != first.parts[-1].inline_data.data


def test_google_genai_sees_the_errors(google: Any) -> None:
    """google-genai raises its own error for the sandbox's."""
    from google.genai import errors

    with pytest.raises(errors.ClientError) as caught:
        google.models.generate_content(model="nanobanana", contents="Draw [sandbox:content-policy]", config=_config())
    assert caught.value.code == 400


@pytest.fixture
def openai(nanobanana_sandbox: str) -> Any:
    """The openai package on the sandbox."""
    import openai

    with openai.OpenAI(api_key=KEY, base_url=f"{nanobanana_sandbox}/v1", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("model", ["nanobanana", "nanobanana_pro", "nanobanana_2"])
def test_openai_makes_a_picture(openai: Any, model: str) -> None:
    """The openai package makes a picture, with the literal key extra_body that the gateway asks for."""
    shape = {"google": {"image_config": {"aspect_ratio": "16:9", "image_size": "1K"}}}
    answer = openai.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Draw a cat"}], extra_body={"extra_body": shape}
    )
    found = re.search(r"!\[image\]\(data:image/(png|jpeg);base64,([^)]*)\)", answer.choices[0].message.content)
    assert found is not None
    assert base64.b64decode(found[2], validate=True)[:3] in (b"\x89PN", b"\xff\xd8\xff")
    assert answer.usage.total_tokens > 1000


def test_openai_sends_a_reference(openai: Any, picture: Callable[..., bytes]) -> None:
    """The openai package sends a reference image as a part of its own."""
    url = "data:image/png;base64," + base64.b64encode(picture()).decode()
    parts = [{"type": "text", "text": "Draw this"}, {"type": "image_url", "image_url": {"url": url}}]
    answer = openai.chat.completions.create(model="nanobanana_2", messages=[{"role": "user", "content": parts}])
    assert answer.usage.prompt_tokens > 258


def test_openai_sees_the_errors(openai: Any) -> None:
    """The openai package raises its own error for the sandbox's."""
    import openai as package

    with pytest.raises(package.RateLimitError) as caught:
        openai.chat.completions.create(
            model="nanobanana_2", messages=[{"role": "user", "content": "Draw [sandbox:quota]"}]
        )
    assert caught.value.code == "insufficient_quota"


def test_table_of_clients_is_of_the_versions_that_are_pinned() -> None:
    """The table in docs/sandbox.md has every client of `make clients`, in the version that is pinned, and none failed."""
    spec = importlib.util.spec_from_file_location("clients", "tools/clients/run.py")
    assert spec is not None
    assert spec.loader is not None
    clients = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(clients)
    pinned = clients._pinned()
    expected = [(name, pinned[package], wire) for name, package, wire in (*clients.PYTHON, *clients.JAVASCRIPT)]
    table = clients.PAGE.read_text("utf-8").partition(clients.BEGIN)[2].partition(clients.END)[0]
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.strip().splitlines()[2:]]
    assert [tuple(row[:3]) for row in rows if row[0] != "curl"] == expected
    assert [row for row in rows if "no" in row] == []
