"""The chat wire format: requests and answers of `POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nanobanana_api.api.chat import create_chat_completion
from nanobanana_api.models.chat_answer_image_url import ChatAnswerImageUrl
from nanobanana_api.models.chat_answer_message import ChatAnswerMessage
from nanobanana_api.models.chat_answer_part import ChatAnswerPart
from nanobanana_api.models.chat_assistant_message import ChatAssistantMessage
from nanobanana_api.models.chat_choice import ChatChoice
from nanobanana_api.models.chat_completion import ChatCompletion
from nanobanana_api.models.chat_extra_body import ChatExtraBody
from nanobanana_api.models.chat_google_options import ChatGoogleOptions
from nanobanana_api.models.chat_image_config import ChatImageConfig
from nanobanana_api.models.chat_image_part import ChatImagePart
from nanobanana_api.models.chat_image_url import ChatImageUrl
from nanobanana_api.models.chat_request import ChatRequest
from nanobanana_api.models.chat_text_part import ChatTextPart
from nanobanana_api.models.chat_usage import ChatUsage
from nanobanana_api.models.chat_user_message import ChatUserMessage

from .._engine.tokens import Blobs
from ..pictures.generation import Usage
from ..pictures.reference import Encode, ReferenceImage
from ..request import ImageRequest
from .reading import Reading, as_count, as_model, as_models, as_name, as_text

MODEL_ROLE = "assistant"
sync_operation = create_chat_completion.sync_detailed
async_operation = create_chat_completion.asyncio_detailed


class _Earlier(ChatAssistantMessage):
    """A message of the history, which goes out exactly as it was kept."""

    def __init__(self, message: Mapping[str, Any]) -> None:
        self._message = message

    def to_dict(self) -> dict[str, Any]:
        return dict(self._message)


def user_turn(request: ImageRequest, encode: Encode = ReferenceImage.to_base64) -> ChatUserMessage:
    """The prompt as a string; with references, a list of the prompt and each of them as `data:` URI. `encode` gives
    what stands for one."""
    if not request.references:
        return ChatUserMessage(role="user", content=request.prompt)
    references = [
        ChatImagePart(
            type_="image_url",
            image_url=ChatImageUrl(url=f"data:{reference.mime_type};base64,{encode(reference)}"),
        )
        for reference in request.references
    ]
    return ChatUserMessage(role="user", content=[ChatTextPart(type_="text", text=request.prompt), *references])


def arguments(
    turn: ChatUserMessage, request: ImageRequest, history: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The arguments of the generated operation that sends a message. `history` holds earlier ones as JSON, in their
    order."""
    earlier = [_Earlier(message) for message in history]
    shape = ChatImageConfig(aspect_ratio=request.aspect_ratio, image_size=request.image_size)
    body = ChatRequest(
        model=request.model,
        messages=[*earlier, turn],
        stream=False,
        extra_body=ChatExtraBody(google=ChatGoogleOptions(image_config=shape)),
    )
    return {"body": body}


def model_turn(document: dict[str, Any]) -> dict[str, Any]:
    """The model's message in an answer, exactly as received, for the history."""
    choice = next(entry for entry in document["choices"] if isinstance(entry, dict))
    return {**choice["message"], "role": "assistant"}


def read(answer: ChatCompletion, blobs: Blobs) -> Reading:
    """What the answer holds. `blobs` was lifted out of it before it was parsed."""
    usage = as_model(ChatUsage, answer.usage)
    reading = Reading(blobs, usage=_usage(usage))
    rest: dict[str, Any] = {
        **answer.additional_properties,
        "id": as_name(answer.id),
        "created": as_count(answer.created),
        "model": as_name(answer.model),
        "usage": usage.additional_properties if usage else None,
    }
    for choice in as_models(ChatChoice, answer.choices)[:1]:
        reading.finish_reason = as_name(choice.finish_reason)
        rest |= {**choice.additional_properties, "index": as_count(choice.index)}
        message = as_model(ChatAnswerMessage, choice.message)
        if message is not None:
            _read_message(message, reading)
            extra = dict(message.additional_properties)
            reading.thoughts = as_text(extra.pop("reasoning_content", None))
            rest |= extra
    reading.metadata |= {name: value for name, value in rest.items() if value not in (None, {}, [])}
    return reading


def _read_message(message: ChatAnswerMessage, reading: Reading) -> None:
    if isinstance(message.content, str):
        reading.add_text(message.content)
    for part in as_models(ChatAnswerPart, message.content) + as_models(ChatAnswerPart, message.images):
        reading.add_text(as_text(part.text))
        link = as_model(ChatAnswerImageUrl, part.image_url)
        if link is not None and as_text(link.url):
            reading.add_picture(as_text(link.url), unless_there=True)  # some upstreams give it in both places


def _usage(usage: ChatUsage | None) -> Usage:
    if usage is None:
        return Usage()
    return Usage(
        prompt_tokens=as_count(usage.prompt_tokens),
        candidates_tokens=as_count(usage.completion_tokens),
        total_tokens=as_count(usage.total_tokens),
    )
