"""rescue: where a picture goes that was paid for and could not be saved."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nanobanana import GeneratedImage, Generation, SaveError
from nanobanana._engine.spool import Spool
from nanobanana._engine.tokens import Blobs, Lifted
from nanobanana.pictures import rescue as module
from nanobanana.pictures.rescue import rescue


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Path]]:
    """A temporary folder, a home, a working folder and memory, each of which can be made to fail."""
    names = ("temporary", "home", "here", "memory")
    found = {name: tmp_path / name for name in names}
    for place in found.values():
        place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(found["temporary"]))
    monkeypatch.setenv("HOME", str(found["home"]))
    monkeypatch.chdir(found["here"])
    monkeypatch.setattr(module, "_VOLATILE", found["memory"])
    monkeypatch.setattr(module, "_SHARED", str(tmp_path / "missing"))
    yield found


def _spooled(data: bytes, folder: Path) -> GeneratedImage:
    """A picture as it came into a file of that folder."""
    spool = Spool(folder)
    spool.write(data)
    return GeneratedImage(spool.finish())


def _large(picture: Callable[..., bytes]) -> bytes:
    return picture() + bytes(300_000)


@pytest.mark.parametrize("broken", [[], ["temporary"], ["temporary", "home"], ["temporary", "home", "here"]])
def test_the_folders_that_are_left_are_tried(
    picture: Callable[..., bytes], places: dict[str, Path], tmp_path: Path, broken: list[str]
) -> None:
    """Where one folder does not take the picture, the next one does, and memory is the last."""
    for name in broken:
        places[name].rmdir()
        places[name].touch()  # no folder any more, as root may write into any
    if "here" in broken:
        os.chdir("/proc")
    image = GeneratedImage(picture())
    path = rescue(image, tmp_path / "full" / "cat.png")
    assert path is not None
    assert path.read_bytes() == image.data
    wanted = next(name for name in places if name not in broken)
    assert path.is_relative_to(places[wanted])


def test_never_where_it_has_just_failed(picture: Callable[..., bytes], places: dict[str, Path]) -> None:
    """The folder that did not take the picture is not asked again."""
    image = GeneratedImage(picture())
    assert rescue(image, places["temporary"] / "cat.png").is_relative_to(places["home"])  # type: ignore[union-attr]
    assert rescue(image, places["temporary"], places["home"] / "x").is_relative_to(places["here"])  # type: ignore[union-attr]


def test_other_filesystems_come_first(
    picture: Callable[..., bytes], places: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As a disk may be full, folders on another one are tried first."""
    monkeypatch.setattr(module, "_device", lambda path: 2 if path == places["home"] else 1)
    path = rescue(GeneratedImage(picture()), tmp_path / "full" / "cat.png")
    assert path is not None
    assert path.is_relative_to(places["home"])


def test_nothing_is_left_but_memory(
    picture: Callable[..., bytes], places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no folder takes the picture, None says so, and no empty folder stays behind."""
    image = GeneratedImage(picture())
    monkeypatch.setattr(os, "replace", _full)
    monkeypatch.setattr(Path, "replace", _full)
    assert rescue(image, "cat.png") is None
    assert not [entry for place in places.values() for entry in place.iterdir()]


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_the_file_in_which_it_came_is_the_last_resort(
    picture: Callable[..., bytes], places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that is whole in a passing file is left there rather than in memory only."""
    data = _large(picture)
    image = _spooled(data, places["here"])
    monkeypatch.setattr(Path, "replace", _full)
    monkeypatch.setattr("nanobanana._engine.disk.write_atomically", _full)
    path = rescue(image, places["here"])
    assert path is not None
    assert path.read_bytes() == data


@pytest.mark.parametrize("make", [lambda data, folder: GeneratedImage(data), _spooled])
def test_save_to_says_where_the_picture_is_safe(
    picture: Callable[..., bytes],
    places: dict[str, Path],
    tmp_path: Path,
    make: Callable[[bytes, Path], GeneratedImage],
) -> None:
    """When saving fails after the call, the error names the file in which the picture is safe, and holds it as well."""
    data, target = _large(picture), tmp_path / "target"
    target.mkdir()
    blobs = Blobs()
    image = make(data, target)
    token = blobs.add(image.content)
    generation = Generation(images=(image,), answer=Lifted(b'{"data": "%s"}' % token.encode(), blobs))
    (target / "cat.png").mkdir()
    with pytest.raises(SaveError, match=r"could not be written to .*not a regular file; it is safe in ") as caught:
        generation.saved(target / "cat")
    error = caught.value
    assert error.generation is not None
    assert error.image.path is not None
    assert error.image.path.is_relative_to(places["temporary"])
    assert error.image.path.read_bytes() == error.image.data == error.generation.image.data == data
    assert [path.name for path in target.iterdir()] == ["cat.png"]
    error.image.path.unlink()  # it is in memory as well
    assert error.image.data == data
    assert len(error.generation.raw["data"]) == -(-len(data) // 3) * 4
