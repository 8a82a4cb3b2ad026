from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.answer_content import AnswerContent
    from ..models.safety_rating import SafetyRating


T = TypeVar("T", bound="Candidate")


@_attrs_define
class Candidate:
    """One answer.

    Attributes:
        content (AnswerContent | None | Unset): The turn of the model. It may be missing, or an empty object, when
            nothing was drawn.
        finish_reason (None | str | Unset): Why the model stopped: `STOP` on success, at times also without a picture;
            `NO_IMAGE`,
            `IMAGE_SAFETY`, `IMAGE_PROHIBITED_CONTENT`, `IMAGE_RECITATION`, `IMAGE_OTHER`, `SAFETY`,
            `RECITATION`, `PROHIBITED_CONTENT`, `MAX_TOKENS` and others when there is none.
        finish_message (None | str | Unset): The same in words.
        index (int | None | Unset): The place of this candidate among the others, from 0.
        safety_ratings (list[SafetyRating] | None | Unset): How the safety filters saw the answer.
    """

    content: AnswerContent | None | Unset = UNSET
    finish_reason: None | str | Unset = UNSET
    finish_message: None | str | Unset = UNSET
    index: int | None | Unset = UNSET
    safety_ratings: list[SafetyRating] | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.answer_content import AnswerContent  # noqa: PLC0415

        content: dict[str, Any] | None | Unset
        if isinstance(self.content, Unset):
            content = UNSET
        elif isinstance(self.content, AnswerContent):
            content = self.content.to_dict()
        else:
            content = self.content

        finish_reason: None | str | Unset
        if isinstance(self.finish_reason, Unset):
            finish_reason = UNSET
        else:
            finish_reason = self.finish_reason

        finish_message: None | str | Unset
        if isinstance(self.finish_message, Unset):
            finish_message = UNSET
        else:
            finish_message = self.finish_message

        index: int | None | Unset
        if isinstance(self.index, Unset):
            index = UNSET
        else:
            index = self.index

        safety_ratings: list[dict[str, Any]] | None | Unset
        if isinstance(self.safety_ratings, Unset):
            safety_ratings = UNSET
        elif isinstance(self.safety_ratings, list):
            safety_ratings = []
            for safety_ratings_type_0_item_data in self.safety_ratings:
                safety_ratings_type_0_item = safety_ratings_type_0_item_data.to_dict()
                safety_ratings.append(safety_ratings_type_0_item)

        else:
            safety_ratings = self.safety_ratings

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if content is not UNSET:
            field_dict["content"] = content
        if finish_reason is not UNSET:
            field_dict["finishReason"] = finish_reason
        if finish_message is not UNSET:
            field_dict["finishMessage"] = finish_message
        if index is not UNSET:
            field_dict["index"] = index
        if safety_ratings is not UNSET:
            field_dict["safetyRatings"] = safety_ratings

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.answer_content import AnswerContent  # noqa: PLC0415
        from ..models.safety_rating import SafetyRating  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_content(data: object) -> AnswerContent | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                content_type_0 = AnswerContent.from_dict(data)

                return content_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AnswerContent | None | Unset, data)

        content = _parse_content(d.pop("content", UNSET))

        def _parse_finish_reason(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        finish_reason = _parse_finish_reason(d.pop("finishReason", UNSET))

        def _parse_finish_message(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        finish_message = _parse_finish_message(d.pop("finishMessage", UNSET))

        def _parse_index(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        index = _parse_index(d.pop("index", UNSET))

        def _parse_safety_ratings(data: object) -> list[SafetyRating] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                safety_ratings_type_0 = []
                _safety_ratings_type_0 = data
                for safety_ratings_type_0_item_data in _safety_ratings_type_0:
                    safety_ratings_type_0_item = SafetyRating.from_dict(
                        safety_ratings_type_0_item_data
                    )

                    safety_ratings_type_0.append(safety_ratings_type_0_item)

                return safety_ratings_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[SafetyRating] | None | Unset, data)

        safety_ratings = _parse_safety_ratings(d.pop("safetyRatings", UNSET))

        candidate = cls(
            content=content,
            finish_reason=finish_reason,
            finish_message=finish_message,
            index=index,
            safety_ratings=safety_ratings,
        )

        candidate.additional_properties = d
        return candidate

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
