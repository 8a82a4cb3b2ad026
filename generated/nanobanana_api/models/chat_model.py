from typing import Literal

ChatModel = Literal["nanobanana", "nanobanana_2", "nanobanana_pro"]

CHAT_MODEL_VALUES: set[ChatModel] = {
    "nanobanana",
    "nanobanana_2",
    "nanobanana_pro",
}


def check_chat_model(value: str) -> ChatModel:
    if value in CHAT_MODEL_VALUES:
        return value
    raise TypeError(
        f"Unexpected value {value!r}. Expected one of {CHAT_MODEL_VALUES!r}"
    )
