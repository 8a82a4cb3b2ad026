"""Conversation: turns that build on one another, kept exactly as they were sent and received."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, Self, TypeVar

from ._call.call import Call
from ._call.caller import AsyncCaller, Caller, SyncCaller
from ._engine.tokens import Blobs, Lifted
from ._formats import format_of
from ._formats.verbatim import entries, members
from .errors import InvalidRequestError, UnusableResponseError, plain
from .pictures.generation import Generation
from .pictures.reference import ReferenceLike
from .request import ImageRequest

_SAVED_AS = "nanobanana conversation 1"
_OPTIONS = set(ImageRequest.ARGUMENTS) - {"prompt", "references"}
C = TypeVar("C", bound=Caller)


def _saved(text: str) -> dict[str, Any]:
    """The options and turns in the text of a saved conversation. Raises: whatever is wrong with it."""
    content = text.encode()
    saved = json.loads(content)
    if saved["format"] != _SAVED_AS:
        raise ValueError(f"its format is {saved['format']!r}")
    if not all(isinstance(turn, dict) for turn in saved["turns"]):
        raise ValueError("a turn is no object")
    options = {name: value for name, value in saved["options"].items() if value is not None}
    if unknown := options.keys() - _OPTIONS:
        raise ValueError(f"it has unknown options: {', '.join(sorted(unknown))}")
    return options | {"turns": entries(dict(members(content))["turns"])}


class _Dialogue(Generic[C]):
    """What both conversations are made from: the turns so far, each the very JSON that was sent or received.

    options: the arguments of `NanoBanana.conversation`.

    The turns of the model stay as they came, fields unknown to us and thought signatures included, because an
    upstream that misses one of them refuses to go on.
    """

    _needs: type[C]

    def __init__(self, client: C, *, turns: Sequence[bytes] = (), **options: Any) -> None:
        self._client = client
        self._request = ImageRequest("each turn has a prompt of its own", **options)
        self._turns = list(turns)
        self._blobs = Blobs()  # what the turns hold tokens of
        self._changing = threading.Lock()
        wire = format_of(self._request.wire)
        for number, turn in enumerate(self._turns):
            problem = wire.check_turn(json.loads(turn), is_model=number % 2 == 1)
            if problem:
                words = f"turn {number + 1} is none of the {wire.name} format: {problem}"
                raise InvalidRequestError(words, param="turns")
        if len(self._turns) % 2:
            raise InvalidRequestError("the last turn has no answer", param="turns")

    @property
    def turns(self) -> tuple[Mapping[str, Any], ...]:
        """The turns so far in the endpoint's JSON, the user's and the model's in alternation."""
        return tuple(Lifted(turn, self._blobs).document() for turn in self._turns)

    def undo(self) -> None:
        """Forgets the last prompt and the picture it gave.

        Raises: InvalidRequestError where there is none.
        """
        with self._alone("a turn is under way", "Wait for it, then undo it"):
            if not self._turns:
                raise InvalidRequestError("there is no turn to undo")
            del self._turns[-2:]
            kept = b"".join(self._turns)
            for token in [token for token in self._blobs if token.encode() not in kept]:
                del self._blobs[token]

    def to_json(self) -> str:
        """The whole conversation as JSON, pictures included and without the key, for `from_json`."""
        options = {name: value for name, value in self._request._asked().items() if name in _OPTIONS}
        head = json.dumps({"format": _SAVED_AS, "options": options}, ensure_ascii=False)
        turns = b",".join(self._turns)
        saved = b'%s,"turns":[%s]}' % (head[:-1].encode(), turns)
        return self._client._key.redact(Lifted(saved, self._blobs).whole().decode())

    @classmethod
    def from_json(cls, text: str, client: C) -> Self:
        """Takes a conversation up again that `to_json` saved, on a client.

        Raises: InvalidRequestError where the text or the client is something else.
        """
        if not isinstance(client, cls._needs):
            raise InvalidRequestError(f"a {cls.__name__} needs another client than {client!r}", param="client")
        try:
            return cls(client, **_saved(text))
        except InvalidRequestError as exc:
            problem = exc.message
        except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as exc:
            problem = plain(f"{type(exc).__name__} at {exc}", 200)
        raise InvalidRequestError(f"this is not a saved conversation: {problem}", param="text")

    @contextmanager
    def _turn(self, prompt: str, references: Iterable[ReferenceLike]) -> Iterator[Call]:
        """The call for the next turn. When it ends well, both turns are remembered; otherwise nothing is."""
        with self._alone("the turn before is still under way", "Wait for it, then send the next"):
            request = self._request.replace(prompt=prompt, references=references)
            call = self._client._call(request, history=self._turns, blobs=self._blobs)
            yield call
            answer = call.answer.lifted
            try:
                model_turn = call.format.model_turn(answer.text, call.findings)
            except Exception as exc:  # whatever is odd about it, it was paid for, and goes with the error
                problem = plain(str(exc), 200) or type(exc).__name__
            else:
                self._request = self._request.replace(aspect_ratio=request.aspect_ratio)
                self._turns += [call.exchange.sent_turn, model_turn]
                self._blobs.update(call.exchange.references)
                self._blobs.update(answer.blobs)
                return
            words = f"the answer has a picture, but cannot be kept as a turn: {problem}"
            raise UnusableResponseError(words, content=answer.whole())

    @contextmanager
    def _alone(self, problem: str, advice: str) -> Iterator[None]:
        """Changes the turns, which one thread or task does at a time."""
        if not self._changing.acquire(blocking=False):
            raise InvalidRequestError(problem, advice=advice)
        try:
            yield
        finally:
            self._changing.release()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._request.model} {len(self._turns) // 2} turns>"


class Conversation(_Dialogue[SyncCaller]):
    """Turns that build on one another. Made by `NanoBanana.conversation`, or by `Conversation.from_json(text, client)`.

    conversation = client.conversation(model="nanobanana_pro")
    conversation.send("Draw a cat on a rooftop")
    conversation.send("Now at night").image.save("night")
    """

    _needs = SyncCaller

    def send(self, prompt: str, references: Iterable[ReferenceLike] = ()) -> Generation:
        """Makes the next picture of the conversation.

        Returns and raises as `NanoBanana.generate`; where it raises, the conversation stays as it was.
        """
        with self._turn(prompt, references) as call:
            return self._client._perform(call)


class AsyncConversation(_Dialogue[AsyncCaller]):
    """`Conversation` for asyncio and trio. Made by `AsyncNanoBanana.conversation` or `AsyncConversation.from_json`."""

    _needs = AsyncCaller

    async def send(self, prompt: str, references: Iterable[ReferenceLike] = ()) -> Generation:
        """Makes the next picture of the conversation, as `Conversation.send` does."""
        with self._turn(prompt, references) as call:
            return await self._client._perform(call)
