"""The chat wire format: `POST /v1/chat/completions`."""

from __future__ import annotations

from typing import Any

from nanobanana_api.api.chat import create_chat_completion
from nanobanana_api.models.chat_answer_message import ChatAnswerMessage
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
from ..pictures.reference import ReferenceImage
from ..request import ImageRequest
from .findings import Findings, objects_in, read_place
from .format import Format, StandIn, best
from .jsons import as_count, as_json, as_models, as_text, left

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")  # in the order of Usage


class Chat(Format):
    """The chat wire format."""

    name = "chat"
    model_role = "assistant"
    turns = "messages"
    operation = staticmethod(create_chat_completion.sync)
    async_operation = staticmethod(create_chat_completion.asyncio)
    answer = ChatCompletion
    answers = "choices"
    turn_in = ("message", "delta")

    def arguments(self, request: ImageRequest, stand_in: StandIn = ReferenceImage.to_base64) -> dict[str, Any]:
        """The prompt as a string; with references, a list of the prompt and each of them as `data:` URI."""
        message = ChatUserMessage(role="user", content=request.prompt)
        if request.references:
            references = [
                ChatImagePart(
                    type_="image_url",
                    image_url=ChatImageUrl(url=f"data:{reference.mime_type};base64,{stand_in(reference)}"),
                )
                for reference in request.references
            ]
            message.content = [ChatTextPart(type_="text", text=request.prompt), *references]
        shape = ChatImageConfig(aspect_ratio=request.aspect_ratio, image_size=request.image_size)
        body = ChatRequest(
            model=request.model,
            messages=[message],
            stream=False,
            extra_body=ChatExtraBody(google=ChatGoogleOptions(image_config=shape)),
        )
        return {"body": body}

    def read(self, answer: ChatCompletion, blobs: Blobs) -> Findings:
        """What is found in the first choice that has a picture, or else in the first."""
        findings = best(as_models(ChatChoice, answer.choices), _read_choice, blobs)
        rest, usage = left(answer, "choices"), answer.usage
        if isinstance(usage, ChatUsage):
            findings.usage = Usage(*(as_count(getattr(usage, name)) for name in _COUNTS))
            rest["usage"] = left(usage, *_COUNTS)
        findings.keep(rest)
        return findings

    def written(self, words: str, pictures: list[tuple[str, str]]) -> dict[str, Any]:
        """The words and the pictures in Markdown."""
        shown = [
            f"![image](data:{mime_type};base64,{value})" if mime_type else f"![image]({value})"
            for mime_type, value in pictures
        ]
        return {"content": "\n\n".join([words, *shown] if words else shown)}

    def fault(self, turn: dict[str, Any]) -> str:
        """What is wrong with a turn, its role left aside."""
        is_content = isinstance(turn.get("content"), str | list | None)
        return "" if is_content else "its content is neither words nor a list"


def _read_choice(choice: ChatChoice, findings: Findings) -> None:
    findings.finish_reason = as_text(choice.finish_reason)
    rest, message = left(choice, "message", "finish_reason"), choice.message
    if not isinstance(message, ChatAnswerMessage) and isinstance(rest.get("delta"), dict):
        message = ChatAnswerMessage.from_dict(rest.pop("delta"))
    if isinstance(message, ChatAnswerMessage):
        _read_message(message, findings)
    findings.keep(rest)


def _read_message(message: ChatAnswerMessage, findings: Findings) -> None:
    """Some upstreams give a picture in several of these places."""
    findings.add_text(as_text(message.content))
    images = message.images if isinstance(message.images, list) else []
    images = [{"url": entry} if isinstance(entry, str) else as_json(entry) for entry in images]
    for place in [*objects_in(as_json(message.content)), *objects_in(images)]:
        _read_words(place, findings)
        read_place(place, findings)
    rest = left(message, "role", "content", "images")
    is_wordless = not findings.words
    for place in objects_in(rest.pop("multi_mod_content", None)):
        if is_wordless:
            _read_words(place, findings)
        read_place(place, findings)
    findings.add_text(as_text(rest.pop("reasoning_content", None)), is_thought=True)
    findings.keep(rest)


def _read_words(place: dict[str, Any], findings: Findings) -> None:
    findings.add_text(as_text(place.get("text")), is_thought=place.get("thought") is True)
