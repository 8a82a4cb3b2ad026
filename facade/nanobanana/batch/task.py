"""Task: one picture of a batch, with the key by which it is known and the name it gets."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import attrs

from ..errors import Billed, InvalidRequestError, plain
from ..pictures.image import GeneratedImage
from ..pictures.saving import check_name
from ..request import ImageRequest
from .lines import Line, unknown

Status = Literal["done", "skipped", "failed", "unknown", "taken"]

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
        told = {name: getattr(self.request, name) for name in ("prompt", "model", "aspect_ratio", "image_size")}
        about = {"id": self.id, "key": self.key, "line": self.line}
        return about | told | {"references": len(self.request.references)}


@attrs.frozen
class BatchResult:
    """What became of one picture of a batch.

    status: "done" now, "skipped" as done in an earlier run, "failed", or "unknown" (sent, and it is not known what
    came of it: it may have been paid for). path: relative to the output folder. error: class, message and billed,
    where there is one. seconds: of the call. tries: how often it was sent. image: the picture itself, only where it was
    paid for and no folder of this machine would take it.
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
    image: GeneratedImage | None = attrs.field(default=None, repr=False, eq=False)

    @classmethod
    def of(cls, record: Mapping[str, Any], **changes: Any) -> Self:
        """The result that a line of `results.jsonl` tells of."""
        names = {field.name for field in attrs.fields(cls)} - {"image"}
        return cls(**({name: value for name, value in record.items() if name in names} | changes))

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain JSON values; of a picture that is still in memory there is its own `to_dict`."""
        told = attrs.asdict(self, filter=lambda field, _: field.name != "image")
        return told | {"image": None if self.image is None else self.image.to_dict()}


def as_error(kind: str, message: str, billed: Billed) -> dict[str, Any]:
    """What a result tells of an error."""
    return {"class": kind, "message": message, "billed": billed}


def expand(lines: Iterable[Line]) -> Generator[Task | BatchResult]:
    """The tasks of all lines, one line at a time; a line that is wrong gives its failure instead. Which keys and ids
    were seen is kept on disk, not in memory."""
    with contextlib.closing(sqlite3.connect("", isolation_level=None, check_same_thread=False)) as seen:
        seen.execute("create table seen (name text primary key, times integer) without rowid")
        for line in lines:
            yield from _expanded(line, seen)


def _expanded(line: Line, seen: sqlite3.Connection) -> list[Task | BatchResult]:
    """The tasks of a line: one, or one for each variation that `n` and `aspect_ratios` ask for; where the line is
    wrong, or cannot be read for whatever reason, its failure alone."""
    try:
        return list(_tasks(line, seen))
    except InvalidRequestError as exc:
        message = exc.message
    except Exception as exc:  # a mapping, or a file of a reference, can raise anything; the lines beside it go on
        message = f"it cannot be read: {type(exc).__name__}: {plain(str(exc), 300)}"
    name = line.request.get("id") if isinstance(line.request, dict) else None
    error = as_error("InvalidRequestError", f"line {line.number}: {message}", "no")
    return [BatchResult(line.number, "failed", plain(str(name or f"line-{line.number}"), 120), error=error)]


def _tasks(line: Line, seen: sqlite3.Connection) -> Iterator[Task]:
    fields = _fields(line)
    name = _name(fields.pop("id", None))
    count, ratios = fields.pop("n", 1), fields.pop("aspect_ratios", None)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= _MOST_VARIATIONS:
        raise InvalidRequestError(
            f"n is {plain(repr(count), 80)}; it must be a whole number from 1 to {_MOST_VARIATIONS}", param="n"
        )
    if ratios is not None and (not isinstance(ratios, list) or not ratios or "aspect_ratio" in fields):
        raise InvalidRequestError(
            "aspect_ratios must be a list of ratios, and stand without aspect_ratio", param="aspect_ratios"
        )
    variations = []
    for shape in [{"aspect_ratio": ratio} for ratio in ratios] if ratios else [{}]:
        request = ImageRequest(**{**fields, **shape})
        mark = f"-{request.aspect_ratio.replace(':', 'x')}" if ratios else ""
        variations += [(f"{mark}-{number}" if count > 1 else mark, request) for number in range(1, count + 1)]
    for mark, _ in variations if name is not None else ():
        if _count(f"id {name}{mark}", seen):
            raise InvalidRequestError(f"the id {f'{name}{mark}'!r} stands on another line as well", param="id")
    for mark, request in variations:
        own = None if name is None else name + mark
        canonical = _canonical(request, own)
        key = hashlib.sha256(f"{canonical}#{_count(canonical, seen)}".encode()).hexdigest()
        yield Task(line.number, own or key[:20], key, request)


def _count(name: str, seen: sqlite3.Connection) -> int:
    """How often the name came before."""
    upsert = "insert into seen values (?, 1) on conflict do update set times = times + 1 returning times"
    (times,) = seen.execute(upsert, (name,)).fetchone()
    return int(times) - 1


def _name(given: object) -> str | None:
    if given is None:
        return None
    if isinstance(given, int) and not isinstance(given, bool):  # a number, as spreadsheets and JSON have it
        given = str(given)
    if not isinstance(given, str):
        raise InvalidRequestError(
            f"the id is {given!r}; it must be the name of a file without its suffix, such as 'cat-1'", param="id"
        )
    return check_name(given)


def _fields(line: Line) -> dict[str, Any]:
    given = line.request
    if isinstance(given, str):
        return {"prompt": given}
    if isinstance(given, ImageRequest):
        return {name: getattr(given, name) for name in ImageRequest.ARGUMENTS}
    if isinstance(given, InvalidRequestError):  # a line that could not even be read
        raise given
    if not isinstance(given, Mapping):
        raise InvalidRequestError(f"it is of type {type(given).__name__}; a request is an object with a prompt")
    fields = {str(name): value for name, value in given.items()}
    if problem := unknown(fields):
        raise problem
    if "prompt" not in fields:
        raise InvalidRequestError("it has no prompt", param="prompt")
    references = fields.get("references")
    if line.folder is not None and isinstance(references, list):
        fields["references"] = [_beside(line.folder, reference) for reference in references]
    return fields


def _beside(folder: Path, reference: object) -> object:
    """A path of a jobs file: beside that file, or else where the program was started."""
    if isinstance(reference, str) and ":" not in reference[:64]:  # no URL, no data: URL, no drive
        beside = folder / reference
        with contextlib.suppress(OSError, ValueError):
            if beside.exists() or not Path(reference).exists():
                return beside
    return reference


def _canonical(request: ImageRequest, name: str | None) -> str:
    """The digest of everything about a request, the bytes of its references included. A field that is not given does
    not count, so that a field which the library learns later changes no key."""
    given = {name: getattr(request, name) for name in ImageRequest.ARGUMENTS if name != "references"}
    given["extra_body"] = dict(request.extra_body) or None
    content = {key: value for key, value in given.items() if value is not None}
    content["references"] = [hashlib.sha256(reference.data).hexdigest() for reference in request.references]
    content["id"] = name
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
