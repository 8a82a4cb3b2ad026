"""Order: what a request asks for, whatever its wire format."""

from __future__ import annotations

import base64
import hashlib

from attrs import define, field

from .painter import Commission
from .size import default_ratio, default_size, scale_of
from .violation import refuse

SIGNING_MODEL = "nanobanana_pro"
_PNG_MODEL = "nanobanana"  # the first generation; later ones answer in JPEG
_LETTERS_A_TOKEN = 4
MAX_PROMPT_TOKENS = 32_768
"""The longest prompt, at four letters a token: 131,072 letters, earlier turns included."""


@define
class Order:
    """What a request asks for."""

    model: str
    prompt: str = ""
    aspect_ratio: str = field(factory=default_ratio)
    image_size: str = field(factory=default_size)
    include_thoughts: bool = False
    references: list[bytes] = field(factory=list)
    previous: bytes | None = None
    """The picture that this one edits."""
    remote: str = ""
    """The address that stands for a picture, where the scenario asks for one."""

    @property
    def image_format(self) -> str:
        return "PNG" if self.model == _PNG_MODEL else "JPEG"

    @property
    def image_type(self) -> str:
        return f"image/{self.image_format.lower()}"

    def commission(self, note: str = "", image_size: str | None = None) -> Commission:
        """What to paint for it."""
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
        prompt = -(-len(self.prompt) // _LETTERS_A_TOKEN) + 258 * (len(self.references) + bool(self.previous))
        answer = (2000 if scale_of(self.image_size) >= 4 else 1290) if is_drawn else 16
        return prompt, answer, prompt + answer + thoughts

    def name(self) -> str:
        """A name for the answer, the same for the same request."""
        digest = hashlib.sha256(f"{self.model}\0{self.aspect_ratio}\0{self.image_size}\0{self.prompt}".encode())
        for reference in self.references:
            digest.update(reference)
        return digest.hexdigest()[:20]


def check_length(letters: int, where: str) -> None:
    """Raises: RefusedError where there are more letters than the models read."""
    if letters > MAX_PROMPT_TOKENS * _LETTERS_A_TOKEN:
        most = f"{MAX_PROMPT_TOKENS:,} tokens, about {MAX_PROMPT_TOKENS * _LETTERS_A_TOKEN:,} letters"
        raise refuse("prompt_too_long", f"The prompt has {letters:,} letters; it may have {most}", where)


def check_turns(is_user: list[bool], where: str) -> None:
    """Raises: RefusedError where the turns do not alternate, or the user has not the first and the last."""
    for index, user in enumerate(is_user):
        if user != (index % 2 == 0):
            whose = "the user's" if index % 2 == 0 else "the model's"
            message = f"{where}.{index} must be {whose}: turns alternate, and the user has the first and the last"
            raise refuse("invalid_parameter", message, where)
    if not is_user[-1]:
        raise refuse("invalid_parameter", f"The last of {where} must be the user's; it is the model's", where)


def signature(picture: bytes) -> str:
    """The thought signature of a picture: whoever gives the picture back must give this back with it."""
    return base64.b64encode(hashlib.sha256(b"signed by the sandbox" + picture).digest()).decode()


def in_base64(data: bytes) -> str:
    """The bytes as Base64."""
    return base64.b64encode(data).decode("ascii")
