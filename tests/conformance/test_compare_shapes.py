"""What a program answers in the wrong shape is a difference of that case, and not the end of the run."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.compare import outcome_differences


@pytest.mark.parametrize(
    ("want", "got", "words"),
    [
        ({"request": {"model": "nanobanana"}}, {"request": "text"}, 'x.request: wanted an object, got "text"'),
        ({"result": {"images": [{"width": 1}]}}, {"result": {"images": ["a"]}}, "x.result.images[0]: wanted {"),
    ],
)
def test_a_wrong_shape_is_a_difference(want: dict[str, Any], got: dict[str, Any], words: str) -> None:
    """It is told with its place, what was wanted and what came."""
    (told,) = outcome_differences(want, got, "x")
    assert told.startswith(words)
