"""Conversation: turns that build on one another, kept exactly as they were sent and received."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from ._call.call import WIRES, Call
from ._engine.tokens import Blobs
from .errors import InvalidRequestError
from .pictures.generation import Generation
from .pictures.reference import ReferenceLike
from .request import ImageRequest, WireName
from .vocabulary import AspectRatio, ImageSize, Model

if TYPE_CHECKING:
    from .client import AsyncNanoBanana, NanoBanana

_FORMAT = "nanobanana conversation 1"


def _check_turns(turns: list[dict[str, Any]], request: ImageRequest) -> None:
    """Sees that turns are those of a conversation in the format of a request.

    Raises: InvalidRequestError where they are not.
    """
    roles = ("user", WIRES[request.wire].MODEL_ROLE)
    body, kinds = ("parts", (list,)) if request.wire == "native" else ("content", (str, list, type(None)))
    for number, turn in enumerate(turns):
        if turn.get("role") != roles[number % 2] or not isinstance(turn.get(body), kinds):
            raise InvalidRequestError(f"turn {number + 1} is none of the {request.wire} format", param="turns")
    if len(turns) % 2:
        raise InvalidRequestError("the last turn has no answer", param="turns")


class _Dialogue:
    """What both conversations are made from: how to draw, and the turns so far as JSON.

    The turns of the model stay as they came, fields unknown to us and thought signatures included, because an
    upstream that misses one of them refuses to go on.
    """

    _closes: str  # the method by which the right client is known

    def __init__(
        self,
        client: Any,
        *,
        model: Model = "nanobanana",
        aspect_ratio: AspectRatio | None = None,
        image_size: ImageSize = "1K",
        include_thoughts: bool = False,
        wire: WireName | None = None,
        turns: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        self._client = client
        self._options: dict[str, Any] = {
            "model": model,
            "aspect_ratio": aspect_ratio,
            "image_size": image_size,
            "include_thoughts": include_thoughts,
            "wire": wire,
        }
        probe = ImageRequest("checks the options before the first turn", **self._options)
        self._turns = [dict(turn) for turn in turns]
        self._blobs = Blobs(client._auth.censor.redact)  # what the turns hold tokens of
        _check_turns(self._turns, probe)
        self._is_busy = False

    @property
    def turns(self) -> tuple[Mapping[str, Any], ...]:
        """The turns so far in the endpoint's JSON, the user's and the model's in alternation."""
        return tuple(self._blobs.restore(self._turns) if self._blobs else copy.deepcopy(self._turns))

    def undo(self) -> None:
        """Forgets the last prompt and the picture it gave.

        Raises: InvalidRequestError where there is none.
        """
        if self._is_busy:
            raise InvalidRequestError("a turn is under way", advice="Wait for it, then undo it")
        if not self._turns:
            raise InvalidRequestError("there is no turn to undo")
        del self._turns[-2:]
        kept = json.dumps(self._turns)
        for token in [token for token in self._blobs if token not in kept]:
            del self._blobs[token]

    def to_json(self) -> str:
        """The whole conversation as JSON, pictures included and without the key, for `from_json`."""
        saved = {"format": _FORMAT, "options": self._options, "turns": self._blobs.restore(self._turns)}
        return json.dumps(saved, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, client: Any) -> Self:
        """Takes a conversation up again that `to_json` saved, on a client.

        Raises: InvalidRequestError where the text is something else.
        """
        if not hasattr(client, cls._closes):
            raise InvalidRequestError(f"a {cls.__name__} needs another client than {client!r}", param="client")
        try:
            saved = json.loads(text)
            if saved["format"] != _FORMAT:
                raise ValueError(f"its format is {saved['format']!r}")
            options, turns = dict(saved["options"]), [dict(turn) for turn in saved["turns"]]
            return cls(client, turns=turns, **options)
        except InvalidRequestError as exc:
            problem = exc.message
        except (ValueError, KeyError, TypeError, RecursionError) as exc:
            problem = f"{type(exc).__name__} at {exc}"
        raise InvalidRequestError(f"this is not a saved conversation: {problem}", param="text")

    @contextmanager
    def _turn(self, prompt: str, references: Iterable[ReferenceLike]) -> Iterator[Call]:
        """The call for the next turn. When it ends well, both turns are remembered; otherwise nothing is."""
        if self._is_busy:
            raise InvalidRequestError("the turn before is still under way", advice="Wait for it, then send the next")
        request = ImageRequest(prompt, references=references, **self._options)
        call = Call(request, self._client._settings, self._turns, blobs=self._blobs)
        self._is_busy = True
        try:
            yield call
        finally:
            self._is_busy = False
        self._options["aspect_ratio"] = request.aspect_ratio
        self._turns += [call.turn.to_dict(), call.wire.model_turn(call.exchange.document)]
        self._blobs |= call.exchange.references | call.exchange.blobs

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._options['model']} {len(self._turns) // 2} turns>"


class Conversation(_Dialogue):
    """Turns that build on one another. Made by `NanoBanana.conversation`, or by `Conversation.from_json(text, client)`.

    conversation = client.conversation(model="nanobanana_pro")
    conversation.send("Draw a cat on a rooftop")
    conversation.send("Now at night").image.save("night")
    """

    _client: NanoBanana
    _closes = "close"

    def send(self, prompt: str, references: Iterable[ReferenceLike] = ()) -> Generation:
        """Makes the next picture of the conversation.

        Returns and raises as `NanoBanana.generate`; where it raises, the conversation stays as it was.
        """
        with self._turn(prompt, references) as call:
            return self._client._perform(call)


class AsyncConversation(_Dialogue):
    """`Conversation` for asyncio and trio. Made by `AsyncNanoBanana.conversation` or `AsyncConversation.from_json`."""

    _client: AsyncNanoBanana
    _closes = "aclose"

    async def send(self, prompt: str, references: Iterable[ReferenceLike] = ()) -> Generation:
        """Makes the next picture of the conversation, as `Conversation.send` does."""
        with self._turn(prompt, references) as call:
            return await self._client._perform(call)
