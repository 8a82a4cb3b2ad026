"""The contract as the sandbox holds requests against it."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Any

import yaml
from attrs import define
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.paths.exceptions import OperationNotFound, PathError
from openapi_core.validation.request.exceptions import InvalidParameter
from werkzeug.datastructures import Headers, ImmutableMultiDict

from .violation import Violation

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@lru_cache
def document() -> dict[str, Any]:
    """openapi.yaml, as the generated client carries it."""
    text = resources.files("nanobanana_api").joinpath("openapi.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@lru_cache
def _openapi() -> OpenAPI:
    return OpenAPI.from_dict(document())


def example(name: str) -> dict[str, Any]:
    """The value of a named example in openapi.yaml."""
    value: dict[str, Any] = document()["components"]["examples"][name]["value"]
    return value


@define
class _Request:
    """A request as openapi-core wants to see one."""

    host_url: str
    path: str
    method: str
    body: bytes
    content_type: str
    parameters: RequestParameters


def check(method: str, path: str, content_type: str, body: bytes) -> Violation | None:
    """The first thing about a request that is against the contract, or None. The key is checked elsewhere."""
    request = _Request(
        host_url=document()["servers"][0]["url"],
        path=path,
        method=method.lower(),
        body=body,
        content_type=content_type.partition(";")[0].strip().lower(),
        parameters=RequestParameters(
            query=ImmutableMultiDict(), header=Headers({"Authorization": "Bearer sk-checked-elsewhere"})
        ),
    )
    if request.method not in _METHODS:
        return Violation(405, "endpoint_not_found", f"There is no {method} here")
    try:
        _openapi().validate_request(request)
    except OperationNotFound:
        return Violation(405, "endpoint_not_found", f"There is no {method} {path}")
    except PathError:
        return Violation(404, "endpoint_not_found", f"There is no {path}")
    except InvalidParameter as error:
        name = getattr(error, "name", "")
        if name == "model":
            return Violation(404, "model_not_found", f"There is no model of this name here: {path}", "model")
        return Violation(400, "invalid_parameter", f"{name} is not as the contract says", name)
    except OpenAPIError as error:
        return _explain(error)
    return None


def _explain(error: OpenAPIError) -> Violation:
    cause: BaseException | None = error
    while cause is not None and not hasattr(cause, "schema_errors"):
        cause = cause.__cause__
    problems = list(getattr(cause, "schema_errors", ()))
    if not problems:
        return Violation(400, "invalid_request_body", "The body must be JSON, with Content-Type: application/json")
    problem = _innermost(problems[0])
    where = ".".join(map(str, problem.absolute_path)) or None
    message = problem.message if len(problem.message) < 300 else f"not valid by {problem.validator!r}"
    if problem.validator == "required":
        return Violation(400, "missing_required_parameter", message, where)
    if where == "model":
        return Violation(400, "invalid_model", message, where)
    return Violation(400, "invalid_parameter", f"{where}: {message}", where)


def _innermost(problem: Any) -> Any:
    """The violation that a person meant: of several alternatives, the one whose role or type was chosen."""
    while problem.context:
        branches: dict[Any, list[Any]] = {}
        for inner in problem.context:
            branches.setdefault(inner.schema_path[0], []).append(inner)
        chosen = [
            branch
            for branch in branches.values()
            if not any(inner.absolute_path and inner.absolute_path[-1] in ("role", "type") for inner in branch)
        ]
        problem = (chosen or list(branches.values()))[0][0]
    return problem
