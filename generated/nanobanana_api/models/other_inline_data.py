from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="OtherInlineData")


@_attrs_define
class OtherInlineData:
    """The same as `inline_data`, as other clients of the protocol write it: the upstream takes either case of
    each key. The gateway's page knows only `inline_data`, so write that.

        Attributes:
            data (str): The bytes of the picture in Base64.
            mimeType (str | Unset): The type of the bytes. This or `mime_type` must be there.
            mime_type (str | Unset): The same.
    """

    data: str
    mimeType: str | Unset = UNSET
    mime_type: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        data = self.data

        mimeType = self.mimeType

        mime_type = self.mime_type

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "data": data,
            }
        )
        if mimeType is not UNSET:
            field_dict["mimeType"] = mimeType
        if mime_type is not UNSET:
            field_dict["mime_type"] = mime_type

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        data = d.pop("data")

        mimeType = d.pop("mimeType", UNSET)

        mime_type = d.pop("mime_type", UNSET)

        other_inline_data = cls(
            data=data,
            mimeType=mimeType,
            mime_type=mime_type,
        )

        other_inline_data.additional_properties = d
        return other_inline_data

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
