"""The sandbox: as strict as the contract, and with every answer that a client must stand."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import nanobanana
import pytest
from nanobanana import NanoBanana, NanoBananaError, RemoteImage
from nanobanana_sandbox.contract import document, example
from nanobanana_sandbox.scenarios import SCENARIOS

from ..conftest import KEY

NATIVE = "/v1beta/models/nanobanana:generateContent"
CHAT = "/v1/chat/completions"


def _post(url: str, path: str, body: Any, **headers: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {KEY}", **headers}
    if isinstance(body, bytes):
        return httpx.post(url + path, content=body, headers={"Content-Type": "application/json", **headers})
    return httpx.post(url + path, json=body, headers=headers)


def _changed(name: str, change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(json.dumps(example(name)))
    change(body)
    return body


def _native(change: Callable[[dict[str, Any]], Any]) -> tuple[str, Any]:
    return NATIVE, _changed("OneReferenceRequest", change)


def _chat(change: Callable[[dict[str, Any]], Any]) -> tuple[str, Any]:
    return CHAT, _changed("ChatReferenceRequest", change)


def _inline(body: dict[str, Any]) -> dict[str, Any]:
    inline: dict[str, Any] = body["contents"][0]["parts"][1]["inline_data"]
    return inline


@pytest.mark.parametrize(
    ("request_", "status", "code", "param"),
    [
        (("/nowhere", {}), 404, "endpoint_not_found", None),
        (("/v1beta/models/nanobanana_2:generateContent", {}), 404, "model_not_found", "model"),
        ((NATIVE, b"{"), 400, "invalid_request_body", None),
        ((NATIVE, b""), 400, "invalid_request_body", None),
        ((NATIVE, []), 400, "invalid_parameter", None),
        (_native(lambda b: b.pop("contents")), 400, "missing_required_parameter", None),
        (_native(lambda b: b.pop("generationConfig")), 400, "missing_required_parameter", None),
        (_native(lambda b: b["generationConfig"].pop("responseModalities")), 400, "missing_required_parameter", "generationConfig"),
        (_native(lambda b: b["generationConfig"].pop("imageConfig")), 400, "missing_required_parameter", "generationConfig"),
        (
            _native(lambda b: b["generationConfig"]["imageConfig"].update(aspectRatio="no such ratio")),
            400, "invalid_parameter", "generationConfig.imageConfig.aspectRatio",
        ),
        (
            _native(lambda b: b["generationConfig"]["imageConfig"].update(imageSize="no such size")),
            400, "invalid_parameter", "generationConfig.imageConfig.imageSize",
        ),
        (_native(lambda b: b["contents"][0].update(role="system")), 400, "invalid_parameter", "contents.0.role"),
        (_native(lambda b: b["contents"][0].pop("role")), 400, "missing_required_parameter", "contents.0"),
        (_native(lambda b: b["contents"][0].update(parts=[])), 400, "invalid_parameter", "contents.0.parts"),
        (_native(lambda b: _inline(b).pop("mimeType")), 400, "missing_required_parameter", "contents.0.parts.1.inline_data"),
        (_native(lambda b: _inline(b).update(data="%%%")), 400, "invalid_image", "contents.0.parts.1"),
        (_native(lambda b: _inline(b).update(mimeType="image/jpeg")), 400, "invalid_image", "contents.0.parts.1"),
        (_native(lambda b: _inline(b).update(data="R0lGODlh")), 400, "invalid_image", "contents.0.parts.1"),
        (_native(lambda b: _inline(b).update(data="iVBORw0KGgoAAAAN")), 400, "invalid_image", "contents.0.parts.1"),
        (_native(lambda b: b["contents"][0]["parts"].append({"fileData": {}})), 400, "unsupported_parameter", "contents.0.parts.2.fileData"),
        (_native(lambda b: b["contents"][0]["parts"].pop(0)), 400, "missing_required_parameter", "contents"),
        (_native(lambda b: b["contents"].append(b["contents"][0])), 400, "invalid_parameter", "contents"),
        (_chat(lambda b: b.update(model="no such model")), 400, "invalid_model", "model"),
        (_chat(lambda b: b.pop("messages")), 400, "missing_required_parameter", None),
        (_chat(lambda b: b.update(stream=True)), 400, "unsupported_parameter", "stream"),
        (_chat(lambda b: b["messages"][0]["content"][1]["image_url"].update(url="https://x/y.png")), 400, "invalid_image", "messages.0.content.1"),
        (
            _chat(lambda b: b["extra_body"]["google"]["image_config"].update(aspect_ratio="no such ratio")),
            400, "invalid_parameter", "extra_body.google.image_config.aspect_ratio",
        ),
    ],
)  # fmt: skip
def test_violation_is_refused_as_the_gateway_does(
    nanobanana_sandbox: str, request_: tuple[str, Any], status: int, code: str, param: str | None
) -> None:
    """What is against the contract gets the gateway's error body, naming the field."""
    response = _post(nanobanana_sandbox, *request_)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)
    assert set(error) == {"message", "type", "code", "param"}
    assert len(error["message"]) < 400


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({}, "missing_authorization"),
        ({"Authorization": "Bearer x"}, "invalid_api_key"),
        ({"Authorization": "sk-x"}, "invalid_api_key"),
    ],
)
def test_key_is_checked_first(nanobanana_sandbox: str, header: dict[str, str], code: str) -> None:
    """Without a bearer key that starts with sk- nothing else is looked at."""
    response = httpx.post(nanobanana_sandbox + "/nowhere", headers=header)
    assert (response.status_code, response.json()["error"]["code"]) == (401, code)


