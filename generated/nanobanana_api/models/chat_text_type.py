from typing import Literal

ChatTextType = Literal["text"]

CHAT_TEXT_TYPE_VALUES: set[ChatTextType] = {
    "text",
}


def check_chat_text_type(value: str) -> ChatTextType:
    if value in CHAT_TEXT_TYPE_VALUES:
        return value
    raise TypeError(
        f"Unexpected value {value!r}. Expected one of {CHAT_TEXT_TYPE_VALUES!r}"
    )
