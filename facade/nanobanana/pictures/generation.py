"""Generation: what a call gave."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from attrs import evolve, field, frozen

from .._engine.spool import Spool
from ..errors import SaveError
from .image import GeneratedImage


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
    under, such as `modelVersion` and `responseId`.
    """

    images: tuple[GeneratedImage, ...]
    drafts: tuple[GeneratedImage, ...] = ()
    text: str = ""
    thoughts: str = ""
    finish_reason: str | None = None
    request_id: str | None = None
    model: str = ""
    usage: Usage = field(factory=Usage)
    metadata: dict[str, Any] = field(factory=dict)

    @property
    def image(self) -> GeneratedImage:
        """The final picture; where there are several, the last."""
        return self.images[-1]

    def with_one_file(self) -> Generation:
        """The same, with every picture but the final one in memory."""
        others = (image.loaded() for image in self.images[:-1])
        return evolve(self, images=(*others, self.image), drafts=tuple(draft.loaded() for draft in self.drafts))

    def saved(self, path: str | os.PathLike[str]) -> Generation:
        """The same, with the final picture saved (see `GeneratedImage.save`) and its `path` set.

        Raises: SaveError with all of this on it.
        """
        try:
            image = self.image.moved(path)
        except Exception as exc:  # whatever it is, what was paid for goes with it
            kept = self.image.loaded()
            problem = exc if isinstance(exc, SaveError) else SaveError(str(exc), image=kept)
            problem.image, problem.generation = kept, evolve(self, images=(*self.images[:-1], kept))
            if isinstance(self.image._content, Spool):
                self.image._content.discard()
        except BaseException:  # Ctrl-C does not keep what is whole and paid for from its place
            with contextlib.suppress(Exception):
                self.image.moved(path)
            raise
        else:
            return evolve(self, images=(*self.images[:-1], image))
        raise problem

    def _repr_html_(self) -> str:
        from .display import generation_html

        return generation_html(self)

    def __repr__(self) -> str:
        parts = [f"{self.model}: {', '.join(map(repr, self.images))}"]
        if self.drafts:
            parts.append(f"{len(self.drafts)} drafts")
        if self.text:
            parts.append(f"text={self.text[:60]!r}")
        return f"<Generation {' '.join(parts)}>"
