"""Holds the guide for porters and the protocol's page to what they speak of."""

import ast
import inspect
import json
import re
import sys

import nanobanana.errors
import pytest
from nanobanana._call.settings import _OURS

from conformance.cases import VECTORS, load, parsed
from conformance.runner import Runner

ROOT = VECTORS.parents[1]
GUIDE = (ROOT / "docs" / "porting.md").read_text("utf-8")
PROTOCOL = (ROOT / "conformance" / "README.md").read_text("utf-8")
SCHEMA = json.loads((VECTORS / "schema.json").read_text("utf-8"))
IDS = {case.id for case in load()}
NAMED = {
    name.strip()
    for group in re.findall(r"\*\(([^)]*)\)\*", GUIDE)
    for name in group.replace("\n", " ").split(",")
    if "names in italics" not in name
}


@pytest.mark.parametrize("name", sorted(NAMED))
def test_a_vector_that_the_guide_names_is_there(name):
    """Each name in italics is a vector, or begins the names of some."""
    assert name in IDS or (name.endswith("…") and any(known.startswith(name[:-1]) for known in IDS))


def test_the_guide_names_vectors():
    """Rules that a vector shows are named by it."""
    assert len(NAMED) > 40


def test_the_page_of_the_protocol_knows_every_key():
    """Each method, argument, option, failure and key of a case stands on the protocol's page."""
    definitions = SCHEMA["$defs"]
    words = {"wire", *definitions["case"]["properties"], *definitions["client"]["properties"]}
    words |= {*definitions["step"]["properties"]["failure"]["enum"], *definitions["error"]["properties"]}
    for kind in ("response", "request"):
        words |= set(definitions[kind]["properties"])
    for action in definitions["action"]["oneOf"]:
        words |= {action["properties"]["method"]["const"]}
        words |= set(action["properties"].get("arguments", {}).get("properties", ()))
    missing = {word for word in words if not re.search(rf"[`.]{re.escape(word)}`", PROTOCOL)}
    assert missing == set()


def test_the_tree_and_the_table_of_the_guide_name_every_error():
    """Each class that a vector can expect stands in the guide's tree and in its table, but for what no vector plays."""
    classes = set(SCHEMA["$defs"]["error"]["properties"]["class"]["enum"])
    tree = set(re.findall(r"^ *(\w+Error)$", GUIDE, re.MULTILINE))
    table = set(re.findall(r"^\| `(\w+Error)` \|.*\|.*\|.*\|$", GUIDE, re.MULTILINE))
    assert tree == classes | {"NanoBananaError"}
    assert table == classes - {"DownloadError"}


def _fields(cls):
    """What an error of a class carries beside its words, its advice and whether it was billed."""
    parameters = inspect.signature(cls).parameters.values()
    required = [one.name for one in parameters if one.default is one.empty and one.kind is one.KEYWORD_ONLY]
    error = cls("words", **dict.fromkeys(required))
    names = set(dir(error)) - set(dir(OSError)) - {"message", "advice", "billed"}
    return {name for name in names if not name.startswith("_") and not callable(getattr(error, name))}


def test_the_guide_says_what_each_error_carries():
    """The table of fields is that of the classes: each field stands in the row of the first class that has it."""
    rows = re.findall(r"^\| `(\w+Error)` \| ((?:`\w+`(?:, )?)+) \|$", GUIDE, re.MULTILINE)
    told = {name: set(re.findall(r"\w+", fields)) for name, fields in rows}
    errors = [one for one in vars(nanobanana.errors).values() if isinstance(one, type) and issubclass(one, Exception)]
    shown = {one: _fields(one) for one in errors if not one.__name__.startswith("_")}
    known = {one.__name__: set().union(*(shown.get(base, set()) for base in one.__mro__[1:])) for one in shown}
    assert told == {one.__name__: own for one, found in shown.items() if (own := found - known[one.__name__])}


def test_the_whole_case_on_the_page_is_one():
    """The case that the protocol's page shows can be read as one."""
    shown = re.search(r"One whole case:\n\n```json\n(.*?)```", PROTOCOL, re.DOTALL)[1]
    assert parsed(json.loads(shown)).waits == [20]


def test_the_smallest_adapter_plays_what_it_says():
    """The adapter that is shown to begin with, in some fifty lines and without a package, passes the cases it names."""
    path = ROOT / "conformance" / "adapters" / "smallest.py"
    text = path.read_text("utf-8")
    assert sum(bool(line.strip()) for line in text.partition("# The library")[0].splitlines()) <= 65
    claimed = re.findall(r"(?:call|error|repeat)-[a-z0-9-]+", ast.get_docstring(ast.parse(text)))
    runner = Runner([sys.executable, "-I", "-S", str(path)], patience=5)
    verdicts = [runner.play(case) for case in load(only=claimed)]
    runner.close()
    assert len(verdicts) >= 10
    assert [(v.case.id, v.problems, v.missing) for v in verdicts] == [(v.case.id, [], frozenset()) for v in verdicts]


def test_the_guide_lists_the_headers_that_are_the_librarys_own():
    """The headers that nobody can replace are those that the library refuses."""
    (listed,) = re.findall(r"refused are (.*?); an `Accept`", GUIDE, re.DOTALL)
    assert {name.lower() for name in re.findall(r"`([\w-]+)`", listed)} == _OURS
