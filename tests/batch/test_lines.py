"""Batch files as people's programs write them, and other holders of requests."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from nanobanana import InvalidRequestError
from nanobanana.batch import BatchResult, Line, Lines, read_lines
from nanobanana.batch.lines import lines_of
from nanobanana.batch.task import Task, expand


def _read(lines: Lines) -> list[tuple[int, Any]]:
    return [
        (line.number, line.request.message if isinstance(line.request, InvalidRequestError) else line.request)
        for line in lines
    ]


def _bytes(content: bytes, **options: Any) -> Lines:
    return read_lines(io.BytesIO(content), **options)


ROWS = [(2, {"prompt": "Draw a café", "id": "a"}), (3, {"prompt": "画一只猫", "id": "b"})]
TEXT = "prompt,id\nDraw a café,a\n画一只猫,b\n"


def test_fields_of_a_csv_file() -> None:
    """Lists stand apart by semicolons, numbers and truths are read, objects are JSON, empty cells are none."""
    text = (
        "id,prompt,references,n,aspect_ratios,include_thoughts,extra_body\n"
        'a,"Draw, please",x.png; y.png,2,1:1;16:9,yes,"{""seed"": 7}"\n'
        "b,Draw,,,,,\n"
        "\n"
        ",,,,,,\n"
        "c,Draw,,many,,,\n"
        "d,Draw,,,,,{oops\n"
        "e,Draw,,,,,,too many\n"
    )
    rows = _read(read_lines(io.StringIO(text), is_csv=True))
    assert rows[0] == (
        2,
        {
            "id": "a",
            "prompt": "Draw, please",
            "references": ["x.png", "y.png"],
            "n": 2,
            "aspect_ratios": ["1:1", "16:9"],
            "include_thoughts": True,
            "extra_body": {"seed": 7},
        },
    )
    assert rows[1] == (3, {"id": "b", "prompt": "Draw"})
    assert rows[2] == (6, {"id": "c", "prompt": "Draw", "n": "many"})
    assert (rows[3][0], rows[3][1].partition(" is ")[0]) == (7, "extra_body")
    assert rows[4] == (8, "it has more fields than the first line names")


@pytest.mark.parametrize("number", ["many", "1.5", "0", "9" * 5000])
def test_number_of_pictures_that_is_none_fails_alone(number: str) -> None:
    """A field n that is no whole number in reach fails its line, with what is accepted, and the others are taken."""
    first, second = expand(read_lines(io.StringIO(f"prompt,n\na,{number}\nb,1\n"), is_csv=True))
    assert isinstance(first, BatchResult)
    assert "must be a whole number from 1 to 1000" in str(first.error)
    assert isinstance(second, Task)


def test_unknown_columns_are_named_at_once() -> None:
    """A row with something in columns that are no fields of a request fails alone, naming all of them and what is
    known; an empty cell is none."""
    content = "prompt,colour,id,style,\na,,1,,\nb,red,2,x,\n"
    first, second = expand(read_lines(io.StringIO(content), is_csv=True))
    assert isinstance(first, Task)
    assert isinstance(second, BatchResult)
    assert "unknown fields: 'colour', 'style'; known are aspect_ratio, " in str(second.error)


def test_file_of_plain_prompts_is_told_what_jsonl_is() -> None:
    """The first line of a file of plain prompts says what each line must be; the other lines only fail."""
    first, second, third = _read(read_lines(io.StringIO("Draw a cat\n\nDraw a dog\n" + '"Draw a fish"')))
    assert "it is not JSON" in first[1]
    assert "a file of plain prompts, one a line, is no JSONL" in first[1]
    assert "it is not JSON" in second[1]
    assert "plain prompts" not in second[1]
    assert third == (4, "Draw a fish")
    rows = _read(read_lines(io.StringIO('{"prompt": "Draw"}\n{"prom')))
    assert "plain prompts" not in rows[1][1]


@pytest.mark.parametrize(
    ("content", "assumed"),
    [
        (TEXT.encode(), ""),
        (codecs.BOM_UTF8 + TEXT.encode(), ""),
        (TEXT.replace("\n", "\r").encode(), ""),
        (TEXT.replace("\n", "\r\n").encode(), ""),
        (TEXT.replace(",", ";").encode(), "fields are separated by semicolons"),
        (TEXT.replace(",", "\t").encode("utf-16"), "UTF-16, not UTF-8, .*; fields are separated by tabs"),
        (TEXT.encode("utf-16-le"), "UTF-16-LE, not UTF-8"),
        (TEXT.encode("utf-16-be"), "UTF-16-BE, not UTF-8"),
    ],
)
def test_csv_as_programs_write_it(content: bytes, assumed: str) -> None:
    """Byte order marks, any ends of lines, semicolons, tabs and UTF-16 are read, and what was assumed is said."""
    import re

    lines = _bytes(content, is_csv=True)
    assert _read(lines) == ROWS
    assert re.search(assumed, lines.assumed) if assumed else lines.assumed == ""


@pytest.mark.parametrize("encoding", ["cp1252", "gb18030", "shift_jis"])
def test_encoding_can_be_named(encoding: str) -> None:
    """A file in an encoding that is named is read by it."""
    prompt = {"cp1252": "Draw a café", "gb18030": "画一只猫", "shift_jis": "猫を描いて"}[encoding]
    lines = _bytes(f"prompt\n{prompt}\n".encode(encoding), is_csv=True, encoding=encoding)
    assert _read(lines) == [(2, {"prompt": prompt})]
    assert lines.assumed == f"read as {encoding.upper()}, as told"
    record = json.dumps({"prompt": prompt}, ensure_ascii=False)
    assert _read(_bytes(f"{record}\n".encode(encoding), encoding=encoding)) == [(1, {"prompt": prompt})]


@pytest.mark.parametrize("encoding", ["klingon", "base64"])
def test_unknown_encoding_is_refused(encoding: str) -> None:
    """An encoding that Python does not know, or that is none of text, is refused in words."""
    with pytest.raises(InvalidRequestError, match="is not known; take one such as"):
        _bytes(b"{}", encoding=encoding)


@pytest.mark.parametrize("is_csv", [False, True])
def test_bad_bytes_fail_alone(is_csv: bool) -> None:
    """A line with a byte that is not of the encoding fails with its number and what to do; the others are read."""
    lines = ['{"prompt": "a"}', '{"prompt": "caf\xe9"}', '{"prompt": "b"}']
    if is_csv:
        lines = ["prompt", "a", "caf\xe9", "b"]
    rows = _read(_bytes("\n".join(lines).encode("latin-1"), is_csv=is_csv))
    assert [number for number, _ in rows] == ([2, 3, 4] if is_csv else [1, 2, 3])
    assert "0xE9, which is no UTF-8" in rows[1][1]
    assert "name it" in rows[1][1]
    assert [rows[0][1], rows[2][1]] == [{"prompt": "a"}, {"prompt": "b"}]


def test_odd_lines_fail_alone() -> None:
    """Half of a line, deep JSON, NUL bytes and long fields are a matter of their line only."""
    deep = b'{"prompt": ' + b"[" * 200_000
    content = b'{"prompt": "a"}\n{"prompt": \n\x00\x00\n' + deep + b"\n\xff\xfe\n" + b'{"prompt": "b"}\n'
    rows = _read(_bytes(content))
    assert [number for number, _ in rows] == [1, 2, 3, 4, 5, 6]
    assert [rows[0][1], rows[5][1]] == [{"prompt": "a"}, {"prompt": "b"}]
    assert all(isinstance(problem, str) for _, problem in rows[1:5])
    long = b'prompt,id\n"' + b"x " * 200_000 + b'",long\n"open\nand so on,b\n'
    rows = _read(_bytes(long, is_csv=True))
    assert len(rows[0][1]["prompt"]) == 400_000


def test_paths_and_names_of_files(tmp_path: Path) -> None:
    """A path tells the kind by its suffix and where references lie; one that cannot be read is refused in words."""
    path = tmp_path / "jobs.CSV"
    path.write_text("prompt\nDraw\n")
    (line,) = read_lines(path)
    assert line == Line(2, {"prompt": "Draw"}, tmp_path)
    (line,) = read_lines(str(path))
    assert line.folder == tmp_path
    for wrong in (tmp_path / "missing.jsonl", tmp_path, "\0"):
        with pytest.raises(InvalidRequestError, match="cannot be read"):
            read_lines(wrong)


def test_data_frames() -> None:
    """A frame has a request in each row: NaN is missing, numbers that became floats for its sake are whole again."""
    frame = pd.DataFrame(
        {
            "prompt": ["Draw a cat", "Draw a dog", None],
            "id": [1, np.nan, 3],
            "n": [np.nan, 2, np.nan],
            "include_thoughts": [True, None, np.nan],
            "references": ["a.png; b.png", ["c.png"], pd.NA],
        }
    )
    lines = lines_of(frame)
    assert [(line.number, line.request) for line in lines] == [  # type: ignore[union-attr]
        (1, {"prompt": "Draw a cat", "id": 1, "include_thoughts": True, "references": ["a.png", "b.png"]}),
        (2, {"prompt": "Draw a dog", "n": 2, "references": ["c.png"]}),
        (3, {"id": 3}),
    ]


@pytest.mark.parametrize("source", [None, 5, b"jobs.jsonl"])
def test_what_is_no_file_is_refused(source: Any) -> None:
    """Lines are read from a path or an open file."""
    with pytest.raises(InvalidRequestError, match="a path, or an open file"):
        read_lines(source)


def test_frame_is_a_batch(client: Any, tmp_path: Path) -> None:
    """`batch` takes a frame as it is."""
    frame = pd.DataFrame({"prompt": ["Frame a", "Frame b"], "id": [1, 2]})
    assert client.batch(frame, tmp_path).run().done == 2
    assert {path.name for path in tmp_path.glob("*.png")} == {"1.png", "2.png"}


def test_a_hundred_kinds_of_noise_never_raise(picture: Callable[..., bytes]) -> None:
    """Whatever bytes a file has, its lines are read or fail alone."""
    import random

    noise = random.Random(5)
    for _ in range(200):
        content = noise.randbytes(noise.randrange(300))
        for is_csv in (False, True):
            for line in _bytes(content, is_csv=is_csv):
                assert isinstance(line, Line)
    list(_bytes(picture(), is_csv=True))
