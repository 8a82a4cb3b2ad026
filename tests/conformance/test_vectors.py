"""Holds both clients to every vector, from outside."""

import json
import sys

import pytest
from jsonschema import Draft202012Validator

from conformance.cases import VECTORS, load
from conformance.runner import Runner

CASES = load()
SCHEMA = Draft202012Validator(json.loads((VECTORS / "schema.json").read_text("utf-8")))
FILES = [path for path in sorted(VECTORS.glob("*.json")) if path.name != "schema.json"]
ADAPTER = [sys.executable, str(VECTORS.parent / "adapters" / "python.py")]


@pytest.fixture(scope="module", params=["sync", "async"])
def runner(request):
    runner = Runner([*ADAPTER, *(["--async"] if request.param == "async" else [])])
    yield runner
    runner.close()


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_files_fit_the_schema(path):
    """Every file fits the schema, which knows each key."""
    SCHEMA.validate(json.loads(path.read_text("utf-8")))


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_vector(case, runner):
    """A call does what its vector says: on the wire, to its caller and between its tries."""
    verdict = runner.play(case)
    assert verdict.problems == [], verdict.words
    assert verdict.missing <= {"cancel"}
