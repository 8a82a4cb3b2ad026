from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="ThinkingConfig")


@_attrs_define
class ThinkingConfig:
    """Whether the model shows how it came to the picture.

    Attributes:
        include_thoughts (bool | Unset): Adds the model's reasoning, and its drafts where it makes any, as parts marked
            `thought`.
    """

    include_thoughts: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        include_thoughts = self.include_thoughts

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if include_thoughts is not UNSET:
            field_dict["includeThoughts"] = include_thoughts

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        include_thoughts = d.pop("includeThoughts", UNSET)

        thinking_config = cls(
            include_thoughts=include_thoughts,
        )

        thinking_config.additional_properties = d
        return thinking_config

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
