"""Dialects: what the two wire formats ask for, and how a picture is said in each of them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any

from attrs import define, field
from nanobanana.pictures.header import sniff
from nanobanana.pictures.reference import ACCEPTED_TYPES, MAX_REFERENCE_BYTES
from nanobanana.vocabulary import IMAGE_SIZES, nearest_aspect_ratio

from .painter import Commission, thumbnail
from .violation import Violation

_URL_SAFE = str.maketrans("-_", "+/")
_DATA_URI = re.compile(r"data:([^;,]*);base64,(.*)", re.DOTALL)
SIGNING_MODEL = "nanobanana_pro"
_JPEG_MODELS = {SIGNING_MODEL, "nanobanana_2"}


class RefusedError(Exception):
    """Carries the violation for which a request is refused."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(violation.message)
        self.violation = violation


@define
class Order:
    """What a request asks for, whatever its wire format."""

    model: str
    prompt: str = ""
    aspect_ratio: str = nearest_aspect_ratio(1, 1)
    image_size: str = IMAGE_SIZES[0]
    include_thoughts: bool = False
    references: list[bytes] = field(factory=list)
    previous: bytes | None = None
    """The picture that this one edits."""
    remote: str = ""
    """The address that stands for a picture, where the scenario asks for one."""

    @property
    def image_format(self) -> str:
        return "JPEG" if self.model in _JPEG_MODELS else "PNG"

    @property
    def image_type(self) -> str:
        return f"image/{self.image_format.lower()}"

    def commission(self, note: str = "", image_size: str | None = None) -> Commission:
        references = [self.previous] if self.previous else []
        return Commission(
            self.prompt,
            self.model,
            self.aspect_ratio,
            image_size or self.image_size,
            tuple(references + self.references),
            note,
        )

    def usage(self, *, is_drawn: bool = True, thoughts: int = 0) -> tuple[int, int, int]:
        """Tokens of the prompt, of the answer and in total, by rules of thumb of the models' makers."""
        prompt = -(-len(self.prompt) // 4) + 258 * (len(self.references) + bool(self.previous))
        answer = (2000 if self.image_size == "4K" else 1290) if is_drawn else 16
        return prompt, answer, prompt + answer + thoughts


def signature(picture: bytes) -> str:
    """The thought signature of a picture: whoever gives the picture back must give this back with it."""
    return base64.b64encode(hashlib.sha256(b"signed by the sandbox" + picture).digest()).decode()


def _standard(text: object) -> str:
    """Base64 in the standard alphabet: JSON of protocol buffers may use the URL-safe one, as google-genai does."""
    return str(text).translate(_URL_SAFE)


def _decode(text: str, stated: str, where: str) -> bytes:
    try:
        data = base64.b64decode(_standard(text), validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(Violation(400, "invalid_image", "The image is not valid Base64", where)) from None
    found = sniff(data)
    if found not in ACCEPTED_TYPES:
        raise RefusedError(Violation(400, "invalid_image", "The image is not a PNG, JPEG or WebP", where))
    if stated.lower() != found:
        raise RefusedError(Violation(400, "invalid_image", f"The image is {found}, not {stated}", where))
    if len(data) > MAX_REFERENCE_BYTES:
        raise RefusedError(Violation(400, "invalid_image", "The image is larger than 20 MB", where))
    if found not in ("image/heic", "image/heif") and thumbnail(data, 8) is None:
        raise RefusedError(Violation(400, "invalid_image", "The image is damaged", where))
    return data


# ------------------------------------------------------------------------------------------------ native


def read_native(model: str, body: dict[str, Any]) -> Order:
    """What a native request asks for.

    Raises: RefusedError for what the contract's schemas cannot say.
    """
    config = body["generationConfig"]
    thinking = config.get("thinkingConfig", {})
    order = Order(
        model,
        aspect_ratio=config["imageConfig"]["aspectRatio"],
        image_size=config["imageConfig"]["imageSize"],
        include_thoughts=bool(thinking.get("includeThoughts", thinking.get("include_thoughts"))),
    )
    if "IMAGE" not in config["responseModalities"]:
        where = "generationConfig.responseModalities"
        raise RefusedError(Violation(400, "invalid_parameter", "Ask for IMAGE among the modalities", where))
    turns = body["contents"]
    _check_alternation([turn["role"] == "user" for turn in turns], "contents")
    for number, turn in enumerate(turns):
        order.references, order.prompt = [], ""
        for index, part in enumerate(turn["parts"]):
            where = f"contents.{number}.parts.{index}"
            if turn["role"] == "user":
                _read_user_part(part, order, where)
            else:
                _read_model_part(part, order, where)
    if not order.prompt.strip():
        raise RefusedError(Violation(400, "missing_required_parameter", "The turn holds no text", "contents"))
    return order


def _read_user_part(part: dict[str, Any], order: Order, where: str) -> None:
    if "fileData" in part or "file_data" in part:
        raise RefusedError(
            Violation(400, "unsupported_parameter", "Files by URI are not accepted", f"{where}.fileData")
        )
    inline = part.get("inline_data") or part.get("inlineData")
    if inline is not None:
        stated = inline.get("mimeType", inline.get("mime_type", "of no stated type"))
        order.references.append(_decode(inline["data"], stated, where))
    elif "text" in part:
        order.prompt += part["text"]
    else:
        raise RefusedError(Violation(400, "missing_required_parameter", "A part is text or inline_data", where))


def _read_model_part(part: dict[str, Any], order: Order, where: str) -> None:
    inline = part.get("inlineData") or part.get("inline_data")
    if not isinstance(inline, dict) or part.get("thought"):
        return
    try:
        order.previous = base64.b64decode(_standard(inline.get("data")), validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(Violation(400, "invalid_image", "The image is not valid Base64", where)) from None
    if order.model == SIGNING_MODEL and _standard(part.get("thoughtSignature")) != signature(order.previous):
        raise RefusedError(
            Violation(
                400, "invalid_parameter", "Image part is missing its thought_signature", f"{where}.thoughtSignature"
            )
        )


def _check_alternation(is_user: list[bool], where: str) -> None:
    if not all(user == (index % 2 == 0) for index, user in enumerate(is_user)) or not is_user[-1]:
        raise RefusedError(
            Violation(400, "invalid_parameter", "Turns alternate, and the user has the first and the last", where)
        )


def native_answer(order: Order, pictures: list[bytes], draft: bytes | None = None) -> dict[str, Any]:
    """A native answer with pictures, the last of them final."""
    parts: list[dict[str, Any]] = []
    thoughts = 0
    if draft is not None:
        thoughts = 180
        parts += [
            {"text": f"I am asked for: {order.prompt} I try a composition first, then I refine it.", "thought": True},
            {"inlineData": {"mimeType": order.image_type, "data": _encode(draft)}, "thought": True},
        ]
    for picture in pictures:
        part: dict[str, Any] = {"inlineData": {"mimeType": order.image_type, "data": _encode(picture)}}
        if order.model == SIGNING_MODEL:
            part["thoughtSignature"] = signature(picture)
        parts.append(part)
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0, "safetyRatings": []}
    return _native(order, {"candidates": [candidate]}, thoughts=thoughts, is_drawn=True)


def native_without_picture(order: Order, scenario: str) -> dict[str, Any]:
    """A native answer to a scenario without a picture of its own."""
    candidate: dict[str, Any] = {"index": 0}
    match scenario:
        case "no-candidates":
            return _native(order, {}, is_drawn=False)
        case "blocked-prompt":
            feedback = {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "The sandbox was told to block it."}
            return _native(order, {"promptFeedback": feedback}, is_drawn=False)
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
    return _native(order, {"candidates": [candidate]}, is_drawn=False)


def _native(order: Order, answer: dict[str, Any], *, is_drawn: bool, thoughts: int = 0) -> dict[str, Any]:
    prompt, drawn, total = order.usage(is_drawn=is_drawn, thoughts=thoughts)
    usage = {"promptTokenCount": prompt, "candidatesTokenCount": drawn, "totalTokenCount": total}
    if thoughts:
        usage["thoughtsTokenCount"] = thoughts
    return {**answer, "usageMetadata": usage, "modelVersion": f"sandbox-{order.model}", "responseId": _name(order)}


# -------------------------------------------------------------------------------------------------- chat


def read_chat(body: dict[str, Any]) -> Order:
    """What a chat request asks for.

    Raises: RefusedError for what the contract's schemas cannot say.
    """
    shape = body.get("extra_body", {}).get("google", {}).get("image_config", {})
    order = Order(
        body["model"],
        aspect_ratio=shape.get("aspect_ratio", nearest_aspect_ratio(1, 1)),
        image_size=shape.get("image_size", IMAGE_SIZES[0]),
    )
    if body.get("stream"):
        raise RefusedError(Violation(400, "unsupported_parameter", "Pictures are not streamed", "stream"))
    messages = body["messages"]
    _check_alternation([message["role"] == "user" for message in messages], "messages")
    for number, message in enumerate(messages):
        order.references, order.prompt = [], ""
        content = message.get("content")
        if message["role"] == "user":
            parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
            for index, part in enumerate(parts):
                if part["type"] == "text":
                    order.prompt += part["text"]
                else:
                    order.references.append(_from_url(part["image_url"]["url"], f"messages.{number}.content.{index}"))
        elif isinstance(content, str) and (found := re.search(r"\((data:[^)]*)\)", content)):
            order.previous = _from_url(found[1], f"messages.{number}.content")
    if not order.prompt.strip():
        raise RefusedError(Violation(400, "missing_required_parameter", "The message holds no text", "messages"))
    return order


def _from_url(url: str, where: str) -> bytes:
    found = _DATA_URI.fullmatch(url)
    if found is None:
        raise RefusedError(Violation(400, "invalid_image", "The image must be a data: URI in Base64", where))
    return _decode(found[2], found[1], where)


def chat_answer(order: Order, pictures: list[bytes]) -> dict[str, Any]:
    """A chat answer with pictures, the last of them final."""
    images = [f"![image](data:{order.image_type};base64,{_encode(picture)})" for picture in pictures]
    return _chat(order, [{"role": "assistant", "content": "\n\n".join(images)}], "stop", is_drawn=True)


def chat_without_picture(order: Order, scenario: str) -> dict[str, Any]:
    """A chat answer to a scenario without a picture of its own."""
    match scenario:
        case "no-candidates":
            return _chat(order, [], "stop", is_drawn=False)
        case "blocked-prompt" | "withheld":
            return _chat(order, [{"role": "assistant", "content": None}], "content_filter", is_drawn=False)
        case "remote-image":
            return _chat(order, [{"role": "assistant", "content": f"![image]({order.remote})"}], "stop", is_drawn=False)
        case _:
            words = "I can describe this, but the sandbox was told not to draw it."
            return _chat(order, [{"role": "assistant", "content": words}], "stop", is_drawn=False)


def _chat(order: Order, messages: list[dict[str, Any]], reason: str, *, is_drawn: bool) -> dict[str, Any]:
    prompt, drawn, total = order.usage(is_drawn=is_drawn)
    return {
        "id": f"chatcmpl-{_name(order)}",
        "object": "chat.completion",
        "created": 1767225600,
        "model": order.model,
        "choices": [
            {"index": index, "message": message, "finish_reason": reason} for index, message in enumerate(messages)
        ],
        "usage": {"prompt_tokens": prompt, "completion_tokens": drawn, "total_tokens": total},
    }


def _name(order: Order) -> str:
    """A name for the answer, the same for the same request."""
    digest = hashlib.sha256(f"{order.model}\0{order.aspect_ratio}\0{order.image_size}\0{order.prompt}".encode())
    for reference in order.references:
        digest.update(reference)
    return digest.hexdigest()[:20]


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
