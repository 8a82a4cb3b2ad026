from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.generation_config import GenerationConfig
    from ..models.model_turn import ModelTurn
    from ..models.user_turn import UserTurn


T = TypeVar("T", bound="GenerateContentRequest")


@_attrs_define
class GenerateContentRequest:
    """What to draw, and how.

    Attributes:
        contents (list[ModelTurn | UserTurn]): The conversation so far, turns of the user and of the model in
            alternation, the user's
            first and last. Usually it is one turn.
        generation_config (GenerationConfig): The kind and shape of the answer.
    """

    contents: list[ModelTurn | UserTurn]
    generation_config: GenerationConfig
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.user_turn import UserTurn  # noqa: PLC0415

        contents = []
        for contents_item_data in self.contents:
            contents_item: dict[str, Any]
            if isinstance(contents_item_data, UserTurn):
                contents_item = contents_item_data.to_dict()
            else:
                contents_item = contents_item_data.to_dict()

            contents.append(contents_item)

        generation_config = self.generation_config.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "contents": contents,
                "generationConfig": generation_config,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.generation_config import GenerationConfig  # noqa: PLC0415
        from ..models.model_turn import ModelTurn  # noqa: PLC0415
        from ..models.user_turn import UserTurn  # noqa: PLC0415

        d = dict(src_dict)
        contents = []
        _contents = d.pop("contents")
        for contents_item_data in _contents:

            def _parse_contents_item(data: object) -> ModelTurn | UserTurn:
                try:
                    if not isinstance(data, dict):
                        raise TypeError()
                    componentsschemas_turn_type_0 = UserTurn.from_dict(data)

                    return componentsschemas_turn_type_0
                except (TypeError, ValueError, AttributeError, KeyError):
                    pass
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_turn_type_1 = ModelTurn.from_dict(data)

                return componentsschemas_turn_type_1

            contents_item = _parse_contents_item(contents_item_data)

            contents.append(contents_item)

        generation_config = GenerationConfig.from_dict(d.pop("generationConfig"))

        generate_content_request = cls(
            contents=contents,
            generation_config=generation_config,
        )

        generate_content_request.additional_properties = d
        return generate_content_request

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
