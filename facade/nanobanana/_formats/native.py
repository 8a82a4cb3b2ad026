"""The native wire format: requests and turns of `POST /v1beta/models/{model}:generateContent`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

from nanobanana_api.api.images import generate_image
from nanobanana_api.models.chat_completion import ChatCompletion
from nanobanana_api.models.generate_content_request import GenerateContentRequest
from nanobanana_api.models.generate_content_response import GenerateContentResponse
from nanobanana_api.models.generation_config import GenerationConfig
from nanobanana_api.models.image_config import ImageConfig
from nanobanana_api.models.inline_data import InlineData
from nanobanana_api.models.part import Part
from nanobanana_api.models.thinking_config import ThinkingConfig
from nanobanana_api.models.user_turn import UserTurn

from .._engine.tokens import Blobs
from ..pictures.reference import ReferenceImage
from ..request import ImageRequest, WireName
from . import chat_answer, native_answer
from .findings import Findings
from .format import StandIn, find_anywhere, parts_of, reread
from .verbatim import entries, member, only, with_role


class Native:
    """The native wire format."""

    name: WireName = "native"
    model_role = "model"
    turns: Literal["contents", "messages"] = "contents"
    operation: Callable[..., Any] = staticmethod(generate_image.sync)
    async_operation: Callable[..., Any] = staticmethod(generate_image.asyncio)

    def arguments(self, request: ImageRequest, stand_in: StandIn = ReferenceImage.to_base64) -> dict[str, Any]:
        """The prompt, then each reference as a part of its own, in their order."""
        references = [
            Part(inline_data=InlineData(mime_type=reference.mime_type, data=stand_in(reference)))
            for reference in request.references
        ]
        config = GenerationConfig(
            response_modalities=["TEXT", "IMAGE"],
            image_config=ImageConfig(aspect_ratio=request.aspect_ratio, image_size=request.image_size),
        )
        if request.include_thoughts:
            config.thinking_config = ThinkingConfig(include_thoughts=True)
        turn = UserTurn(role="user", parts=[Part(text=request.prompt), *references])
        return {"model": request.model, "body": GenerateContentRequest(contents=[turn], generation_config=config)}

    def find(self, answer: GenerateContentResponse, blobs: Blobs) -> Findings:
        """What is found in an answer."""
        return find_anywhere(answer, blobs, native_answer.read, (ChatCompletion, chat_answer.read))

    def model_turn(self, text: bytes, blobs: Blobs) -> bytes:
        """The content of the candidate that has the picture, or a turn that shows the picture found elsewhere."""
        text = only(text)
        findings = self.find(GenerateContentResponse.from_dict(reread(text)), blobs)
        content = None
        if findings.place is not None:
            candidates = [entry for entry in entries(member(text, "candidates") or b"[]") if entry.startswith(b"{")]
            content = member(candidates[findings.place], "content") if candidates else None
        if content is not None:
            return with_role(content, self.model_role)
        words, pictures = parts_of(findings, blobs)
        parts: list[dict[str, Any]] = [{"text": words}] if words else []
        for mime_type, value in pictures:
            shown = {"inlineData": {"mimeType": mime_type, "data": value}} if mime_type else {"text": value}
            parts.append(shown)
        return json.dumps({"role": self.model_role, "parts": parts}).encode()

    def check_turn(self, turn: dict[str, Any], *, is_model: bool) -> str:
        """What is wrong with a turn of a saved conversation; "" where nothing is."""
        role = self.model_role if is_model else "user"
        if turn.get("role") != role:
            return f"its role is not {role!r}"
        return "" if isinstance(turn.get("parts"), list) else "its parts are no list"
