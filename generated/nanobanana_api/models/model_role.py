from typing import Literal

ModelRole = Literal["model"]

MODEL_ROLE_VALUES: set[ModelRole] = {
    "model",
}


def check_model_role(value: str) -> ModelRole:
    if value in MODEL_ROLE_VALUES:
        return value
    raise TypeError(
        f"Unexpected value {value!r}. Expected one of {MODEL_ROLE_VALUES!r}"
    )
