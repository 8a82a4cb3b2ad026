from typing import Literal

ChatAssistantRole = Literal["assistant"]

CHAT_ASSISTANT_ROLE_VALUES: set[ChatAssistantRole] = {
    "assistant",
}


def check_chat_assistant_role(value: str) -> ChatAssistantRole:
    if value in CHAT_ASSISTANT_ROLE_VALUES:
        return value
    raise TypeError(
        f"Unexpected value {value!r}. Expected one of {CHAT_ASSISTANT_ROLE_VALUES!r}"
    )
