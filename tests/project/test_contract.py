"""openapi.yaml: valid, truthful in its examples, and wholly covered by the facade."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from nanobanana.vocabulary import pixels
from openapi_spec_validator import validate

CONTRACT: dict[str, Any] = yaml.safe_load(Path("openapi.yaml").read_text())
OPERATIONS = [operation for path in CONTRACT["paths"].values() for operation in path.values()]


def test_contract_is_valid_openapi() -> None:
    """The contract is a valid OpenAPI 3.1 document."""
    validate(CONTRACT)


def _resolve(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = CONTRACT
        for key in node["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        node = target
    return node


def _examples() -> list[Any]:
    found = {}
    for operation in OPERATIONS:
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in map(_resolve, bodies):
            media = body.get("content", {}).get("application/json", {})
            for name, example in media.get("examples", {}).items():
                found[name, media["schema"]["$ref"]] = _resolve(example)["value"]
    return [pytest.param(schema, value, id=name) for (name, schema), value in found.items()]


@pytest.mark.parametrize(("schema", "value"), _examples())
def test_example_fits_its_schema(schema: str, value: Any) -> None:
    """Each example in the contract is valid against the schema it stands for."""
    Draft202012Validator({"$ref": schema, "components": CONTRACT["components"]}).validate(value)


def test_every_named_example_is_used() -> None:
    """No example lies in the contract without a place that shows it."""
    text = Path("openapi.yaml").read_text()
    unused = [n for n in CONTRACT["components"]["examples"] if f"#/components/examples/{n}" not in text]
    assert not unused


def test_only_requests_have_closed_lists() -> None:
    """No schema that an answer can reach has an enum, so that a new value never breaks a client."""
    reached: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for entry in node:
                walk(entry)
        if isinstance(node, dict):
            reference = node.get("$ref", "")
            if reference and reference not in reached:
                reached.add(reference)
                walk(_resolve(node))
            for key, value in node.items():
                assert key != "enum", f"an enum in an answer: {value}"
                if key != "examples":
                    walk(value)

    for operation in OPERATIONS:
        walk(operation["responses"])
    assert len(reached) > 10


def test_pixel_rule_gives_the_documented_table() -> None:
    """The rule for pixel sizes gives each entry of the table that the contract documents."""
    table = re.findall(r"^\|(.*)\|$", CONTRACT["components"]["schemas"]["ImageSize"]["description"], re.MULTILINE)
    (_, *sizes), _, *rows = [[cell.strip() for cell in line.split("|")] for line in table]
    assert rows
    for ratio, *shapes in rows:
        assert ["{}x{}".format(*(pixels(ratio, size) or ())) for size in sizes] == shapes


def test_lists_are_typed_nowhere_else() -> None:
    """No module writes down again a list that the contract holds."""
    for root in ("facade", "sandbox"):
        for path in Path(root).rglob("*.py"):
            text = path.read_text()
            for schema in ("AspectRatio", "ImageSize", "ChatModel"):
                values = CONTRACT["components"]["schemas"][schema]["enum"]
                assert not all(f'"{value}"' in text for value in values), f"{path} holds the whole of {schema}"
