"""Reading: what a wire format finds in an answer, and what becomes of it."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, TypeVar

from attrs import define, evolve, field

from .._engine.tokens import Blobs
from ..errors import ContentBlockedError, NoImageError, PromptBlockedError, UnusableResponseError, plain
from ..pictures.generation import Generation, Usage
from ..pictures.header import sniff
from ..pictures.image import GeneratedImage
from ..pictures.provenance import Record
from ..pictures.remote import Picture, RemoteImage

T = TypeVar("T")

_WITHHELD = re.compile(r"safety|prohibited|recitation|blocklist|spii|filter", re.IGNORECASE)
_DATA_URI = re.compile(r"data:(image/[^;,\s]++)[^,\s]{0,200}?;base64,", re.IGNORECASE)
# A Markdown image, whose address is taken up to the bracket that ends it, or a bare data: URI, taken up to white space
# and over lines that look like more of it: a stray character inside makes the Base64 bad, instead of cutting the
# picture short.
#
# Whatever stands there, it takes time in proportion to the length: nothing is given back once it is taken (the second
# +), and no part of a Markdown image reaches into the next one.
_PICTURE = re.compile(
    r"!\[(?:[^\]!]++|!(?!\[))*+\]\(\s*+"
    r"(?:(?P<linked>data:image/(?:[^,)!]++|!(?!\[))*+,(?:[^)\"'!]++|!(?!\[))*+)"
    r"|(?P<remote>https?://(?:[^)\s!]++|!(?!\[))++))(?:[^)!]++|!(?!\[))*+\)"
    r"|(?P<bare>data:image/[^,\s]{0,200}?;base64,\s*+[^\s)\"'<>`]++(?:(?:[^\S\n]*+\n)++[A-Za-z0-9+/=]{20,}+)*+)",
    re.IGNORECASE,
)
_HTTP_URL = re.compile(r"https?://", re.IGNORECASE)
_WORDS = ("text", "thoughts", "finish_reason", "finish_message", "block_reason", "block_message", "metadata")


@define
class Reading:
    """What an answer holds, before it is known whether that is good enough. `blobs` was lifted out of the answer."""

    blobs: Blobs = field(factory=Blobs)
    unflagged: list[Picture] = field(factory=list)
    flagged: list[Picture] = field(factory=list)
    """Pictures marked as thoughts."""
    damaged: UnusableResponseError | None = None
    """What is wrong with the last picture that is not marked, where something is."""
    damaged_thought: UnusableResponseError | None = None
    """The same for the last that is marked."""
    text: str = ""
    thoughts: str = ""
    finish_reason: str | None = None
    finish_message: str | None = None
    block_reason: str | None = None
    block_message: str | None = None
    usage: Usage = field(factory=Usage)
    metadata: dict[str, Any] = field(factory=dict)

    def add_text(self, text: str, *, is_thought: bool = False) -> None:
        """Takes words, and out of them the pictures that stand there as Markdown or as `data:` URI."""
        words, end = "", 0
        for found in _PICTURE.finditer(text):  # one pass: the text may hold 35 MB of picture
            words, end = words + text[end : found.start()], found.end()
            self.add_picture(found["linked"] or found["remote"] or found["bare"].rstrip(".,;!"), is_thought=is_thought)
        words = (words + text[end:]).strip() if end else text
        if is_thought:
            self.thoughts += words
        else:
            self.text += words

    def add_picture(
        self, value: str, stated_type: str | None = None, *, is_thought: bool = False, unless_there: bool = False
    ) -> None:
        """Takes a picture. One that is damaged costs the answer only where no whole one follows it."""
        try:
            found = picture(value, self.blobs.restore(stated_type), self.blobs)
        except UnusableResponseError as error:
            if is_thought:
                self.damaged_thought = error
            else:
                self.damaged = error
            self.metadata["damagedPictures"] = self.metadata.get("damagedPictures", 0) + 1
            return
        is_stated_otherwise = stated_type is not None and not stated_type.startswith("image/")
        if is_stated_otherwise and not _is_known(found):  # a part of another kind, such as a document
            self.metadata.setdefault("otherParts", []).append(
                {"mimeType": stated_type, "data": self.blobs.put_back(value)}
            )
            return
        pictures = self.flagged if is_thought else self.unflagged
        if not (unless_there and found in pictures):
            pictures.append(found)
        if is_thought:
            self.damaged_thought = None
        else:
            self.damaged = None

    @property
    def has_pictures(self) -> bool:
        """Whether there is any picture, marked as a thought or not."""
        return bool(self.unflagged or self.flagged)

    def conclude(self, record: Record) -> Generation:
        """The generation, where there is a picture. `record` says how it was asked for.

        Where every picture is marked as a thought, the last of them is the answer.

        Raises: NoImageError or one of its kin where there is none.
        """
        for name in _WORDS:
            setattr(self, name, self.blobs.restore(getattr(self, name)))
        damaged = self.damaged or (None if self.unflagged else self.damaged_thought)
        if damaged is not None:
            raise damaged
        images, drafts = (self.unflagged, self.flagged) if self.unflagged else (self.flagged[-1:], self.flagged[:-1])
        images = sorted(images, key=_is_known)  # one of known type is rather the final picture than one of none
        if images:
            return Generation(
                images=tuple(evolve(image, record=record) for image in images),
                drafts=tuple(evolve(draft, record=record) for draft in drafts),
                text=self.text,
                thoughts=self.thoughts,
                finish_reason=self.finish_reason,
                request_id=record.request_id,
                model=record.model,
                usage=self.usage,
                metadata=self.metadata,
            )
        error = self._no_image()
        error.text = self.text
        error.finish_reason = self.finish_reason
        error.usage = self.usage
        raise error

    def _no_image(self) -> NoImageError:
        if self.block_reason:
            cls: type[NoImageError] = PromptBlockedError
            reason, message = self.block_reason, f"the prompt was blocked ({self.block_reason})"
            words = self.block_message
        elif self.finish_reason and _WITHHELD.search(self.finish_reason):
            cls = ContentBlockedError
            reason, message = self.finish_reason, f"the picture was withheld ({self.finish_reason})"
            words = self.finish_message
        else:
            cls = NoImageError
            reason = self.finish_reason or "no finish reason"
            message = f"the answer holds no picture ({reason})"
            words = self.finish_message
        if words or self.text:
            message = f"{message}: {words or self.text}"
        error = cls(plain(message, 600))
        error.reason = plain(reason, 100)
        return error


def _is_known(image: Picture) -> bool:
    return isinstance(image, RemoteImage) or sniff(image.content) is not None


def picture(value: str, stated_type: str | None, blobs: Blobs) -> Picture:
    """The picture that a string stands for: the token of a blob, Base64, a `data:` URI of either, or an http(s)
    address, which is not followed.

    Raises: UnusableResponseError where the Base64 is bad.
    """
    if _HTTP_URL.match(value):
        return RemoteImage(url=blobs.restore(value))
    uri = _DATA_URI.match(value)
    if uri:
        value, stated_type = value[uri.end() :].strip(), stated_type or uri[1]
    if value in blobs:
        return GeneratedImage(blobs.take(value), stated_type=stated_type)
    value = blobs.restore(value)
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise UnusableResponseError("the picture in the answer is not valid Base64") from None
    if not data:
        raise UnusableResponseError("the picture in the answer is empty")
    return GeneratedImage(data, stated_type=stated_type)


def as_text(value: object) -> str:
    """The string, or "" for anything else."""
    return value if isinstance(value, str) else ""


def as_name(value: object) -> str | None:
    """The string where there is one, or None."""
    return value if isinstance(value, str) and value else None


def as_count(value: object) -> int | None:
    """The whole number, or None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_model(cls: type[T], value: object) -> T | None:
    """The generated model; None where the answer had something else in its place."""
    return value if isinstance(value, cls) else None


def as_models(cls: type[T], value: object) -> list[T]:
    """The generated models in a list; what else the answer had there is passed over.

    Where one entry does not fit, the generated parser leaves the whole list unparsed.
    """
    if not isinstance(value, list):
        return []
    models = (cls.from_dict(entry) if isinstance(entry, dict) else entry for entry in value)  # type: ignore[attr-defined]
    return [model for model in models if isinstance(model, cls)]
