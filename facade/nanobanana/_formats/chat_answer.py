"""The answer of `POST /v1/chat/completions`: what is found in it."""

from __future__ import annotations

from typing import Any

from nanobanana_api.models.chat_answer_message import ChatAnswerMessage
from nanobanana_api.models.chat_answer_part import ChatAnswerPart
from nanobanana_api.models.chat_choice import ChatChoice
from nanobanana_api.models.chat_completion import ChatCompletion
from nanobanana_api.models.chat_usage import ChatUsage

from .._engine.tokens import Blobs
from ..pictures.generation import Usage
from .findings import Findings, best
from .jsons import as_count, as_json, as_model, as_models, as_name, as_text, left


def read(answer: ChatCompletion, blobs: Blobs) -> Findings:
    """What is found in the first choice that has a picture, or else in the first; without one there, what the list
    `data` holds, as answers of the images endpoint of OpenAI have it."""
    findings, metadata = best(as_models(ChatChoice, answer.choices), _read_choice, blobs)
    usage = as_model(ChatUsage, answer.usage)
    if usage is not None:
        findings.usage = Usage(
            prompt_tokens=as_count(usage.prompt_tokens),
            candidates_tokens=as_count(usage.completion_tokens),
            total_tokens=as_count(usage.total_tokens),
        )
    whole = left(answer, "choices")
    if not findings.has_pictures and not findings.is_damaged:
        for entry in _objects(whole.get("data")):
            _read_place(entry, findings)
    rest = {
        **whole,
        "usage": left(usage, "prompt_tokens", "completion_tokens", "total_tokens")
        if usage
        else as_json(answer.usage) or None,
        **metadata,
    }
    findings.metadata |= {name: value for name, value in rest.items() if value not in (None, {}, [])}
    return findings


def _read_choice(choice: ChatChoice, findings: Findings) -> dict[str, Any]:
    """Takes what a choice holds; returns what has no place of its own in a generation."""
    findings.finish_reason = as_name(choice.finish_reason)
    rest = left(choice, "message", "finish_reason")
    message = as_model(ChatAnswerMessage, choice.message)
    if message is None and isinstance(rest.get("delta"), dict):
        message = ChatAnswerMessage.from_dict(rest.pop("delta"))
    if message is None:
        return rest
    if isinstance(message.content, str):
        findings.add_text(message.content)
    extra = left(message, "role", "content", "images")
    beside = extra.pop("multi_mod_content", None)
    for part in as_models(ChatAnswerPart, message.content):
        findings.add_text(as_text(part.text))
        _read_place(as_json(part), findings)
    for entry in message.images if isinstance(message.images, list) else []:
        if isinstance(entry, str):
            findings.add_picture(entry, unless_there=True)
            continue
        place = as_json(entry)
        if isinstance(place, dict):
            findings.add_text(as_text(place.get("text")))
            _read_place(place, findings)
    is_wordless = not findings.words
    for place in _objects(beside):
        if is_wordless:
            findings.add_text(as_text(place.get("text")))
        _read_place(place, findings)
    findings.thoughts.append(as_text(extra.pop("reasoning_content", None)))
    return {**rest, **extra}


def _read_place(place: dict[str, Any], findings: Findings) -> None:
    """Takes the picture that one entry of a list holds, by whatever name. Some upstreams give it in several places."""
    for name in ("image_url", "imageUrl", "url", "b64_json", "inline_data", "inlineData"):
        value, stated = place.get(name), None
        if isinstance(value, dict):
            stated = as_name(value.get("mimeType")) or as_name(value.get("mime_type"))
            value = value.get("url") or value.get("data")
        if isinstance(value, str) and value:
            findings.add_picture(value, stated, unless_there=True)
            return


def _objects(value: object) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
