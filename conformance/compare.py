"""What differs between what was wanted and what was seen, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_SHOWN = 300  # characters
_KINDS = ("result", "request", "turns", "text", "saved", "raw", "headers", "dict", "results", "cancelled", "error")


def differences(want: Any, got: Any, where: str) -> Iterator[str]:
    """Where two JSON values differ: every key and entry counts, and 1 is not true."""
    if isinstance(want, dict) and isinstance(got, dict):
        for name in [*want, *(name for name in got if name not in want)]:
            if name not in want:
                yield f"{where}.{name}: wanted nothing, got {shown(got[name])}"
            elif name not in got:
                yield f"{where}.{name}: wanted {shown(want[name])}, got nothing"
            else:
                yield from differences(want[name], got[name], f"{where}.{name}")
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for number, (one, other) in enumerate(zip(want, got, strict=True)):
            yield from differences(one, other, f"{where}[{number}]")
    elif not _same(want, got):
        yield f"{where}: wanted {shown(want)}, got {shown(got)}"


def outcome_differences(want: Mapping[str, Any], got: Any, where: str) -> Iterator[str]:
    """Where an outcome differs from what is expected of it: only what the expectation names counts."""
    if not isinstance(got, dict):
        yield f"{where}: wanted an outcome, got {shown(got)}"
        return
    kind = next((name for name in _KINDS if name in want), None)
    came = next((name for name in _KINDS if got.get(name) is not None), None)
    if kind is None and came == "text":
        return  # looked through for the key, and otherwise each program's own
    if kind != came:
        yield f"{where}: wanted {kind or 'no value'}, got {shown(got)}"
        return
    match kind:
        case "result" | "request" | "error" | "headers" | "dict" if not isinstance(got[kind], dict):
            yield f"{where}.{kind}: wanted an object, got {shown(got[kind])}"
        case "result" | "request" | "error" | "headers" | "dict":
            for name, value in want[kind].items():
                yield from _field(name, value, got[kind], f"{where}.{kind}.{name}")
        case "results":
            got_all = got["results"] if len(got["results"]) == len(want["results"]) else [None] * len(want["results"])
            for number, (one, other) in enumerate(zip(want["results"], got_all, strict=True)):
                yield from outcome_differences(one, other, f"{where}[{number}]")
        case None:
            return
        case _:
            yield from differences(want[kind], got[kind], f"{where}.{kind}")


def _field(name: str, want: Any, got: Mapping[str, Any], where: str) -> Iterator[str]:
    seen = got.get(name)
    match name:
        case "images" | "drafts":
            pictures = seen if isinstance(seen, list) else []
            if len(pictures) != len(want):
                yield f"{where}: wanted {len(want)} pictures, got {shown(seen)}"
                return
            for number, (one, other) in enumerate(zip(want, pictures, strict=True)):
                named = {key: other.get(key) for key in one} if isinstance(other, dict) else other
                yield from differences(one, named, f"{where}[{number}]")
        case "metadata" | "usage":
            known = seen if isinstance(seen, dict) else {}
            yield from differences(want, {key: known.get(key) for key in want}, where)
        case "says":
            words = str(got.get("words"))
            yield from (f"{where}: {shown(part)} is not in {shown(words)}" for part in want if part not in words)
        case "says_not":
            words = json.dumps(got, ensure_ascii=False)
            yield from (f"{where}: {shown(part)} is in {shown(words)}" for part in want if part in words)
        case _:
            yield from differences(want, seen, where)


def _same(want: Any, got: Any) -> bool:
    if isinstance(want, bool) or isinstance(got, bool):
        return want is got
    return bool(want == got)


def shown(value: Any) -> str:
    """A value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
