"""Neighbours of cases: one thing of an answer, or of what is asked for, changed, to see where two programs differ that
no case plays."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from .cases import BadCaseError, Case, Response, load

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR42mM8ISfHwMDAxMDAwMDAAAANBAEIf62CUQAAAABJRU5ErkJggg=="
VALUES: list[Any] = [
    None, "", 0, 1, -1, 1.5, True, False, [], {}, [None], ["a"], {"a": 1}, "a", " a ", "a\nb", "12", "SAFETY", "stop",
    PIXEL, PIXEL[:-1], f"data:image/png;base64,{PIXEL}", f"![a](data:image/png;base64,{PIXEL})", "https://a.example/a.png",
]  # fmt: skip
NAMES = ["error", "data", "thought", "message", "code", "text", "images", "content", "parts", "status", "details"]
STATUSES = [
    201, 202, 206, 300, 307, 400, 401, 402, 403, 404, 408, 409, 413, 425, 429, 499, 500, 502, 503, 504, 520, 529,
]  # fmt: skip
LATER = ["0", "3", "-1", " 5 ", "1.5", "+5", "5.", "Thu, 01 Jan 2026 00:00:09 GMT", "Thursday, 01-Jan-26 00:00:09 GMT"]
_URL = "data:image/png;base64,"
_TIMES = [0, -1, 0.5, 1e9, 1e10]
_HEADERS = [{"X-A": value} for value in ("", " a ", "a\tb", "a\nb", "\u00e4", "\x7f")] + [
    {name: "a"} for name in ("", "X A", "X:A", "Accept", "User-Agent", "Expect", "Range", "cookie")
]
ARGUMENTS: dict[str, list[Any]] = {
    "prompt": ["", " ", "\u00a0", "\u200b", "\ufeff", "a\x00b", " a ", "\ud83d", "\U0001f600"],
    "include_thoughts": [True, False],
    "references": [
        [], [""], ["nowhere.png"], ["a\x00b"], ["https://a.example/a.png"], ["data:,a"], [_URL], [_URL + PIXEL],
        [_URL.upper() + PIXEL], [_URL + PIXEL[:-2]], [_URL + PIXEL[:-1]], [f"{_URL}\n{PIXEL[:40]}\n{PIXEL[40:]}"],
        [{"$base64": "iVBORw0KGgo="}], [{"$base64": "R0lGODlhAQABAAAAADs="}], [{"$base64": "/9j/2Q=="}],
    ],
    "extra_body": [
        {"a": {"b": [None]}}, {"contents": []}, {"stream": True}, {"generationConfig": None}, {"a": "\ud83d"},
    ],
    "extra_headers": _HEADERS,
    "timeout": _TIMES,
    "path": [
        "cat", "cat.PNG", "cat.jpg", ".png", "cat.", "a/b/", "cat.svg", "v1.2", "..", "", "a\x00b", "x" * 250,
        "\u00e4" * 126,
    ],
}  # fmt: skip
ARGUMENTS["save_to"] = ARGUMENTS["path"]
CLIENT: dict[str, list[Any]] = {
    "base_url": ["https://a.example" + end for end in ("//", "/a/", "/a b", "?a", "#a", ":65536", ".", "..b", "\\a")]
    + ["http://a.example", "http://localhost:9", "https://", "https:a", " https://a.example", "HTTPS://A.EXAMPLE:443"],
    "timeout": _TIMES,
    "connect_timeout": _TIMES,
    "max_retries": [-1, 0, 5],
    "max_response_bytes": [0, 1, 400],
    "headers": _HEADERS,
}
_OF_A_REQUEST = ["model", "aspect_ratio", "image_size", "include_thoughts", "wire", "extra_body"]
TAKEN = {
    "request": ["prompt", "references", *_OF_A_REQUEST], "conversation": _OF_A_REQUEST, "save": ["path"],
    "say": ["prompt", "references"],
}  # fmt: skip
TAKEN["generate"] = TAKEN["send"] = [*TAKEN["request"], "extra_headers", "timeout", "save_to"]
_NAME = re.compile(r"(.+)-varied-(\d+)-(\d+)")
_SHOWN, _SHOWN_OF_A_TEXT = 2000, 60  # characters
_ASKED_FOR, _OF_THE_CLIENT = 0.3, 0.2  # how often what is asked for is changed, and of that, how often for all of it


def named(folder: Path, names: Collection[str]) -> list[Case]:
    """The cases of a folder, those named if any are; the name of a neighbour makes it again.

    Raises: BadCaseError.
    """
    cases = {case.id: case for case in load(folder, {name.partition("-varied-")[0] for name in names})}
    return [_named(name, cases) for name in names] if names else [*cases.values()]


def _named(name: str, cases: dict[str, Case]) -> Case:
    if match := _NAME.fullmatch(name):
        return neighbour(_named(match[1], cases), int(match[2]), int(match[3]))
    if name not in cases:
        raise BadCaseError(f"there is no case {name}")
    return cases[name]


def varied(cases: Sequence[Case], count: int, seed: int) -> Iterator[Case]:
    """So many neighbours of cases, the same ones for the same seed.

    Raises: BadCaseError.
    """
    playable = [case for case in cases if case.clock == "fake" and _answers(case)]
    if not playable:
        raise BadCaseError("none of the cases has an answer in JSON that could be changed")
    for number in range(count):
        yield neighbour(random.Random(f"{seed} {number}").choice(playable), seed, number)


def neighbour(case: Case, seed: int, number: int) -> Case:
    """The neighbour of a case that its name tells. What it expects means nothing.

    Raises: BadCaseError.
    """
    name = f"{case.id}-varied-{seed}-{number}"
    dice = random.Random(name)
    if not (answers := _answers(case)):
        raise BadCaseError(f"{case.id} has no answer in JSON that could be changed")
    if dice.random() < _ASKED_FOR:
        return replace(_asked_otherwise(case, dice), id=name)
    at = dice.choice([*answers])
    steps = [*case.exchange]
    response, change = _changed(answers[at], dice)
    steps[at] = replace(steps[at], response=response)
    return replace(case, id=name, note=f"answer {at + 1}: {change}", exchange=steps)


def _asked_otherwise(case: Case, dice: random.Random) -> Case:
    """The same case with one change in what is asked for."""
    actions = [at for at, action in enumerate(case.do) if action.method in TAKEN]
    if not actions or dice.random() < _OF_THE_CLIENT:
        option = dice.choice([*CLIENT])
        value = dice.choice(CLIENT[option])
        return replace(
            case, note=f"client: {option} is {json.dumps(_cut(value))}", client={**case.client, option: value}
        )
    at = dice.choice(actions)
    argument = dice.choice(TAKEN[case.do[at].method])
    value = dice.choice(ARGUMENTS[argument] if argument in ARGUMENTS else _given(argument))
    do = [*case.do]
    do[at] = replace(do[at], arguments={**do[at].arguments, argument: value})
    return replace(case, note=f"action {at + 1}: {argument} is {json.dumps(_cut(value))}", do=do)


@cache
def _given(argument: str) -> list[str]:
    """What the vectors give an argument whose values the contract lists, good and bad, and some more that are none."""
    found = {action.arguments.get(argument) for case in load() for action in case.do}
    return [*sorted(value for value in found if isinstance(value, str)), "", "auto", "1k", "1:1 "]


def _answers(case: Case) -> dict[int, Response]:
    return {n: step.response for n, step in enumerate(case.exchange) if step.response and step.response.has_json}


def told(case: Case) -> Iterator[str]:
    """The answers of a neighbour, each in a line; none where a case is no neighbour, as it can be looked up."""
    for number, response in _answers(case).items() if _NAME.fullmatch(case.id) else ():
        body = json.dumps(_cut(response.json), ensure_ascii=False)
        headers = "".join(f", {name}: {value}" for name, value in response.headers.items())
        yield f"answer {number + 1}: {response.status}{headers}, {body[:_SHOWN]}" + "…" * (len(body) > _SHOWN)


def _cut(value: Any) -> Any:
    """A document with each long text in it cut, so that its shape can be seen."""
    match value:
        case dict():
            return {name: _cut(entry) for name, entry in value.items()}
        case list():
            return [_cut(entry) for entry in value]
        case str() if len(value) > _SHOWN_OF_A_TEXT:
            return f"{value[:_SHOWN_OF_A_TEXT]}… ({len(value)} characters)"
    return value


def _changed(response: Response, dice: random.Random) -> tuple[Response, str]:
    """A response with one change, and what it is."""
    match dice.random():
        case chance if chance < 0.1:
            status = dice.choice(STATUSES)
            return replace(response, status=status), f"the status is {status}"
        case chance if chance < 0.2:
            others = {name: value for name, value in response.headers.items() if name.lower() != "retry-after"}
            later = dice.choice(LATER)
            return replace(response, headers={**others, "Retry-After": later}), f"Retry-After is {later!r}"
    document = copy.deepcopy(response.json)
    places = list(_places(document, "the body"))
    change = _change(*dice.choice(places), dice) if places else "nothing is changed"
    return replace(response, json=document), change


def _places(value: Any, where: str) -> Iterator[tuple[Any, Any, str]]:
    """Each object or list in a document, with a key of it, and what to call that place."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            place = f"{where}[{key}]" if isinstance(key, int) else f"{where}.{key}"
            yield value, key, place
            yield from _places(value[key], place)


def _change(holder: Any, key: Any, place: str, dice: random.Random) -> str:
    match dice.choice(["set", "set", "drop", "double", "rename"]):
        case "drop":
            del holder[key]
            return f"{place} is left out"
        case "double" if isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
            return f"{place} is there twice"
        case "rename" if isinstance(holder, dict):
            name = dice.choice(NAMES)
            holder[name] = holder.pop(key)
            return f"{place} is called {name}"
    value = copy.deepcopy(dice.choice(VALUES))
    holder[key] = value
    return f"{place} is {json.dumps(_cut(value))}"
