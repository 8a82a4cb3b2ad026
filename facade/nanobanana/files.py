"""Writing files so that a reader sees the whole of one or nothing of it."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path


def write_atomically(path: Path, data: bytes, *, replace: bool = True) -> Path:
    """Writes `data` to `path`, whole or not at all, making missing parents; returns the path written.

    With `replace=False` a file that is already there stays, and the name gets a number: `cat-2.png`.

    Raises: OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is there and is not a regular file")
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if not replace:
            path = _reserve(path)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)
    return path


def check_writable(path: Path) -> None:
    """Makes the folder of `path` and sees that a file can be made in it.

    Raises: OSError where it cannot.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    probe = path.parent / f".{secrets.token_hex(6)}.part"
    probe.touch(exist_ok=False)
    probe.unlink()


def _reserve(path: Path) -> Path:
    """Takes the first free name, by creating it exclusively, so that no two writers take the same."""
    number = 1
    while True:
        candidate = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        try:
            candidate.touch(exist_ok=False)
        except FileExistsError:
            number += 1
        else:
            return candidate


def _sync_folder(folder: Path) -> None:
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
