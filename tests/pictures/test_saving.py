"""Files: names that stay where they are put, and pictures that survive a disk that does not want them."""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nanobanana import AsyncNanoBanana, GeneratedImage, InvalidRequestError, NanoBanana, SaveError
from nanobanana.pictures.saving import check_name, name_from

from ..conftest import KEY


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "../x", "a/b", "/etc/passwd", "a\\b", "C:x", "a\0b", "a\nb", ".hidden", "x.", "x ", " x", "CON", "nul.txt",
        "com1", "LPT9.tar.gz", "x" * 121, "é" * 61, "a|b", "a?", "\u202eevil", None, 3,
    ],
)  # fmt: skip
def test_names_that_could_leave_the_folder_are_refused(name: Any) -> None:
    """A name that is a path, hidden, a device of some system or over-long is refused before anything is sent."""
    with pytest.raises(InvalidRequestError, match="cannot name a file"):
        check_name(name)


@pytest.mark.parametrize("name", ["cat", "Cat 1", "cat.v2", "猫", "a-b_c", "contact", "x" * 120])
def test_good_names_are_kept(name: str) -> None:
    """Any other name is taken as it is."""
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("Draw a cat!", "draw-a-cat"), ("../../etc/passwd", "etc-passwd"), ("猫", "猫"), ("\0", "picture"), ("CON", "picture-con"),
        ("word " * 100, "word-word-word-word-word-word-word-word-word-wor"),
    ],
)  # fmt: skip
def test_names_from_prompts_are_tame(prompt: str, name: str) -> None:
    """A name made from a prompt has letters, digits and hyphens only, and can always name a file."""
    assert name_from(prompt) == name
    assert check_name(name) == name


def test_planted_symlink_is_replaced_not_followed(picture: Callable[..., bytes], tmp_path: Path) -> None:
    """A symlink planted under the name of a picture leads nowhere: it is replaced by the picture."""
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "cat.png").symlink_to(precious)
    path = GeneratedImage(picture()).save(tmp_path / "out" / "cat.png")
    assert precious.read_text() == "keep me"
    assert not path.is_symlink()
    (tmp_path / "out" / "dog.png").symlink_to(tmp_path / "missing")
    assert GeneratedImage(picture()).save(tmp_path / "out" / "dog.png", overwrite=False).name == "dog-2.png"
    assert not (tmp_path / "missing").exists()


def test_save_to_writes_and_tells_the_path(client: NanoBanana, nanobanana_sandbox: str, tmp_path: Path) -> None:
    """save_to writes the picture as save does, in both clients, and image.path is the real path."""
    generation = client.generate("Draw a cat", save_to=tmp_path / "new" / "cat")
    assert generation.image.path == tmp_path / "new" / "cat.png"
    assert generation.image.path.read_bytes() == generation.image.data

    async def draw() -> Path | None:
        async with AsyncNanoBanana(KEY, base_url=nanobanana_sandbox) as asynchronous:
            return (await asynchronous.generate("Draw a cat", save_to=f"{tmp_path}/async/")).image.path

    path = asyncio.run(draw())
    assert path is not None
    assert path.parent == tmp_path / "async"


@pytest.mark.parametrize("target", ["/proc/x/cat.png", "a\0b", "/dev/null", "file.txt/cat.png"])
def test_unwritable_target_is_found_before_the_call(
    tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be written, the call is refused before it is paid for."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").touch()
    with NanoBanana(KEY, base_url="http://127.0.0.1:9") as client:
        with pytest.raises(InvalidRequestError, match="nothing can be written") as caught:
            client.generate("Draw a cat", save_to=target)
    assert caught.value.param == "save_to"
    assert not [path for path in tmp_path.iterdir() if path.name != "file.txt"]


@pytest.mark.parametrize("trouble", ["disk full", "folder vanished and cannot come back"])
def test_paid_picture_is_on_the_error(
    client: NanoBanana, tmp_path: Path, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When saving fails after the call was paid for, the error holds the generation, to be saved elsewhere."""
    folder = tmp_path / "out"

    def spoil(*_: Any) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.touch()

    real = client._perform
    if trouble == "disk full":

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(client, "_perform", lambda call: (real(call), spoil())[0])
    with pytest.raises(SaveError) as caught:
        client.generate("Draw a cat", save_to=folder / "cat.png")
    monkeypatch.undo()
    error = caught.value
    assert isinstance(error, OSError)
    assert error.billed == "probably"
    assert error.generation is not None
    assert error.image == error.generation.image
    assert error.image.save(tmp_path / "rescued").read_bytes().startswith(b"\x89PNG")
    assert pickle.loads(pickle.dumps(error)).image == error.image


def test_save_to_keeps_a_picture_that_lies_elsewhere(client: NanoBanana, tmp_path: Path) -> None:
    """A picture that the answer only names cannot be saved by the call, but it is on the error."""
    with pytest.raises(SaveError, match="was not fetched") as caught:
        client.generate("Draw [sandbox:remote-image]", save_to=tmp_path / "cat")
    assert caught.value.billed == "probably"
    assert caught.value.generation is not None
    assert caught.value.generation.images


def test_save_to_nowhere_is_refused_first() -> None:
    """An empty path is refused before the call."""
    with (
        NanoBanana(KEY, base_url="http://127.0.0.1:9") as client,
        pytest.raises(InvalidRequestError, match="path is empty"),
    ):
        client.generate("Draw", save_to="")
