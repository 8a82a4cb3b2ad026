"""Forms: keys in either case make the same picture, as with the upstream."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from nanobanana_sandbox import contract
from nanobanana_sandbox.contract import example

from .asking import CHAT, NATIVE, PRO, asking, changed, inline, log, post


def _snake(value: Any) -> Any:
    if isinstance(value, list):
        return [_snake(item) for item in value]
    if isinstance(value, dict):
        return {
            re.sub(r"(?<=[a-z])([A-Z])", lambda hump: "_" + hump[1].lower(), key): _snake(inner)
            for key, inner in value.items()
        }
    return value


def _camel(value: Any) -> Any:
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if isinstance(value, dict):
        return {re.sub("_([a-z])", lambda hump: hump[1].upper(), key): _camel(inner) for key, inner in value.items()}
    return value


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *((PRO, name) for name in ("TextToImageRequest", "OneReferenceRequest", "SeveralReferencesRequest", "ThinkingRequest")),
        *((CHAT, name) for name in ("ChatTextRequest", "ChatReferenceRequest", "ChatFollowUpRequest")),
        (NATIVE, "FollowUpRequest"),
    ],
)  # fmt: skip
def test_either_case_of_every_key_makes_the_same_picture(nanobanana_sandbox: str, path: str, name: str) -> None:
    """Every example of the contract, in snake case or in camel case throughout, gets the very answer of the original."""
    whole = json.loads(json.dumps(example(name)))
    answers = {post(nanobanana_sandbox, path, form(whole)).content for form in (lambda body: body, _snake, _camel)}
    assert len(answers) == 1
    assert b'"error"' not in answers.pop()


@pytest.mark.parametrize("outer", ["inline_data", "inlineData"])
@pytest.mark.parametrize("inner", ["mime_type", "mimeType"])
def test_reference_in_each_of_the_four_forms(nanobanana_sandbox: str, outer: str, inner: str) -> None:
    """A reference is taken in all four mixtures of cases that clients send."""
    data = inline(example("OneReferenceRequest"))
    part = {outer: {inner: data["mimeType"], "data": data["data"]}}
    body = changed("OneReferenceRequest", lambda b: b["contents"][0]["parts"].__setitem__(1, part))
    answer = post(nanobanana_sandbox, NATIVE, body)
    assert answer.status_code == 200
    assert answer.json()["usageMetadata"]["promptTokenCount"] > 258


def test_signature_in_snake_case_comes_back(nanobanana_sandbox: str) -> None:
    """A client that turns all keys into snake case still gives the signature back."""
    turn = post(nanobanana_sandbox, PRO, asking("Draw")).json()["candidates"][0]["content"]
    body = asking("Again")
    body["contents"] = [*asking("Draw")["contents"], turn, *body["contents"]]
    assert post(nanobanana_sandbox, PRO, _snake(body)).status_code == 200


def test_message_speaks_in_the_keys_that_were_sent(nanobanana_sandbox: str) -> None:
    """What is wrong is named as its sender wrote it."""
    body = _snake(asking("Draw", size="9000K"))
    error = post(nanobanana_sandbox, NATIVE, body).json()["error"]
    assert error["param"] == "generation_config.image_config.image_size"
    assert error["message"].startswith("generation_config.image_config.image_size must be one of")


def test_key_twice_in_different_cases_is_refused(nanobanana_sandbox: str) -> None:
    """Which of two would count is not guessed."""
    body = asking("Draw")
    body["generation_config"] = body["generationConfig"]
    error = post(nanobanana_sandbox, NATIVE, body).json()["error"]
    assert (error["code"], error["param"]) == ("invalid_parameter", "generation_config")


def test_keys_that_the_contract_does_not_know_are_logged(nanobanana_sandbox: str) -> None:
    """What the sandbox passes over in silence is found in its log."""
    body = asking("Draw with unknown keys")
    body["safetySettings"] = []
    body["generationConfig"]["topK"] = 3
    assert post(nanobanana_sandbox, NATIVE, body).status_code == 200
    (entry,) = log(nanobanana_sandbox, "Draw with unknown keys")
    assert entry["ignored"] == ["generationConfig.topK", "safetySettings"]


def test_every_key_of_the_contract_has_one_meaning_in_either_case() -> None:
    """No schema of a request has two keys that differ only in their case, but the two that the contract names so."""
    twins = set()
    for schema in contract.document()["components"]["schemas"].values():
        names = list(schema.get("properties", {}))
        snakes = [re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower() for name in names]
        twins |= {name for name, snake in zip(names, snakes, strict=True) if snakes.count(snake) > 1}
    assert twins <= {"inline_data", "inlineData", "mime_type", "mimeType"}
