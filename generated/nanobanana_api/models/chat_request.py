from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.chat_model import ChatModel, check_chat_model
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.chat_assistant_message import ChatAssistantMessage
    from ..models.chat_extra_body import ChatExtraBody
    from ..models.chat_user_message import ChatUserMessage


T = TypeVar("T", bound="ChatRequest")


@_attrs_define
class ChatRequest:
    """What to draw, and how, in the form of a chat.

    Attributes:
        model (ChatModel): A model that speaks the chat format: all of them. `nanobanana_2`, the second generation in
            the budget
            tier, speaks no other.
        messages (list[ChatAssistantMessage | ChatUserMessage]): The conversation so far, messages of the user and of
            the model in alternation, the user's first and last.
        stream (bool | Unset): Always false. Pictures are not streamed.
        extra_body (ChatExtraBody | Unset): A literal key of the JSON body, and no more than that. Client libraries, the
            OpenAI packages and this one
            among them, know an argument of the same name whose contents are merged into the body; to write this
            key with such an argument, write it once more inside: `extra_body={"extra_body": {"google": {...}}}`.
    """

    model: ChatModel
    messages: list[ChatAssistantMessage | ChatUserMessage]
    stream: bool | Unset = UNSET
    extra_body: ChatExtraBody | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.chat_user_message import ChatUserMessage  # noqa: PLC0415

        model: str = self.model

        messages = []
        for messages_item_data in self.messages:
            messages_item: dict[str, Any]
            if isinstance(messages_item_data, ChatUserMessage):
                messages_item = messages_item_data.to_dict()
            else:
                messages_item = messages_item_data.to_dict()

            messages.append(messages_item)

        stream = self.stream

        extra_body: dict[str, Any] | Unset = UNSET
        if not isinstance(self.extra_body, Unset):
            extra_body = self.extra_body.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "model": model,
                "messages": messages,
            }
        )
        if stream is not UNSET:
            field_dict["stream"] = stream
        if extra_body is not UNSET:
            field_dict["extra_body"] = extra_body

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.chat_assistant_message import ChatAssistantMessage  # noqa: PLC0415
        from ..models.chat_extra_body import ChatExtraBody  # noqa: PLC0415
        from ..models.chat_user_message import ChatUserMessage  # noqa: PLC0415

        d = dict(src_dict)
        model = check_chat_model(d.pop("model"))

        messages = []
        _messages = d.pop("messages")
        for messages_item_data in _messages:

            def _parse_messages_item(
                data: object,
            ) -> ChatAssistantMessage | ChatUserMessage:
                try:
                    if not isinstance(data, dict):
                        raise TypeError()
                    componentsschemas_chat_message_type_0 = ChatUserMessage.from_dict(
                        data
                    )

                    return componentsschemas_chat_message_type_0
                except (TypeError, ValueError, AttributeError, KeyError):
                    pass
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_chat_message_type_1 = ChatAssistantMessage.from_dict(
                    data
                )

                return componentsschemas_chat_message_type_1

            messages_item = _parse_messages_item(messages_item_data)

            messages.append(messages_item)

        stream = d.pop("stream", UNSET)

        _extra_body = d.pop("extra_body", UNSET)
        extra_body: ChatExtraBody | Unset
        if isinstance(_extra_body, Unset):
            extra_body = UNSET
        else:
            extra_body = ChatExtraBody.from_dict(_extra_body)

        chat_request = cls(
            model=model,
            messages=messages,
            stream=stream,
            extra_body=extra_body,
        )

        chat_request.additional_properties = d
        return chat_request

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
