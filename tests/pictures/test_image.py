"""GeneratedImage: types by the bytes, and files that are whole or not there."""

from __future__ import annotations

import copy
import errno
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from nanobanana import (
    DownloadError,
    GeneratedImage,
    Generation,
    InvalidRequestError,
    ReferenceImage,
    RemoteImage,
    SaveError,
    SuffixWarning,
)
from nanobanana.pictures.header import sniff
from nanobanana.pictures.provenance import Record, extract
from PIL import Image


def _brand(major: bytes, *compatible: bytes) -> bytes:
    box = b"ftyp" + major + b"\0\0\0\0" + b"".join(compatible)
    return (len(box) + 4).to_bytes(4, "big") + box + b"\0" * 40


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (_brand(b"heic", b"mif1", b"heic"), "image/heic"),
        (_brand(b"heix", b"mif1"), "image/heic"),
        (_brand(b"hevc", b"msf1"), "image/heic"),
        (_brand(b"mif1", b"mif1", b"miaf"), "image/heif"),
        (_brand(b"mif1", b"heic"), "image/heif"),
        (_brand(b"avif", b"mif1"), "image/avif"),
        (_brand(b"mif1", b"avif"), "image/avif"),
        (_brand(b"isom", b"mp41"), None),
        (b"", None),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"GIF89a", "image/gif"),
    ],
)
def test_sniffing(data: bytes, expected: str | None) -> None:
    """The type of a picture is read from its first bytes."""
    assert sniff(data) == expected


@pytest.mark.parametrize(("image_format", "suffix"), [("PNG", ".png"), ("JPEG", ".jpg"), ("WEBP", ".webp")])
def test_type_and_shape_by_the_bytes(picture: Callable[..., bytes], image_format: str, suffix: str) -> None:
    """Type, suffix and dimensions come from the bytes, whatever the answer stated."""
    image = GeneratedImage(picture(image_format, (30, 20)), stated_type="image/tiff")
    assert (image.mime_type, image.extension) == (f"image/{image_format.lower()}", suffix)
    assert (image.width, image.height) == (30, 20)
    assert image.to_pil().size == (30, 20)


def test_unreadable_header_is_said_clearly() -> None:
    """A picture whose header cannot be read still has its bytes and a repr, and says why it has no width."""
    image = GeneratedImage(b"\x89PNG\r\n\x1a\nrest")
    with pytest.raises(ValueError, match="cannot be read"):
        _ = image.width
    assert repr(image) == "<GeneratedImage image/png unknown size 12 bytes>"


def test_save_gives_the_true_suffix(picture: Callable[..., bytes], tmp_path: Path) -> None:
    """A path without suffix gets the true one, and missing parents are made."""
    image = GeneratedImage(picture("JPEG"))
    assert image.save(tmp_path / "a" / "b" / "cat") == tmp_path / "a" / "b" / "cat.jpg"
    assert image.save(tmp_path / "v1.2") == tmp_path / "v1.2.jpg"
    assert image.save(tmp_path / "cat.JPEG") == tmp_path / "cat.JPEG"
    assert (tmp_path / "a" / "b" / "cat.jpg").read_bytes() == image.data


def test_save_corrects_a_wrong_suffix(picture: Callable[..., bytes], tmp_path: Path) -> None:
    """A JPEG is not written into a file named .png; the path that is returned is the real one."""
    image = GeneratedImage(picture("JPEG"))
    (tmp_path / "cat.jpg").write_bytes(b"an older picture")
    with pytest.warns(SuffixWarning, match=r"image/jpeg, not what 'cat.png' says"):
        path = image.save(tmp_path / "cat.png")
    assert path == tmp_path / "cat-2.jpg"
    assert (tmp_path / "cat.jpg").read_bytes() == b"an older picture"
    assert not (tmp_path / "cat.png").exists()


def test_save_keeps_a_wrong_suffix_when_asked(picture: Callable[..., bytes], tmp_path: Path) -> None:
    """keep_suffix=True writes to exactly the given name."""
    assert GeneratedImage(picture("JPEG")).save(tmp_path / "cat.png", keep_suffix=True) == tmp_path / "cat.png"


def test_save_into_a_folder(picture: Callable[..., bytes], tmp_path: Path) -> None:
    """A folder, existing or marked by a slash, gets a name made from the content."""
    image = GeneratedImage(picture())
    first, second = image.save(tmp_path), image.save(f"{tmp_path}/new/")
    assert first.name == second.name
    assert first.suffix == ".png"
    assert second.parent == tmp_path / "new"


