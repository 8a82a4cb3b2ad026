"""JSON as it came: the spans of values in a JSON text, so that they can be handed on byte for byte.

Half a surrogate pair, a number that no float holds, a name that stands twice, the order of members: all of it would be
lost in parsing and writing anew, and an upstream refuses a turn that is not the one it gave.

Each function takes a text that a parser has already accepted, and takes time in proportion to its length.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_DECODER = json.JSONDecoder(parse_float=str, parse_int=str)  # no number is converted, so none is too long
_ENTRY = re.compile(r"[\s,]*+()")
_MEMBER = re.compile(r'[\s,]*+(("(?:[^"\\]++|\\.)*+")\s*+:\s*+)', re.DOTALL)
_END = re.compile(r"\s*+[\]}]")


def members(text: bytes) -> list[tuple[str, bytes]]:
    """The members of an object in their order, with each value as its JSON text; a name may stand twice.

    Raises: ValueError where the text is no object.
    """
    return [(json.loads(head[2]), value.encode()) for head, value in _split(text, "{", _MEMBER)]


def entries(text: bytes) -> list[bytes]:
    """The entries of an array in their order, each as its JSON text.

    Raises: ValueError where the text is no array.
    """
    return [value.encode() for _, value in _split(text, "[", _ENTRY)]


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
    ours = f'"role":{json.dumps(role)}'
    kept: list[str] = []
    is_there = False
    for head, value in _split(text, "{", _MEMBER):
        if json.loads(head[2]) != "role":
            kept.append(head[1] + value)
        elif not is_there:
            kept.append(ours)
            is_there = True
    return b"{%s}" % ",".join(kept if is_there else [ours, *kept]).encode()


def _split(text: bytes, opening: str, head: re.Pattern[str]) -> Iterator[tuple[re.Match[str], str]]:
    """The heads and values of what stands in an object or array. The head of an entry is empty."""
    words = text.decode()
    at = words.find(opening) + 1
    if not at or words[: at - 1].strip():
        raise ValueError(f"this JSON does not begin with {opening}")
    while not _END.match(words, at):
        found = head.match(words, at)
        if found is None:
            raise ValueError("this is no JSON object")
        _, at = _DECODER.raw_decode(words, found.end())
        yield found, words[found.end() : at]
