from typing import Literal

NativeModel = Literal["nanobanana", "nanobanana_pro"]

NATIVE_MODEL_VALUES: set[NativeModel] = {
    "nanobanana",
    "nanobanana_pro",
}


def check_native_model(value: str) -> NativeModel:
    if value in NATIVE_MODEL_VALUES:
        return value
    raise TypeError(
        f"Unexpected value {value!r}. Expected one of {NATIVE_MODEL_VALUES!r}"
    )
