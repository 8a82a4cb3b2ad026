"""Explaining: what the schemas say against a body, in words that tell its sender what to change."""

from __future__ import annotations

import json
from typing import Any

from .contract import Operation, Schema, resolved, validator
from .forms import Form, chosen, is_of_type
from .violation import Violation

_KINDS = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "null",
}
_LONGEST = 60  # letters of a value that are shown
_LONGEST_FORM = 160


def complaint(form: Form, operation: Operation) -> Violation | None:
    """The first thing in a body that is against the operation's schema, or None."""
    problem = next(validator(operation).iter_errors(form.body), None)
    return None if problem is None else _explain(problem, form)


def shown(value: Any) -> str:
    """A value as JSON, short enough for a message."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str) and len(value) > _LONGEST:
        return json.dumps(value[:_LONGEST] + "...", ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)


def pattern(schema: Schema, depth: int = 0) -> Any:
    """A value as the schema wants it: what must be there, with the first of each list."""
    schema = resolved(schema)
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return pattern(schema[key][0], depth)
    if schema.get("examples"):
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    properties = schema.get("properties")
    if properties and depth < 5:
        names = schema.get("required") or [next(iter(properties))]
        return {name: _leaf(name, properties[name], depth + 1) for name in names if name in properties}
    match schema.get("type"):
        case "array":
            items = resolved(schema["items"])
            return list(items["enum"]) if "enum" in items else [pattern(items, depth + 1)]
        case "boolean":
            return False
        case "integer" | "number":
            return 0
        case "string":
            return "<Base64>" if schema.get("contentEncoding") == "base64" else "..."
    return {}


def _leaf(name: str, schema: Schema, depth: int) -> Any:
    return "data:image/png;base64,..." if name == "url" else pattern(schema, depth)


def _as_wanted(schema: Schema) -> str:
    """The form wanted, as the end of a message."""
    text = json.dumps(pattern(schema), ensure_ascii=False)
    return f", such as {text}" if len(text) <= _LONGEST_FORM else ""


def _explain(problem: Any, form: Form) -> Violation:
    while problem.validator in ("oneOf", "anyOf"):
        branches = problem.validator_value
        index = chosen(problem.instance, branches)
        inner = [] if index is None else [found for found in problem.context if found.schema_path[0] == index]
        if not inner:
            return _no_branch(problem, branches, form)
        problem = inner[0]
    path = tuple(problem.absolute_path)
    where = form.where(path) or None
    name = where or "The body"
    match problem.validator:
        case "required":
            missing = next(key for key in problem.validator_value if key not in problem.instance)
            schema = problem.schema.get("properties", {}).get(missing, {})
            whole = form.where((*path, missing))
            wanted = json.dumps(pattern(schema), ensure_ascii=False)
            form_wanted = f'; send "{missing}": {wanted}' if len(wanted) <= _LONGEST_FORM else ""
            return Violation(400, "missing_required_parameter", f"{whole} is missing{form_wanted}", where)
        case "enum" | "const":
            allowed = problem.validator_value if problem.validator == "enum" else [problem.validator_value]
            message = f"{name} must be {_one_of(allowed)}, not {shown(problem.instance)}"
            return Violation(400, "invalid_model" if where == "model" else "invalid_parameter", message, where)
        case "type":
            message = (
                f"{name} must be {_kind(problem.schema)}{_as_wanted(problem.schema)}, not {_got(problem.instance)}"
            )
        case "minItems":
            message = f"{name} must not be empty{_as_wanted(problem.schema)}"
        case keyword:
            wanted = json.dumps(problem.validator_value, ensure_ascii=False)[:_LONGEST_FORM]
            message = f"{name} is against the contract's {keyword} of {wanted}"
    return Violation(400, "invalid_parameter", message, where)


def _no_branch(problem: Any, branches: list[Schema], form: Form) -> Violation:
    """None of several schemas was meant: a mark such as `role` that none of them has, or another type."""
    path, value = tuple(problem.absolute_path), problem.instance
    fitting = [schema for schema in map(resolved, branches) if is_of_type(value, schema)]
    for key in value if isinstance(value, dict) else ():
        marks = [resolved(schema.get("properties", {}).get(key, {})).get("enum") for schema in fitting]
        if marks and all(allowed and len(allowed) == 1 for allowed in marks):
            where = form.where((*path, key))
            allowed = [allowed[0] for allowed in marks]
            if value[key] not in allowed:
                message = (
                    f"{where} must be {_one_of(allowed)}, not {shown(value[key])}{_advice(key, value[key], fitting)}"
                )
                return Violation(400, "invalid_parameter", message, where)
    where = form.where(path)
    kinds = " or ".join(dict.fromkeys(_kind(schema) for schema in map(resolved, branches)))
    message = f"{where} must be {kinds}{_as_wanted(branches[-1])}, not {_got(value)}"
    return Violation(400, "invalid_parameter", message, where)


def _advice(key: str, value: Any, branches: list[Schema]) -> str:
    if key == "role" and value in ("system", "developer"):
        return "; put what it says at the head of the user's text"
    if key == "type":
        return "; the forms are " + " and ".join(json.dumps(pattern(schema)) for schema in branches)
    return ""


def _one_of(allowed: list[Any]) -> str:
    return f"{'one of ' if len(allowed) > 1 else ''}{', '.join(map(str, allowed))}"


def _kind(schema: Schema) -> str:
    wanted = schema.get("type", "object")
    return " or ".join(_KINDS[name] for name in (wanted if isinstance(wanted, list) else [wanted]))


def _got(value: Any) -> str:
    return "a string" if isinstance(value, str) and len(value) > _LONGEST else shown(value)
