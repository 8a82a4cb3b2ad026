"""Findings: what was found in an answer, and what becomes of it: a generation, or the error that says why there is
none."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from attrs import define, evolve, field

from .._engine.tokens import Blobs, Lifted
from ..errors import ContentBlockedError, NoImageError, PromptBlockedError, UnusableResponseError, plain
from ..pictures.generation import Generation, Usage
from ..pictures.header import digest
from ..pictures.provenance import Record
from ..pictures.remote import RemoteImage
from .values import Picture, is_broken, is_known, picture
from .words import mapped, parted, readable

_WITHHELD = re.compile(r"safety|prohibited|recitation|blocklist|spii|filter", re.IGNORECASE)

_NONE, _DAMAGED, _WHOLE = range(3)
T = TypeVar("T")


@define
class Findings:
    """What was found in an answer, before it is known whether that is good enough. `blobs` was lifted out of it."""

    blobs: Blobs = field(factory=Blobs)
    images: list[Picture] = field(factory=list)
    """Pictures that are not marked as thoughts."""
    drafts: list[Picture] = field(factory=list)
    """Pictures that are."""
    damaged: UnusableResponseError | None = None
    """What is wrong with the last picture that is not marked, where something is."""
    damaged_draft: UnusableResponseError | None = None
    """The same for the last that is marked."""
    words: list[str] = field(factory=list)
    """The pieces of the text."""
    thoughts: list[str] = field(factory=list)
    """The pieces of the thoughts."""
    finish_reason: str | None = None
    finish_message: str | None = None
    block_reason: str | None = None
    block_message: str | None = None
    usage: Usage = field(factory=Usage)
    metadata: dict[str, Any] = field(factory=dict)
    place: int | None = None
    """The place, among the objects in the answer's list, of the turn that has the pictures."""
    taken: set[str] = field(factory=set)
    """The strings of the answer that stand for the pictures."""
    _keys: set[str] = field(factory=set, init=False)
    _keyed: int = field(default=0, init=False)

    def add_text(self, text: str, *, is_thought: bool = False) -> None:
        """Takes words, and out of them the pictures that stand there as Markdown or as `data:` URI."""
        words, pictures = parted(text)
        for value in pictures:
            if value[:5].lower() == "data:" and is_broken(value):
                self._note_damage("the picture in the answer is broken into lines", is_thought=is_thought)
            else:
                self.add_picture(value, is_thought=is_thought)
        if words:
            (self.thoughts if is_thought else self.words).append(words)

    def add_picture(
        self, value: str, stated_type: str | None = None, *, is_thought: bool = False, unless_there: bool = False
    ) -> None:
        """Takes a picture. One that is damaged costs the answer only where no whole one follows it."""
        self.taken.add(value)
        try:
            found = picture(value, self.blobs.fill(stated_type), self.blobs)
        except UnusableResponseError as error:
            self._note_damage(error.message, is_thought=is_thought)
            return
        is_stated_otherwise = stated_type is not None and not stated_type.lower().startswith("image/")
        if is_stated_otherwise and not is_known(found):  # a part of another kind, such as a document
            self.taken.discard(value)
            self.metadata.setdefault("otherParts", []).append({"mimeType": stated_type, "data": value})
            return
        self.take(found, is_thought=is_thought, unless_there=unless_there)

    def take(self, found: Picture, *, is_thought: bool = False, unless_there: bool = False) -> None:
        """Takes a picture that is whole."""
        if not (unless_there and self._has(found)):
            (self.drafts if is_thought else self.images).append(found)
        if is_thought:
            self.damaged_draft = None
        else:
            self.damaged = None

    def _has(self, found: Picture) -> bool:
        if not self.images:
            return False
        for image in self.images[self._keyed :]:
            self._keys.add(_key(image))
        self._keyed = len(self.images)
        return _key(found) in self._keys

    def _note_damage(self, message: str, *, is_thought: bool) -> None:
        error = UnusableResponseError(message)
        if is_thought:
            self.damaged_draft = error
        else:
            self.damaged = error
        self.metadata["damagedPictures"] = self.metadata.get("damagedPictures", 0) + 1

    @property
    def has_pictures(self) -> bool:
        """Whether there is any picture, marked as a thought or not."""
        return bool(self.images or self.drafts)

    @property
    def is_damaged(self) -> bool:
        """Whether the picture that would be the final one is damaged."""
        return self._damage() is not None

    @property
    def rank(self) -> int:
        """How good it is: a whole picture, a damaged one, none."""
        if self.is_damaged:
            return _DAMAGED
        return _WHOLE if self.has_pictures else _NONE

    @property
    def is_silent(self) -> bool:
        """Whether the answer says nothing at all: no words, no reason, no count."""
        said = (self.words, self.thoughts, self.finish_reason, self.block_reason)
        return not any(said) and self.usage == Usage()

    @property
    def is_withheld(self) -> bool:
        """Whether the answer says that there is no picture, and why."""
        return bool(self.block_reason or (self.finish_reason and _WITHHELD.search(self.finish_reason)))

    def _damage(self) -> UnusableResponseError | None:
        return self.damaged or (None if self.images else self.damaged_draft)

    def conclude(
        self, *, prompt: str, model: str, request_id: str | None, headers: dict[str, str], answer: Lifted | None
    ) -> Generation:
        """The generation, where there is a picture.

        Where every picture is marked as a thought, the last of them is the answer. prompt, model, request_id: how it
        was asked for. headers, answer: what the answer came with, and its JSON.

        Raises: NoImageError or one of its kin where there is none; UnusableResponseError where it is damaged.
        """
        damage = self._damage()
        if damage is not None:
            raise damage
        record = Record(prompt, model, request_id)
        images, drafts = (self.images, self.drafts) if self.images else (self.drafts[-1:], self.drafts[:-1])
        images = sorted(images, key=is_known)  # one of known type is rather the final picture than one of none
        text = self._spoken(self.words)
        finish_reason = self._said(self.finish_reason)
        if images:
            return Generation(
                images=tuple(evolve(image, record=record) for image in images),
                drafts=tuple(evolve(draft, record=record) for draft in drafts),
                text=text,
                thoughts=self._spoken(self.thoughts),
                finish_reason=finish_reason,
                request_id=record.request_id,
                model=record.model,
                usage=self.usage,
                metadata=mapped(self.metadata, self._readable, self.taken),
                headers=headers,
                answer=answer,
            )
        error = self._no_image(text)
        error.text = text
        error.finish_reason = finish_reason
        error.usage = self.usage
        raise error

    def _readable(self, text: str) -> str:
        return readable(self.blobs.fill(text))

    def _spoken(self, pieces: list[str]) -> str:
        """Words for people. Halves of a surrogate pair may have been parted between two pieces."""
        return self._readable("".join(piece for piece in pieces if piece not in self.taken))

    def _said(self, name: str | None) -> str | None:
        return None if name is None else self._readable(name)

    def _no_image(self, text: str) -> NoImageError:
        finish_reason, block_reason = self._said(self.finish_reason), self._said(self.block_reason)
        words = self._said(self.finish_message)
        if block_reason:
            cls: type[NoImageError] = PromptBlockedError
            reason, message = block_reason, f"the prompt was blocked ({block_reason})"
            words = self._said(self.block_message)
        elif finish_reason and _WITHHELD.search(finish_reason):
            cls = ContentBlockedError
            reason, message = finish_reason, f"the picture was withheld ({finish_reason})"
        else:
            cls = NoImageError
            reason = finish_reason or "no finish reason"
            message = f"the answer holds no picture ({reason})"
        if words or text:
            message = f"{message}: {words or text}"
        error = cls(plain(message, 600))
        error.reason = plain(reason, 100)
        return error


def best(
    turns: list[T], read: Callable[[T, Findings], dict[str, Any]], blobs: Blobs
) -> tuple[Findings, dict[str, Any]]:
    """What is found in the first turn of the model that has a whole picture, or any, or else in the first; with what
    `read` leaves over of it.

    Reads no further than it must.
    """
    chosen: tuple[Findings, dict[str, Any]] = Findings(blobs), {}
    for place, turn in enumerate(turns):
        found = Findings(blobs)
        rest = read(turn, found)
        found.place = place if found.has_pictures else None
        if place == 0 or found.rank > chosen[0].rank:
            chosen = found, rest
        if found.rank == _WHOLE:
            break
    return chosen


def _key(image: Picture) -> str:
    """What two pictures have in common when they are the same."""
    return image.url if isinstance(image, RemoteImage) else digest(image.content)
