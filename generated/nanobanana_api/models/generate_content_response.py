from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.candidate import Candidate
    from ..models.prompt_feedback import PromptFeedback
    from ..models.usage_metadata import UsageMetadata


T = TypeVar("T", bound="GenerateContentResponse")


@_attrs_define
class GenerateContentResponse:
    """The model's answer. Every field may be missing or null, and others may be present.

    Attributes:
        candidates (list[Candidate] | None | Unset): The answers to choose from; one in practice, none when the prompt
            was blocked.
        prompt_feedback (None | PromptFeedback | Unset): What was thought of the prompt. Only a `blockReason` in it
            means a refusal.
        usage_metadata (None | Unset | UsageMetadata): What the call used.
        model_version (None | str | Unset): The model that answered, by the upstream's name.
        response_id (None | str | Unset): The upstream's name for this answer.
    """

    candidates: list[Candidate] | None | Unset = UNSET
    prompt_feedback: None | PromptFeedback | Unset = UNSET
    usage_metadata: None | Unset | UsageMetadata = UNSET
    model_version: None | str | Unset = UNSET
    response_id: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.prompt_feedback import PromptFeedback  # noqa: PLC0415
        from ..models.usage_metadata import UsageMetadata  # noqa: PLC0415

        candidates: list[dict[str, Any]] | None | Unset
        if isinstance(self.candidates, Unset):
            candidates = UNSET
        elif isinstance(self.candidates, list):
            candidates = []
            for candidates_type_0_item_data in self.candidates:
                candidates_type_0_item = candidates_type_0_item_data.to_dict()
                candidates.append(candidates_type_0_item)

        else:
            candidates = self.candidates

        prompt_feedback: dict[str, Any] | None | Unset
        if isinstance(self.prompt_feedback, Unset):
            prompt_feedback = UNSET
        elif isinstance(self.prompt_feedback, PromptFeedback):
            prompt_feedback = self.prompt_feedback.to_dict()
        else:
            prompt_feedback = self.prompt_feedback

        usage_metadata: dict[str, Any] | None | Unset
        if isinstance(self.usage_metadata, Unset):
            usage_metadata = UNSET
        elif isinstance(self.usage_metadata, UsageMetadata):
            usage_metadata = self.usage_metadata.to_dict()
        else:
            usage_metadata = self.usage_metadata

        model_version: None | str | Unset
        if isinstance(self.model_version, Unset):
            model_version = UNSET
        else:
            model_version = self.model_version

        response_id: None | str | Unset
        if isinstance(self.response_id, Unset):
            response_id = UNSET
        else:
            response_id = self.response_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if candidates is not UNSET:
            field_dict["candidates"] = candidates
        if prompt_feedback is not UNSET:
            field_dict["promptFeedback"] = prompt_feedback
        if usage_metadata is not UNSET:
            field_dict["usageMetadata"] = usage_metadata
        if model_version is not UNSET:
            field_dict["modelVersion"] = model_version
        if response_id is not UNSET:
            field_dict["responseId"] = response_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.candidate import Candidate  # noqa: PLC0415
        from ..models.prompt_feedback import PromptFeedback  # noqa: PLC0415
        from ..models.usage_metadata import UsageMetadata  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_candidates(data: object) -> list[Candidate] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                candidates_type_0 = []
                _candidates_type_0 = data
                for candidates_type_0_item_data in _candidates_type_0:
                    candidates_type_0_item = Candidate.from_dict(
                        candidates_type_0_item_data
                    )

                    candidates_type_0.append(candidates_type_0_item)

                return candidates_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[Candidate] | None | Unset, data)

        candidates = _parse_candidates(d.pop("candidates", UNSET))

        def _parse_prompt_feedback(data: object) -> None | PromptFeedback | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                prompt_feedback_type_0 = PromptFeedback.from_dict(data)

                return prompt_feedback_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PromptFeedback | Unset, data)

        prompt_feedback = _parse_prompt_feedback(d.pop("promptFeedback", UNSET))

        def _parse_usage_metadata(data: object) -> None | Unset | UsageMetadata:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                usage_metadata_type_0 = UsageMetadata.from_dict(data)

                return usage_metadata_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | UsageMetadata, data)

        usage_metadata = _parse_usage_metadata(d.pop("usageMetadata", UNSET))

        def _parse_model_version(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        model_version = _parse_model_version(d.pop("modelVersion", UNSET))

        def _parse_response_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        response_id = _parse_response_id(d.pop("responseId", UNSET))

        generate_content_response = cls(
            candidates=candidates,
            prompt_feedback=prompt_feedback,
            usage_metadata=usage_metadata,
            model_version=model_version,
            response_id=response_id,
        )

        generate_content_response.additional_properties = d
        return generate_content_response

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
