"""The intake: what comes in is inflated, bounded and kept, in linear time, however hostile it is."""

from __future__ import annotations

import base64
import contextlib
import gzip
import itertools
import json
import os
import random
import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nanobanana._engine.intake import Intake

BODY = json.dumps({"data": base64.b64encode(os.urandom(30_000)).decode(), "text": "words " * 2000}).encode()


def taken(
    body: bytes, encoding: str = "", *, step: int = 1 << 40, limit: int = 10_000_000, lifts: bool = True
) -> Intake:
    """An intake that a body went into, so many bytes at a time."""
    intake = Intake(encoding, limit=limit, lifts=lifts)
    for start in range(0, len(body), step):
        intake.add(body[start : start + step])
    intake.finish()
    return intake


def raw_deflate(data: bytes) -> bytes:
    """Deflate without the zlib header, as some servers send it."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


ENCODED: dict[str, tuple[str, bytes]] = {
    "identity": ("", BODY),
    "identity by name": ("identity", BODY),
    "gzip": ("gzip", gzip.compress(BODY)),
    "x-gzip": ("X-GZIP ", gzip.compress(BODY)),
    "gzip and identity": ("identity, gzip", gzip.compress(BODY)),
    "two members": ("gzip", gzip.compress(BODY[:500]) + gzip.compress(BODY[500:])),
    "three members, one empty": ("gzip", gzip.compress(BODY[:1]) + gzip.compress(b"") + gzip.compress(BODY[1:])),
    "padding": ("gzip", gzip.compress(BODY) + bytes(512)),
    "zlib": ("deflate", zlib.compress(BODY)),
    "raw deflate": ("deflate", raw_deflate(BODY)),
    "claims gzip": ("gzip", BODY),
    "claims deflate": ("deflate", BODY),
    "claims deflate, with a BOM": ("deflate", b"\xef\xbb\xbf" + BODY),
    "an encoding nobody knows": ("br", BODY),
}


@pytest.mark.parametrize("name", ENCODED)
@pytest.mark.parametrize("step", [1, 2, 1000, 1 << 40])
def test_every_encoding(name: str, step: int) -> None:
    """gzip with all its members, deflate in both forms, and what only claims to be either, come to the same body."""
    encoding, body = ENCODED[name]
    intake = taken(body, encoding, step=step)
    assert intake.problem == ""
    assert intake.content().removeprefix(b"\xef\xbb\xbf") == BODY
    assert len(intake.lifted.text) < len(BODY) - 30_000


@pytest.mark.parametrize("name", ["gzip", "two members", "zlib", "raw deflate"])
@pytest.mark.parametrize("step", [1, 1000, 1 << 40])
def test_damage_in_the_middle(name: str, step: int) -> None:
    """Of a body that is damaged, all that stands before the damage is there, and what is wrong is said."""
    encoding, body = ENCODED[name]
    at = len(body) // 2
    intake = taken(body[:at] + bytes(64) + body[at + 64 :], encoding, step=step)
    if intake.problem:  # raw deflate may go on, as nothing checks it
        assert "encoding" in intake.problem
    assert len(intake.content()) > 0
    assert intake.content()[: len(BODY) // 4] == BODY[: len(BODY) // 4]


def test_a_cut_body_is_there_as_far_as_it_came() -> None:
    """A compressed body that ends too early is kept, and is no problem of its encoding."""
    intake = taken(gzip.compress(BODY)[:-5000], "gzip")
    assert intake.problem == ""
    assert BODY.startswith(intake.content())
    assert len(intake.content()) > 10_000


def test_a_body_of_one_byte() -> None:
    """A body too short to tell what it is is kept."""
    assert taken(b"{", "gzip").content() == b"{"
    assert taken(b"\x1f", "gzip").content() == b"\x1f"
    assert taken(b"", "gzip").content() == b""


@given(
    st.sampled_from(["", "gzip", "deflate", "br"]),
    st.binary(max_size=300) | st.binary(max_size=300).map(gzip.compress) | st.binary(max_size=300).map(zlib.compress),
    st.lists(st.integers(1, 50), max_size=8),
    st.integers(0, 400),
)
def test_any_bytes_in_any_pieces(encoding: str, body: bytes, steps: list[int], limit: int) -> None:
    """Whatever comes, nothing is raised, no more is kept than the limit and a piece, and pieces make no difference."""
    whole = Intake(encoding, limit=limit)
    whole.add(body)
    whole.finish()
    pieces, start = Intake(encoding, limit=limit), 0
    for step in [*steps, len(body)]:
        pieces.add(memoryview(body)[start : start + step])
        start += step
    pieces.finish()
    assert bool(pieces.problem) == bool(whole.problem) or whole.is_full or pieces.is_full
    if not whole.is_full:
        assert not pieces.is_full
        assert pieces.content() == whole.content()
    if encoding in ("", "br"):
        assert whole.content() == body


def test_no_more_is_inflated_than_the_limit() -> None:
    """A bomb is inflated up to the limit, in pieces, and takes little more memory than that."""
    bomb = gzip.compress(bytes(200_000_000), 9)
    tracemalloc.start()
    try:
        intake = taken(bomb, "gzip", limit=4_000_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert intake.is_full
    assert intake.size == 4_000_001
    assert peak < 12_000_000


def test_inflating_can_be_interrupted() -> None:
    """A small piece that inflates to much is taken in many steps."""
    intake = Intake("gzip", limit=100_000_000)
    steps = sum(1 for _ in intake.steps(gzip.compress(bytes(50_000_000), 9)))
    assert 40 < steps < 60


UNITS = {
    "openings": b";base64,",
    "openings of keys": b'"data":"',
    "openings with a little behind": b";base64," + b"A" * 70,
    "openings with just too little behind": b";base64," + b"A" * 4000 + b"!",
    "openings with enough behind": b'"data":"' + b"A" * 5000 + b'",',
    "half escapes": b";base64,\\u00",
    "escapes": b'"data":"' + b"\\u002b" * 1000 + b'",',
    "white space": b'"data"' + b" " * 64,
    "quotes": b'"',
    "padding": b";base64," + b"AAAA=" * 20,
    "values": b"{},",
    "strings": b'"\\"",',
}


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("pieces", ["one piece", "many pieces", "inflated"])
def test_work_is_linear(unit: str, pieces: str) -> None:
    """Eight times the bytes take about eight times the time, not sixty-four, whatever they are."""
    encoding = "gzip" if pieces == "inflated" else ""

    def seconds(size: int) -> float:
        body = UNITS[unit] * (size // len(UNITS[unit]))
        body = gzip.compress(body, 1) if encoding else body
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            taken(body, encoding, step=1500 if pieces == "many pieces" else 1 << 40, limit=100_000_000)
            best = min(best, time.process_time() - began)
        return best

    assert seconds(4_000_000) < 24 * max(seconds(500_000), 0.0005)


def test_too_many_values_are_a_problem() -> None:
    """A document of many small values, which would fill the memory when it is parsed, is called one; long words are none."""
    assert "values" in taken(b"[" + b"{}," * 60_000 + b"{}]").problem
    assert "values" in taken(b'{"a":' * 60_000).problem
    assert taken(json.dumps({"text": "one, two, [three], {four}" * 60_000}).encode()).problem == ""
    assert taken(json.dumps(list(range(49_000))).encode()).problem == ""


def test_memory_is_a_small_multiple_of_the_limit() -> None:
    """Taking an answer of any kind, and parsing what is not called a problem, takes a few times the limit at most."""
    rng = random.Random(7)
    shapes: list[Callable[[], bytes]] = [
        lambda: b"{}," * 1000,
        lambda: b'"' + b"x" * rng.randrange(1, 5000) + b'",',
        lambda: b'{"data":"' + b"A" * rng.randrange(4096, 9000) + b'"},',
        lambda: b'";base64,",',
        lambda: '"é😀",'.encode(),
        lambda: b"[" * 500 + b"]" * 500 + b",",
    ]
    limit = 3_000_000
    for shape in shapes:
        body, size = bytearray(b"["), 0
        while size < limit:
            body += shape()
            size = len(body)
        body += b"0]"
        tracemalloc.start()
        try:
            intake = taken(bytes(body), limit=limit + 100_000)
            if not intake.problem:
                with contextlib.suppress(RecursionError):
                    intake.lifted.document()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 6 * limit, shape()[:20]


def test_finishing_twice_changes_nothing() -> None:
    """The end can be told more than once, as after an error."""
    intake = taken(BODY[:-100])
    once = intake.content()
    intake.finish()
    assert intake.content() == once == BODY[:-100]


def test_without_lifting() -> None:
    """Where nothing is to be lifted, the text is all that came."""
    intake = taken(BODY, lifts=False)
    assert intake.lifted.text == BODY
    assert not intake.lifted.blobs


def _descriptors() -> int:
    """How many files this process has open, where that can be known."""
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH112, PTH208


def test_descriptors_are_few(tmp_path: object) -> None:
    """Three hundred values in files hold no three hundred descriptors, and all can be read."""
    blobs = [os.urandom(140_000) for _ in range(300)]
    others = _descriptors()
    intake = Intake(limit=100_000_000, folder=tmp_path)  # type: ignore[arg-type]
    for blob in itertools.chain(blobs):
        intake.add(b'{"data":"' + base64.b64encode(blob) + b'"},')
    held = _descriptors() - others
    intake.finish()
    assert held < 40
    whole = intake.content()
    assert whole.count(b'"data"') == 300
    assert base64.b64encode(blobs[0]) in whole
    assert base64.b64encode(blobs[-1]) in whole
    intake.lifted.blobs.discard()
    assert not list(tmp_path.iterdir())  # type: ignore[attr-defined]
