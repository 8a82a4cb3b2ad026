"""The native wire format: requests and answers of `POST /v1beta/models/{model}:generateContent`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from nanobanana_api.models.model_turn import ModelTurn
from nanobanana_api.models.part import Part
from nanobanana_api.models.prompt_feedback import PromptFeedback
from nanobanana_api.models.safety_rating import SafetyRating
from nanobanana_api.models.thinking_config import ThinkingConfig
from nanobanana_api.models.usage_metadata import UsageMetadata
from nanobanana_api.models.user_turn import UserTurn

from .._engine.tokens import Blobs
from ..pictures.generation import Usage
from ..pictures.reference import Encode, ReferenceImage
from ..request import ImageRequest
from .reading import Reading, as_count, as_model, as_models, as_name, as_text

MODEL_ROLE = "model"
sync_operation = generate_image.sync_detailed
async_operation = generate_image.asyncio_detailed


class _Earlier(ModelTurn):
    """A turn of the history, which goes out exactly as it was kept."""

    def __init__(self, turn: Mapping[str, Any]) -> None:
        self._turn = turn

    def to_dict(self) -> dict[str, Any]:
        return dict(self._turn)


def user_turn(request: ImageRequest, encode: Encode = ReferenceImage.to_base64) -> UserTurn:
    """The prompt, then each reference as a part of its own, in their order. `encode` gives what stands for one."""
    references = [
        Part(inline_data=InlineData(mime_type=reference.mime_type, data=encode(reference)))
        for reference in request.references
    ]
    return UserTurn(role="user", parts=[Part(text=request.prompt), *references])


def arguments(turn: UserTurn, request: ImageRequest, history: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The arguments of the generated operation that sends a turn. `history` holds earlier ones as JSON, in their
    order."""
    earlier = [_Earlier(turn) for turn in history]
    config = GenerationConfig(
        response_modalities=["TEXT", "IMAGE"],
        image_config=ImageConfig(aspect_ratio=request.aspect_ratio, image_size=request.image_size),
    )
    if request.include_thoughts:
        config.thinking_config = ThinkingConfig(include_thoughts=True)
    body = GenerateContentRequest(contents=[*earlier, turn], generation_config=config)
    return {"model": request.model, "body": body}


def model_turn(document: dict[str, Any]) -> dict[str, Any]:
    """The model's turn in an answer, exactly as received, for the history."""
    candidate = next(entry for entry in document["candidates"] if isinstance(entry, dict))
    return {**candidate["content"], "role": "model"}


def read(answer: GenerateContentResponse, blobs: Blobs) -> Reading:
    """What the answer holds. `blobs` was lifted out of it before it was parsed."""
    reading = Reading(blobs, usage=_usage(as_model(UsageMetadata, answer.usage_metadata)))
    candidates = as_models(Candidate, answer.candidates)
    for candidate in candidates[:1]:
        reading.finish_reason = as_name(candidate.finish_reason)
        reading.finish_message = as_name(candidate.finish_message)
        content = as_model(AnswerContent, candidate.content)
        for part in as_models(AnswerPart, content.parts) if content else []:
            _read_part(part, reading)
    feedback = as_model(PromptFeedback, answer.prompt_feedback)
    if feedback:
        reading.block_reason = as_name(feedback.block_reason)
        reading.block_message = as_name(feedback.block_reason_message)
    reading.metadata |= _metadata(answer, candidates, feedback)
    return reading


def _read_part(part: AnswerPart, reading: Reading) -> None:
    is_thought = part.thought is True
    reading.add_text(as_text(part.text), is_thought=is_thought)
    inline = as_model(AnswerInlineData, part.inlineData) or as_model(AnswerInlineData, part.inline_data)
    file = as_model(AnswerFileData, part.file_data)
    if inline is not None and as_text(inline.data):
        stated = as_name(inline.mimeType) or as_name(inline.mime_type)
        reading.add_picture(as_text(inline.data), stated, is_thought=is_thought)
    elif file is not None and as_text(file.file_uri):
        reading.add_picture(as_text(file.file_uri), as_name(file.mime_type), is_thought=is_thought)


def _usage(usage: UsageMetadata | None) -> Usage:
    if usage is None:
        return Usage()
    return Usage(
        prompt_tokens=as_count(usage.prompt_token_count),
        candidates_tokens=as_count(usage.candidates_token_count),
        total_tokens=as_count(usage.total_token_count),
    )


def _metadata(
    answer: GenerateContentResponse, candidates: list[Candidate], feedback: PromptFeedback | None
) -> dict[str, Any]:
    """Whatever has no place of its own in a `Generation`, by the names it came under."""
    usage = as_model(UsageMetadata, answer.usage_metadata)
    rest = {
        **answer.additional_properties,
        "modelVersion": as_name(answer.model_version),
        "responseId": as_name(answer.response_id),
        "promptFeedback": feedback.to_dict() if feedback else None,
        "usageMetadata": usage.additional_properties if usage else None,
    }
    for candidate in candidates[:1]:
        rest |= {
            **candidate.additional_properties,
            "finishMessage": as_name(candidate.finish_message),
            "index": as_count(candidate.index),
            "safetyRatings": [rating.to_dict() for rating in as_models(SafetyRating, candidate.safety_ratings)],
        }
    return {name: value for name, value in rest.items() if value not in (None, {}, [])}
