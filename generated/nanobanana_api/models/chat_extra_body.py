from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.chat_google_options import ChatGoogleOptions


T = TypeVar("T", bound="ChatExtraBody")


@_attrs_define
class ChatExtraBody:
    """A literal key of the JSON body, and no more than that. Client libraries, the OpenAI packages and this one
    among them, know an argument of the same name whose contents are merged into the body; to write this
    key with such an argument, write it once more inside: `extra_body={"extra_body": {"google": {...}}}`.

        Attributes:
            google (ChatGoogleOptions | Unset): What the chat format has no words for.
    """

    google: ChatGoogleOptions | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        google: dict[str, Any] | Unset = UNSET
        if not isinstance(self.google, Unset):
            google = self.google.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if google is not UNSET:
            field_dict["google"] = google

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.chat_google_options import ChatGoogleOptions  # noqa: PLC0415

        d = dict(src_dict)
        _google = d.pop("google", UNSET)
        google: ChatGoogleOptions | Unset
        if isinstance(_google, Unset):
            google = UNSET
        else:
            google = ChatGoogleOptions.from_dict(_google)

        chat_extra_body = cls(
            google=google,
        )

        chat_extra_body.additional_properties = d
        return chat_extra_body

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
