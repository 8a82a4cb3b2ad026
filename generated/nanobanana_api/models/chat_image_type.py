from typing import Literal

ChatImageType = Literal["image_url"]

CHAT_IMAGE_TYPE_VALUES: set[ChatImageType] = {
    "image_url",
}


def check_chat_image_type(value: str) -> ChatImageType:
    if value in CHAT_IMAGE_TYPE_VALUES:
        return value
    raise TypeError(
        f"Unexpected value {value!r}. Expected one of {CHAT_IMAGE_TYPE_VALUES!r}"
    )
