"""Lines: requests from JSONL and CSV files, as people's programs write them, and from whatever else holds requests."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import json
import os
import sys
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

import attrs

from ..errors import InvalidRequestError, plain
from ..request import ImageRequest

_FIELDS = {*ImageRequest.ARGUMENTS, "id", "n", "aspect_ratios"}
_LISTS = {"references", "aspect_ratios"}
_WORDS = {"prompt", "id", "model", "aspect_ratio", "image_size", "wire"}
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_HEAD = 64 * 1024  # bytes in which the encoding and the separator show
_PLAIN_PROMPTS = (
    '; each line is JSON by itself, such as {"prompt": "Draw a cat"} or a prompt in double quotes: '
    "a file of plain prompts, one a line, is no JSONL"
)


@attrs.frozen
class Line:
    """A request and where it stands: the number of its line from 1, and the folder to which its paths are relative."""

    number: int
    request: object
    folder: Path | None = None


@attrs.define
class Lines:
    """The requests of a file. Iterate it; `assumed` says how the file is read, where that is not plain UTF-8 with
    commas."""

    _file: TextIO
    _is_csv: bool
    _encoding: str
    _folder: Path | None
    _separator: str = ","
    assumed: str = ""

    def __iter__(self) -> Iterator[Line]:
        with self._file as file:
            for number, request in self._rows(file) if self._is_csv else self._objects(file):
                yield Line(number, request, self._folder)

    def _objects(self, file: TextIO) -> Iterator[tuple[int, object]]:
        hint = _PLAIN_PROMPTS
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            yield number, self._bad_bytes(line) or _from_json(line.lstrip("\ufeff"), "it", hint)
            hint = ""  # a file that begins with JSON is none of plain prompts

    def _rows(self, file: TextIO) -> Iterator[tuple[int, object]]:
        csv.field_size_limit(max(csv.field_size_limit(), sys.maxsize >> 32))  # a prompt may be longer than 128 KB
        reader = csv.reader(file, delimiter=self._separator)
        names, number = None, 1
        while True:
            try:
                values = next(reader)
                if not any(values):
                    pass
                elif names is None:
                    names = [name.strip("\ufeff \t") for name in values]
                else:
                    yield number, self._bad_bytes("".join(values)) or _from_row(names, values)
            except StopIteration:
                return
            except csv.Error as exc:
                yield number, InvalidRequestError(f"it is not CSV: {exc}")
            number = reader.line_num + 1

    def _bad_bytes(self, text: str) -> InvalidRequestError | None:
        bad = next((letter for letter in text if "\udc00" <= letter <= "\udcff"), None)
        if bad is None:
            return None
        return InvalidRequestError(
            f"it holds the byte 0x{ord(bad) - 0xDC00:02X}, which is no {self._encoding}; if the file is in another "
            "encoding, such as cp1252 or gb18030, name it"
        )


def _mark(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are none of the encoding become half surrogates, by which their line is known."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in bad), error.end


codecs.register_error("nanobanana.mark", _mark)


def read_lines(
    source: str | os.PathLike[str] | BinaryIO | TextIO, *, is_csv: bool | None = None, encoding: str | None = None
) -> Lines:
    """The requests of a file, to be given to `batch`: a path, or a file that is open.

    A JSONL line is an object with the fields of `ImageRequest` and, if wanted, `id`, `n` and `aspect_ratios`. A CSV
    file (is_csv; by itself, the suffix decides) names these in its first line, separated by commas, semicolons or
    tabs; several references or ratios in a field stand apart by `;`, and an object, such as extra_body, is JSON. A
    JSONL line may also be a prompt alone, in double quotes.
    Paths of references are relative to the file, or else to the working directory. encoding: by itself, UTF-8, or
    UTF-16 where the file begins with its byte order mark. A line that cannot be read fails alone, with its number.

    Raises: InvalidRequestError where the file cannot be opened or the encoding is not known.
    """
    folder, name = None, getattr(source, "name", "")
    if isinstance(source, str | os.PathLike):
        name, folder = os.fspath(source), Path(source).absolute().parent
        try:
            file: Any = open(source, "rb")  # noqa: SIM115 - closed when it has been read
        except (OSError, ValueError) as exc:
            reason = (isinstance(exc, OSError) and exc.strerror) or str(exc)
            raise InvalidRequestError(f"{name} cannot be read: {reason}", param="file") from None
    elif hasattr(source, "read"):
        file = source
    else:
        problem = f"file is of type {type(source).__name__}; it must be a path, or an open file"
        raise InvalidRequestError(problem, param="file")
    if is_csv is None:
        is_csv = str(name).lower().endswith((".csv", ".tsv"))
    said = []
    if isinstance(file, io.TextIOBase):
        encoding, text, head = "text", cast(TextIO, file), ""
    else:
        binary = file if hasattr(file, "peek") else io.BufferedReader(file, _HEAD)
        start = binary.peek(_HEAD)[:_HEAD]
        encoding, why = (encoding, "as told") if encoding else _encoding_of(start)
        try:
            head = start.decode(encoding, "ignore")
            text = io.TextIOWrapper(binary, encoding, "nanobanana.mark", newline="")
        except (LookupError, UnicodeError):
            raise InvalidRequestError(
                f"the encoding {encoding!r} is not known; take one such as utf-8, cp1252, utf-16 or gb18030",
                param="encoding",
            ) from None
        if why:
            said.append(f"read as {encoding.upper()}, {why}")
    separator = _separator_of(head) if is_csv else ","
    if separator != ",":
        said.append(f"fields are separated by {'tabs' if separator == chr(9) else 'semicolons'}")
    return Lines(text, is_csv, "UTF-8" if encoding == "utf-8-sig" else encoding, folder, separator, "; ".join(said))


def _encoding_of(start: bytes) -> tuple[str, str]:
    """The encoding, by how the file begins, and why, where it is not UTF-8."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", "not UTF-8, as its byte order mark says"
    if start[:2].count(0) == 1:  # the first letter of a JSONL or CSV file is ASCII
        return ("utf-16-be" if start[0] == 0 else "utf-16-le"), "not UTF-8, as every other byte is zero"
    return "utf-8-sig", ""


