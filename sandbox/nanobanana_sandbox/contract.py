"""The contract as the sandbox reads it: its lists, its examples, its operations and their schemas."""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml
from attrs import frozen
from jsonschema import Draft202012Validator

from .violation import RefusedError, Violation, refuse

Schema = dict[str, Any]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_STREAMING = ":streamGenerateContent"


@lru_cache
def document() -> dict[str, Any]:
    """openapi.yaml, as the generated client carries it."""
    text = resources.files("nanobanana_api").joinpath("openapi.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return loaded


def example(name: str) -> dict[str, Any]:
    """The value of a named example in openapi.yaml."""
    value: dict[str, Any] = document()["components"]["examples"][name]["value"]
    return value


def resolved(node: Any) -> Any:
    """The node itself, or what its `$ref` points at."""
    while isinstance(node, dict) and "$ref" in node:
        target: Any = document()
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def values(name: str) -> tuple[str, ...]:
    """The list that a named schema allows, such as "AspectRatio", in the contract's order."""
    return tuple(document()["components"]["schemas"][name]["enum"])


@frozen(eq=False)
class Operation:
    """One operation of the contract."""

    method: str
    template: str
    definition: dict[str, Any]

    @property
    def wire(self) -> str | None:
        """Which of the two formats it speaks, "native" or "chat"; None for what the sandbox does not play."""
        if self.method == "post" and self.template.endswith(":generateContent"):
            return "native"
        if self.method == "post" and self.template.endswith("/chat/completions"):
            return "chat"
        return None

    def body_schema(self) -> Schema:
        """The schema of its JSON body."""
        body = resolved(self.definition["requestBody"])
        schema: Schema = body["content"]["application/json"]["schema"]
        return schema

    def allowed(self, parameter: str) -> tuple[str, ...]:
        """The list of values that a parameter of the path may have."""
        for node in self.definition.get("parameters", ()):
            found = resolved(node)
            if found["name"] == parameter:
                return tuple(resolved(found["schema"]).get("enum", ()))
        return ()


@lru_cache
def operations() -> tuple[Operation, ...]:
    """All operations of the contract."""
    return tuple(
        Operation(method, template, item[method])
        for template, item in document()["paths"].items()
        for method in _METHODS
        if method in item
    )


def player(wire: str) -> Operation:
    """The operation that draws in a format, "native" or "chat"."""
    return next(operation for operation in operations() if operation.wire == wire)


@lru_cache
def validator(operation: Operation) -> Draft202012Validator:
    """Holds a body against the operation's schema."""
    return Draft202012Validator({**operation.body_schema(), "components": document()["components"]})


def find(method: str, path: str) -> tuple[Operation, dict[str, str]]:
    """The operation that a request means, and the parameters in its path.

    Raises: RefusedError where there is none, or none that the sandbox plays, or its model is another's.
    """
    found = [
        (operation, match) for operation in operations() if (match := _pattern(operation.template).fullmatch(path))
    ]
    if not found:
        raise refuse("endpoint_not_found", f"There is no {path[:200]} here. {_hint(path)}", status=404)
    for operation, match in found:
        if operation.method == method.lower():
            if operation.wire is None:
                raise RefusedError(_not_played(operation))
            parameters = match.groupdict()
            if "model" in parameters:
                _check_model(operation, parameters["model"])
            return operation, parameters
    allowed = ", ".join(operation.method.upper() for operation, _ in found)
    message = f"{path} takes {allowed}, not {method}"
    raise RefusedError(Violation(405, "endpoint_not_found", message, headers={"Allow": allowed}))


@lru_cache
def _pattern(template: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", template)
    literal = [re.escape(piece) if index % 2 == 0 else f"(?P<{piece}>[^/]+)" for index, piece in enumerate(pieces)]
    return re.compile("".join(literal))


def _not_played(operation: Operation) -> Violation:
    played = " and ".join(f"POST {known.template}" for known in operations() if known.wire)
    message = (
        f"The contract has {operation.method.upper()} {operation.template}, but the sandbox does not play it: "
        f"it draws pictures, by {played}"
    )
    return Violation(501, "not_implemented", message, type="server_error")


def _check_model(operation: Operation, model: str) -> None:
    allowed = operation.allowed("model")
    if model in allowed or not allowed:
        return
    chat = player("chat")
    if re.fullmatch(r"[{<].*[}>]", model):
        message = f"The path holds the placeholder {model} itself; put a model there, one of {', '.join(allowed)}"
    elif model in values("ChatModel"):
        message = f"{model} speaks the chat format only: POST {chat.template}. In this path: {', '.join(allowed)}"
    else:
        message = f"There is no model {model!r} here; the models of this path are {', '.join(allowed)}"
    raise refuse("model_not_found", message, "model", status=404)


def _hint(path: str) -> str:
    """What the caller of an unknown path most likely wants."""
    native, chat = player("native").template, player("chat").template
    if path.endswith(_STREAMING):
        return f"Pictures are not streamed: call POST {native} instead (generate_content, not its streaming sister)"
    tail = path.rstrip("/")
    for template in (native, chat):
        ending = template[template.rfind(":") if ":" in template else template.rfind("/chat") :]
        if tail.endswith(ending):
            return f"POST {template} is what comes nearest; look at the base URL of your client"
    if tail.endswith(("/images/generations", "/images/edits", "/responses", "/completions", ":predict")):
        return f"Pictures are made with POST {native} or POST {chat}"
    known = [operation.template for operation in operations()]
    nearest = difflib.get_close_matches(path[:200], known, n=1)
    paths = nearest or known
    return "Did you mean " + " or ".join(paths) + "?"
