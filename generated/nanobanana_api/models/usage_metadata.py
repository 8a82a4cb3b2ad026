from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="UsageMetadata")


@_attrs_define
class UsageMetadata:
    """Tokens used. Trust the total; details that upstreams add do not always sum to it.

    Attributes:
        prompt_token_count (int | None | Unset): Tokens of the prompt and of the reference images.
        candidates_token_count (int | None | Unset): Tokens of the answer, its picture included.
        total_token_count (int | None | Unset): All tokens of the call.
    """

    prompt_token_count: int | None | Unset = UNSET
    candidates_token_count: int | None | Unset = UNSET
    total_token_count: int | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        prompt_token_count: int | None | Unset
        if isinstance(self.prompt_token_count, Unset):
            prompt_token_count = UNSET
        else:
            prompt_token_count = self.prompt_token_count

        candidates_token_count: int | None | Unset
        if isinstance(self.candidates_token_count, Unset):
            candidates_token_count = UNSET
        else:
            candidates_token_count = self.candidates_token_count

        total_token_count: int | None | Unset
        if isinstance(self.total_token_count, Unset):
            total_token_count = UNSET
        else:
            total_token_count = self.total_token_count

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if prompt_token_count is not UNSET:
            field_dict["promptTokenCount"] = prompt_token_count
        if candidates_token_count is not UNSET:
            field_dict["candidatesTokenCount"] = candidates_token_count
        if total_token_count is not UNSET:
            field_dict["totalTokenCount"] = total_token_count

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_prompt_token_count(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        prompt_token_count = _parse_prompt_token_count(d.pop("promptTokenCount", UNSET))

        def _parse_candidates_token_count(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        candidates_token_count = _parse_candidates_token_count(
            d.pop("candidatesTokenCount", UNSET)
        )

        def _parse_total_token_count(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        total_token_count = _parse_total_token_count(d.pop("totalTokenCount", UNSET))

        usage_metadata = cls(
            prompt_token_count=prompt_token_count,
            candidates_token_count=candidates_token_count,
            total_token_count=total_token_count,
        )

        usage_metadata.additional_properties = d
        return usage_metadata

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
