"""Words: text of an answer that a person will read, and the pictures that stand in the middle of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_HALF_PAIR = re.compile("[\ud800-\udfff]")
# A Markdown image, whose address is taken up to the bracket that ends it, or a bare data: URI, taken up to white space
# and over lines that look like more of it: a stray character inside makes the Base64 bad, instead of cutting the
# picture short. Brackets in an address are a part of it where they come in pairs, two deep; where that leads to no end,
# it ends at the first that closes (CommonMark, 6.3).
#
# Whatever stands there, it takes time in proportion to the length: nothing is given back once it is taken (the second
# +), and no part of a Markdown image reaches into the next one.
_LETTER = r"(?:[^()\s<>!]++|!(?!\[))"
_PICTURE = re.compile(
    r"!\[(?:[^\]!]++|!(?!\[))*+\]\(\s*+<?+"
    r"(?:(?P<linked>data:[^,)\s]{0,200}?,(?:[^)\"'!>]++|!(?!\[))*+)"
    rf"|(?P<paired>https?://(?:{_LETTER}|\((?:{_LETTER}|\({_LETTER}*+\))*+\))++)(?=[\s>)])"
    r"|(?P<remote>https?://(?:[^)\s<>!]++|!(?!\[))++))(?:[^)!]++|!(?!\[))*+\)"
    r"|(?P<bare>data:image/[^,\s]{0,200}?;base64,\s*+[^\s)\"'<>`]++(?:(?:[^\S\n]*+\n)++[A-Za-z0-9+/=]{20,}+)*+)",
    re.IGNORECASE,
)


def parted(text: str) -> tuple[str, list[str]]:
    """The words of a text without the pictures in it, and the pictures, as addresses and `data:` URIs."""
    words: list[str] = []
    pictures: list[str] = []
    end = 0
    for found in _PICTURE.finditer(text):  # one pass: the text may hold 35 MB of picture
        words.append(text[end : found.start()])
        end = found.end()
        pictures.append(found["linked"] or found["paired"] or found["remote"] or found["bare"].rstrip(".,;!"))
    return ("".join([*words, text[end:]]).strip() if end else text), pictures


def readable(text: str) -> str:
    """Text that can be written in UTF-8: U+FFFD stands for each half of a surrogate pair that has no other half."""
    if not _HALF_PAIR.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def mapped(value: Any, change: Callable[[str], str], leave_out: frozenset[str] | set[str] = frozenset()) -> Any:
    """A copy of a JSON value with each of its strings, names too, changed; but for members and entries that are one of
    the strings to leave out. It may be of any depth."""
    root: list[Any] = []
    waiting: list[tuple[Any, Any, Any]] = [(root, None, value)]
    while waiting:
        target, name, value = waiting.pop()
        copy: Any
        if isinstance(value, str):
            if value in leave_out:
                continue
            copy = change(value)
        elif isinstance(value, list):
            copy = []
            waiting += [(copy, None, entry) for entry in reversed(value)]
        elif isinstance(value, dict):
            copy = {}
            waiting += [(copy, change(name), entry) for name, entry in reversed(value.items())]
        else:
            copy = value
        if name is None:
            target.append(copy)
        else:
            target[name] = copy
    return root[0] if root else None
