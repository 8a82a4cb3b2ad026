"""The chat format: what a request asks for, and how a picture is said in it."""

from __future__ import annotations

import re
from typing import Any

from . import images
from .forms import Form
from .intake import legible
from .order import Order, check_length, check_turns, in_base64
from .size import default_ratio, default_size
from .violation import refuse

_DATA_URI = re.compile(r"\s*data:([^;,]*)[^,]*;base64,(.*)", re.DOTALL | re.IGNORECASE)
_IN_MARKDOWN = re.compile(r"!\[[^\[\]]{0,2000}\]\(\s*([^)\s]*)\s*(\)?)")
_A_PICTURE = "data:image/png;base64,..."


def read(form: Form) -> Order:
    """What a request asks for.

    Raises: RefusedError for what the contract's schemas cannot say.
    """
    body = form.body
    _check_options(body)
    shape = body.get("extra_body", {}).get("google", {}).get("image_config", {})
    order = Order(
        body["model"],
        aspect_ratio=shape.get("aspect_ratio", default_ratio()),
        image_size=shape.get("image_size", default_size()),
    )
    messages = body["messages"]
    check_turns([message["role"] == "user" for message in messages], "messages")
    letters = 0
    for number, message in enumerate(messages):
        order.references, order.prompt = [], ""
        if message["role"] == "user":
            _read_user_message(message["content"], order, form, ("messages", number, "content"))
        else:
            _read_model_message(message.get("content"), order, f"messages.{number}.content")
        letters += len(order.prompt)
    check_length(letters, "messages")
    if not order.prompt.strip():
        raise refuse("missing_required_parameter", "The last message holds no text: say what to draw", "messages")
    return order


def _check_options(body: dict[str, Any]) -> None:
    if body.get("stream"):
        message = "Pictures are not streamed: send the same call with stream false, or without stream"
        raise refuse("unsupported_parameter", message, "stream")
    if "google" in body and "extra_body" not in body:
        message = (
            "google stands at the top of the body, where the gateway does not look; it reads the literal key "
            'extra_body: {"extra_body": {"google": {"image_config": {...}}}}. With the openai package, write '
            'extra_body={"extra_body": {"google": ...}}'
        )
        raise refuse("unsupported_parameter", message, "google")


def _read_user_message(content: Any, order: Order, form: Form, path: tuple[str | int, ...]) -> None:
    if isinstance(content, str):
        order.prompt = legible(content)
        return
    for index, part in enumerate(content):
        if part["type"] == "text":
            order.prompt += legible(part["text"])
        else:
            where = form.where((*path, index))
            data, stated = _from_uri(part["image_url"]["url"], where)
            order.references.append(images.reference(data, stated, where))


def _read_model_message(content: Any, order: Order, where: str) -> None:
    """The picture that the next one edits: the last in the Markdown."""
    for found in _IN_MARKDOWN.finditer(content) if isinstance(content, str) else ():
        address, is_closed = found[1], bool(found[2])
        if not address or not is_closed:
            raise refuse(
                "invalid_image", f"The picture of this message is lost, at {where}: give it back as it came", where
            )
        if address[:5].lower() == "data:":
            order.previous, _ = _from_uri(address, where)
            images.picture(order.previous, where)


def _from_uri(url: str, where: str) -> tuple[bytes, str]:
    found = _DATA_URI.fullmatch(url)
    if found is None:
        came = url[:40] + ("..." if len(url) > 40 else "")
        message = f"The image must be a data: URI in Base64, {_A_PICTURE}, not {came!r}, at {where}"
        raise refuse("invalid_image", message, where)
    return images.decoded(found[2], where), found[1]


def answer(order: Order, pictures: list[bytes]) -> dict[str, Any]:
    """An answer with pictures, the last of them final."""
    words = [f"![image](data:{order.image_type};base64,{in_base64(picture)})" for picture in pictures]
    return _whole(order, [{"role": "assistant", "content": "\n\n".join(words)}], "stop", is_drawn=True)


def without_picture(order: Order, scenario: str) -> dict[str, Any]:
    """An answer to a scenario without a picture of its own."""
    match scenario:
        case "no-candidates":
            return _whole(order, [], "stop", is_drawn=False)
        case "blocked-prompt" | "withheld":
            return _whole(order, [{"role": "assistant", "content": None}], "content_filter", is_drawn=False)
        case "remote-image":
            words = f"![image]({order.remote})"
        case _:
            words = "I can describe this, but the sandbox was told not to draw it."
    return _whole(order, [{"role": "assistant", "content": words}], "stop", is_drawn=False)


def _whole(order: Order, messages: list[dict[str, Any]], reason: str, *, is_drawn: bool) -> dict[str, Any]:
    prompt, drawn, total = order.usage(is_drawn=is_drawn)
    return {
        "id": f"chatcmpl-{order.name()}",
        "object": "chat.completion",
        "created": 1767225600,
        "model": order.model,
        "choices": [
            {"index": index, "message": message, "finish_reason": reason} for index, message in enumerate(messages)
        ],
        "usage": {"prompt_tokens": prompt, "completion_tokens": drawn, "total_tokens": total},
    }
