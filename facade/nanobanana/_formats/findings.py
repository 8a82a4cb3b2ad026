"""Findings: what was found in an answer, and what becomes of it: a generation, or the error that says why there is
none."""

from __future__ import annotations

import re
from typing import Any

from attrs import define, evolve, field

from .._engine.content import digest
from .._engine.tokens import Blobs, Lifted
from ..errors import ContentBlockedError, NoImageError, PromptBlockedError, UnusableResponseError, plain
from ..pictures.generation import Generation, Usage
from ..pictures.provenance import Record
from ..pictures.remote import Picture, RemoteImage
from .jsons import as_text
from .values import is_broken, is_known, picture
from .words import mapped, parted, readable

_WITHHELD = re.compile(r"safety|prohibited|recitation|blocklist|spii|filter", re.IGNORECASE)


@define
class Findings:
    """What was found in an answer, before it is known whether that is good enough. `blobs` was lifted out of it."""

    blobs: Blobs = field(factory=Blobs)
    images: list[Picture] = field(factory=list)
    """Pictures that are not marked as thoughts."""
    drafts: list[Picture] = field(factory=list)
    """Pictures that are."""
    words: list[str] = field(factory=list)
    """The pieces of the text."""
    thoughts: list[str] = field(factory=list)
    """The pieces of the thoughts."""
    finish_reason: str = ""
    finish_message: str = ""
    block_reason: str = ""
    block_message: str = ""
    usage: Usage = field(factory=Usage)
    metadata: dict[str, Any] = field(factory=dict)
    place: int | None = None
    """The place, among the objects in the answer's list, of the turn that has the pictures."""
    taken: set[str] = field(factory=set)
    """The strings of the answer that stand for the pictures."""
    _damage: dict[bool, str] = field(factory=dict, init=False)
    """What is wrong with the last picture that is not marked, and with the last that is, where something is."""
    _keys: dict[bool, set[str]] = field(factory=lambda: {False: set(), True: set()}, init=False)
    _keyed: dict[bool, int] = field(factory=lambda: {False: 0, True: 0}, init=False)

    def add_text(self, text: str, *, is_thought: bool = False, unless_there: bool = True) -> None:
        """Takes words, and out of them the pictures that stand there as Markdown or as `data:` URI; unless_there: but
        for those that were found before."""
        words, pictures = parted(text)
        for value in pictures:
            if is_broken(value):
                self._note_damage("the picture in the answer is broken into lines", is_thought=is_thought)
            else:
                self.add_picture(value, is_thought=is_thought, unless_there=unless_there)
        if words:
            (self.thoughts if is_thought else self.words).append(words)

    def add_picture(
        self, value: str, stated_type: str = "", *, is_thought: bool = False, unless_there: bool = True
    ) -> None:
        """Takes a picture. One that is damaged costs the answer only where no whole one follows it."""
        self.taken.add(value)
        try:
            found = picture(value, self.blobs.fill(stated_type), self.blobs)
        except ValueError as error:
            self._note_damage(str(error), is_thought=is_thought)
            return
        if stated_type and not stated_type.lower().startswith("image/") and not is_known(found):
            self.taken.discard(value)  # a part of another kind, such as a document
            self.metadata.setdefault("otherParts", []).append({"mimeType": stated_type, "data": value})
            return
        self.take(found, is_thought=is_thought, unless_there=unless_there)

    def take(self, found: Picture, *, is_thought: bool = False, unless_there: bool = True) -> None:
        """Takes a picture that is whole."""
        there = self.drafts if is_thought else self.images
        if not (unless_there and there and self._has(found, there, is_thought=is_thought)):
            there.append(found)
        self._damage.pop(is_thought, None)

    def _has(self, found: Picture, there: list[Picture], *, is_thought: bool) -> bool:
        self._keys[is_thought].update(map(_key, there[self._keyed[is_thought] :]))
        self._keyed[is_thought] = len(there)
        return _key(found) in self._keys[is_thought]

    def _note_damage(self, message: str, *, is_thought: bool) -> None:
        self._damage[is_thought] = message
        self.metadata["damagedPictures"] = self.metadata.get("damagedPictures", 0) + 1

    def keep(self, fields: dict[str, Any]) -> None:
        """Takes what has no place of its own in a generation; what was kept before goes first. The answers themselves
        are none of it, whatever stands in their place."""
        fields = {name: value for name, value in fields.items() if name not in ("candidates", "choices")}
        told = {name: value for name, value in fields.items() if value not in (None, {}, [])}
        self.metadata = told | self.metadata

    @property
    def has_pictures(self) -> bool:
        """Whether there is any picture, marked as a thought or not."""
        return bool(self.images or self.drafts)

    @property
    def damage(self) -> str:
        """What is wrong with the picture that would be the final one; "" where nothing is."""
        return self._damage.get(False) or (not self.images and self._damage.get(True)) or ""

    @property
    def rank(self) -> int:
        """How good it is: 2 for a whole picture, 1 for a damaged one, 0 for none."""
        return 1 if self.damage else 2 * self.has_pictures

    @property
    def is_silent(self) -> bool:
        """Whether its turn says nothing at all: no words, no finish reason, no count."""
        return not (self.words or self.thoughts or self.finish_reason) and self.usage == Usage()

    @property
    def is_withheld(self) -> bool:
        """Whether the answer says that there is no picture, and why."""
        return bool(self.block_reason or _WITHHELD.search(self.finish_reason))

    @property
    def text(self) -> str:
        """The words, without those that stand for a picture, and as they came."""
        return "".join(piece for piece in self.words if piece not in self.taken)

    def conclude(
        self, *, prompt: str, model: str, request_id: str | None, headers: dict[str, str], answer: Lifted | None
    ) -> Generation:
        """The generation, where there is a picture.

        Where every picture is marked as a thought, the last of them is the answer. prompt, model, request_id: how it
        was asked for. headers, answer: what the answer came with, and its JSON.

        Raises: NoImageError or one of its kin where there is none; UnusableResponseError where it is damaged.
        """
        if self.damage:
            raise UnusableResponseError(self.damage)
        if not self.has_pictures:
            raise self._no_image()
        record = Record(prompt, model, request_id)
        images, drafts = (self.images, self.drafts) if self.images else (self.drafts[-1:], self.drafts[:-1])
        images = sorted(images, key=is_known)  # one of known type is rather the final picture than one of none
        return Generation(
            images=tuple(evolve(image, record=record) for image in images),
            drafts=tuple(evolve(draft, record=record) for draft in drafts),
            text=self._readable(self.text),
            thoughts=self._readable("".join(piece for piece in self.thoughts if piece not in self.taken)),
            finish_reason=self._readable(self.finish_reason) or None,
            request_id=request_id,
            model=model,
            usage=self.usage,
            metadata=mapped(self.metadata, self._readable, self.taken),
            headers=headers,
            answer=answer,
        )

    def _readable(self, text: str) -> str:
        """Words for people. Halves of a surrogate pair may have been parted between two pieces."""
        return readable(self.blobs.fill(text))

    def _no_image(self) -> NoImageError:
        cls, what, reason, words = NoImageError, "the answer holds no picture", self.finish_reason, self.finish_message
        if self.block_reason:
            cls, what = PromptBlockedError, "the prompt was blocked"
            reason, words = self.block_reason, self.block_message
        elif self.is_withheld:
            cls, what = ContentBlockedError, "the picture was withheld"
        reason, text = self._readable(reason or "no finish reason"), self._readable(self.text)
        words = self._readable(words) or text
        error = cls(plain(f"{what} ({reason})" + (f": {words}" if words else ""), 600))
        error.reason = plain(reason, 100)
        error.text = text
        error.finish_reason = self._readable(self.finish_reason) or None
        error.usage = self.usage
        return error


def _key(image: Picture) -> str:
    """What two pictures have in common when they are the same."""
    return image.url if isinstance(image, RemoteImage) else digest(image.content)


_BY_VALUE = ("image_url", "imageUrl", "url", "b64_json")
_BY_OBJECT = ("inlineData", "inline_data", "fileData")


def read_place(place: dict[str, Any], findings: Findings) -> None:
    """Takes the picture that one entry of a list holds, by whatever name."""
    for name in (*_BY_VALUE, *_BY_OBJECT):
        value, stated = place.get(name), ""
        if isinstance(value, dict):
            stated = as_text(value.get("mimeType")) or as_text(value.get("mime_type"))
            value = value.get("url") or value.get("data") or value.get("fileUri")
        elif name in _BY_OBJECT:  # where words stand, the search tells a picture from them
            continue
        if isinstance(value, str) and value:
            findings.add_picture(value, stated, is_thought=place.get("thought") is True)
            return


def objects_in(value: object) -> list[dict[str, Any]]:
    """The objects in a list; what else the answer had there is passed over."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
