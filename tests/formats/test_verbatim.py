"""Verbatim: pieces of JSON as they came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nanobanana._engine.tokens import Blobs
from nanobanana._formats import format_of
from nanobanana._formats.verbatim import entries, member, members, with_role

from .answers import PNG, base64_of, chat, inline, native, turn_of

P = base64_of(PNG)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text('"\\{}[],: \n\ud83dé', max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('"\\{}[],:r', max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text('"\\{}[],:r\ud83d', max_size=4), VALUES, max_size=5), st.sampled_from([None, 0, 2]))
def test_members_are_those_of_the_object(document: dict[str, Any], indent: int | None) -> None:
    """The members of any object, however it is written, are those that a parser finds, in their order."""
    found = members(json.dumps(document, indent=indent).encode())
    assert [(name, json.loads(value)) for name, value in found] == list(document.items())


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 0, 2]))
def test_entries_are_those_of_the_array(values: list[Any], indent: int | None) -> None:
    """The entries of any array, however it is written, are those that a parser finds."""
    assert [json.loads(entry) for entry in entries(json.dumps(values, indent=indent).encode())] == values


@pytest.mark.parametrize("text", [b"", b"3", b'"{}"', b"[1", b'{"a":1', b'{"a"}', b"{1:2}"])
def test_other_text_is_refused(text: bytes) -> None:
    """What is no object, no array, or no whole one, is a ValueError."""
    with pytest.raises(ValueError, match=r"JSON|Expecting value"):
        members(text)
    with pytest.raises(ValueError, match=r"JSON|Expecting value"):
        entries(text)


def test_last_of_two_members_counts() -> None:
    """Of two members of one name the last is taken, as parsers do; of what is no object, none."""
    assert member(b' {"a": 1, "a" : [2] }', "a") == b"[2]"
    assert member(b"{}", "a") is member(b"[]", "a") is None


@pytest.mark.parametrize(
    ("turn", "wanted"),
    [
        (b'{ "x" : 1e400 , "parts":[ {"a":"\\ud83d", "a" : 2} ],"x":-0.0}', b'{"role":"model","x" : 1e400,"parts":[ {"a":"\\ud83d", "a" : 2} ],"x":-0.0}'),
        (b'{"x":1,"role":null,"parts":[]}', b'{"x":1,"role":"model","parts":[]}'),
        (b'{"r\\u006fle":"user","x":1,"role":[{}]}', b'{"role":"model","x":1}'),
        (b"{}", b'{"role":"model"}'),
    ],
)  # fmt: skip
def test_all_but_the_role_stays(turn: bytes, wanted: bytes) -> None:
    """A turn gets one role, and keeps every other byte of its members: numbers, half pairs, names that stand twice."""
    assert with_role(turn, "model") == wanted


@pytest.mark.parametrize(
    ("wire", "answer", "wanted"),
    [
        ("native", b'{"candidates":[null,{"content":{"parts":[{"text":"no"}]}},{"content": {"parts": [{"inlineData":{"data":"%s"}}], "n": 1e400}}]}', b'{"role":"model","parts": [{"inlineData":{"data":"%s"}}],"n": 1e400}'),
        ("native", b'[{"candidates":[{"content":{"role":"x","parts":[{"text":"data:image/png;base64,%s"}]}}]}]', b'{"role":"model","parts":[{"text":"data:image/png;base64,%s"}]}'),
        ("chat", b'{"choices":[{"message":{"content":null,"images":["%s"]}}],"created":1%s}', b'{"role":"assistant","content":null,"images":["%s"]}'),
        ("chat", b'{"choices":[{"message":null,"delta":{"content":"![](data:image/png;base64,%s)"}}]}', b'{"role":"assistant","content":"![](data:image/png;base64,%s)"}'),
    ],
    ids=["second candidate", "list of one", "images", "delta"],
)  # fmt: skip
def test_turn_of_the_picture_goes_back(wire: Any, answer: bytes, wanted: bytes) -> None:
    """The turn for the history is that of the candidate with the picture, as it came; no number stops it."""
    picture = P.encode()
    text = answer.replace(b"%s", picture, 1).replace(b"%s", b"0" * 5000)
    assert turn_of(text, wire, Blobs()) == wanted.replace(b"%s", picture)


@pytest.mark.parametrize(
    "answer", [{"data": [{"b64_json": P}]}, {"x": P}, chat(f"Here: ![i](data:image/png;base64,{P})"), native({"text": "Here:"}, inline(PNG))]
)  # fmt: skip
@pytest.mark.parametrize("wire", ["native", "chat"])
def test_picture_elsewhere_gives_a_turn_that_shows_it(wire: Any, answer: dict[str, Any]) -> None:
    """Where the picture did not come in a turn of the format, one is written that shows it, for the model to go on."""
    blobs = Blobs()
    turn = blobs.fill(json.loads(turn_of(json.dumps(answer).encode(), wire, blobs)))
    assert format_of(wire).check_turn(turn, is_model=True) == ""
    assert P in json.dumps(turn)


@pytest.mark.parametrize("wire", ["native", "chat"])
@pytest.mark.parametrize(
    "turn", [{}, {"role": "user"}, {"role": "model", "parts": 3}, {"role": "assistant", "content": 3}]
)
def test_odd_turn_is_told(wire: Any, turn: dict[str, Any]) -> None:
    """What is no turn of the model is told in words."""
    assert format_of(wire).check_turn(turn, is_model=True)
