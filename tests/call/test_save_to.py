"""Pictures that go from the socket to a file: whole, in little memory, and leaving nothing else behind."""

from __future__ import annotations

import asyncio
import base64
import errno
import gc
import hashlib
import json
import os
import shutil
import time
import tracemalloc
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from nanobanana import (
    AsyncNanoBanana,
    Generation,
    NanoBanana,
    OutcomeUnknownError,
    SaveError,
    SuffixWarning,
    UnusableResponseError,
)
from nanobanana._engine.spool import Spool
from nanobanana.batch import BatchResult
from nanobanana.batch.folder import LocalFolder
from nanobanana.batch.journal import Journal

from ..conftest import KEY
from ..faults.server import Act, Connection, Server, chat, native

SIZE = 8_000_000


@pytest.fixture(scope="module")
def large(picture: Callable[..., bytes]) -> bytes:
    """A picture of 8 MB: a small one, with bytes behind it that viewers pass over."""
    return picture() + os.urandom(SIZE)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _answer(body: bytes, meanwhile: Callable[[], None] | None = None) -> Act:
    """Answers with a body that was made before; what happens meanwhile happens when all but its end is sent."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)

    def act(connection: Connection) -> None:
        connection.read()
        connection.send(head)
        connection.send(memoryview(body)[:-1000])
        if meanwhile is not None:
            meanwhile()
        connection.send(body[-1000:])
        connection.close()

    return act


def _draw(act: Act, target: Path | str, **options: Any) -> Generation:
    with Server([act]) as server, NanoBanana(KEY, base_url=server.url, timeout=30) as client:
        return client.generate("Draw", save_to=target, **options)


def _draw_async(act: Act, target: Path | str, **options: Any) -> Generation:
    async def main(url: str) -> Generation:
        async with AsyncNanoBanana(KEY, base_url=url, timeout=30) as client:
            return await client.generate("Draw", save_to=target, **options)

    with Server([act]) as server:
        return asyncio.run(main(server.url))


@pytest.mark.parametrize("draw", [_draw, _draw_async])
@pytest.mark.parametrize("model", ["nanobanana", "nanobanana_2"])
def test_memory_stays_flat(draw: Callable[..., Generation], model: str, large: bytes, tmp_path: Path) -> None:
    """With save_to, a large picture of either format is never in memory as a whole; its data is read when asked for."""
    answer = (
        native(_encoded(large)) if model == "nanobanana" else chat(f"![i](data:image/png;base64,{_encoded(large)})")
    )
    act = _answer(answer)
    draw(act, tmp_path / "warm-up", model=model)
    tracemalloc.start()
    try:
        generation = draw(act, tmp_path / "cat", model=model)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_500_000
    image = generation.image
    assert image.path == tmp_path / "cat.png"
    assert (image.width, image.height, image.mime_type) == (12, 8, "image/png")
    assert image.data == image.path.read_bytes() == large
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cat.png", "warm-up.png"]


def test_a_saved_picture_is_a_picture(large: bytes, tmp_path: Path) -> None:
    """A picture whose bytes are in its file can be compared, saved again, used as a reference, and shown; when the file is
    gone, it says so."""
    image = _draw(_answer(native(_encoded(large))), f"{tmp_path}/folder/").image
    assert image.path is not None
    assert image.path.parent == tmp_path / "folder"
    assert hashlib.sha256(large).hexdigest()[:16] in image.path.name
    assert image == _draw(_answer(native(_encoded(large))), tmp_path / "again").image
    assert image.save(tmp_path / "copy").read_bytes() == large
    assert image.to_pil().size == (12, 8)
    image.path.unlink()
    assert "is gone" in repr(image)
    with pytest.raises(FileNotFoundError):
        _ = image.data


def test_drafts_and_further_pictures_stay_in_memory(large: bytes, tmp_path: Path) -> None:
    """Only the final picture gets a file; the drafts and the other pictures of the answer can be had as ever."""
    others = [large + bytes([number]) for number in range(2)]
    parts = [
        {"inlineData": {"data": _encoded(others[0])}, "thought": True},
        {"inlineData": {"data": _encoded(others[1])}},
    ]
    parts += [{"inlineData": {"data": _encoded(large)}}, {"text": f"see data:text/plain;base64,{_encoded(others[0])}"}]
    generation = _draw(_answer(json.dumps({"candidates": [{"content": {"parts": parts}}]}).encode()), tmp_path / "cat")
    assert [path.name for path in tmp_path.iterdir()] == ["cat.png"]
    assert [image.data for image in generation.drafts] == others[:1]
    assert [image.data for image in generation.images] == [others[1], large]
    assert generation.text.endswith(_encoded(others[0]))


@pytest.mark.parametrize(
    ("end", "error"), [(b'"} oops', UnusableResponseError), (None, OutcomeUnknownError)], ids=["damaged", "cut"]
)
def test_a_bad_answer_is_kept_on_the_error(
    end: bytes | None, error: type[UnusableResponseError | OutcomeUnknownError], large: bytes, tmp_path: Path
) -> None:
    """Where a large picture is followed by damage, or is cut, the error holds all that came, and no file stays."""
    body = b'{"candidates":[{"content":{"parts":[{"inlineData":{"data":"' + _encoded(large).encode() + (end or b"")

    def act(connection: Connection) -> None:
        connection.read()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(body) + (end is None)) + body)
        connection.close()

    with pytest.raises(error) as caught:
        _draw(act, tmp_path / "cat")
    assert isinstance(caught.value, UnusableResponseError | OutcomeUnknownError)
    assert caught.value.content == body
    assert not list(tmp_path.iterdir())


def _lose(folder: Path) -> None:
    """Deletes a folder as soon as a picture arrives in it."""
    end = time.monotonic() + 10
    while not list(folder.glob(".*.part")) and time.monotonic() < end:
        time.sleep(0.01)
    shutil.rmtree(folder)


def test_a_folder_that_is_deleted_meanwhile_costs_nothing(large: bytes, tmp_path: Path) -> None:
    """When somebody deletes the folder while the picture arrives in it, it is made again, with the picture."""
    folder = tmp_path / "out"
    act = _answer(native(_encoded(large)), lambda: _lose(folder))
    generation = _draw(act, folder / "cat")
    assert (folder / "cat.png").read_bytes() == large
    assert generation.image.path == folder / "cat.png"
    assert [path.name for path in folder.iterdir()] == ["cat.png"]


def test_a_picture_that_cannot_be_moved_is_on_the_error(large: bytes, tmp_path: Path) -> None:
    """Where the target has become impossible meanwhile, the picture is on the error, in memory, and no file stays."""
    folder = tmp_path / "out"

    def spoil() -> None:
        _lose(folder)
        folder.touch()

    with pytest.raises(SaveError) as caught:
        _draw(_answer(native(_encoded(large)), spoil), folder / "cat.png")
    assert caught.value.image is not None
    assert caught.value.image.data == large
    assert caught.value.generation is not None
    assert caught.value.generation.image.data == large
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("draw", [_draw, _draw_async])
@pytest.mark.parametrize("strictness", ["always", "error"])
def test_a_wrong_suffix_costs_nothing(
    draw: Callable[..., Generation], strictness: Any, large: bytes, tmp_path: Path
) -> None:
    """A large picture that is asked for under the suffix of another type is saved and returned, even where a warning is
    made an error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(strictness, SuffixWarning)
        image = draw(_answer(native(_encoded(large))), tmp_path / "cat.jpg").image
    assert image.path == tmp_path / "cat.png"
    assert image.path.read_bytes() == large
    assert len(caught) == (strictness == "always")


