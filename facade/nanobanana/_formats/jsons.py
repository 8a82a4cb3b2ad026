"""Generated models as plain JSON values: what an answer says, whether the contract names it or not."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

import attrs
from nanobanana_api.types import UNSET

T = TypeVar("T")

_REST = "additional_properties"


class _Anything(list[Any]):
    """Passes for a value of any field, when a generated model is written."""

    def to_dict(self) -> dict[str, Any]:
        return {}

    def isoformat(self) -> str:
        return ""


@cache
def json_names(model: Any) -> dict[str, str]:
    """The attributes of a generated model, in their order, with the name that each has in JSON."""
    fields = [field for field in attrs.fields(model) if field.init]
    written = model(**{field.alias: _Anything() for field in fields}).to_dict()
    return dict(zip((field.name for field in fields), written, strict=True))


def as_json(value: Any) -> Any:
    """A generated model as the JSON it was parsed from; whatever the parser left as it was stays so.

    A model's own `to_dict` fails where an entry of a list did not fit.
    """
    if isinstance(value, list):
        return [as_json(entry) for entry in value]
    return left(value) if hasattr(value, _REST) else value


def left(model: Any, *read: str) -> dict[str, Any]:
    """The fields of a generated model by the names they came under, but for the attributes that were read."""
    fields = {
        name: as_json(getattr(model, attribute))
        for attribute, name in json_names(model.__class__).items()
        if attribute not in read and getattr(model, attribute) is not UNSET
    }
    return {**getattr(model, _REST), **fields}


def as_text(value: object) -> str:
    """The string, or "" for anything else."""
    return value if isinstance(value, str) else ""


def as_count(value: object) -> int | None:
    """The whole number, also one that is written as `12.0`; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_models(cls: type[T], value: object) -> list[T]:
    """The generated models in a list; what else the answer had there is passed over.

    Where one entry does not fit, the generated parser leaves the whole list unparsed.
    """
    if not isinstance(value, list):
        return []
    models = (cls.from_dict(entry) if isinstance(entry, dict) else entry for entry in value)  # type: ignore[attr-defined]
    return [model for model in models if isinstance(model, cls)]
