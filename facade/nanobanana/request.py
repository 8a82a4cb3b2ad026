"""ImageRequest: what is asked for, in one value that is checked when it is made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from math import inf
from numbers import Real
from types import MappingProxyType
from typing import Any, ClassVar, Literal, TypeVar, get_args

from attrs import evolve, field, fields, frozen

from .errors import InvalidRequestError
from .pictures.reference import ReferenceImage, ReferenceLike
from .vocabulary import (
    ASPECT_RATIOS,
    CHAT_MODELS,
    IMAGE_SIZES,
    MODELS,
    NATIVE_MODELS,
    AspectRatio,
    ImageSize,
    Model,
    nearest_aspect_ratio,
    pixels,
)

WireName = Literal["native", "chat"]
WIRE_NAMES: tuple[WireName, ...] = get_args(WireName)
_KEPT_FIELDS = {
    "contents": "the turns come from the prompt and the conversation",
    "messages": "the turns come from the prompt and the conversation",
    "model": "say it with model",
    "stream": "an answer in pieces cannot be read",
}
T = TypeVar("T")


def _one_of(name: str, accepted: Sequence[T], given: object) -> T:
    for value in accepted:
        if isinstance(given, type(value)) and given == value:
            return value
    raise InvalidRequestError(
        f"{name} is {given!r}; accepted are {', '.join(str(value) for value in accepted)}", param=name
    )


def _prompt(given: str) -> str:
    if not isinstance(given, str):
        raise InvalidRequestError(f"the prompt is of type {type(given).__name__}; it must be a str", param="prompt")
    if not given.replace("\ufeff", "").strip():
        raise InvalidRequestError("the prompt is empty; say what to draw", param="prompt")
    try:
        given.encode()
    except UnicodeEncodeError:
        raise InvalidRequestError("the prompt holds half of a surrogate pair", param="prompt") from None
    return given


def _references(given: Iterable[ReferenceLike]) -> tuple[ReferenceImage, ...]:
    single = (str, bytes, bytearray, memoryview, Mapping)
    is_single = isinstance(given, single) or hasattr(given, "read") or hasattr(given, "__array_interface__")
    if is_single or not isinstance(given, Iterable):
        raise InvalidRequestError(
            f"references is of type {type(given).__name__}; it must be a list of pictures",
            param="references",
            advice="Put brackets around a single one: references=[picture]",
        )
    references = []
    for number, value in enumerate(given, 1):
        try:
            references.append(ReferenceImage.of(value))
        except InvalidRequestError as error:
            words = f"reference {number}: {error.message}"
            raise InvalidRequestError(words, param="references", advice=error.advice) from None
    return tuple(references)


def _model(given: Model) -> Model:
    return _one_of("model", MODELS, given)


def _aspect_ratio(given: AspectRatio | None) -> AspectRatio | None:
    return None if given is None else _one_of("aspect_ratio", ASPECT_RATIOS, given)


def _image_size(given: ImageSize) -> ImageSize:
    return _one_of("image_size", IMAGE_SIZES, given)


def _include_thoughts(given: bool) -> bool:
    return _one_of("include_thoughts", (False, True), given)


def _wire(given: WireName | None) -> WireName | None:
    return None if given is None else _one_of("wire", WIRE_NAMES, given)


def _extra_body(given: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if given is None:
        return MappingProxyType({})
    if not isinstance(given, Mapping):
        raise InvalidRequestError(
            f"extra_body is of type {type(given).__name__}; it must be a dict of JSON values", param="extra_body"
        )
    for name, reason in _KEPT_FIELDS.items():
        if name in given:
            raise InvalidRequestError(f"extra_body cannot hold {name!r}: {reason}", param="extra_body")
    try:
        text = json.dumps(dict(given), ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidRequestError(f"extra_body holds what JSON cannot: {exc}", param="extra_body") from None
    return MappingProxyType(json.loads(text))  # a copy that no caller changes any more


@frozen
class ImageRequest:
    """What to draw, and how.

    prompt: what to draw, in words. references: pictures to look at, in the order in which the prompt speaks of them;
    see `ReferenceImage.of` for the forms they may have. model, aspect_ratio, image_size: one of the values that
    `openapi.yaml` lists; an aspect_ratio of None becomes the listed one nearest to the first reference's shape, or 1:1.
    include_thoughts: whether to ask for the model's reasoning and drafts. wire: "native" or "chat" forces that
    format of the endpoint; by itself, the model decides. extra_body: fields of the request's JSON that this library
    does not know, such as `{"generationConfig": {"seed": 7}}`, merged deep into it, these last; the turns, the model
    and `stream` cannot be replaced.

    Raises: InvalidRequestError, on making one, naming the argument and what is accepted.

    Source: the endpoint page, "Body" and "Resolution configuration".
    """

    prompt: str = field(converter=_prompt)
    references: tuple[ReferenceImage, ...] = field(default=(), converter=_references, kw_only=True)
    model: Model = field(default="nanobanana", converter=_model, kw_only=True)
    _aspect_ratio: AspectRatio | None = field(default=None, converter=_aspect_ratio, kw_only=True, eq=False, repr=False)
    image_size: ImageSize = field(default="1K", converter=_image_size, kw_only=True)
    include_thoughts: bool = field(default=False, converter=_include_thoughts, kw_only=True)
    _wire: WireName | None = field(default=None, converter=_wire, kw_only=True, eq=False, repr=False)
    extra_body: Mapping[str, Any] = field(default=None, converter=_extra_body, kw_only=True, hash=False)

    aspect_ratio: AspectRatio = field(init=False)
    wire: WireName = field(init=False)

    ARGUMENTS: ClassVar[tuple[str, ...]]
    """The names of the arguments, in their order."""

    @aspect_ratio.default
    def _nearest_to_the_first_reference(self) -> AspectRatio:
        shape = self.references[0].dimensions() if self.references else None
        return self._aspect_ratio or nearest_aspect_ratio(*(shape or (1, 1)))

    @wire.default
    def _spoken_by_the_model(self) -> WireName:
        speaks: dict[WireName, bool] = {"native": self.model in NATIVE_MODELS, "chat": self.model in CHAT_MODELS}
        wire: WireName = next(name for name in WIRE_NAMES if speaks[name]) if self._wire is None else self._wire
        if not speaks[wire]:
            only = " and ".join(name for name in WIRE_NAMES if speaks[name])
            raise InvalidRequestError(
                f"{self.model} speaks the {only} format only, not {wire}",
                param="wire",
                advice=f"Leave wire=... away, or take one of {', '.join(NATIVE_MODELS)}",
            )
        if wire == "chat" and self.include_thoughts:
            raise InvalidRequestError(
                "include_thoughts=True needs the native format; the chat format cannot ask for thoughts",
                param="include_thoughts",
                advice=f"Leave it away, or take one of {', '.join(NATIVE_MODELS)} without wire='chat'",
            )
        return wire

    def replace(self, **changes: Any) -> ImageRequest:
        """The same request with some arguments changed. What was left to be derived, the ratio from the first reference
        and the format from the model, is derived anew.

        Raises: InvalidRequestError, as on making one.
        """
        return evolve(self, **changes)

    def _asked(self) -> dict[str, Any]:
        """The arguments by their names, with nothing derived."""
        asked = {str(field.alias): getattr(self, field.name) for field in fields(ImageRequest) if field.init}
        return asked | {"extra_body": dict(self.extra_body)}

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(ImageRequest, **self._asked()), ()

    @classmethod
    def for_pixels(cls, width: int, height: int, *, prompt: str, **others: Any) -> ImageRequest:
        """A request for the nearest listed ratio and the smallest size whose documented pixels cover width x height.

        Raises: InvalidRequestError where no size is large enough, or another argument is refused.
        """
        if not all(isinstance(side, Real) and 1 <= side < inf for side in (width, height)):
            problem = f"{width!r} x {height!r} is no shape in pixels; both must be numbers above 0"
            raise InvalidRequestError(problem, param="width")
        ratio = nearest_aspect_ratio(width, height)
        shapes = {size: shape for size in IMAGE_SIZES if (shape := pixels(ratio, size))}
        for size, (across, down) in shapes.items():
            if across >= width and down >= height:
                return cls(prompt, aspect_ratio=ratio, image_size=size, **others)
        largest = "x".join(map(str, max(shapes.values(), default=("no", "size"))))
        raise InvalidRequestError(
            f"no picture covers {width}x{height} pixels; the largest of ratio {ratio} has {largest}", param="width"
        )


ImageRequest.ARGUMENTS = tuple(str(field.alias) for field in fields(ImageRequest) if field.init)
