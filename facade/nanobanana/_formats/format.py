"""Format: how one of the endpoint's two wire formats writes requests and is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal, Protocol

from .._engine.tokens import Blobs
from ..pictures.reference import ReferenceImage
from ..pictures.remote import RemoteImage
from ..request import ImageRequest, WireName
from . import elsewhere
from .findings import Findings
from .jsons import as_json

StandIn = Callable[[ReferenceImage], str]
"""Gives what stands for the bytes of a reference image in JSON."""


class Format(Protocol):
    """One wire format, as pure functions.

    name: what a request's `wire` calls it. model_role: the role of the model's turns. turns: the field of a request's
    JSON that lists the turns. operation, async_operation: the generated functions that perform it.
    """

    name: WireName
    model_role: str
    turns: Literal["contents", "messages"]
    operation: Callable[..., Any]
    async_operation: Callable[..., Any]

    def arguments(self, request: ImageRequest, stand_in: StandIn = ReferenceImage.to_base64) -> dict[str, Any]:
        """The keyword arguments of the operation for a request, whose prompt and references are its only turn."""
        ...

    def find(self, answer: Any, blobs: Blobs) -> Findings:
        """What is found in an answer, as the generated parser gives it. `blobs` was lifted out of it before."""
        ...

    def model_turn(self, text: bytes, blobs: Blobs) -> bytes:
        """The model's turn in the JSON text of an answer, byte for byte but for its role, for the history.

        Where the picture was found elsewhere, a turn that shows it is written. `blobs` was lifted out of the text, and
        may be added to.
        """
        ...

    def check_turn(self, turn: dict[str, Any], *, is_model: bool) -> str:
        """What is wrong with a turn of a saved conversation; "" where nothing is."""
        ...


Read = Callable[[Any, Blobs], Findings]
"""Finds what is in the generated model of an answer."""


def find_anywhere(answer: Any, blobs: Blobs, read: Read, *others: tuple[Any, Read]) -> Findings:
    """What is found in an answer: in its own format; where that holds no picture, in others, each given by its
    generated model and how to read it; and where none does, anywhere."""
    findings = read(answer, blobs)
    if findings.has_pictures or findings.is_damaged:
        return findings
    document = as_json(answer)
    for model, read_other in others:
        try:
            alternative = read_other(model.from_dict(document), blobs)
        except (ValueError, TypeError, KeyError, AttributeError):  # it does not fit that format at all
            continue
        alternative.place = None  # what it names is no turn of this format
        if alternative.has_pictures or alternative.is_damaged:
            return alternative
        if findings.is_silent:
            findings = alternative
    elsewhere.search(document, findings)
    return findings


def reread(text: bytes) -> Any:
    """The JSON of an answer that was read before, for what it says and not what it counts: a number that Python refuses
    to take costs nothing."""
    return json.loads(text, parse_int=len, parse_float=len)


def parts_of(findings: Findings, blobs: Blobs) -> tuple[str, list[tuple[str, str]]]:
    """Words and pictures for a turn that has to be written, because the answer has none of its format: each picture by
    its type and the token of its blob, or by "" and its address."""
    tokens = {id(content): token for token, content in blobs.items()}
    pictures = []
    for image in findings.images or findings.drafts:
        if isinstance(image, RemoteImage):
            pictures.append(("", image.url))
        else:
            token = tokens.get(id(image.content)) or blobs.add(image.content)
            pictures.append((image.mime_type, token))
    return "".join(piece for piece in findings.words if piece not in findings.taken), pictures
