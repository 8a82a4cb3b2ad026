"""The chat wire format: requests and turns of `POST /v1/chat/completions`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

from nanobanana_api.api.chat import create_chat_completion
from nanobanana_api.models.chat_completion import ChatCompletion
from nanobanana_api.models.chat_extra_body import ChatExtraBody
from nanobanana_api.models.chat_google_options import ChatGoogleOptions
from nanobanana_api.models.chat_image_config import ChatImageConfig
from nanobanana_api.models.chat_image_part import ChatImagePart
from nanobanana_api.models.chat_image_url import ChatImageUrl
from nanobanana_api.models.chat_request import ChatRequest
from nanobanana_api.models.chat_text_part import ChatTextPart
from nanobanana_api.models.chat_user_message import ChatUserMessage
from nanobanana_api.models.generate_content_response import GenerateContentResponse

from .._engine.tokens import Blobs
from ..pictures.reference import ReferenceImage
from ..request import ImageRequest, WireName
from . import chat_answer, native_answer
from .findings import Findings
from .format import StandIn, find_anywhere, parts_of, reread
from .verbatim import entries, member, only, with_role


class Chat:
    """The chat wire format."""

    name: WireName = "chat"
    model_role = "assistant"
    turns: Literal["contents", "messages"] = "messages"
    operation: Callable[..., Any] = staticmethod(create_chat_completion.sync)
    async_operation: Callable[..., Any] = staticmethod(create_chat_completion.asyncio)

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

    def find(self, answer: ChatCompletion, blobs: Blobs) -> Findings:
        """What is found in an answer."""
        return find_anywhere(answer, blobs, chat_answer.read, (GenerateContentResponse, native_answer.read))

    def model_turn(self, text: bytes, blobs: Blobs) -> bytes:
        """The message of the choice that has the picture, or one that shows the picture found elsewhere."""
        text = only(text)
        findings = self.find(ChatCompletion.from_dict(reread(text)), blobs)
        message = None
        if findings.place is not None:
            choices = [entry for entry in entries(member(text, "choices") or b"[]") if entry.startswith(b"{")]
            choice = choices[findings.place] if choices else b"{}"
            message = next((one for name in ("message", "delta") if _is_object(one := member(choice, name))), None)
        if message is not None:
            return with_role(message, self.model_role)
        words, pictures = parts_of(findings, blobs)
        shown = [
            f"![image](data:{mime_type};base64,{value})" if mime_type else f"![image]({value})"
            for mime_type, value in pictures
        ]
        return json.dumps({"role": self.model_role, "content": "\n\n".join([*filter(None, [words]), *shown])}).encode()

    def check_turn(self, turn: dict[str, Any], *, is_model: bool) -> str:
        """What is wrong with a turn of a saved conversation; "" where nothing is."""
        role = self.model_role if is_model else "user"
        if turn.get("role") != role:
            return f"its role is not {role!r}"
        is_content = isinstance(turn.get("content"), str | list | None)
        return "" if is_content else "its content is neither words nor a list"


def _is_object(text: bytes | None) -> bool:
    return text is not None and text.startswith(b"{")
