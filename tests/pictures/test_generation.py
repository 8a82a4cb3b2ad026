"""Generation: what a call gave, as plain values and as the answer came."""

from __future__ import annotations

import base64
import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from nanobanana import GeneratedImage, Generation, RemoteImage, Usage
from nanobanana._engine.spool import Spool
from nanobanana._engine.tokens import Blobs, Lifted


def _spool(data: bytes, folder: Path) -> bytes | Spool:
    spool = Spool(folder)
    spool.write(data)
    return spool.finish()


def test_to_dict_is_plain_json(picture: Callable[..., bytes], tmp_path: Path) -> None:
    """to_dict() has all but the bytes, in values that JSON has, and shares nothing that can be changed."""
    path = GeneratedImage(picture()).save(tmp_path / "cat.png")
    generation = Generation(
        images=(RemoteImage(url="https://x.invalid/a.png"), GeneratedImage(picture(), path=path)),
        drafts=(GeneratedImage(b"unknown", stated_type="image/x"),),
        text="words",
        model="nanobanana",
        usage=Usage(total_tokens=7),
        metadata={"modelVersion": {"a": [1]}},
        headers={"x-request-id": "req_1"},
    )
    told = generation.to_dict()
    assert json.loads(json.dumps(told)) == told
    assert told["images"] == [
        {"url": "https://x.invalid/a.png"},
        {"mime_type": "image/png", "width": 12, "height": 8, "bytes": len(picture()), "path": str(path)},
    ]
    assert told["drafts"] == [{"mime_type": "image/x", "width": None, "height": None, "bytes": 7, "path": None}]
    assert told["usage"] == {"prompt_tokens": None, "candidates_tokens": None, "total_tokens": 7}
    assert (told["text"], told["finish_reason"], told["headers"]) == ("words", None, {"x-request-id": "req_1"})
    told["metadata"]["modelVersion"]["a"].append(2)
    assert generation.metadata == {"modelVersion": {"a": [1]}}


def _answered(
    data: bytes, folder: Path | None = None, *, text: bytes = b'{"a": ["%s"], "n": 1e400, "half": "\\ud83d"}'
) -> Generation:
    blobs = Blobs()
    content = data if folder is None else _spool(data, folder)
    token = blobs.add(content)
    return Generation(images=(GeneratedImage(content),), answer=Lifted(text % token.encode(), blobs))


def test_raw_is_the_answer_as_it_came(picture: Callable[..., bytes]) -> None:
    """raw has every field, the pictures in Base64, half characters and numbers that no float holds as they came."""
    raw = _answered(picture()).raw
    assert raw == {"a": [base64.b64encode(picture()).decode()], "n": "1e400", "half": "\ud83d"}
    assert Generation(images=(GeneratedImage(picture()),)).raw == {}
    assert _answered(picture(), text=b'[{"a": "%s"}]').raw.keys() == {"a"}


def test_raw_reads_the_file_that_was_saved(picture: Callable[..., bytes], tmp_path: Path) -> None:
    """After save_to, raw takes the picture from its file, and says so when that is gone."""
    data = picture() + bytes(300_000)
    generation = _answered(data, tmp_path).saved(tmp_path / "cat")
    assert generation.image.path == tmp_path / "cat.png"
    assert isinstance(generation.image, GeneratedImage)
    assert not isinstance(generation.image.content, bytes)
    assert base64.b64decode(generation.raw["a"][0]) == data
    (tmp_path / "cat.png").unlink()
    with pytest.raises(FileNotFoundError, match="cannot be read"):
        _ = generation.raw


def test_raw_holds_no_picture_twice(picture: Callable[..., bytes], tmp_path: Path) -> None:
    """Pictures other than the final one are in memory once, shared by the picture and the answer."""
    data = picture() + bytes(300_000)
    blobs = Blobs()
    contents = [_spool(data, tmp_path) for _ in range(3)]
    tokens = [blobs.add(content) for content in contents]
    images = tuple(GeneratedImage(content) for content in contents)
    answer = Lifted(json.dumps(tokens).encode(), blobs)
    blobs.recall(but=contents[2])
    generation = Generation(images=images[1:], drafts=images[:1], answer=answer)
    assert generation.drafts[0].data == data
    assert len(list(tmp_path.iterdir())) == 1
    assert len({*generation.raw["answer"]}) == 1
    generation.saved(tmp_path / "cat")
    assert [path.name for path in tmp_path.iterdir()] == ["cat.png"]


@pytest.mark.parametrize("copied", [lambda made: pickle.loads(pickle.dumps(made)), copy.deepcopy])
@pytest.mark.parametrize("is_saved", [True, False])
def test_a_picture_in_a_file_is_copied(
    picture: Callable[..., bytes], tmp_path: Path, copied: Callable[[Generation], Generation], is_saved: bool
) -> None:
    """A generation whose picture is in a file goes to another process: with the path where it was saved, else with its
    bytes."""
    data = picture() + bytes(300_000)
    generation = _answered(data, tmp_path)
    if is_saved:
        generation = generation.saved(tmp_path / "cat")
        assert len(pickle.dumps(generation)) < 2000
    again = copied(generation)
    if not is_saved:
        generation._answer.blobs.discard()  # type: ignore[union-attr]
    assert (again.image.data, again.image.path) == (data, tmp_path / "cat.png" if is_saved else None)
    assert base64.b64decode(again.raw["a"][0]) == data


def test_survives_pickling(picture: Callable[..., bytes]) -> None:
    """A generation goes to another process with its raw answer, each picture once."""
    data = picture() + bytes(range(256)) * 2000
    pickled = pickle.dumps(_answered(data))
    assert len(pickled) < 1.5 * len(data)
    again = pickle.loads(pickled)
    assert again == _answered(data)
    assert again.raw == _answered(data).raw
