"""The disk: whole files or none, on filesystems that lack one thing or another."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nanobanana._engine import disk
from nanobanana._engine.disk import check_writable, read_regular_file, sync_folder, write_atomically
from nanobanana._engine.spool import Spool

DATA = os.urandom(300_000)


def spool(folder: Path, data: bytes = DATA) -> Spool:
    """A spool whose bytes are in its file."""
    made = Spool(folder)
    made.write(data)
    finished = made.finish()
    assert isinstance(finished, Spool)
    return finished


Put = Callable[..., Path]


@pytest.fixture(params=["write", "move"])
def put(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Put]:
    """Writes DATA to a path, from memory or from a spool's file."""
    spools: list[Spool] = []

    def move(path: Path, **options: Any) -> Path:
        spools.append(spool(tmp_path))
        return write_atomically(path, spools[-1], **options)

    yield move if request.param == "move" else lambda path, **options: write_atomically(path, DATA, **options)
    for made in spools:
        made.close()


def names(folder: Path) -> set[str]:
    """What is in a folder."""
    return {path.name for path in folder.iterdir()}


def refuses(code: int, only: Callable[..., bool] = lambda *_: True) -> Callable[[Any], Any]:
    """Makes of a function one that fails with this code, for some arguments."""

    def wrap(real: Any) -> Any:
        def fail(*args: Any, **options: Any) -> Any:
            if only(*args):
                raise OSError(code, os.strerror(code))
            return real(*args, **options)

        return fail

    return wrap


def test_a_file_is_written_whole(put: Put, tmp_path: Path) -> None:
    """A file gets its content, its folders are made, and one that is there is replaced."""
    path = tmp_path / "a" / "b" / "cat.png"
    assert put(path) == path
    assert path.read_bytes() == DATA
    path.write_bytes(b"older")
    put(path)
    assert path.read_bytes() == DATA
    assert names(path.parent) == {"cat.png"}
    assert names(tmp_path) == {"a"}


def test_the_next_free_name(put: Put, tmp_path: Path) -> None:
    """A file that must not be replaced stays, and the name gets a number."""
    path = tmp_path / "cat.png"
    path.write_bytes(b"older")
    assert [put(path, replace=False).name for _ in range(2)] == ["cat-2.png", "cat-3.png"]
    assert path.read_bytes() == b"older"


