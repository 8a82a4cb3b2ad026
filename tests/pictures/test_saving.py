"""Files: names that stay where they are put, and pictures that survive a disk that does not want them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import pickle
import shutil
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nanobanana import AsyncNanoBanana, GeneratedImage, InvalidRequestError, NanoBanana, SaveError, SuffixWarning
from nanobanana._engine import disk
from nanobanana.pictures.saving import check_name, check_target, name_from

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
    again = pickle.loads(pickle.dumps(error))
    assert (again.image, again.args, repr(again)) == (error.image, error.args, repr(error))


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


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("画一只猫", "画一只猫"), ("Köln", "köln"), ("Ko\u0308ln", "köln"), ("Нарисуй кота!", "нарисуй-кота"), ("ارسم قطة", "ارسم-قطة"),
        ("बिल्ली का चित्र", "बिल्ली-का-चित्र"), ("แมวน่ารัก", "แมวน่ารัก"), ("می\u200cخواهم", "میخواهم"), ("猫🐱 on a ❤️ mat", "猫-on-a-mat"),
        ("🐱", "picture"), ("\ufe0f\u0301", "picture"), ("COM¹", "picture-com¹"), ("a\ud800b", "a-b"), ("İ", "i̇"), ("½ cup", "½-cup"),
        ("\u202eevil\u2066", "evil"), ("猫" * 200, "猫" * 40), ("e\u0301\u0323" * 60, None), ("𒀀" * 60, "𒀀" * 30),
    ],
)  # fmt: skip
def test_names_keep_the_letters_of_all_scripts(prompt: str, name: str | None) -> None:
    """A name has the letters of the prompt, composed, within the bytes that a name may have, on any system."""
    found = name_from(prompt)
    assert name is None or found == name
    assert check_name(found) == found
    assert unicodedata.normalize("NFC", found) == found


@given(prompt=st.text())
def test_every_prompt_names_a_file(prompt: str) -> None:
    """Whatever a prompt is, its name can name a file."""
    assert check_name(name_from(prompt)) == name_from(prompt)


LONG = {
    "no room for a suffix": "x" * 252,
    "too long in bytes": "猫" * 84,
    "too long with its suffix": "猫" * 86 + ".png",
    "too long a path": "/".join(["y" * 200] * 21) + "/cat.png",
}


@pytest.mark.parametrize("name", LONG)
def test_names_that_are_too_long_are_found_before_the_call(tmp_path: Path, name: str) -> None:
    """A name that is, or would become, longer than the filesystem takes is refused before it is paid for."""
    with pytest.raises(InvalidRequestError, match=r"nothing can be written .*File name too long"):
        check_target(tmp_path / LONG[name])


@pytest.mark.parametrize("name", ["x" * 250, "猫" * 83, "猫" * 83 + "x.jpeg", "猫" * 83 + ".jpg"])
def test_names_that_just_fit_can_be_saved_to(picture: Callable[..., bytes], tmp_path: Path, name: str) -> None:
    """The longest names that a filesystem takes are saved to, as nothing that passes is longer."""
    for image in (GeneratedImage(picture("JPEG")), GeneratedImage(picture("JPEG") + bytes(300_000))):
        check_target(tmp_path / name)
        image = image.moved(tmp_path / name)
        assert image.path is not None
        assert image.path.read_bytes() == image.data
        with pytest.warns(SuffixWarning) if "." in name else contextlib.nullcontext():
            assert GeneratedImage(picture()).save(tmp_path / name, overwrite=False).exists()


def _folder(path: Path) -> None:
    path.with_suffix(".png").mkdir()


def _read_only(path: Path) -> None:
    path.with_suffix(".jpg").touch(0o444)


def _full(path: Path) -> None:
    path.touch()


@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [
        ("cat", _folder, "not a regular file"),
        ("cat", _read_only, "read-only"),
        ("cat.jpg", _read_only, "read-only"),
        ("cat/", _full, "File exists|Not a directory"),
        ("cat/x/y.png", _full, "Not a directory|File exists"),
    ],
)
def test_what_stands_in_the_way_is_found_before_the_call(
    tmp_path: Path, name: str, spoil: Callable[[Path], None], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something under a name that the picture may get, of whatever type it will be, is found before it is paid for."""
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).stat().st_mode & 0o200)  # root may write anything
    spoil(tmp_path / "cat")
    with pytest.raises(InvalidRequestError, match=words) as caught:
        check_target(f"{tmp_path}/{name}")
    assert caught.value.param == "save_to"
    assert ".part" not in str(caught.value)
    assert "Errno" not in str(caught.value)


@pytest.mark.parametrize("trouble", ["full", "closed"])
def test_a_folder_that_takes_nothing_is_found_before_the_call(
    tmp_path: Path, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk and a folder that is closed to us are found before the call, and nothing stays behind."""

    def full(data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def opens(*rest: Any, **options: Any) -> Any:
        if trouble == "closed":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(tmp_path))
        file = tempfile.NamedTemporaryFile(*rest, **options)  # noqa: SIM115 - it is closed by whom it is opened for
        file.write = full  # type: ignore[method-assign]
        return file

    monkeypatch.setattr(disk, "NamedTemporaryFile", opens)
    words = os.strerror({"full": errno.ENOSPC, "closed": errno.EACCES}[trouble])
    with pytest.raises(InvalidRequestError) as caught:
        check_target(tmp_path / "cat.png")
    assert caught.value.message == f"nothing can be written to {tmp_path}/cat.png: {words}"
    assert not list(tmp_path.iterdir())


def test_a_file_mounted_by_itself_is_saved_to(
    picture: Callable[..., bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that can be written but not replaced, as one that a container mounts, gets the picture in place."""
    (tmp_path / "cat.png").write_bytes(b"before" * 1000)
    before = (tmp_path / "cat.png").stat().st_ino

    def busy(*_: Any) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(Path, "replace", busy)
    check_target(tmp_path / "cat.png")
    image = GeneratedImage(picture()).moved(tmp_path / "cat.png")
    assert (tmp_path / "cat.png").read_bytes() == image.data
    assert (tmp_path / "cat.png").stat().st_ino == before
    assert [path.name for path in tmp_path.iterdir()] == ["cat.png"]


@pytest.mark.parametrize("kind", ["dangling", "loop", "file"])
def test_a_link_is_replaced_itself(picture: Callable[..., bytes], tmp_path: Path, kind: str) -> None:
    """A link under the name of a picture, wherever it leads, is found fit before the call and replaced by the picture."""
    link = tmp_path / "cat.png"
    link.symlink_to({"dangling": tmp_path / "nowhere" / "x", "loop": link, "file": tmp_path / "precious"}[kind])
    (tmp_path / "precious").write_bytes(b"precious")
    check_target(link)
    assert GeneratedImage(picture()).save(link) == link
    assert not link.is_symlink()
    assert (tmp_path / "precious").read_bytes() == b"precious"


@pytest.mark.parametrize("target", [3, b"cat.png", object(), "\ud800.png", True])
def test_what_is_no_path_is_refused_first(target: Any) -> None:
    """Anything but a path is refused before the call, with an error of the tree."""
    with pytest.raises(InvalidRequestError, match="nothing can be written") as caught:
        check_target(target)
    assert caught.value.param == "save_to"


@pytest.mark.parametrize("path", [5, None, b"cat.png", []])
def test_what_is_no_path_loses_no_picture(picture: Callable[..., bytes], path: Any) -> None:
    """The picture is on the error, as it is wherever it could not be written."""
    image = GeneratedImage(picture())
    with pytest.raises(SaveError) as caught:
        image.save(path)
    assert caught.value.image is image
