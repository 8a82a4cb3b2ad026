from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.aspect_ratio import AspectRatio, check_aspect_ratio
from ..models.image_size import ImageSize, check_image_size
from ..types import UNSET, Unset

T = TypeVar("T", bound="ChatImageConfig")


@_attrs_define
class ChatImageConfig:
    """The shape of the picture.

    Attributes:
        aspect_ratio (AspectRatio | Unset): The width of the picture against its height.
        image_size (ImageSize | Unset): The class of resolution. The documented sizes in pixels, width by height:

            | ratio | 1K | 2K | 4K |
            |---|---|---|---|
            | 1:1 | 1024x1024 | 2048x2048 | 4096x4096 |
            | 3:4 | 896x1200 | 1792x2400 | 3584x4800 |
            | 4:3 | 1200x896 | 2400x1792 | 4800x3584 |
            | 9:16 | 768x1376 | 1536x2752 | 3072x5504 |
            | 16:9 | 1376x768 | 2752x1536 | 5504x3072 |

            They follow one rule. With n the number before the K and r the ratio as a number not below 1:
            short side = n x (1024 / sqrt(r), rounded up to a multiple of 16); long side = n x
            (the short side at 1K x r, rounded up to a multiple of 16). Pictures of the live service may
            differ from this by a few per cent. Of a size that is not a number before a K, or a ratio that is not two
            numbers, the rule says nothing: clients send such a value when it is asked for, and never choose it.
    """

    aspect_ratio: AspectRatio | Unset = UNSET
    image_size: ImageSize | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        aspect_ratio: str | Unset = UNSET
        if not isinstance(self.aspect_ratio, Unset):
            aspect_ratio = self.aspect_ratio

        image_size: str | Unset = UNSET
        if not isinstance(self.image_size, Unset):
            image_size = self.image_size

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if aspect_ratio is not UNSET:
            field_dict["aspect_ratio"] = aspect_ratio
        if image_size is not UNSET:
            field_dict["image_size"] = image_size

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        _aspect_ratio = d.pop("aspect_ratio", UNSET)
        aspect_ratio: AspectRatio | Unset
        if isinstance(_aspect_ratio, Unset):
            aspect_ratio = UNSET
        else:
            aspect_ratio = check_aspect_ratio(_aspect_ratio)

        _image_size = d.pop("image_size", UNSET)
        image_size: ImageSize | Unset
        if isinstance(_image_size, Unset):
            image_size = UNSET
        else:
            image_size = check_image_size(_image_size)

        chat_image_config = cls(
            aspect_ratio=aspect_ratio,
            image_size=image_size,
        )

        chat_image_config.additional_properties = d
        return chat_image_config

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
