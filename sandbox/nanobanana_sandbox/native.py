"""The native format: what a request asks for, and how a picture is said in it."""

from __future__ import annotations

from typing import Any

from . import images
from .forms import Form
from .intake import legible
from .order import SIGNING_MODEL, Order, check_length, check_turns, in_base64, signature
from .violation import refuse

_A_PICTURE = '{"inline_data": {"mimeType": "image/png", "data": "<Base64>"}}'


def read(model: str, form: Form) -> Order:
    """What a request asks for.

    Raises: RefusedError for what the contract's schemas cannot say.
    """
    body = form.body
    config = body["generationConfig"]
    order = Order(
        model,
        aspect_ratio=config["imageConfig"]["aspectRatio"],
        image_size=config["imageConfig"]["imageSize"],
        include_thoughts=bool(config.get("thinkingConfig", {}).get("includeThoughts")),
    )
    if "IMAGE" not in config["responseModalities"]:
        where = form.where(("generationConfig", "responseModalities"))
        raise refuse("invalid_parameter", f"{where} must hold IMAGE, best of all TEXT and IMAGE", where)
    turns = body["contents"]
    check_turns([turn["role"] == "user" for turn in turns], "contents")
    letters = 0
    for number, turn in enumerate(turns):
        order.references, order.prompt = [], ""
        for index, part in enumerate(turn["parts"]):
            path = ("contents", number, "parts", index)
            if turn["role"] == "user":
                _read_user_part(part, order, form, path)
            else:
                _read_model_part(part, order, form, path)
        letters += len(order.prompt)
    check_length(letters, "contents")
    if not order.prompt.strip():
        raise refuse("missing_required_parameter", "The last turn holds no text: say what to draw", "contents")
    return order


def _read_user_part(part: dict[str, Any], order: Order, form: Form, path: tuple[str | int, ...]) -> None:
    where = form.where(path)
    for key in ("fileData", "file_data"):
        if key in part:
            message = f"Files by URI are not accepted, at {where}; download it, and send {_A_PICTURE}"
            raise refuse("unsupported_parameter", message, f"{where}.{key}")
    named = [key for key in ("inline_data", "inlineData") if key in part]
    if len(named) + ("text" in part) > 1:
        found = " and ".join(
            [*(["text"] if "text" in part else []), *(form.written.get((*path, key), key) for key in named)]
        )
        raise refuse(
            "invalid_parameter", f"{where} is either text or a picture, not {found}: make two parts of it", where
        )
    if named:
        inline, place = part[named[0]], form.where((*path, named[0]))
        stated = inline.get("mimeType", inline.get("mime_type"))
        if not stated:
            message = f"{place}.mimeType is missing: say the type of the image, such as image/png"
            raise refuse("missing_required_parameter", message, place)
        order.references.append(images.reference(images.decoded(inline["data"], where), stated, where))
    elif "text" in part:
        order.prompt += legible(part["text"])
    else:
        message = f'{where} is neither text nor a picture; write {{"text": "..."}} or {_A_PICTURE}'
        raise refuse("missing_required_parameter", message, where)


def _read_model_part(part: dict[str, Any], order: Order, form: Form, path: tuple[str | int, ...]) -> None:
    named = [key for key in ("inlineData", "inline_data") if part.get(key) is not None]
    if not named:
        return
    inline, where = part[named[0]], form.where(path)
    data = images.decoded(inline.get("data"), where)
    images.picture(data, where)
    if part.get("thought"):
        return
    order.previous = data
    if order.model == SIGNING_MODEL and images.standard(part.get("thoughtSignature")) != signature(data):
        message = f"Image part is missing its thought_signature, at {where}: give the turn back as it came"
        raise refuse("invalid_parameter", message, f"{where}.thoughtSignature")


def answer(order: Order, pictures: list[bytes], draft: bytes | None = None) -> dict[str, Any]:
    """An answer with pictures, the last of them final."""
    parts: list[dict[str, Any]] = []
    thoughts = 0
    if draft is not None:
        thoughts = 180
        parts += [
            {"text": f"I am asked for: {order.prompt} I try a composition first, then I refine it.", "thought": True},
            {"inlineData": {"mimeType": order.image_type, "data": in_base64(draft)}, "thought": True},
        ]
    for picture in pictures:
        part: dict[str, Any] = {"inlineData": {"mimeType": order.image_type, "data": in_base64(picture)}}
        if order.model == SIGNING_MODEL:
            part["thoughtSignature"] = signature(picture)
        parts.append(part)
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0, "safetyRatings": []}
    return _whole(order, {"candidates": [candidate]}, thoughts=thoughts, is_drawn=True)


def without_picture(order: Order, scenario: str) -> dict[str, Any]:
    """An answer to a scenario without a picture of its own."""
    candidate: dict[str, Any] = {"index": 0}
    match scenario:
        case "no-candidates":
            return _whole(order, {}, is_drawn=False)
        case "blocked-prompt":
            feedback = {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "The sandbox was told to block it."}
            return _whole(order, {"promptFeedback": feedback}, is_drawn=False)
        case "withheld":
            candidate |= {"content": {}, "finishReason": "IMAGE_SAFETY", "finishMessage": "The sandbox withheld it."}
        case "text-only":
            words = {"text": "I can describe this, but the sandbox was told not to draw it."}
            candidate |= {"content": {"role": "model", "parts": [words]}, "finishReason": "STOP"}
        case "remote-image":
            file = {"fileData": {"mimeType": "image/png", "fileUri": order.remote}}
            candidate |= {"content": {"role": "model", "parts": [file]}, "finishReason": "STOP"}
        case _:
            candidate |= {"finishReason": "NO_IMAGE", "finishMessage": "The sandbox was told to draw nothing."}
    return _whole(order, {"candidates": [candidate]}, is_drawn=False)


def _whole(order: Order, answer: dict[str, Any], *, is_drawn: bool, thoughts: int = 0) -> dict[str, Any]:
    prompt, drawn, total = order.usage(is_drawn=is_drawn, thoughts=thoughts)
    usage = {"promptTokenCount": prompt, "candidatesTokenCount": drawn, "totalTokenCount": total}
    if thoughts:
        usage["thoughtsTokenCount"] = thoughts
    return {**answer, "usageMetadata": usage, "modelVersion": f"sandbox-{order.model}", "responseId": order.name()}