def test_save_without_overwriting(picture: Callable[..., bytes], tmp_path: Path) -> None:
    """overwrite=False takes the next free name."""
    image = GeneratedImage(picture())
    names = [image.save(tmp_path / "cat.png", overwrite=False).name for _ in range(3)]
    assert names == ["cat.png", "cat-2.png", "cat-3.png"]


def test_failed_save_leaves_nothing(
    picture: Callable[..., bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is full, the file that was there stays whole and no half of a new one is left."""
    (tmp_path / "cat.png").write_bytes(b"before")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        GeneratedImage(picture()).save(tmp_path / "cat.png")
    assert [path.name for path in tmp_path.iterdir()] == ["cat.png"]
    assert (tmp_path / "cat.png").read_bytes() == b"before"


def test_save_respects_the_umask(picture: Callable[..., bytes], tmp_path: Path) -> None:
    """A saved picture has the permissions of any other new file."""
    (tmp_path / "other").touch()
    path = GeneratedImage(picture()).save(tmp_path / "cat.png")
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_picture_of_no_known_type_keeps_its_suffix(tmp_path: Path) -> None:
    """What is of no known type gets the suffix .bin, once."""
    image = GeneratedImage(b"of no known type")
    assert image.save(tmp_path / "cat").name == image.save(tmp_path / "cat.bin").name == "cat.bin"


def test_save_refuses_a_device(picture: Callable[..., bytes], tmp_path: Path) -> None:
    """A FIFO or device is never replaced by a file."""
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(SaveError, match="not a regular file"):
        GeneratedImage(picture()).save(tmp_path / "pipe.png")


def test_exif_orientation_counts(picture: Callable[..., bytes]) -> None:
    """Dimensions are those that a viewer shows."""
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20)).save(buffer, "JPEG", exif=exif)
    assert GeneratedImage(buffer.getvalue()).width == 20


def test_remote_image_is_not_fetched_unasked() -> None:
    """A picture that lies elsewhere names its address and fetches nothing by itself."""
    image = RemoteImage(url="https://pictures.invalid/cat.png")
    assert repr(image) == "<RemoteImage https://pictures.invalid/cat.png>"
    for use in (lambda: image.data, lambda: image.save("cat"), lambda: image.width):
        with pytest.raises(DownloadError, match="was not fetched"):
            use()


@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
@pytest.mark.parametrize("prompt", ["Draw a café 漢 \0", "\x01" * 40000])
def test_metadata_says_how_a_picture_was_made(
    picture: Callable[..., bytes], tmp_path: Path, image_format: str, prompt: str
) -> None:
    """metadata=True keeps prompt, model and request id in the file, and leaves the pixels as they are."""
    record = Record(prompt, "nanobanana_pro", "req_1")
    image = GeneratedImage(picture(image_format, (40, 30)), record=record)
    path = image.save(tmp_path / "cat", metadata=True)
    found = extract(path)
    assert found is not None
    assert (found.model, found.request_id) == ("nanobanana_pro", "req_1")
    assert found.prompt == prompt or (found.prompt.endswith("…") and prompt.startswith(found.prompt[:-1]))
    with Image.open(path) as saved:
        assert saved.tobytes() == image.to_pil().tobytes()


def test_metadata_keeps_exif_in_its_place(tmp_path: Path) -> None:
    """The orientation of a JPEG survives the comment, and a comment of somebody else's does not hide ours."""
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20)).save(buffer, "JPEG", exif=exif, comment=b"theirs")
    image = GeneratedImage(buffer.getvalue(), record=Record("Draw", "nanobanana", None))
    path = image.save(tmp_path / "a.jpg", metadata=True)
    assert GeneratedImage(path.read_bytes()).width == 20
    assert extract(path) == image.record


def test_metadata_that_cannot_be_kept(picture: Callable[..., bytes], tmp_path: Path) -> None:
    """Where nothing is known, or the type has no place for it, metadata=True is refused and nothing is written."""
    for image in (
        GeneratedImage(picture()),
        GeneratedImage(picture("WEBP"), record=Record("Draw", "nanobanana")),
    ):
        with pytest.raises(ValueError, match=r"metadata|record"):
            image.save(tmp_path / "a", metadata=True)
    assert not list(tmp_path.iterdir())
    (tmp_path / "plain.png").write_bytes(picture())
    assert extract(tmp_path / "plain.png") is None