def _separator_of(head: str) -> str:
    first = head.lstrip("\ufeff\r\n").splitlines()[:1]
    return max(",;\t", key=first[0].count) if first else ","  # where none is there, the first of these


def _from_json(text: str, what: str, hint: str = "") -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as exc:
        return InvalidRequestError(f"{what} is not JSON: {exc}{hint}", param=what)
    return value


def unknown(names: Iterable[str]) -> InvalidRequestError | None:
    """An error that tells of all the names that no field of a request has; None where there is none."""
    wrong = [name for name in names if name not in _FIELDS]
    if not wrong:
        return None
    words = f"unknown fields: {plain(', '.join(map(repr, wrong)), 300)}; known are {', '.join(sorted(_FIELDS))}"
    return InvalidRequestError(words, param=wrong[0])


def _from_row(names: list[str], values: list[Any]) -> object:
    """The fields of a row of a CSV file or a data frame. An empty cell is none."""
    if any(value for value in values[len(names) :]):
        return InvalidRequestError("it has more fields than the first line names")
    fields = {name: value for name, value in zip(names, values, strict=False) if value not in ("", None)}
    for name, value in fields.items():
        if not isinstance(value, str) or name in _WORDS:
            continue
        if name in _LISTS:
            fields[name] = [part.strip() for part in value.split(";") if part.strip()]
        elif name == "n" and value.strip().isdecimal():
            with contextlib.suppress(ValueError):  # it has more digits than Python reads
                fields[name] = int(value)
        elif name == "include_thoughts":
            fields[name] = _TRUTH.get(value.strip().lower(), value)
        elif value.lstrip().startswith(("{", "[")):
            fields[name] = _from_json(value, name)
    return next((value for value in fields.values() if isinstance(value, InvalidRequestError)), fields)


def lines_of(requests: Any) -> Iterator[Line] | AsyncIterable[object]:
    """The requests that a caller gives, numbered from 1: any iterable of them, or a data frame with a row for each. An
    async iterable is returned as it is.

    Raises: InvalidRequestError where it is neither.
    """
    if isinstance(requests, AsyncIterable):
        return requests
    if hasattr(requests, "columns") and hasattr(requests, "itertuples"):
        return _from_frame(requests)
    is_single = isinstance(requests, str | bytes | bytearray | Mapping | os.PathLike)
    if is_single or not isinstance(requests, Iterable):
        raise InvalidRequestError(
            f"requests is of type {type(requests).__name__}; it must be a list, or another iterable, of requests",
            param="requests",
            advice="Put brackets around a single one, or read a file with read_lines(path)",
        )
    return (given if isinstance(given, Line) else Line(number, given) for number, given in enumerate(iter(requests), 1))


def _from_frame(frame: Any) -> Iterator[Line]:
    names = [str(name) for name in frame.columns]
    for number, values in enumerate(frame.itertuples(index=False, name=None), 1):
        yield Line(number, _from_row(names, [_plain_value(value) for value in values]))


def _plain_value(value: Any) -> Any:
    """A cell of a data frame: without numpy, NaN as nothing, and a whole number that became a float for its sake as a
    whole number again."""
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()
    if isinstance(value, float):
        return None if value != value else int(value) if value.is_integer() else value
    return value.tolist() if hasattr(value, "tolist") else value
