"""Disk: files that a reader sees whole or not at all, on whatever filesystem there is."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from pathlib import Path
from tempfile import NamedTemporaryFile

from .content import Content, opened
from .spool import Spool, sync

_LONGEST_NAME = 255  # bytes, on nearly all filesystems
_BLOCK = 4096  # bytes: a name alone finds room on a full disk
# What makes it impossible to put another file in the place of one, though that one can be written: it is mounted by
# itself (EBUSY, as in containers; EXDEV on layered filesystems), or its folder is closed to us.
_FIXED = {errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS}


def write_atomically(path: Path, content: Content, *, replace: bool = True, passing: Path | None = None) -> Path:
    """Writes `content` to `path`, whole or not at all, making missing parents; returns the path written.

    With `replace=False` a file that is already there stays, and the name gets a number: `cat-2.png`. passing: where
    what is half written goes, on the same filesystem; by itself, the folder of the file. A file that can be
    written but not replaced, such as one that is mounted by itself, is written in place, as the last way. The passing
    file of a spool is given its place instead, where that can be.

    Raises: OSError; then a spool is as it was.
    """
    if not (isinstance(content, Spool) and content.is_passing and content.path is not None):
        return _copy(path, content, replace=replace, passing=passing)
    try:
        content.sync()
        path = _put(path, content.path, replace=replace)
    except OSError:  # the file was deleted meanwhile, or the system moves none that is open
        path = _copy(path, content, replace=replace, passing=passing)
        content.discard()
    content.moved_to(path)
    return path


def _copy(path: Path, content: Content, *, replace: bool, passing: Path | None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = (passing or path.parent) / _temporary_name()
    try:
        with temporary.open("xb") as file, opened(content) as source:
            shutil.copyfileobj(source, file, 1024 * 1024)
            file.flush()
            sync(file.fileno())
        return _put(path, temporary, replace=replace)
    except OSError as exc:
        if not (replace and exc.errno in _FIXED and path.is_file()):
            raise
        with path.open("r+b") as file, opened(content) as source:
            shutil.copyfileobj(source, file, 1024 * 1024)
            file.truncate()
            file.flush()
            sync(file.fileno())
        return path
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _temporary_name() -> str:
    """A name that fits into any folder, however long the final one is."""
    return f".{secrets.token_hex(8)}.part"


def _put(path: Path, temporary: Path, *, replace: bool) -> Path:
    if not replace:
        path = _reserve(path)
    elif path.exists() and not path.is_file():
        raise OSError(f"{path} is there and is not a regular file")
    else:
        _keep_mode(path, temporary)
    try:
        temporary.replace(path)
    except OSError:
        if not replace:
            path.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    return path


def _keep_mode(path: Path, temporary: Path) -> None:
    """Gives a file the permissions of the one it is to replace; a link has none of its own."""
    with contextlib.suppress(OSError):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode):
            temporary.chmod(stat.S_IMODE(status.st_mode) & 0o777)


def _reserve(path: Path) -> Path:
    """Takes the first free name, by creating it exclusively, so that no two writers take the same."""
    number = 1
    while True:
        candidate = path if number == 1 else path.with_name(_numbered(path, f"-{number}{path.suffix}"))
        try:
            candidate.touch(exist_ok=False)
        except FileExistsError:
            number += 1
        else:
            return candidate


def _numbered(path: Path, end: str) -> str:
    stem = path.stem
    while len(os.fsencode(stem + end)) > _LONGEST_NAME:
        stem = stem[:-1]
    return stem + end


def check_writable(path: Path) -> None:
    """Makes the folder of `path` and sees that the file can be written, without touching one that is there.

    Raises: OSError where it cannot.
    """
    with contextlib.suppress(FileNotFoundError):
        path.lstat()  # says whether the name itself is possible
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", buffering=0) as probe:
            probe.write(bytes(_BLOCK))
    except OSError as exc:
        if exc.errno not in _FIXED or not path.is_file():
            raise
        path.open("r+b").close()  # it can be written in place


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Makes what was created or renamed in a folder survive a power cut, where the filesystem can."""
    with contextlib.suppress(OSError):  # not every filesystem lets a folder be synced
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_regular_file(path: Path, *, limit: int) -> bytes:
    """The content of a regular file, at most `limit` + 1 bytes of it.

    A FIFO or a device is refused before it is opened, as opening one may never return.

    Raises: OSError.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is a folder" if path.is_dir() else "it is not a regular file")
    with path.open("rb") as file:
        return file.read(limit + 1)
