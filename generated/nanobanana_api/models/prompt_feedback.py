from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="PromptFeedback")


@_attrs_define
class PromptFeedback:
    """What was thought of the prompt.

    Attributes:
        block_reason (None | str | Unset): Why nothing was drawn: `SAFETY`, `IMAGE_SAFETY`, `PROHIBITED_CONTENT`,
            `OTHER` (often a reference
            image that could not be used) or another.
        block_reason_message (None | str | Unset): The same in words.
    """

    block_reason: None | str | Unset = UNSET
    block_reason_message: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        block_reason: None | str | Unset
        if isinstance(self.block_reason, Unset):
            block_reason = UNSET
        else:
            block_reason = self.block_reason

        block_reason_message: None | str | Unset
        if isinstance(self.block_reason_message, Unset):
            block_reason_message = UNSET
        else:
            block_reason_message = self.block_reason_message

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if block_reason is not UNSET:
            field_dict["blockReason"] = block_reason
        if block_reason_message is not UNSET:
            field_dict["blockReasonMessage"] = block_reason_message

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_block_reason(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        block_reason = _parse_block_reason(d.pop("blockReason", UNSET))

        def _parse_block_reason_message(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        block_reason_message = _parse_block_reason_message(
            d.pop("blockReasonMessage", UNSET)
        )

        prompt_feedback = cls(
            block_reason=block_reason,
            block_reason_message=block_reason_message,
        )

        prompt_feedback.additional_properties = d
        return prompt_feedback

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
