from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="InlineData")


@_attrs_define
class InlineData:
    """One reference image. Mind the case of the keys; it is `inline_data` outside and `mimeType` inside.

    Attributes:
        mime_type (str): The type of the bytes, for instance `image/png`. It must match them.
        data (str): The bytes of the picture in Base64 (RFC 4648, section 4), without a `data:` prefix; at most 20 MB of
            picture.
    """

    mime_type: str
    data: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        mime_type = self.mime_type

        data = self.data

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "mimeType": mime_type,
                "data": data,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        mime_type = d.pop("mimeType")

        data = d.pop("data")

        inline_data = cls(
            mime_type=mime_type,
            data=data,
        )

        inline_data.additional_properties = d
        return inline_data

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
