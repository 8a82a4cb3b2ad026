from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.inline_data import InlineData
    from ..models.other_inline_data import OtherInlineData


T = TypeVar("T", bound="Part")


@_attrs_define
class Part:
    """A piece of the user's turn: either text or one reference image. Files by URI (`fileData`) are
    not accepted; download them first.

        Attributes:
            text (str | Unset): The prompt. Say what to draw, and that a picture is wanted.
            inline_data (InlineData | Unset): One reference image. Mind the case of the keys; it is `inline_data` outside
                and `mimeType` inside.
            inlineData (OtherInlineData | Unset): The same as `inline_data`, as other clients of the protocol write it: the
                upstream takes either case of
                each key. The gateway's page knows only `inline_data`, so write that.
    """

    text: str | Unset = UNSET
    inline_data: InlineData | Unset = UNSET
    inlineData: OtherInlineData | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        text = self.text

        inline_data: dict[str, Any] | Unset = UNSET
        if not isinstance(self.inline_data, Unset):
            inline_data = self.inline_data.to_dict()

        inlineData: dict[str, Any] | Unset = UNSET
        if not isinstance(self.inlineData, Unset):
            inlineData = self.inlineData.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if text is not UNSET:
            field_dict["text"] = text
        if inline_data is not UNSET:
            field_dict["inline_data"] = inline_data
        if inlineData is not UNSET:
            field_dict["inlineData"] = inlineData

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.inline_data import InlineData  # noqa: PLC0415
        from ..models.other_inline_data import OtherInlineData  # noqa: PLC0415

        d = dict(src_dict)
        text = d.pop("text", UNSET)

        _inline_data = d.pop("inline_data", UNSET)
        inline_data: InlineData | Unset
        if isinstance(_inline_data, Unset):
            inline_data = UNSET
        else:
            inline_data = InlineData.from_dict(_inline_data)

        _inlineData = d.pop("inlineData", UNSET)
        inlineData: OtherInlineData | Unset
        if isinstance(_inlineData, Unset):
            inlineData = UNSET
        else:
            inlineData = OtherInlineData.from_dict(_inlineData)

        part = cls(
            text=text,
            inline_data=inline_data,
            inlineData=inlineData,
        )

        part.additional_properties = d
        return part

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