@pytest.mark.parametrize(
    ("key", "status"), [("sk-sandbox-unauthorized", 401), ("sk-sandbox-forbidden", 403), ("sk-sandbox-quota", 429)]
)
def test_magic_keys(nanobanana_sandbox: str, key: str, status: int) -> None:
    """A few documented keys give the errors of bad keys and empty accounts."""
    response = _post(nanobanana_sandbox, NATIVE, example("TextToImageRequest"), Authorization=f"Bearer {key}")
    assert response.status_code == status


@pytest.mark.parametrize("path_and_example", [(NATIVE, "OneReferenceRequest"), (CHAT, "ChatReferenceRequest")])
def test_same_request_gives_the_same_bytes(nanobanana_sandbox: str, path_and_example: tuple[str, str]) -> None:
    """The same request gives the same body, byte for byte, with the documented headers."""
    path, name = path_and_example
    first, second = (_post(nanobanana_sandbox, path, example(name)) for _ in range(2))
    assert first.content == second.content
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert first.headers["X-RateLimit-Limit-Requests"] == "600"


EXPECTED = {
    "no-image": "NoImageError",
    "text-only": "NoImageError",
    "blocked-prompt": "PromptBlockedError",
    "withheld": "ContentBlockedError",
    "no-candidates": "NoImageError",
    "bad-base64": "UnusableResponseError",
    "error-in-200": "UnusableResponseError",
    "not-json": "UnusableResponseError",
    "bad-request": "BadRequestError",
    "content-policy": "ContentPolicyError",
    "unauthorized": "AuthenticationError",
    "forbidden": "PermissionDeniedError",
    "not-found": "NotFoundError",
    "too-large": "PayloadTooLargeError",
    "rate-limit": "RateLimitError",
    "quota": "QuotaExceededError",
    "internal-error": "ServerError",
    "bad-gateway": "ServerError",
    "unavailable": "ServerError",
    "busy": "ServerError",
    "upstream-timeout": "ServerError",
    "cloudflare": "ServerError",
    "cut-body": "OutcomeUnknownError",
    "slow": None,
    "rate-limit-once": None,
    "several-images": None,
    "wrong-type": None,
    "remote-image": None,
}


def test_every_scenario_is_tried() -> None:
    """No scenario of the sandbox goes without a test."""
    assert set(EXPECTED) == set(SCENARIOS)


@pytest.mark.parametrize("model", ["nanobanana", "nanobanana_2"])
@pytest.mark.parametrize("scenario", EXPECTED)
def test_scenario_by_prompt(nanobanana_sandbox: str, scenario: str, model: Any) -> None:
    """Each scenario, selected by the prompt, gives the answer it promises in both wire formats."""
    expected = EXPECTED[scenario]
    if (scenario, model) == ("blocked-prompt", "nanobanana_2"):
        expected = "ContentBlockedError"  # the chat format has one word for both
    number = "=0" if scenario in ("slow", "busy", "rate-limit", "rate-limit-once") else ""
    with NanoBanana(KEY, base_url=nanobanana_sandbox) as client:
        if expected is None:
            assert client.generate(f"Draw a cat [sandbox:{scenario}{number}]", model=model).images
            return
        with pytest.raises(NanoBananaError) as caught:
            client.generate(f"Draw a cat [sandbox:{scenario}{number}]", model=model)
        assert type(caught.value) is getattr(nanobanana, expected)


