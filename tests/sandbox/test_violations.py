"""Violations: the gateway's error shape for all that is against the contract, in words that tell what to change."""

from __future__ import annotations

import base64
import gzip
import io
from typing import Any

import httpx
import pytest
from nanobanana_sandbox.contract import example, values
from PIL import Image

from ..conftest import KEY
from .asking import CHAT, NATIVE, PRO, asking, changed, chat, inline, native, post


@pytest.mark.parametrize(
    ("request_", "status", "code", "param"),
    [
        (("/nowhere", {}), 404, "endpoint_not_found", None),
        (("/v1beta/models/nanobanana_2:generateContent", {}), 404, "model_not_found", "model"),
        ((NATIVE, b"{"), 400, "invalid_request_body", None),
        ((NATIVE, b""), 400, "invalid_request_body", None),
        ((NATIVE, []), 400, "invalid_parameter", None),
        (native(lambda b: b.pop("contents")), 400, "missing_required_parameter", None),
        (native(lambda b: b.pop("generationConfig")), 400, "missing_required_parameter", None),
        (native(lambda b: b["generationConfig"].pop("responseModalities")), 400, "missing_required_parameter", "generationConfig"),
        (native(lambda b: b["generationConfig"].pop("imageConfig")), 400, "missing_required_parameter", "generationConfig"),
        (
            native(lambda b: b["generationConfig"]["imageConfig"].update(aspectRatio="no such ratio")),
            400, "invalid_parameter", "generationConfig.imageConfig.aspectRatio",
        ),
        (
            native(lambda b: b["generationConfig"]["imageConfig"].update(imageSize="no such size")),
            400, "invalid_parameter", "generationConfig.imageConfig.imageSize",
        ),
        (native(lambda b: b["contents"][0].update(role="system")), 400, "invalid_parameter", "contents.0.role"),
        (native(lambda b: b["contents"][0].pop("role")), 400, "missing_required_parameter", "contents.0"),
        (native(lambda b: b["contents"][0].update(parts=[])), 400, "invalid_parameter", "contents.0.parts"),
        (native(lambda b: inline(b).pop("mimeType")), 400, "missing_required_parameter", "contents.0.parts.1.inline_data"),
        (native(lambda b: inline(b).update(data="%%%")), 400, "invalid_image", "contents.0.parts.1"),
        (native(lambda b: inline(b).update(mimeType="image/jpeg")), 400, "invalid_image", "contents.0.parts.1"),
        (native(lambda b: inline(b).update(data="R0lGODlh")), 400, "invalid_image", "contents.0.parts.1"),
        (native(lambda b: inline(b).update(data="iVBORw0KGgoAAAAN")), 400, "invalid_image", "contents.0.parts.1"),
        (native(lambda b: b["contents"][0]["parts"].append({"fileData": {}})), 400, "unsupported_parameter", "contents.0.parts.2.fileData"),
        (native(lambda b: b["contents"][0]["parts"].pop(0)), 400, "missing_required_parameter", "contents"),
        (native(lambda b: b["contents"].append(b["contents"][0])), 400, "invalid_parameter", "contents"),
        (chat(lambda b: b.update(model="no such model")), 400, "invalid_model", "model"),
        (chat(lambda b: b.pop("messages")), 400, "missing_required_parameter", None),
        (chat(lambda b: b.update(stream=True)), 400, "unsupported_parameter", "stream"),
        (chat(lambda b: b["messages"][0]["content"][1]["image_url"].update(url="https://x/y.png")), 400, "invalid_image", "messages.0.content.1"),
        (
            chat(lambda b: b["extra_body"]["google"]["image_config"].update(aspect_ratio="no such ratio")),
            400, "invalid_parameter", "extra_body.google.image_config.aspect_ratio",
        ),
    ],
)  # fmt: skip
def test_violation_is_refused_as_the_gateway_does(
    nanobanana_sandbox: str, request_: tuple[str, Any], status: int, code: str, param: str | None
) -> None:
    """What is against the contract gets the gateway's error body, naming the field."""
    response = post(nanobanana_sandbox, *request_)
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
    response = post(nanobanana_sandbox, NATIVE, example("TextToImageRequest"), Authorization=f"Bearer {key}")
    assert response.status_code == status


