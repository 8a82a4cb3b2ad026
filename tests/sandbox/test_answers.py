"""Answers: real pictures in the contract's form, the same for the same request."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from nanobanana import NanoBanana, RemoteImage
from nanobanana_sandbox.contract import document, example

from .asking import CHAT, NATIVE, PRO, changed, inline, post


@pytest.mark.parametrize("path_and_example", [(NATIVE, "OneReferenceRequest"), (CHAT, "ChatReferenceRequest")])
def test_same_request_gives_the_same_bytes(nanobanana_sandbox: str, path_and_example: tuple[str, str]) -> None:
    """The same request gives the same body, byte for byte, with the documented headers."""
    path, name = path_and_example
    first, second = (post(nanobanana_sandbox, path, example(name)) for _ in range(2))
    assert first.content == second.content
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert first.headers["X-RateLimit-Limit-Requests"] == "600"


def test_remote_picture_can_be_downloaded(client: NanoBanana) -> None:
    """A picture named by its address is fetched when asked for, and only then."""
    image = client.generate("Draw a cat [sandbox:remote-image]").image
    assert isinstance(image, RemoteImage)
    assert image.download().mime_type == "image/png"


def test_wrong_type_is_corrected_by_the_bytes(client: NanoBanana) -> None:
    """A stated type that is wrong does not deceive the client."""
    image = client.generate("Draw a cat [sandbox:wrong-type]").image
    assert (image.stated_type, image.mime_type) == ("image/png", "image/jpeg")


def test_signature_must_come_back(nanobanana_sandbox: str) -> None:
    """A follow-up whose thought signature was lost or changed is refused, as the upstream does."""
    path = PRO
    body = changed("TextToImageRequest", lambda b: b["generationConfig"]["imageConfig"].update(imageSize="1K"))
    turn = post(nanobanana_sandbox, path, body).json()["candidates"][0]["content"]
    body["contents"] += [turn, {"role": "user", "parts": [{"text": "Now at night"}]}]
    assert post(nanobanana_sandbox, path, body).status_code == 200
    signature = turn["parts"][0].pop("thoughtSignature")
    refused = post(nanobanana_sandbox, path, body)
    assert refused.status_code == 400
    assert "thought_signature" in refused.json()["error"]["message"]
    turn["parts"][0]["thoughtSignature"] = signature[:-2]
    assert post(nanobanana_sandbox, path, body).status_code == 400


def test_answers_fit_the_contract(nanobanana_sandbox: str) -> None:
    """What the sandbox answers is valid against the contract's schemas."""
    from jsonschema import Draft202012Validator

    components = document()["components"]
    for path, name, schema in (
        (NATIVE, "SeveralReferencesRequest", "GenerateContentResponse"),
        (PRO, "ThinkingRequest", "GenerateContentResponse"),
        (CHAT, "ChatTextRequest", "ChatCompletion"),
    ):
        answer = post(nanobanana_sandbox, path, example(name)).json()
        Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": components}).validate(answer)


def test_many_references_all_show(client: NanoBanana, picture: Callable[..., bytes]) -> None:
    """Fourteen references are all drawn: changing the last one changes the picture."""
    colours = [f"#{n:02x}80{255 - n:02x}" for n in range(0, 140, 10)]
    pictures = [picture(colour=colour) for colour in colours]
    first = client.generate("Combine them", references=pictures)
    second = client.generate("Combine them", references=[*pictures[:-1], picture(colour="red")])
    assert first.image != second.image


def test_reference_in_base64_reaches_the_painter(nanobanana_sandbox: str) -> None:
    """A reference sent as inlineData, as other clients of the protocol do, is accepted as well."""
    body = changed("OneReferenceRequest", lambda b: b["contents"][0]["parts"][1].update(inlineData=inline(b)))
    del body["contents"][0]["parts"][1]["inline_data"]
    answer = post(nanobanana_sandbox, NATIVE, body).json()
    assert base64.b64decode(answer["candidates"][0]["content"]["parts"][0]["inlineData"]["data"]).startswith(b"\x89PNG")
