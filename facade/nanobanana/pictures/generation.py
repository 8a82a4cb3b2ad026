"""Generation: what a call gave."""

from __future__ import annotations

import contextlib
import copy
import os
from typing import Any

from attrs import asdict, evolve, field, frozen

from .._engine.spool import Spool
from .._engine.tokens import Lifted
from ..errors import NanoBananaError, SaveError
from . import display
from .image import GeneratedImage
from .remote import Picture, RemoteImage
from .rescue import rescue
from .saving import reason


@frozen
class Usage:
    """Tokens that a call used, as the answer counts them; None where it does not say.

    The total is the one to trust: what upstreams add to it does not show in the other two.
    """

    prompt_tokens: int | None = None
    candidates_tokens: int | None = None
    total_tokens: int | None = None


@frozen(repr=False)
class Generation:
    """What a call gave: at least one picture, and what came with it.

    `images` are the final pictures, `drafts` those the model drew while thinking; `text` and `thoughts`
    are its words ("" if none). `metadata` holds whatever else the answer carried, by the names it came
    under, such as `modelVersion` and `responseId`; `headers` those of the answer, by lower-case names.
    A picture that the answer only names by its address is a `RemoteImage`.
    """

    images: tuple[Picture, ...]
    drafts: tuple[Picture, ...] = ()
    text: str = ""
    thoughts: str = ""
    finish_reason: str | None = None
    request_id: str | None = None
    model: str = ""
    usage: Usage = field(factory=Usage)
    metadata: dict[str, Any] = field(factory=dict)
    headers: dict[str, str] = field(factory=dict, eq=False)
    _answer: Lifted | None = field(default=None, eq=False)

    @property
    def image(self) -> Picture:
        """The final picture; where there are several, the last."""
        return self.images[-1]

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain JSON values. Of a picture there are its type, dimensions, number of bytes and path, of one
        that lies elsewhere its address; never its bytes."""
        return {
            "images": [image.to_dict() for image in self.images],
            "drafts": [draft.to_dict() for draft in self.drafts],
            "text": self.text,
            "thoughts": self.thoughts,
            "finish_reason": self.finish_reason,
            "request_id": self.request_id,
            "model": self.model,
            "usage": asdict(self.usage),
            "metadata": copy.deepcopy(self.metadata),
            "headers": dict(self.headers),
        }

    @property
    def raw(self) -> dict[str, Any]:
        """The whole answer as it came, with its pictures in Base64. It is rebuilt whenever it is asked for, so that no
        picture is held twice; empty where this was made by hand.

        Raises: OSError where the file of a picture is there no longer.
        """
        if self._answer is None:
            return {}
        try:
            document = self._answer.document()
        except OSError as exc:
            raise FileNotFoundError(f"the file of a picture of this answer cannot be read: {reason(exc)}") from None
        while isinstance(document, list) and len(document) == 1:  # some gateways wrap it so
            document = document[0]
        return document if isinstance(document, dict) else {"answer": document}

    def from_afar(self) -> Generation:
        """The same, with its remote pictures marked as named by a public server."""

        def mark(image: Picture) -> Picture:
            return evolve(image, is_foreign=True) if isinstance(image, RemoteImage) else image

        return evolve(self, images=tuple(map(mark, self.images)), drafts=tuple(map(mark, self.drafts)))

    def saved(self, path: str | os.PathLike[str]) -> Generation:
        """The same, with the final picture saved (see `GeneratedImage.save`) and its `path` set.

        Raises: SaveError with all of this on it. Its words say where the picture is safe, and so does `image.path`.
        """
        try:
            return evolve(self, images=(*self.images[:-1], self.image.moved(path)))
        except Exception as exc:  # whatever it is, what was paid for goes with it
            raise self._unsaved(path, exc) from None
        except BaseException:  # Ctrl-C does not keep what is whole and paid for from its place
            with contextlib.suppress(Exception):
                self.image.moved(path)
            raise

    def _unsaved(self, path: str | os.PathLike[str], problem: Exception) -> SaveError:
        message = problem.message if isinstance(problem, NanoBananaError) else reason(problem)
        image = self.image
        if isinstance(image, GeneratedImage):
            safe = rescue(image, path)
            if isinstance(image.content, Spool):
                with contextlib.suppress(OSError):  # then the file that is safe has it alone
                    image.content.recall()
            image = evolve(image, path=safe)
            if safe is not None:
                message = f"{message}; it is safe in {safe}"
        error = SaveError(message, image=image)
        error.generation = evolve(self, images=(*self.images[:-1], image))
        return error

    def _repr_html_(self) -> str:
        shown = [image._html() for image in self.images]
        return "".join([*shown, display.words(self.text)] if self.text else shown)

    def __repr__(self) -> str:
        parts = [f"{self.model}: {', '.join(map(repr, self.images))}"]
        if self.drafts:
            parts.append(f"{len(self.drafts)} drafts")
        if self.text:
            parts.append(f"text={self.text[:60]!r}")
        return f"<Generation {' '.join(parts)}>"
