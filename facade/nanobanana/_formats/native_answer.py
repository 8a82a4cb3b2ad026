"""The answer of `POST /v1beta/models/{model}:generateContent`: what is found in it."""

from __future__ import annotations

from typing import Any

from nanobanana_api.models.answer_content import AnswerContent
from nanobanana_api.models.answer_file_data import AnswerFileData
from nanobanana_api.models.answer_inline_data import AnswerInlineData
from nanobanana_api.models.answer_part import AnswerPart
from nanobanana_api.models.candidate import Candidate
from nanobanana_api.models.generate_content_response import GenerateContentResponse
from nanobanana_api.models.prompt_feedback import PromptFeedback
from nanobanana_api.models.usage_metadata import UsageMetadata

from .._engine.tokens import Blobs
from ..pictures.generation import Usage
from .findings import Findings, best
from .jsons import as_count, as_json, as_model, as_models, as_name, as_text, left


def read(answer: GenerateContentResponse, blobs: Blobs) -> Findings:
    """What is found in the first candidate that has a picture, or else in the first."""
    findings, metadata = best(as_models(Candidate, answer.candidates), _read_candidate, blobs)
    usage = as_model(UsageMetadata, answer.usage_metadata)
    if usage is not None:
        findings.usage = Usage(
            prompt_tokens=as_count(usage.prompt_token_count),
            candidates_tokens=as_count(usage.candidates_token_count),
            total_tokens=as_count(usage.total_token_count),
        )
    feedback = as_model(PromptFeedback, answer.prompt_feedback)
    if feedback is not None:
        findings.block_reason = as_name(feedback.block_reason)
        findings.block_message = as_name(feedback.block_reason_message)
    rest = {
        **left(answer, "candidates"),
        "usageMetadata": left(usage, "prompt_token_count", "candidates_token_count", "total_token_count")
        if usage
        else as_json(answer.usage_metadata) or None,
        **metadata,
    }
    findings.metadata |= {name: value for name, value in rest.items() if value not in (None, {}, [])}
    return findings


def _read_candidate(candidate: Candidate, findings: Findings) -> dict[str, Any]:
    """Takes what a candidate holds; returns what has no place of its own in a generation."""
    findings.finish_reason = as_name(candidate.finish_reason)
    findings.finish_message = as_name(candidate.finish_message)
    content = as_model(AnswerContent, candidate.content)
    if content is None:
        return left(candidate, "content", "finish_reason")
    for part in as_models(AnswerPart, content.parts):
        _read_part(part, findings)
    return {**left(content, "role", "parts"), **left(candidate, "content", "finish_reason")}


def _read_part(part: AnswerPart, findings: Findings) -> None:
    is_thought = part.thought is True
    findings.add_text(as_text(part.text), is_thought=is_thought)
    inline = as_model(AnswerInlineData, part.inlineData) or as_model(AnswerInlineData, part.inline_data)
    file = as_model(AnswerFileData, part.file_data)
    if inline is not None and as_text(inline.data):
        stated = as_name(inline.mimeType) or as_name(inline.mime_type)
        findings.add_picture(as_text(inline.data), stated, is_thought=is_thought)
    elif file is not None and as_text(file.file_uri):
        findings.add_picture(as_text(file.file_uri), as_name(file.mime_type), is_thought=is_thought)
