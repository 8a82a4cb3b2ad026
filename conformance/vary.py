"""Neighbours of cases: one thing of an answer changed, to see where two programs differ that no case plays."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from .cases import Case, Response

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR42mM8ISfHwMDAxMDAwMDAAAANBAEIf62CUQAAAABJRU5ErkJggg=="
VALUES: list[Any] = [
    None, "", 0, 1, -1, 1.5, True, False, [], {}, [None], ["a"], {"a": 1}, "a", " a ", "a\nb", "12", "SAFETY", "stop",
    PIXEL, PIXEL[:-1], f"data:image/png;base64,{PIXEL}", f"![a](data:image/png;base64,{PIXEL})", "https://a.example/a.png",
]  # fmt: skip
NAMES = ["error", "data", "thought", "message", "code", "text", "images", "content", "parts", "status", "details"]
STATUSES = [
    201,
    202,
    206,
    300,
    307,
    400,
    401,
    402,
    403,
    404,
    408,
    409,
    413,
    425,
    429,
    499,
    500,
    502,
    503,
    504,
    520,
    529,
]
LATER = ["0", "3", "-1", " 5 ", "1.5", "+5", "5.", "Thu, 01 Jan 2026 00:00:09 GMT", "Thursday, 01-Jan-26 00:00:09 GMT"]


def varied(cases: Sequence[Case], count: int, seed: int) -> Iterator[Case]:
    """So many neighbours of cases, the same ones for the same seed. What they expect means nothing."""
    dice = random.Random(seed)
    playable = [
        case
        for case in cases
        if case.clock == "fake" and any(step.response and step.response.has_json for step in case.exchange)
    ]
    for number in range(count):
        case = dice.choice(playable)
        at = dice.choice([n for n, step in enumerate(case.exchange) if step.response and step.response.has_json])
        step = case.exchange[at]
        assert step.response is not None
        steps = [*case.exchange]
        steps[at] = replace(step, response=_changed(step.response, dice))
        yield replace(case, id=f"{case.id}-varied-{number}", exchange=steps)


def _changed(response: Response, dice: random.Random) -> Response:
    match dice.random():
        case chance if chance < 0.1:
            return replace(response, status=dice.choice(STATUSES))
        case chance if chance < 0.2:
            others = {name: value for name, value in response.headers.items() if name.lower() != "retry-after"}
            return replace(response, headers={**others, "Retry-After": dice.choice(LATER)})
        case _:
            document = copy.deepcopy(response.json)
            places = list(_places(document))
            if places:
                _change(document, dice.choice(places), dice)
            return replace(response, json=document)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each object or list in a document, with a key of it."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _change(document: Any, place: tuple[Any, Any], dice: random.Random) -> None:
    holder, key = place
    match dice.choice(["set", "set", "drop", "double", "rename"]):
        case "drop":
            del holder[key]
        case "double" if isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        case "rename" if isinstance(holder, dict):
            holder[dice.choice(NAMES)] = holder.pop(key)
        case _:
            holder[key] = copy.deepcopy(dice.choice(VALUES))