def _part(body: dict[str, Any], **part: Any) -> None:
    body["contents"][0]["parts"][1] = part


def _content(body: dict[str, Any], part: Any) -> None:
    body["messages"][0]["content"][1] = part


PICTURE = inline(example("OneReferenceRequest"))["data"]


@pytest.mark.parametrize(
    ("request_", "status", "code", "param", "words"),
    [
        # models and addresses
        ((NATIVE.replace("nanobanana:", "nanobanana_2:"), {}), 404, "model_not_found", "model", ["chat", CHAT]),
        ((NATIVE.replace("nanobanana:", "no-model:"), {}), 404, "model_not_found", "model", ["'no-model'", ", ".join(values("NativeModel"))]),
        (("/v1beta/models/{model}:generateContent", {}), 404, "model_not_found", "model", ["placeholder {model}"]),
        ((NATIVE.replace(":generate", ":streamGenerate"), {}), 404, "endpoint_not_found", None, ["not streamed", ":generateContent"]),
        (("/v1/models/nanobanana:generateContent", {}), 404, "endpoint_not_found", None, ["POST /v1beta/models/{model}:generateContent"]),
        (("/chat/completions", {}), 404, "endpoint_not_found", None, ["POST /v1/chat/completions", "base URL"]),
        (("/v1/v1/chat/completions", {}), 404, "endpoint_not_found", None, ["POST /v1/chat/completions", "base URL"]),
        (("/v1/images/generations", {}), 404, "endpoint_not_found", None, [CHAT]),
        # the native body
        (native(lambda b: _part(b, inlineData="abc")), 400, "invalid_parameter", "contents.0.parts.1.inlineData", ['{"data": "<Base64>"}', '"abc"']),
        (native(lambda b: _part(b, inline_data="x" * 9000)), 400, "invalid_parameter", "contents.0.parts.1.inline_data", ['"mimeType": "image/png"', "not a string"]),
        (native(lambda b: _part(b, inlineData={"data": PICTURE})), 400, "missing_required_parameter", "contents.0.parts.1.inlineData", ["mimeType is missing"]),
        (native(lambda b: _part(b, inline_data={"mimeType": None, "data": PICTURE})), 400, "invalid_parameter", "contents.0.parts.1.inline_data.mimeType", ["not null"]),
        (native(lambda b: inline(b).update(data="data:image/png;base64," + PICTURE)), 400, "invalid_image", "contents.0.parts.1", ["'data:image/png;base64'", "leave that prefix out"]),
        (native(lambda b: _part(b, text="x", inline_data={"mimeType": "image/png", "data": PICTURE})), 400, "invalid_parameter", "contents.0.parts.1", ["text and inline_data", "two parts"]),
        (native(lambda b: _part(b, image="x")), 400, "missing_required_parameter", "contents.0.parts.1", ['{"text": "..."}', '"inline_data"']),
        (native(lambda b: b["contents"][0]["parts"].append("x")), 400, "invalid_parameter", "contents.0.parts.2", ["an object", '"x"']),
        (native(lambda b: b["contents"][0].update(role="system")), 400, "invalid_parameter", "contents.0.role", ["user, model", '"system"', "head of the user's text"]),
        (native(lambda b: b["contents"][0]["parts"][0].update(text=None)), 400, "invalid_parameter", "contents.0.parts.0.text", ["a string", "not null"]),
        (native(lambda b: b.update(generationConfig=None)), 400, "invalid_parameter", "generationConfig", ["an object", "not null"]),
        (native(lambda b: b.pop("generationConfig")), 400, "missing_required_parameter", None, ['"imageConfig": {"aspectRatio"', '["TEXT", "IMAGE"]']),
        (native(lambda b: b["generationConfig"].update(imageConfig={"aspect_ratio": "no:ratio", "image_size": "1K"})), 400, "invalid_parameter", "generationConfig.imageConfig.aspect_ratio", [f"one of {values('AspectRatio')[0]}", '"no:ratio"']),
        (native(lambda b: b["generationConfig"].update(imageConfig={"aspectRatio": True, "imageSize": "1K"})), 400, "invalid_parameter", "generationConfig.imageConfig.aspectRatio", ["true"]),
        (native(lambda b: b["generationConfig"].update(responseModalities=["TEXT"])), 400, "invalid_parameter", "generationConfig.responseModalities", ["IMAGE"]),
        (native(lambda b: b["generationConfig"].update(image_config={})), 400, "invalid_parameter", "image_config", ["twice"]),
        # the chat body
        (chat(lambda b: b["messages"].insert(0, {"role": "system", "content": "x"})), 400, "invalid_parameter", "messages.0.role", ["user, assistant", '"system"', "head of the user's text"]),
        (chat(lambda b: b["messages"].insert(0, {"role": "developer", "content": "x"})), 400, "invalid_parameter", "messages.0.role", ['"developer"', "head of the user's text"]),
        (chat(lambda b: b["messages"].insert(0, {"role": "tool", "content": "x"})), 400, "invalid_parameter", "messages.0.role", ['"tool"']),
        (chat(lambda b: _content(b, {"type": "input_image", "image_url": "x"})), 400, "invalid_parameter", "messages.0.content.1.type", ["text, image_url", '"input_image"', '{"type": "image_url", "image_url": {"url": "data:image/png;base64,..."}}']),
        (chat(lambda b: _content(b, {"type": "image_url", "image_url": "data:x"})), 400, "invalid_parameter", "messages.0.content.1.image_url", ['{"url": "data:image/png;base64,..."}', '"data:x"']),
        (chat(lambda b: _content(b, {"type": "image_url"})), 400, "missing_required_parameter", "messages.0.content.1", ["messages.0.content.1.image_url is missing"]),
        (chat(lambda b: _content(b, "words")), 400, "invalid_parameter", "messages.0.content.1", ["an object", '"words"']),
        (chat(lambda b: b["messages"][0].update(content=7)), 400, "invalid_parameter", "messages.0.content", ["a string or a list", "not 7"]),
        (chat(lambda b: b["messages"][0].update(content=None)), 400, "invalid_parameter", "messages.0.content", ["a string or a list", "not null"]),
        (chat(lambda b: b.update(stream=True)), 400, "unsupported_parameter", "stream", ["stream false"]),
        (chat(lambda b: b.update(google=b.pop("extra_body")["google"])), 400, "unsupported_parameter", "google", ['{"extra_body": {"google"']),
        (chat(lambda b: _content(b, {"type": "image_url", "image_url": {"url": "https://x/y.png"}})), 400, "invalid_image", "messages.0.content.1", ["data:image/png;base64,...", "'https://x/y.png'"]),
        (chat(lambda b: b.update(model="nanobanana_3")), 400, "invalid_model", "model", ["nanobanana_2", '"nanobanana_3"']),
        # what is no JSON
        ((NATIVE, b""), 400, "invalid_request_body", None, ["empty"]),
        ((NATIVE, b'{"a": 1,\n "b": x}'), 400, "invalid_request_body", None, ["line 2, column 7", "character 15"]),
        ((NATIVE, b'{"contents": NaN}'), 400, "invalid_request_body", None, ["NaN"]),
        ((NATIVE, b'{"a": "\xe9"}'), 400, "invalid_request_body", None, ["not UTF-8, at byte 7"]),
        ((NATIVE, b"1" * 5000), 400, "invalid_request_body", None, ["not JSON"]),
        ((NATIVE, b"null"), 400, "invalid_parameter", None, ["not null"]),
        ((NATIVE, b"[" * 100_000), 400, "invalid_request_body", None, ["nested too deeply"]),
        ((NATIVE, b'{"contents": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), 400, "invalid_request_body", None, ["nested too deeply"]),
    ],
)  # fmt: skip
def test_message_tells_what_to_change(
    nanobanana_sandbox: str, request_: tuple[str, Any], status: int, code: str, param: str | None, words: list[str]
) -> None:
    """The message names the place in its sender's own keys, what was there, and the form that is wanted."""
    response = post(nanobanana_sandbox, *request_)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)
    assert [word for word in words if word not in error["message"]] == [], error["message"]
    assert "None" not in error["message"]
    assert len(error["message"]) < 400


@pytest.mark.parametrize(
    ("headers", "body", "param", "words"),
    [
        ({"Content-Type": "text/plain"}, b"{}", "Content-Type", ["text/plain", "application/json"]),
        ({"Content-Type": ""}, b"{}", "Content-Type", ["no Content-Type", "application/json"]),
        ({"Content-Encoding": "gzip"}, gzip.compress(b"{}", mtime=0), "Content-Encoding", ["compressed (gzip)"]),
    ],
)
def test_wrong_wrapping_has_words_of_its_own(
    nanobanana_sandbox: str, headers: dict[str, str], body: bytes, param: str, words: list[str]
) -> None:
    """A compressed body and a wrong content type are named as such."""
    error = post(nanobanana_sandbox, NATIVE, body, **headers).json()["error"]
    assert (error["code"], error["param"]) == ("invalid_request_body", param)
    assert [word for word in words if word not in error["message"]] == []


@pytest.mark.parametrize(
    ("headers", "query", "words"),
    [
        ({"x-goog-api-key": "sk-not-to-be-shown"}, "", "x-goog-api-key"),
        ({"api-key": "sk-not-to-be-shown"}, "", "api-key"),
        ({}, "?key=sk-not-to-be-shown", "?key="),
        ({}, "", "no Authorization header"),
        ({"Authorization": "Bearer not-to-be-shown"}, "", "Bearer sk-..."),
        ({"Authorization": "Basic not-to-be-shown"}, "", "Bearer sk-..."),
    ],
)
def test_key_in_a_wrong_place_is_told_where_it_belongs(
    nanobanana_sandbox: str, headers: dict[str, str], query: str, words: str
) -> None:
    """A key in another service's place is not taken, and its owner learns of the right one; the key is not repeated."""
    answer = httpx.post(f"{nanobanana_sandbox}{NATIVE}{query}", headers=headers, json=asking("Draw"))
    assert answer.status_code == 401
    assert words in answer.json()["error"]["message"]
    assert "Authorization: Bearer sk-..." in answer.json()["error"]["message"]
    assert "not-to-be-shown" not in answer.text


@pytest.mark.parametrize(("path", "name"), [(NATIVE, "contents"), (CHAT, "messages")])
def test_prompt_that_is_too_long_is_refused_at_once(nanobanana_sandbox: str, path: str, name: str) -> None:
    """Above 131,072 letters the prompt is too long, and up to there it is drawn."""
    for letters, status in ((131_072, 200), (131_073, 400)):
        words = ("word " * 30_000)[:letters]
        message = {"model": "nanobanana", "messages": [{"role": "user", "content": words}]}
        answer = post(nanobanana_sandbox, path, message if path == CHAT else asking(words))
        assert answer.status_code == status
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("prompt_too_long", name)
    assert "131,073" in error["message"]


def test_earlier_turns_count_as_prompt(nanobanana_sandbox: str) -> None:
    """What the user said before is part of what the model reads."""
    long = {"role": "user", "parts": [{"text": "x" * 70_000}]}
    body = asking("")
    body["contents"] = [long, {"role": "model", "parts": []}, long]
    assert post(nanobanana_sandbox, NATIVE, body).json()["error"]["code"] == "prompt_too_long"


@pytest.mark.parametrize(
    "data", ["", None, "AAAA", PICTURE[:40], "%%%", "https://example.org/x.png", "data:image/png;base64," + PICTURE]
)
@pytest.mark.parametrize("thought", [False, True])
def test_model_turn_with_a_lost_picture_is_refused(nanobanana_sandbox: str, data: str | None, thought: bool) -> None:
    """A turn of the model whose picture was lost, cut or replaced on the way is no turn to go on from."""
    part = {"inlineData": {"mimeType": "image/png", "data": data}, "thought": thought}
    turn = {"role": "model", "parts": [part]}
    body = changed("TextToImageRequest", lambda b: b["contents"].extend([turn, b["contents"][0]]))
    error = post(nanobanana_sandbox, NATIVE, body).json()["error"]
    assert (error["code"], error["param"]) == ("invalid_image", "contents.1.parts.0")


@pytest.mark.parametrize(
    "words",
    ["![image]()", "![image](data:image/png;base64,)", "![image](data:image/png;base64,AAAA)", "![image](data:image/png;base64,iVBO", "![image](data:x)"],
)  # fmt: skip
def test_chat_message_with_a_lost_picture_is_refused(nanobanana_sandbox: str, words: str) -> None:
    """The same holds for a picture in the Markdown of an earlier answer."""
    answer = {"role": "assistant", "content": words}
    body = changed("ChatTextRequest", lambda b: b["messages"].extend([answer, b["messages"][0]]))
    error = post(nanobanana_sandbox, CHAT, body).json()["error"]
    assert (error["code"], error["param"]) == ("invalid_image", "messages.1.content")


@pytest.mark.parametrize("words", ["No picture this time.", None, "See ![it](https://example.org/x.png)", "![image]"])
def test_answer_without_a_picture_can_be_given_back(nanobanana_sandbox: str, words: str | None) -> None:
    """An earlier answer that never held a picture of its own is a turn like any other."""
    answer = {"role": "assistant", "content": words}
    body = changed("ChatTextRequest", lambda b: b["messages"].extend([answer, b["messages"][0]]))
    assert post(nanobanana_sandbox, CHAT, body).status_code == 200


def test_many_openings_in_markdown_take_no_time(nanobanana_sandbox: str) -> None:
    """Half a megabyte of opened brackets is read in one pass."""
    answer = {"role": "assistant", "content": "![" * 250_000}
    body = changed("ChatTextRequest", lambda b: b["messages"].extend([answer, b["messages"][0]]))
    assert post(nanobanana_sandbox, CHAT, body).status_code == 200


@pytest.mark.parametrize(("side", "status"), [(9_900, 200), (10_100, 400), (20_000, 400)])
def test_image_of_too_many_pixels_is_refused(nanobanana_sandbox: str, side: int, status: int) -> None:
    """A small file that would unfold into gigabytes is not decoded, and no warning of it is printed."""
    buffer = io.BytesIO()
    Image.new("1", (side, side)).save(buffer, "PNG")
    part = {"inline_data": {"mimeType": "image/png", "data": base64.b64encode(buffer.getvalue()).decode()}}
    body = changed("TextToImageRequest", lambda b: b["contents"][0]["parts"].append(part))
    answer = post(nanobanana_sandbox, PRO, body)
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"]["code"] == "invalid_image"


def test_signature_lost_names_its_place(nanobanana_sandbox: str) -> None:
    """A picture without its thought signature is refused at the place where it was."""
    turn = {"role": "model", "parts": [{"inlineData": {"mimeType": "image/png", "data": PICTURE}}]}
    body = changed("TextToImageRequest", lambda b: b["contents"].extend([turn, b["contents"][0]]))
    error = post(nanobanana_sandbox, PRO, body).json()["error"]
    assert error["param"] == "contents.1.parts.0.thoughtSignature"


def test_errors_have_the_headers_of_the_gateway(nanobanana_sandbox: str) -> None:
    """An error carries the name of the request and the rates as well."""
    answer = httpx.post(f"{nanobanana_sandbox}/nowhere", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["X-RateLimit-Limit-Requests"] == "600"
