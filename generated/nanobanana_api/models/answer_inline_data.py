from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="AnswerInlineData")


@_attrs_define
class AnswerInlineData:
    """A picture that was drawn.

    Attributes:
        mimeType (None | str | Unset): The type as stated. It can be wrong; the bytes decide.
        mime_type (None | str | Unset): The same from upstreams that write snake case.
        data (None | str | Unset): The picture in Base64 (RFC 4648, section 4) or, from some upstreams, an https URL of
            it.
    """

    mimeType: None | str | Unset = UNSET
    mime_type: None | str | Unset = UNSET
    data: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        mimeType: None | str | Unset
        if isinstance(self.mimeType, Unset):
            mimeType = UNSET
        else:
            mimeType = self.mimeType

        mime_type: None | str | Unset
        if isinstance(self.mime_type, Unset):
            mime_type = UNSET
        else:
            mime_type = self.mime_type

        data: None | str | Unset
        if isinstance(self.data, Unset):
            data = UNSET
        else:
            data = self.data

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if mimeType is not UNSET:
            field_dict["mimeType"] = mimeType
        if mime_type is not UNSET:
            field_dict["mime_type"] = mime_type
        if data is not UNSET:
            field_dict["data"] = data

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_mimeType(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        mimeType = _parse_mimeType(d.pop("mimeType", UNSET))

        def _parse_mime_type(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        mime_type = _parse_mime_type(d.pop("mime_type", UNSET))

        def _parse_data(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        data = _parse_data(d.pop("data", UNSET))

        answer_inline_data = cls(
            mimeType=mimeType,
            mime_type=mime_type,
            data=data,
        )

        answer_inline_data.additional_properties = d
        return answer_inline_data

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
