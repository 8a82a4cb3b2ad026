"""What a program answers in the wrong shape is a difference of that case, and not the end of the run."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.compare import outcome_differences


@pytest.mark.parametrize(
    ("got", "words"),
    [
        ("text", 'x: wanted an outcome, got "text"'),
        ({"request": "text"}, 'x.request: wanted an object, got "text"'),
        ({"turns": {}}, "x.turns: wanted a list, got {}"),
        ({"cancelled": 1}, "x.cancelled: wanted true, got 1"),
        ({"answer": {}}, "x.answer: no outcome has this key"),
        ({"result": {"images": {}}}, "x.result.images: wanted a list, got {}"),
        ({"result": {"images": ["a"]}}, 'x.result.images[0]: wanted an object, got "a"'),
        ({"dict": {"drafts": [1]}}, "x.dict.drafts[0]: wanted an object, got 1"),
        ({"result": {"metadata": []}}, "x.result.metadata: wanted an object, got []"),
        ({"results": [{"result": {"usage": 1}}]}, "x[0].result.usage: wanted an object, got 1"),
    ],
)
@pytest.mark.parametrize(
    "want", [{}, {"result": {"images": [{"width": 1}]}}], ids=["nothing wanted", "a result wanted"]
)
def test_a_wrong_shape_is_a_difference(want: dict[str, Any], got: Any, words: str) -> None:
    """It is told with its place, what was wanted and what came, whatever the case expects."""
    assert [*outcome_differences(want, got, "x")] == [words]


@pytest.mark.parametrize("part", ['say "cheese"', "line\nbreak", "back\\slash"])
def test_what_must_not_be_said_is_found_as_it_reads(part: str) -> None:
    """Signs that JSON writes otherwise are found all the same."""
    got = {"error": {"class": "XError", "words": f"they {part}, so"}}
    assert [*outcome_differences({"error": {"says_not": [part]}}, got, "x")]
