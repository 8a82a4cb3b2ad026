"""The native wire format: `POST /v1beta/models/{model}:generateContent`."""

from __future__ import annotations

from typing import Any

from nanobanana_api.api.images import generate_image
from nanobanana_api.models.answer_content import AnswerContent
from nanobanana_api.models.answer_file_data import AnswerFileData
from nanobanana_api.models.answer_inline_data import AnswerInlineData
from nanobanana_api.models.answer_part import AnswerPart
from nanobanana_api.models.candidate import Candidate
from nanobanana_api.models.generate_content_request import GenerateContentRequest
from nanobanana_api.models.generate_content_response import GenerateContentResponse
from nanobanana_api.models.generation_config import GenerationConfig
from nanobanana_api.models.image_config import ImageConfig
from nanobanana_api.models.inline_data import InlineData
from nanobanana_api.models.part import Part
from nanobanana_api.models.prompt_feedback import PromptFeedback
from nanobanana_api.models.thinking_config import ThinkingConfig
from nanobanana_api.models.usage_metadata import UsageMetadata
from nanobanana_api.models.user_turn import UserTurn

from .._engine.tokens import Blobs
from ..pictures.generation import Usage
from ..pictures.reference import ReferenceImage
from ..request import ImageRequest
from .findings import Findings
from .format import Format, StandIn, best
from .jsons import as_count, as_models, as_text, left

_COUNTS = ("prompt_token_count", "candidates_token_count", "total_token_count")  # in the order of Usage


class Native(Format):
    """The native wire format."""

    name = "native"
    model_role = "model"
    turns = "contents"
    operation = staticmethod(generate_image.sync)
    async_operation = staticmethod(generate_image.asyncio)
    answer = GenerateContentResponse
    answers = "candidates"
    turn_in = ("content",)

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

    def read(self, answer: GenerateContentResponse, blobs: Blobs) -> Findings:
        """What is found in the first candidate that has a picture, or else in the first."""
        findings = best(as_models(Candidate, answer.candidates), _read_candidate, blobs)
        rest, usage, feedback = left(answer, "candidates"), answer.usage_metadata, answer.prompt_feedback
        if isinstance(usage, UsageMetadata):
            findings.usage = Usage(*(as_count(getattr(usage, name)) for name in _COUNTS))
            rest["usageMetadata"] = left(usage, *_COUNTS)
        if isinstance(feedback, PromptFeedback):
            findings.block_reason = as_text(feedback.block_reason)
            findings.block_message = as_text(feedback.block_reason_message)
        findings.keep(rest)
        return findings

    def written(self, words: str, pictures: list[tuple[str, str]]) -> dict[str, Any]:
        """The words and the pictures as parts."""
        shown: list[dict[str, Any]] = [
            {"inlineData": {"mimeType": mime_type, "data": value}} if mime_type else {"text": value}
            for mime_type, value in pictures
        ]
        return {"parts": [{"text": words}, *shown] if words else shown}

    def fault(self, turn: dict[str, Any]) -> str:
        """What is wrong with a turn, its role left aside."""
        return "" if isinstance(turn.get("parts"), list) else "its parts are no list"


def _read_candidate(candidate: Candidate, findings: Findings) -> None:
    findings.finish_reason = as_text(candidate.finish_reason)
    findings.finish_message = as_text(candidate.finish_message)
    content = candidate.content
    if isinstance(content, AnswerContent):
        findings.keep(left(content, "role", "parts"))
        for part in as_models(AnswerPart, content.parts):
            _read_part(part, findings)
    findings.keep(left(candidate, "content", "finish_reason"))


def _read_part(part: AnswerPart, findings: Findings) -> None:
    """Each part is a picture of its own, though two be the same."""
    is_thought = part.thought is True
    findings.add_text(as_text(part.text), is_thought=is_thought, unless_there=False)
    places = [place for place in (part.inlineData, part.inline_data) if isinstance(place, AnswerInlineData)]
    inline, file = next((place for place in places if as_text(place.data)), None), part.file_data
    if inline is not None:
        stated = as_text(inline.mimeType) or as_text(inline.mime_type)
        findings.add_picture(as_text(inline.data), stated, is_thought=is_thought, unless_there=False)
    elif isinstance(file, AnswerFileData) and as_text(file.file_uri):
        findings.add_picture(as_text(file.file_uri), as_text(file.mime_type), is_thought=is_thought, unless_there=False)
