"""The two clients, and the two conversations: the same arguments, in the same order, with words of their own."""

from __future__ import annotations

import inspect

import pytest
from nanobanana import AsyncConversation, AsyncNanoBanana, Conversation, ImageRequest, NanoBanana

_PAIRS = [(NanoBanana, AsyncNanoBanana), (Conversation, AsyncConversation)]
_NAMED_OTHERWISE = {"close": "aclose", "__enter__": "__aenter__", "__exit__": "__aexit__"}


def _public(cls: type) -> dict[str, object]:
    return {
        name: member
        for name, member in inspect.getmembers(cls)
        if not name.startswith("_") or name in {"__init__", *_NAMED_OTHERWISE, *_NAMED_OTHERWISE.values()}
    }


@pytest.mark.parametrize(("sync", "asynchronous"), _PAIRS)
def test_both_have_the_same_members(sync: type, asynchronous: type) -> None:
    """What one of a pair has, the other has."""
    assert {_NAMED_OTHERWISE.get(name, name) for name in _public(sync)} == _public(asynchronous).keys()


@pytest.mark.parametrize(("sync", "asynchronous"), _PAIRS)
def test_both_take_the_same_arguments(sync: type, asynchronous: type) -> None:
    """Each method takes the same arguments with the same defaults, and the async one says whom it follows."""
    others = _public(asynchronous)
    for name, member in _public(sync).items():
        other = others[_NAMED_OTHERWISE.get(name, name)]
        if not inspect.isfunction(member):
            continue
        assert _arguments(member) == _arguments(other), name
        if not name.startswith("_"):
            assert inspect.getdoc(member), name
            assert inspect.getdoc(other), name


def _arguments(function: object) -> list[tuple[str, object, object]]:
    parameters = list(inspect.signature(function).parameters.values())  # type: ignore[arg-type]
    return [(each.name, each.kind, each.default) for each in parameters if each.name != "client"]


@pytest.mark.parametrize("client", [NanoBanana, AsyncNanoBanana])
def test_generate_takes_what_a_request_takes(client: type) -> None:
    """`generate` takes every argument of `ImageRequest`, and what concerns the call alone."""
    taken = set(inspect.signature(client.generate).parameters) - {"self"}  # type: ignore[attr-defined]
    assert taken == {*ImageRequest.ARGUMENTS, "extra_headers", "timeout", "save_to"}


@pytest.mark.parametrize("client", [NanoBanana, AsyncNanoBanana])
def test_a_conversation_takes_what_stays_the_same_from_turn_to_turn(client: type) -> None:
    """`conversation` takes every argument of `ImageRequest` but those that each turn brings."""
    taken = set(inspect.signature(client.conversation).parameters) - {"self"}  # type: ignore[attr-defined]
    assert taken == {*ImageRequest.ARGUMENTS} - {"prompt", "references"}