@pytest.fixture
def gone(picture: Callable[..., bytes], tmp_path: Path) -> GeneratedImage:
    """A picture whose file was deleted."""
    path = GeneratedImage(picture()).save(tmp_path / "cat.png")
    image = GeneratedImage(path, path=path)  # type: ignore[arg-type]
    hash_before = hash(image)
    path.unlink()
    assert hash(image) == hash_before
    return image


@pytest.mark.parametrize("name", ["data", "mime_type", "extension", "width", "height", "to_pil"])
def test_a_file_that_is_gone_is_said(gone: GeneratedImage, name: str) -> None:
    """Whatever needs the bytes of a picture whose file is gone says that, with the path and without a number."""
    with pytest.raises(FileNotFoundError) as caught:
        getattr(gone, name)()
    assert str(caught.value) == f"the file of this picture, {gone.path}, is there no longer"


def test_a_file_that_cannot_be_read_is_said(gone: GeneratedImage) -> None:
    """A file that something else took the place of is an OSError in words."""
    assert gone.path is not None
    gone.path.mkdir()
    with pytest.raises(OSError, match=r"cat.png, cannot be read: Is a directory"):
        _ = gone.data


def test_a_picture_whose_file_is_gone_is_still_one(
    gone: GeneratedImage, picture: Callable[..., bytes], tmp_path: Path
) -> None:
    """It has a repr, a notebook view, a dict, equality and a hash; saving it and referring to it say what is missing."""
    size = len(picture())
    assert repr(gone) == f"<GeneratedImage of {size} bytes whose file is gone: {gone.path}>"
    assert gone._repr_mimebundle_() == ({"text/plain": repr(gone)}, {})
    assert "is there no longer" in Generation(images=(gone,))._repr_html_()
    assert gone.to_dict() == {"mime_type": None, "width": None, "height": None, "bytes": size, "path": str(gone.path)}
    assert gone == copy.copy(gone)
    assert gone != GeneratedImage(picture())
    assert len({gone, copy.copy(gone)}) == 1
    with pytest.raises(
        SaveError, match=r"written to .*dog.png'?: the file of this picture, .*cat.png, is there no longer"
    ):
        gone.save(tmp_path / "dog.png")
    with pytest.raises(InvalidRequestError, match=r"the file of this picture, .*cat.png, is there no longer"):
        ReferenceImage.of(gone)


def test_pictures_are_equal_by_their_bytes(picture: Callable[..., bytes], tmp_path: Path) -> None:
    """Where a picture lies does not matter, only its bytes do."""
    path = GeneratedImage(picture()).save(tmp_path / "cat.png")
    here, there, other = GeneratedImage(picture()), GeneratedImage(path), GeneratedImage(picture(colour="red"))  # type: ignore[arg-type]
    assert here == there
    assert hash(here) == hash(there)
    assert here != other
    assert there != other
    assert here != picture()


def test_permissions_of_a_replaced_file_stay(picture: Callable[..., bytes], tmp_path: Path) -> None:
    """A picture that replaces a file has that file's permissions."""
    for mode in (0o600, 0o664):
        (tmp_path / "cat.png").write_bytes(b"before")
        (tmp_path / "cat.png").chmod(mode)
        path = GeneratedImage(picture()).save(tmp_path / "cat.png")
        assert path.stat().st_mode & 0o777 == mode


def test_a_read_only_file_is_not_replaced(
    picture: Callable[..., bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that somebody made read-only stays, and the picture gets no other name unasked."""
    (tmp_path / "cat.png").write_bytes(b"precious")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # as it is for anybody but root
    with pytest.raises(SaveError, match="read-only"):
        GeneratedImage(picture()).save(tmp_path / "cat.png")
    assert GeneratedImage(picture()).save(tmp_path / "cat.png", overwrite=False).name == "cat-2.png"
    assert (tmp_path / "cat.png").read_bytes() == b"precious"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT])
def test_what_kept_a_picture_from_its_file_is_said_in_words(
    picture: Callable[..., bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """An error of saving has the path that was asked for and the system's words, no passing name and no number."""

    def refuse(self: Path, target: Path) -> None:
        raise OSError(number, os.strerror(number), str(self), None, str(target))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(SaveError) as caught:
        GeneratedImage(picture()).save(tmp_path / "cat.png")
    assert caught.value.message == f"the picture could not be written to '{tmp_path}/cat.png': {os.strerror(number)}"
