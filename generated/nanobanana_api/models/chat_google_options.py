from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.chat_image_config import ChatImageConfig


T = TypeVar("T", bound="ChatGoogleOptions")


@_attrs_define
class ChatGoogleOptions:
    """What the chat format has no words for.

    Attributes:
        image_config (ChatImageConfig | Unset): The shape of the picture.
    """

    image_config: ChatImageConfig | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        image_config: dict[str, Any] | Unset = UNSET
        if not isinstance(self.image_config, Unset):
            image_config = self.image_config.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if image_config is not UNSET:
            field_dict["image_config"] = image_config

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.chat_image_config import ChatImageConfig  # noqa: PLC0415

        d = dict(src_dict)
        _image_config = d.pop("image_config", UNSET)
        image_config: ChatImageConfig | Unset
        if isinstance(_image_config, Unset):
            image_config = UNSET
        else:
            image_config = ChatImageConfig.from_dict(_image_config)

        chat_google_options = cls(
            image_config=image_config,
        )

        chat_google_options.additional_properties = d
        return chat_google_options

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
