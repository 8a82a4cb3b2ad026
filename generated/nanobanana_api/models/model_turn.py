from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.model_role import ModelRole, check_model_role

if TYPE_CHECKING:
    from ..models.answer_part import AnswerPart


T = TypeVar("T", bound="ModelTurn")


@_attrs_define
class ModelTurn:
    """An earlier answer of the model, given back exactly as it was received, fields unknown to
    this contract included. An answer whose `thoughtSignature` was lost is refused with 400.

        Attributes:
            role (ModelRole): Marks a turn as the model's.
            parts (list[AnswerPart]): The parts of the answer, unchanged and in their order.
    """

    role: ModelRole
    parts: list[AnswerPart]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        role: str = self.role

        parts = []
        for parts_item_data in self.parts:
            parts_item = parts_item_data.to_dict()
            parts.append(parts_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "role": role,
                "parts": parts,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.answer_part import AnswerPart  # noqa: PLC0415

        d = dict(src_dict)
        role = check_model_role(d.pop("role"))

        parts = []
        _parts = d.pop("parts")
        for parts_item_data in _parts:
            parts_item = AnswerPart.from_dict(parts_item_data)

            parts.append(parts_item)

        model_turn = cls(
            role=role,
            parts=parts,
        )

        model_turn.additional_properties = d
        return model_turn

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
