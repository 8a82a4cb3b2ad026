"""Task: one picture of a batch, with the key by which it is known and the name it gets."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import attrs

from ..errors import InvalidRequestError
from ..pictures.saving import check_name
from ..request import ImageRequest

Status = Literal["done", "skipped", "failed", "unknown", "taken"]

_REQUEST_FIELDS = {field.name for field in attrs.fields(ImageRequest) if field.init}
_OWN_FIELDS = {"id", "n", "aspect_ratios"}
_MOST_VARIATIONS = 1000


@attrs.frozen
class Task:
    """One picture of a batch. `line` counts the lines of the input from 1."""

    line: int
    id: str
    key: str
    request: ImageRequest

    def about(self) -> dict[str, Any]:
        """What `results.jsonl` says of it in any case."""
        request = self.request
        return {
            "id": self.id,
            "key": self.key,
            "line": self.line,
            "prompt": request.prompt,
            "model": request.model,
            "aspect_ratio": request.aspect_ratio,
            "image_size": request.image_size,
            "references": len(request.references),
        }


@attrs.frozen
class BatchResult:
    """What became of one picture of a batch.

    status: "done" now, "skipped" as done in an earlier run, "failed", "unknown" (sent, and it is not known what
    came of it: it may have been paid for), or "taken" by another runner that is at work on it. path: relative to the
    output folder. error: class, message and billed, where there is one. seconds: of the call. tries: how often it was
    sent.
    """

    line: int
    status: Status
    id: str = ""
    key: str = ""
    path: str | None = None
    sha256: str | None = None
    tokens: int | None = None
    request_id: str | None = None
    seconds: float | None = None
    tries: int = 0
    error: dict[str, Any] | None = None


class Expander:
    """Turns the lines of a batch into tasks, keeping on disk, not in memory, which keys and ids it has seen."""

    def __init__(self) -> None:
        self._seen = sqlite3.connect("", check_same_thread=False)  # a private file that SQLite deletes by itself
        self._seen.isolation_level = None
        self._seen.execute("create table seen (name text primary key, times integer) without rowid")

    def tasks(self, line: int, given: object) -> Iterator[Task]:
        """The tasks of a line: one, or one for each variation that `n` and `aspect_ratios` ask for.

        Raises: InvalidRequestError where the line is wrong, before any of its tasks is given.
        """
        fields = _fields(given)
        name = fields.pop("id", None)
        if name is not None:
            check_name(name)
        count, ratios = fields.pop("n", 1), fields.pop("aspect_ratios", None)
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= _MOST_VARIATIONS:
            raise InvalidRequestError(
                f"n is {count!r}; it must be a whole number from 1 to {_MOST_VARIATIONS}", param="n"
            )
        if ratios is not None and (not isinstance(ratios, list) or not ratios or "aspect_ratio" in fields):
            raise InvalidRequestError(
                "aspect_ratios must be a list of ratios, and stand without aspect_ratio", param="aspect_ratios"
            )
        shapes = [{"aspect_ratio": ratio} for ratio in ratios] if ratios else [{}]
        requests = [ImageRequest(**{**fields, **shape}) for shape in shapes]
        marks = [
            "".join([f"-{request.aspect_ratio.replace(':', 'x')}" * (ratios is not None), f"-{number}" * (count > 1)])
            for request in requests
            for number in range(1, count + 1)
        ]
        if name is not None:
            for mark in marks:
                if self._count(f"id {name}{mark}"):
                    raise InvalidRequestError(f"the id {name + mark!r} stands on another line as well", param="id")
        for index, mark in enumerate(marks):
            request = requests[index // count]
            canonical = _canonical(request, None if name is None else name + mark)
            key = hashlib.sha256(f"{canonical}#{self._count(canonical)}".encode()).hexdigest()
            yield Task(line, key[:20] if name is None else name + mark, key, request)

    def _count(self, name: str) -> int:
        """How often the name came before."""
        upsert = "insert into seen values (?, 1) on conflict do update set times = times + 1 returning times"
        (times,) = self._seen.execute(upsert, (name,)).fetchone()
        return int(times) - 1


def _fields(given: object) -> dict[str, Any]:
    if isinstance(given, ImageRequest):
        return {name: getattr(given, name) for name in _REQUEST_FIELDS}
    if isinstance(given, InvalidRequestError):  # a line that could not even be read
        raise given
    if not isinstance(given, Mapping):
        raise InvalidRequestError(f"it is of type {type(given).__name__}; a request is an object with a prompt")
    unknown = [str(name) for name in given if name not in _REQUEST_FIELDS | _OWN_FIELDS]
    if unknown:
        known = ", ".join(sorted(_REQUEST_FIELDS | _OWN_FIELDS))
        raise InvalidRequestError(f"it has an unknown field {unknown[0]!r}; known are {known}", param=unknown[0])
    if "prompt" not in given:
        raise InvalidRequestError("it has no prompt", param="prompt")
    return {str(name): value for name, value in given.items()}


def _canonical(request: ImageRequest, name: str | None) -> str:
    """The digest of everything about a request, the bytes of its references included."""
    content = attrs.asdict(request, filter=lambda field, _: field.init and field.name != "references", recurse=False)
    content["references"] = [hashlib.sha256(reference.data).hexdigest() for reference in request.references]
    content["id"] = name
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
