"""Forms: keys in either case, as the upstream takes them, brought to the one form in which the contract writes them."""

from __future__ import annotations

import re
from typing import Any

from attrs import define, field

from .contract import Schema, resolved
from .violation import refuse

Path = tuple[str | int, ...]

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


@define
class Form:
    """A body in the contract's form, and how its sender had written it."""

    body: Any
    written: dict[Path, str] = field(factory=dict)
    """For each key that was brought to another form, by its place: the key as it was sent."""
    ignored: list[str] = field(factory=list)
    """Keys that the contract does not know."""

    def where(self, path: Path) -> str:
        """A place in the body, in the keys of its sender: "generation_config.image_config"."""
        return ".".join(str(self.written.get(path[: index + 1], step)) for index, step in enumerate(path))


def formed(body: Any, schema: Schema) -> Form:
    """The body with the keys that the contract knows in the contract's own case.

    Raises: RefusedError where a key is there in both.
    """
    form = Form(body)
    form.body = _walk(body, schema, (), form)
    return form


def chosen(value: Any, branches: list[Schema]) -> int | None:
    """Which of several schemas a value means: by its JSON type, and by keys that mark one, such as `role`."""
    for index, branch in enumerate(branches):
        schema = resolved(branch)
        if not is_of_type(value, schema):
            continue
        properties = schema.get("properties", {}) if isinstance(value, dict) else {}
        marks = {key: resolved(node).get("enum", []) for key, node in properties.items() if key in value}
        if not any(len(allowed) == 1 and value[key] not in allowed for key, allowed in marks.items()):
            return index
    return None


def is_of_type(value: Any, schema: Schema) -> bool:
    """Whether a value has the JSON type that a schema wants, if it wants one."""
    wanted = schema.get("type", "object" if "properties" in schema else None)
    if wanted is None:
        return True
    return any(isinstance(value, _TYPES[name]) for name in (wanted if isinstance(wanted, list) else [wanted]))


def _walk(value: Any, schema: Schema, path: Path, form: Form) -> Any:
    schema = resolved(schema)
    for branches in (schema.get("oneOf"), schema.get("anyOf")):
        if branches:
            index = chosen(value, branches)
            return value if index is None else _walk(value, branches[index], path, form)
    if isinstance(value, list) and "items" in schema:
        return [_walk(item, schema["items"], (*path, index), form) for index, item in enumerate(value)]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    properties = schema["properties"]
    names: dict[str, str] = {}
    for known in properties:
        names.setdefault(snake(known), known)
    result = {}
    for key, inner in value.items():
        name = str(key if key in properties else names.get(snake(key), key))
        if name != key and name in value:
            raise refuse("invalid_parameter", f"{form.where((*path, name))} is there twice, also as {key}", key)
        place = (*path, name)
        if name != key:
            form.written[place] = key
        if name in properties:
            result[name] = _walk(inner, properties[name], place, form)
        else:
            result[name] = inner
            if len(form.ignored) < 20:
                form.ignored.append(form.where(place)[:200])
    return result


def snake(name: str) -> str:
    """A key in snake case: "aspectRatio" gives "aspect_ratio"."""
    return _HUMP.sub(r"_\1", name).lower()
