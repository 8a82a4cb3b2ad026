"""Fuzzing: no body makes the sandbox fail; it draws, or refuses in words short enough to read."""

from __future__ import annotations

import copy
import json
import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nanobanana_sandbox import contract
from nanobanana_sandbox.endpoint import order_of
from nanobanana_sandbox.intake import encoded
from nanobanana_sandbox.painter import Commission, paint
from nanobanana_sandbox.violation import RefusedError

EXAMPLES = int(os.environ.get("NANOBANANA_EXAMPLES", "150")) * 4
SETTINGS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
BODIES = {
    wire: [
        contract.example(name)
        for name in contract.document()["components"]["examples"]
        if name.endswith("Request") and name.startswith("Chat") == (wire == "chat")
    ]
    for wire in ("native", "chat")
}
texts = st.text(st.characters(exclude_categories=()), max_size=20) | st.sampled_from(
    [
        "inline_data",
        "inlineData",
        "mime_type",
        "image_url",
        "data:image/png;base64,",
        "![i](data:",
        "[sandbox:",
        "user",
        "model",
        "\ud83d",
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def changed_bodies(draw: st.DrawFn, wire: str) -> Any:
    """A good body in which some places hold something else, or nothing, or one thing more."""
    body = copy.deepcopy(draw(st.sampled_from(BODIES[wire])))
    for _ in range(draw(st.integers(1, 3))):
        node: Any = body
        while isinstance(node, dict | list) and node:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            key = draw(st.sampled_from(keys))
            if not (isinstance(node[key], dict | list) and node[key]) or draw(st.integers(0, 3)) == 0:
                match draw(st.integers(0, 2)):
                    case 0:
                        node[key] = draw(values)
                    case 1:
                        del node[key]
                    case _ if isinstance(node, dict):
                        node[draw(texts)] = draw(values)
                    case _:
                        node.append(draw(values))
                break
            node = node[key]
    return body


def _judged(wire: str, body: Any) -> None:
    sent = json.dumps(body).encode()
    try:
        order, ignored = order_of(contract.player(wire), "nanobanana_pro", sent, {"content-type": "application/json"})
    except RefusedError as refused:
        violation = refused.violation
        assert violation.status == 400
        assert violation.code.islower()
        assert 0 < len(violation.message) < 1000
        encoded(violation.body())
    else:
        encoded([order.prompt, ignored])
        assert order.prompt.strip()


@SETTINGS
@given(changed_bodies("native"))
def test_native_bodies(body: Any) -> None:
    """Whatever a native body holds in whatever place, it is read or refused."""
    _judged("native", body)


@SETTINGS
@given(changed_bodies("chat"))
def test_chat_bodies(body: Any) -> None:
    """The same for a chat body."""
    _judged("chat", body)


@SETTINGS
@given(st.sampled_from(["native", "chat"]), st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_bytes(wire: str, body: bytes) -> None:
    """Any bytes are refused in words."""
    try:
        order_of(contract.player(wire), "nanobanana", body, {"content-type": "application/json"})
    except RefusedError as refused:
        assert refused.violation.code in ("invalid_request_body", "invalid_parameter", "missing_required_parameter")
        encoded(refused.violation.body())


@settings(SETTINGS, max_examples=EXAMPLES // 8)
@given(st.text(max_size=300), st.sampled_from(contract.values("AspectRatio")))
def test_any_prompt_is_painted(prompt: str, ratio: str) -> None:
    """Any words can be painted, and give the same bytes again."""
    commission = Commission(prompt, "nanobanana", ratio, "256")
    assert paint(commission, "PNG") == paint(commission, "PNG")
