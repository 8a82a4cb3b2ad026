from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.answer_file_data import AnswerFileData
    from ..models.answer_inline_data import AnswerInlineData


T = TypeVar("T", bound="AnswerPart")


@_attrs_define
class AnswerPart:
    """A piece of the model's turn: text, a picture, or a thought. Pictures come as `inlineData` or, from
    some upstreams, as `inline_data`. Fields not named here must be kept when the turn is sent back.

        Attributes:
            text (None | str | Unset): Words, or, from some upstreams, a picture as a `data:image/...;base64,` URI.
            inlineData (AnswerInlineData | None | Unset):
            inline_data (AnswerInlineData | None | Unset):
            file_data (AnswerFileData | None | Unset):
            thought (bool | None | Unset): Marks reasoning and drafts, which come before the final picture.
            thought_signature (None | str | Unset): Opaque, perhaps empty, not always Base64. It goes back with the next
                turn as it is.
    """

    text: None | str | Unset = UNSET
    inlineData: AnswerInlineData | None | Unset = UNSET
    inline_data: AnswerInlineData | None | Unset = UNSET
    file_data: AnswerFileData | None | Unset = UNSET
    thought: bool | None | Unset = UNSET
    thought_signature: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.answer_file_data import AnswerFileData  # noqa: PLC0415
        from ..models.answer_inline_data import AnswerInlineData  # noqa: PLC0415

        text: None | str | Unset
        if isinstance(self.text, Unset):
            text = UNSET
        else:
            text = self.text

        inlineData: dict[str, Any] | None | Unset
        if isinstance(self.inlineData, Unset):
            inlineData = UNSET
        elif isinstance(self.inlineData, AnswerInlineData):
            inlineData = self.inlineData.to_dict()
        else:
            inlineData = self.inlineData

        inline_data: dict[str, Any] | None | Unset
        if isinstance(self.inline_data, Unset):
            inline_data = UNSET
        elif isinstance(self.inline_data, AnswerInlineData):
            inline_data = self.inline_data.to_dict()
        else:
            inline_data = self.inline_data

        file_data: dict[str, Any] | None | Unset
        if isinstance(self.file_data, Unset):
            file_data = UNSET
        elif isinstance(self.file_data, AnswerFileData):
            file_data = self.file_data.to_dict()
        else:
            file_data = self.file_data

        thought: bool | None | Unset
        if isinstance(self.thought, Unset):
            thought = UNSET
        else:
            thought = self.thought

        thought_signature: None | str | Unset
        if isinstance(self.thought_signature, Unset):
            thought_signature = UNSET
        else:
            thought_signature = self.thought_signature

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if text is not UNSET:
            field_dict["text"] = text
        if inlineData is not UNSET:
            field_dict["inlineData"] = inlineData
        if inline_data is not UNSET:
            field_dict["inline_data"] = inline_data
        if file_data is not UNSET:
            field_dict["fileData"] = file_data
        if thought is not UNSET:
            field_dict["thought"] = thought
        if thought_signature is not UNSET:
            field_dict["thoughtSignature"] = thought_signature

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.answer_file_data import AnswerFileData  # noqa: PLC0415
        from ..models.answer_inline_data import AnswerInlineData  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_text(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        text = _parse_text(d.pop("text", UNSET))

        def _parse_inlineData(data: object) -> AnswerInlineData | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                inline_data_type_0 = AnswerInlineData.from_dict(data)

                return inline_data_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AnswerInlineData | None | Unset, data)

        inlineData = _parse_inlineData(d.pop("inlineData", UNSET))

        def _parse_inline_data(data: object) -> AnswerInlineData | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                inline_data_type_0 = AnswerInlineData.from_dict(data)

                return inline_data_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AnswerInlineData | None | Unset, data)

        inline_data = _parse_inline_data(d.pop("inline_data", UNSET))

        def _parse_file_data(data: object) -> AnswerFileData | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                file_data_type_0 = AnswerFileData.from_dict(data)

                return file_data_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AnswerFileData | None | Unset, data)

        file_data = _parse_file_data(d.pop("fileData", UNSET))

        def _parse_thought(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        thought = _parse_thought(d.pop("thought", UNSET))

        def _parse_thought_signature(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        thought_signature = _parse_thought_signature(d.pop("thoughtSignature", UNSET))

        answer_part = cls(
            text=text,
            inlineData=inlineData,
            inline_data=inline_data,
            file_data=file_data,
            thought=thought,
            thought_signature=thought_signature,
        )

        answer_part.additional_properties = d
        return answer_part

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
