"""JSON as it came: the spans of values in a JSON text, so that they can be handed on byte for byte.

Half a surrogate pair, a number that no float holds, a name that stands twice, the order of members: all of it would be
lost in parsing and writing anew, and an upstream refuses a turn that is not the one it gave.

Each function takes a text that a parser has already accepted, and takes time in proportion to its length.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_PASSED = rb'(?:[^"%s]++|"(?:[^"\\]++|\\.)*+")*+'
_DEEP = re.compile(_PASSED % rb"\[\]{}" + rb"([\[\]{}])", re.DOTALL)
_HERE = re.compile(_PASSED % rb"\[\]{}," + rb"([\[\]{},])", re.DOTALL)
_NAME = re.compile(rb'\s*+("(?:[^"\\]++|\\.)*+")\s*+:\s*+', re.DOTALL)


def members(text: bytes) -> list[tuple[str, bytes]]:
    """The members of an object in their order, with each value as its JSON text; a name may stand twice.

    Raises: ValueError where the text is no object.
    """
    return [(name, member[start:]) for name, member, start in _members(text)]


def entries(text: bytes) -> list[bytes]:
    """The entries of an array in their order, each as its JSON text.

    Raises: ValueError where the text is no array.
    """
    return list(_split(text, b"["))


def member(text: bytes, name: str) -> bytes | None:
    """The value of the last member of that name, which is the one that parsers take; None where there is none, or the
    text is no object."""
    if not text.lstrip().startswith(b"{"):
        return None
    return dict(members(text)).get(name)


def only(text: bytes) -> bytes:
    """The text, or that of the only entry where it is a list."""
    return entries(text)[0] if text.lstrip().startswith(b"[") else text


def with_role(text: bytes, role: str) -> bytes:
    """An object with the member `role` in the place of every member of that name, or first where there was none; every
    other byte of it as it came.

    Raises: ValueError where the text is no object.
    """
    ours = b'"role":%s' % json.dumps(role).encode()
    kept: list[bytes] = []
    is_there = False
    for name, whole, _ in _members(text):
        if name != "role":
            kept.append(whole)
        elif not is_there:
            kept.append(ours)
            is_there = True
    return b"{%s}" % b",".join(kept if is_there else [ours, *kept])


def _members(text: bytes) -> Iterator[tuple[str, bytes, int]]:
    """Name, the whole member, and where in it the value begins."""
    for whole in _split(text, b"{"):
        found = _NAME.match(whole)
        if found is None:
            raise ValueError("this is no JSON object")
        yield json.loads(found[1]), whole, found.end()


def _split(text: bytes, opening: bytes) -> Iterator[bytes]:
    """What stands between the commas of an object or array, without the white space around it."""
    start = len(text) - len(text.lstrip())
    if text[start : start + 1] != opening:
        raise ValueError(f"this JSON does not begin with {opening.decode()}")
    at = start = start + 1
    depth = 1
    while depth:
        found = (_HERE if depth == 1 else _DEEP).match(text, at)
        if found is None:
            raise ValueError("this JSON ends too early")
        at = found.end()
        if found[1] in b"[{":
            depth += 1
        elif found[1] in b"]}":
            depth -= 1
        if not depth or (depth == 1 and found[1] == b","):
            piece = text[start : at - 1].strip()
            if piece:
                yield piece
            start = at