def test_cancelled_before_it_is_saved(large: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that is cancelled when its picture is whole, but not yet in its place, still puts it there."""

    async def cancelled(*_: Any, **__: Any) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(anyio.to_thread, "run_sync", cancelled)
    with pytest.raises(asyncio.CancelledError):
        _draw_async(_answer(native(_encoded(large))), tmp_path / "cat")
    assert [path.name for path in tmp_path.iterdir()] == ["cat.png"]
    assert (tmp_path / "cat.png").read_bytes() == large


def test_ctrl_c_while_it_is_saved(large: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the moment in which a whole picture is put in its place does not keep it from there."""
    real, times = Spool.sync, []

    def interrupted(self: Spool) -> None:
        times.append(1)
        if len(times) == 1:
            raise KeyboardInterrupt
        real(self)

    monkeypatch.setattr(Spool, "sync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _draw(_answer(native(_encoded(large))), tmp_path / "cat")
    assert [path.name for path in tmp_path.iterdir()] == ["cat.png"]
    assert (tmp_path / "cat.png").read_bytes() == large


def test_a_relative_path_means_the_folder_of_the_call(
    large: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of the working directory while the picture arrives does not lead it astray."""
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    image = _draw(_answer(native(_encoded(large)), lambda: os.chdir(tmp_path / "there")), "cat").image
    assert image.path == tmp_path / "here" / "cat.png"
    assert image.data == large
    assert not list((tmp_path / "there").iterdir())


@pytest.mark.parametrize("depth", [400, 700, 900])
@pytest.mark.parametrize("end", ['"x"', '{"data":"%s"}'], ids=["plain", "with more to lift"])
def test_a_deep_document(depth: int, end: str, large: bytes, tmp_path: Path) -> None:
    """A document as deep as JSON can be read gives its picture, or an error of the tree with all of it; no file stays."""
    picture = f'{{"candidates":[{{"content":{{"parts":[{{"inlineData":{{"data":"{_encoded(large)}"}}}}]}}}}],'
    body = picture + '"x":' + "[" * depth + end.replace("%s", "A" * 8000) + "]" * depth + "}"
    try:
        generation = _draw(_answer(body.encode()), tmp_path / "cat")
    except UnusableResponseError as error:
        assert error.content == body.encode()
        assert not list(tmp_path.iterdir())
    else:
        assert generation.image.data == large
        kept, sent = generation.metadata["x"], body[body.index('"x":') + 4 : -1]
        with ThreadPoolExecutor(1) as fresh:  # JSON as deep as this needs a stack without the test's runner on it
            assert fresh.submit(json.dumps, kept, separators=(",", ":")).result() == sent
        assert [path.name for path in tmp_path.iterdir()] == ["cat.png"]


def test_a_batch_on_a_full_disk_says_where_its_pictures_are(
    large: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When neither a picture nor the line about it can be written, the result still says where the picture is safe."""

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    results: list[BatchResult] = []
    with Server([_answer(native(_encoded(large)))]) as server:
        with NanoBanana(KEY, base_url=server.url, timeout=30) as client:
            client.batch([], tmp_path).run()
            monkeypatch.setattr(LocalFolder, "try_out", lambda self: None)
            monkeypatch.setattr(LocalFolder, "place", full)
            monkeypatch.setattr(Journal, "append", full)
            summary = client.batch([{"prompt": "Draw"}], tmp_path, on_result=results.append).run()
    assert "No space left on device" in str(summary.stopped)
    (result,) = results
    assert result.status == "failed"
    assert result.error is not None
    assert result.error["class"] == "SaveError"
    rescued = Path(result.error["message"].rpartition("safe in ")[2])
    assert rescued.read_bytes() == large
    rescued.unlink()


def test_batches_let_pictures_arrive_in_files(large: bytes, tmp_path: Path) -> None:
    """A batch takes large pictures from the socket to the folder, in little memory, and names their digests."""
    with Server([_answer(native(_encoded(large)))]) as server:
        with NanoBanana(KEY, base_url=server.url, timeout=30) as client:
            requests = [{"prompt": f"Draw {number}"} for number in range(12)]
            client.batch(requests[:1], tmp_path, concurrency=4).run()
            tracemalloc.start()
            try:
                summary = client.batch(requests, tmp_path, concurrency=4).run()
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
    assert (summary.done, summary.skipped) == (11, 1)
    assert peak < SIZE
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert {line["sha256"] for line in lines} == {hashlib.sha256(large).hexdigest()}
    assert all((tmp_path / line["path"]).read_bytes() == large for line in lines)
    left = {path.suffix for path in (tmp_path / ".nanobanana").rglob("*") if not path.is_dir()}
    assert left <= {".record", ".claim"}


def test_a_generation_goes_with_its_last_name(large: bytes, tmp_path: Path) -> None:
    """The bytes of a picture are freed as soon as nobody holds its generation, not when a collector finds them."""
    with (
        Server([_answer(native(_encoded(large)))]) as server,
        NanoBanana(KEY, base_url=server.url, timeout=30) as client,
    ):
        client.generate("Draw")
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            for _ in range(3):
                client.generate("Draw")
            left = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
            gc.enable()
    assert left < len(large)
