"""What differs between what was wanted and what was seen, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .cases import OUTCOMES

_SHOWN = 300  # characters
_CALLED = {dict: "an object", list: "a list", str: "a text", bool: "true"}
WANTED = ("wanted", "got")


def differences(want: Any, got: Any, where: str, sides: tuple[str, str] = WANTED) -> Iterator[str]:
    """Where two JSON values differ: every key and entry counts, and 1 is not true. `sides` says whose they are."""
    one, other = sides
    if isinstance(want, dict) and isinstance(got, dict):
        for name in [*want, *(name for name in got if name not in want)]:
            if name not in want:
                yield f"{where}.{name}: {one} nothing, {other} {shown(got[name])}"
            elif name not in got:
                yield f"{where}.{name}: {one} {shown(want[name])}, {other} nothing"
            else:
                yield from differences(want[name], got[name], f"{where}.{name}", sides)
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for number, pair in enumerate(zip(want, got, strict=True)):
            yield from differences(*pair, f"{where}[{number}]", sides)
    elif not _same(want, got):
        yield f"{where}: {one} {shown(want)}, {other} {shown(got)}"


def malformed(outcome: Any, where: str) -> Iterator[str]:
    """Where an outcome has not the shape of one, whatever is expected of it."""
    if not isinstance(outcome, dict):
        yield f"{where}: wanted an outcome, got {shown(outcome)}"
        return
    for name, value in outcome.items():
        shape = OUTCOMES.get(name)
        if shape is None:
            yield f"{where}.{name}: no outcome has this key"
        elif value is not None and not isinstance(value, shape):
            yield f"{where}.{name}: wanted {_CALLED[shape]}, got {shown(value)}"
    if isinstance(outcome.get("results"), list):
        for number, one in enumerate(outcome["results"]):
            yield from malformed(one, f"{where}[{number}]")
    for name in ("result", "dict"):
        if isinstance(outcome.get(name), dict):
            yield from _malformed_result(outcome[name], f"{where}.{name}")


def _malformed_result(result: Mapping[str, Any], where: str) -> Iterator[str]:
    for name in ("images", "drafts"):
        pictures = result.get(name)
        if not isinstance(pictures, list | None):
            yield f"{where}.{name}: wanted a list, got {shown(pictures)}"
            continue
        for number, picture in enumerate(pictures or ()):
            if not isinstance(picture, dict):
                yield f"{where}.{name}[{number}]: wanted an object, got {shown(picture)}"
    for name in ("usage", "metadata"):
        if not isinstance(result.get(name), dict | None):
            yield f"{where}.{name}: wanted an object, got {shown(result[name])}"


def outcome_differences(want: Mapping[str, Any], got: Any, where: str) -> Iterator[str]:
    """Where an outcome differs from what is expected of it: only what the expectation names counts."""
    if faults := [*malformed(got, where)]:
        yield from faults
        return
    kind = next((name for name in OUTCOMES if name in want), None)
    came = next((name for name in OUTCOMES if got.get(name) is not None), None)
    if kind is None and came == "text":
        return  # looked through for the key, and otherwise each program's own
    if kind != came:
        yield f"{where}: wanted {kind or 'no value'}, got {shown(got)}"
        return
    match kind:
        case "result" | "request" | "error" | "headers" | "dict":
            for name, value in want[kind].items():
                yield from _field(name, value, got[kind], f"{where}.{kind}.{name}")
        case "results" if len(got["results"]) == len(want["results"]):
            for number, (one, other) in enumerate(zip(want["results"], got["results"], strict=True)):
                yield from outcome_differences(one, other, f"{where}[{number}]")
        case None:
            return
        case _:
            yield from differences(want[kind], got[kind], f"{where}.{kind}")


def _field(name: str, want: Any, got: Mapping[str, Any], where: str) -> Iterator[str]:
    seen = got.get(name)
    match name:
        case "images" | "drafts":
            if len(seen or ()) != len(want):
                yield f"{where}: wanted {len(want)} pictures, got {shown(seen)}"
                return
            for number, (one, other) in enumerate(zip(want, seen or (), strict=True)):
                yield from differences(one, {key: other.get(key) for key in one}, f"{where}[{number}]")
        case "metadata" | "usage" if want is not None:
            known = seen if isinstance(seen, dict) else {}
            yield from differences(want, {key: known.get(key) for key in want}, where)
        case "says":
            words = str(got.get("words"))
            yield from (f"{where}: {shown(part)} is not in {shown(words)}" for part in want if part not in words)
        case "says_not":
            words = json.dumps(got, ensure_ascii=False)
            yield from (f"{where}: {shown(part)} is in {shown(words)}" for part in want if _escaped(part) in words)
        case _:
            yield from differences(want, seen, where)


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _same(want: Any, got: Any) -> bool:
    if isinstance(want, bool) or isinstance(got, bool):
        return want is got
    return bool(want == got)


def shown(value: Any) -> str:
    """A value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
