from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.aspect_ratio import AspectRatio, check_aspect_ratio
from ..models.image_size import ImageSize, check_image_size

T = TypeVar("T", bound="ImageConfig")


@_attrs_define
class ImageConfig:
    """The shape of the picture.

    Attributes:
        aspect_ratio (AspectRatio): The width of the picture against its height.
        image_size (ImageSize): The class of resolution. The documented sizes in pixels, width by height:

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

    aspect_ratio: AspectRatio
    image_size: ImageSize
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        aspect_ratio: str = self.aspect_ratio

        image_size: str = self.image_size

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "aspectRatio": aspect_ratio,
                "imageSize": image_size,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        aspect_ratio = check_aspect_ratio(d.pop("aspectRatio"))

        image_size = check_image_size(d.pop("imageSize"))

        image_config = cls(
            aspect_ratio=aspect_ratio,
            image_size=image_size,
        )

        image_config.additional_properties = d
        return image_config

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