def test_scenario_by_header(nanobanana_sandbox: str) -> None:
    """The header X-Sandbox selects a scenario for clients whose prompt must stay as it is."""
    response = _post(nanobanana_sandbox, NATIVE, example("TextToImageRequest"), **{"X-Sandbox": "rate-limit=7"})
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")


def test_unknown_scenario_is_said(nanobanana_sandbox: str) -> None:
    """A scenario that does not exist is refused with the names of those that do."""
    response = _post(nanobanana_sandbox, NATIVE, example("TextToImageRequest"), **{"X-Sandbox": "nonsense"})
    assert response.status_code == 400
    assert "no-image" in response.json()["error"]["message"]


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
    path = NATIVE.replace("nanobanana:", "nanobanana_pro:")
    body = _changed("TextToImageRequest", lambda b: b["generationConfig"]["imageConfig"].update(imageSize="1K"))
    turn = _post(nanobanana_sandbox, path, body).json()["candidates"][0]["content"]
    body["contents"] += [turn, {"role": "user", "parts": [{"text": "Now at night"}]}]
    assert _post(nanobanana_sandbox, path, body).status_code == 200
    signature = turn["parts"][0].pop("thoughtSignature")
    refused = _post(nanobanana_sandbox, path, body)
    assert refused.status_code == 400
    assert "thought_signature" in refused.json()["error"]["message"]
    turn["parts"][0]["thoughtSignature"] = signature[:-2]
    assert _post(nanobanana_sandbox, path, body).status_code == 400


def test_log_of_requests(nanobanana_sandbox: str, client: NanoBanana) -> None:
    """The sandbox tells what it was asked, so that a test can count bills."""
    generation = client.generate("Draw a very particular cat")
    log = httpx.get(f"{nanobanana_sandbox}/sandbox/requests").json()
    (entry,) = [entry for entry in log if entry.get("prompt") == "Draw a very particular cat"]
    assert entry["request_id"] == generation.request_id
    assert entry["status"] == 200
    assert KEY not in json.dumps(log)


def test_answers_fit_the_contract(nanobanana_sandbox: str) -> None:
    """What the sandbox answers is valid against the contract's schemas."""
    from jsonschema import Draft202012Validator

    components = document()["components"]
    for path, name, schema in (
        (NATIVE, "SeveralReferencesRequest", "GenerateContentResponse"),
        (NATIVE.replace("nanobanana:", "nanobanana_pro:"), "ThinkingRequest", "GenerateContentResponse"),
        (CHAT, "ChatTextRequest", "ChatCompletion"),
    ):
        answer = _post(nanobanana_sandbox, path, example(name)).json()
        Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": components}).validate(answer)


def test_letters_without_glyph_are_written_as_code_points() -> None:
    """Words that the font cannot draw can still be told apart."""
    from nanobanana_sandbox.lettering import _pieces

    assert [piece.text for piece in _pieces("café 漢字 a\U0001f600b")] == ["café", "漢", "字", "a", "[1F600]", "b"]


def test_many_references_all_show(client: NanoBanana, picture: Callable[..., bytes]) -> None:
    """Fourteen references are all drawn: changing the last one changes the picture."""
    colours = [f"#{n:02x}80{255 - n:02x}" for n in range(0, 140, 10)]
    pictures = [picture(colour=colour) for colour in colours]
    first = client.generate("Combine them", references=pictures)
    second = client.generate("Combine them", references=[*pictures[:-1], picture(colour="red")])
    assert first.image != second.image


def test_reference_in_base64_reaches_the_painter(nanobanana_sandbox: str) -> None:
    """A reference sent as inlineData, as other clients of the protocol do, is accepted as well."""
    body = _changed("OneReferenceRequest", lambda b: b["contents"][0]["parts"][1].update(inlineData=_inline(b)))
    del body["contents"][0]["parts"][1]["inline_data"]
    answer = _post(nanobanana_sandbox, NATIVE, body).json()
    assert base64.b64decode(answer["candidates"][0]["content"]["parts"][0]["inlineData"]["data"]).startswith(b"\x89PNG")
