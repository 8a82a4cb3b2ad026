"""Lines: requests from JSONL and CSV, one at a time."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any, TextIO

from ..errors import InvalidRequestError

_LISTS = {"references", "aspect_ratios"}


def read_lines(file: TextIO, *, is_csv: bool = False) -> Iterator[tuple[int, object]]:
    """The requests of a file with their line numbers, from 1; empty lines are passed over.

    A JSONL line is an object with the fields of `ImageRequest` and, if wanted, `id`, `n` and `aspect_ratios`. A CSV
    file names these in its first line; several references or ratios in a field stand apart by `;`. A line that cannot
    be read comes as the InvalidRequestError that says why, so that it fails alone.
    """
    if is_csv:
        reader = csv.DictReader(file)
        for row in reader:
            yield reader.line_num, _from_row(row)
        return
    for number, line in enumerate(file, 1):
        if line.strip():
            yield number, _from_json(line)


def _from_json(line: str) -> object:
    try:
        value: object = json.loads(line)
    except (ValueError, RecursionError) as exc:
        return InvalidRequestError(f"it is not JSON: {exc}")
    return value


def _from_row(row: dict[Any, Any]) -> object:
    if None in row:
        return InvalidRequestError("it has more fields than the first line names")
    fields: dict[str, Any] = {name: value for name, value in row.items() if value}
    for name in _LISTS & fields.keys():
        fields[name] = [part.strip() for part in fields[name].split(";") if part.strip()]
    if "n" in fields:
        if not fields["n"].strip().isdecimal():
            return InvalidRequestError(f"n is {fields['n']!r}; it must be a whole number", param="n")
        fields["n"] = int(fields["n"])
    if "include_thoughts" in fields:
        truth = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        fields["include_thoughts"] = truth.get(fields["include_thoughts"].lower(), fields["include_thoughts"])
    return fields
