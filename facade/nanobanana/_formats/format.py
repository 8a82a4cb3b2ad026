"""Format: how one of the endpoint's two wire formats writes requests and is read."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal, TypeVar

from .._engine.tokens import Blobs
from ..pictures.reference import ReferenceImage
from ..pictures.remote import RemoteImage
from ..request import ImageRequest, WireName
from . import elsewhere
from .findings import Findings, objects_in, read_place
from .jsons import as_json
from .verbatim import entries, member, only, with_role

StandIn = Callable[[ReferenceImage], str]
"""Gives what stands for the bytes of a reference image in JSON."""

T = TypeVar("T")


class Format(ABC):
    """One wire format, as pure functions.

    name: what a request's `wire` calls it. model_role: the role of the model's turns. turns: the field of a request's
    JSON that lists the turns. operation, async_operation: the generated functions that perform it. answer: the
    generated model of its answers. answers: the field of one that lists what the model gave. turn_in: the fields that
    an entry there may hold the turn in. others: what gives each format in which an answer may come instead.
    """

    name: ClassVar[WireName]
    model_role: ClassVar[str]
    turns: ClassVar[Literal["contents", "messages"]]
    operation: ClassVar[Callable[..., Any]]
    async_operation: ClassVar[Callable[..., Any]]
    answer: ClassVar[type[Any]]
    answers: ClassVar[str]
    turn_in: ClassVar[tuple[str, ...]]

    def __init__(self, *others: Callable[[], Format]) -> None:
        self.others = others

    @abstractmethod
    def arguments(self, request: ImageRequest, stand_in: StandIn = ReferenceImage.to_base64) -> dict[str, Any]:
        """The keyword arguments of the operation for a request, whose prompt and references are its only turn."""

    @abstractmethod
    def read(self, answer: Any, blobs: Blobs) -> Findings:
        """What is found in the places that this format has for it."""

    @abstractmethod
    def written(self, words: str, pictures: list[tuple[str, str]]) -> dict[str, Any]:
        """A turn of the model, without its role, that shows pictures: each is given by its type and Base64, or by ""
        and its address."""

    @abstractmethod
    def fault(self, turn: dict[str, Any]) -> str:
        """What is wrong with a turn, its role left aside; "" where nothing is."""

    def find(self, answer: Any, blobs: Blobs) -> Findings:
        """What is found in an answer, as the generated parser gives it: in this format; where that holds no picture,
        in the others; and where none does, anywhere. `blobs` was lifted out of it before."""
        findings = self.read(answer, blobs)
        if findings.rank == 2:
            return findings
        document = as_json(answer)
        for other in (give() for give in self.others):
            try:
                alternative = other.read(other.answer.from_dict(document), blobs)
            except (ValueError, TypeError, KeyError, AttributeError):  # it does not fit that format at all
                continue
            alternative.place = None  # what it names is no turn of this format
            if alternative.rank > findings.rank:
                return alternative
            if not findings.rank and findings.is_silent and not alternative.is_silent:
                findings, alternative = alternative, findings
            if alternative.block_reason:  # it stands beside the turns, whatever their format
                findings.block_reason, findings.block_message = alternative.block_reason, alternative.block_message
        if findings.rank:
            return findings
        for entry in objects_in(document.get("data")):  # as answers of the images endpoint of OpenAI have it
            read_place(entry, findings)
        if not findings.rank:
            elsewhere.search(document, findings)
        return findings

    def model_turn(self, text: bytes, findings: Findings) -> bytes:
        """The model's turn in the JSON text of an answer, byte for byte but for its role, for the history.

        Where the picture was found elsewhere, a turn that shows it is written. The blobs of the findings may be added
        to.
        """
        if findings.place is not None:
            listed = entries(member(only(text), self.answers) or b"[]")
            entry = [one for one in listed if one.startswith(b"{")][findings.place]
            for name in self.turn_in:
                turn = member(entry, name) or b""
                if turn.startswith(b"{"):
                    return with_role(turn, self.model_role)
        tokens = {id(content): token for token, content in findings.blobs.items()}
        pictures = []
        for image in findings.images or findings.drafts:
            if isinstance(image, RemoteImage):
                pictures.append(("", image.url))
            else:
                token = tokens.get(id(image.content)) or findings.blobs.add(image.content)
                pictures.append((image.mime_type, token))
        return json.dumps({"role": self.model_role, **self.written(findings.text, pictures)}).encode()

    def check_turn(self, turn: dict[str, Any], *, is_model: bool) -> str:
        """What is wrong with a turn of a saved conversation; "" where nothing is."""
        role = self.model_role if is_model else "user"
        return self.fault(turn) if turn.get("role") == role else f"its role is not {role!r}"


def best(turns: list[T], read: Callable[[T, Findings], None], blobs: Blobs) -> Findings:
    """What is found in the first turn of the model that has a whole picture, or any, or else in the first.

    Reads no further than it must.
    """
    chosen = Findings(blobs)
    for place, turn in enumerate(turns):
        found = Findings(blobs)
        read(turn, found)
        found.place = place if found.has_pictures else None
        if place == 0 or found.rank > chosen.rank:
            chosen = found
        if chosen.rank == 2:
            break
    return chosen