@pytest.mark.parametrize("letter", ["x", "钥", "😀"])
def test_the_longest_names(put: Put, letter: str, tmp_path: Path) -> None:
    """A name as long as the filesystem takes it, in bytes, can be written and numbered."""
    stem = letter * (251 // len(letter.encode()))
    path = tmp_path / (stem + ".png")
    check_writable(path)
    assert put(path) == path
    again = put(path, replace=False)
    assert again.name.endswith("-2.png")
    assert path.read_bytes() == again.read_bytes() == DATA
    assert len(names(tmp_path)) == 2


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_a_filesystem_that_cannot_sync(put: Put, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where fsync is refused as such, the file is written all the same."""
    monkeypatch.setattr(os, "fsync", refuses(code)(os.fsync))
    assert put(tmp_path / "cat.png").read_bytes() == DATA
    sync_folder(tmp_path)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_disk_that_is_full(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where syncing fails for want of room, it is an error, what was there stays, and nothing is left over."""
    path = tmp_path / "cat.png"
    path.write_bytes(b"older")
    monkeypatch.setattr(os, "fsync", refuses(code)(os.fsync))
    with pytest.raises(OSError, match=os.strerror(code)):
        write_atomically(path, DATA)
    assert path.read_bytes() == b"older"
    assert names(tmp_path) == {"cat.png"}


@pytest.mark.parametrize("code", [errno.EBUSY, errno.EXDEV])
def test_a_file_that_cannot_be_replaced(put: Put, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is mounted by itself is written in place, also where it was longer."""
    path = tmp_path / "cat.png"
    path.write_bytes(bytes(400_000))
    monkeypatch.setattr(os, "replace", refuses(code, lambda _, to: Path(to) == path)(os.replace))
    check_writable(path)
    assert put(path) == path
    assert path.read_bytes() == DATA
    assert names(tmp_path) == {"cat.png"}


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_a_folder_that_is_closed(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file can be made, one that is there is written in place; without one, it is an error before anything."""
    folder = tmp_path / "closed"
    folder.mkdir()
    path = folder / "cat.png"
    path.write_bytes(b"older")
    real = os.open

    def closed(name: Any, flags: int, *rest: Any, **options: Any) -> int:
        if flags & os.O_CREAT and not Path(name).exists():
            raise OSError(code, os.strerror(code))
        return real(name, flags, *rest, **options)

    real_open = Path.open

    def closed_open(self: Path, mode: str = "r", *rest: Any, **options: Any) -> Any:
        if "x" in mode and self.parent == folder:
            raise OSError(code, os.strerror(code))
        return real_open(self, mode, *rest, **options)

    monkeypatch.setattr(os, "open", closed)
    monkeypatch.setattr(Path, "open", closed_open)
    check_writable(path)
    assert write_atomically(path, DATA) == path
    assert path.read_bytes() == DATA
    with pytest.raises(OSError, match=os.strerror(code)):
        check_writable(folder / "dog.png")
    with pytest.raises(OSError, match=os.strerror(code)):
        write_atomically(folder / "dog.png", DATA)


def test_no_hard_links_are_needed(put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filesystem without links of either kind will do."""
    for name in ("link", "symlink"):
        monkeypatch.setattr(os, name, refuses(errno.EPERM)(getattr(os, name)))
    assert put(tmp_path / "cat.png").read_bytes() == DATA
    assert put(tmp_path / "cat.png", replace=False).read_bytes() == DATA


def test_what_is_no_file_is_not_replaced(put: Put, tmp_path: Path) -> None:
    """A folder or a pipe in the place of the file is an error, and stays."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(OSError, match="not a regular file"):
            put(tmp_path / name)
    assert {"folder", "pipe"} <= names(tmp_path)


@pytest.mark.parametrize("name", ["x" * 256, "钥" * 86, "a\0b"])
def test_impossible_names_are_seen_beforehand(name: str, tmp_path: Path) -> None:
    """A name that no file can have is an error before anything is written."""
    with pytest.raises((OSError, ValueError)):
        check_writable(tmp_path / name)
    assert not names(tmp_path)


def test_looking_leaves_no_trace(tmp_path: Path) -> None:
    """Looking whether a file can be written touches neither it nor its folder."""
    path = tmp_path / "cat.png"
    path.write_bytes(b"older")
    check_writable(path)
    check_writable(tmp_path / "dog.png")
    assert names(tmp_path) == {"cat.png"}
    assert path.read_bytes() == b"older"


def test_a_moved_spool_is_read_where_it_is(tmp_path: Path) -> None:
    """A spool that got its place is read there, and never deleted."""
    made = spool(tmp_path)
    path = write_atomically(tmp_path / "cat.png", made)
    assert made.read() == DATA
    made.discard()
    assert path.read_bytes() == DATA


@pytest.mark.parametrize("is_released", [False, True])
def test_a_deleted_spool(is_released: bool, tmp_path: Path) -> None:
    """A file that somebody deletes can be read and moved as long as it is held open; after that it is gone."""
    made = spool(tmp_path)
    assert made.path is not None
    if is_released:
        made.close()
        assert made.read() == DATA
        made.sync()
    made.path.unlink()
    if is_released:
        with pytest.raises(FileNotFoundError):
            made.read()
    else:
        made.path.write_bytes(b"somebody else's")
        assert made.read() == DATA
        made.path.unlink()
        assert write_atomically(tmp_path / "cat.png", made).read_bytes() == DATA


def test_reading_regular_files_only(tmp_path: Path) -> None:
    """A pipe, a device or a folder is refused before it is opened, and no more is read than the limit and a byte."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match=r"folder|regular"):
            read_regular_file(path, limit=10)
    (tmp_path / "x").write_bytes(DATA)
    assert read_regular_file(tmp_path / "x", limit=10) == DATA[:11]


def test_numbering_never_makes_a_name_too_long() -> None:
    """A number behind a long name shortens its stem, not its suffix."""
    assert disk._numbered(Path("钥" * 85), "-2") == "钥" * 84 + "-2"
