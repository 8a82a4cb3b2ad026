"""GeneratedImage: types by the bytes, and files that are whole or not there."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from nanobanana import DownloadError, GeneratedImage, RemoteImage, SaveError, SuffixWarning
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
