"""Folder: where the pictures of a batch go, on a disk or on any filesystem that fsspec knows."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from .._engine.content import read
from .._engine.disk import write_atomically
from ..errors import ConfigurationError
from ..pictures.header import EXTENSIONS
from ..pictures.image import GeneratedImage
from .task import Task

_SUFFIXES = tuple(dict.fromkeys([*EXTENSIONS.values(), ".bin"]))
STATE = ".nanobanana"


class Folder(Protocol):
    """What a batch needs of a folder. Names are relative to it, with forward slashes. What is placed is durable when
    the method returns. Anything may be raised."""

    address: str
    root: Path | None
    """Where it is on this machine; None where it is elsewhere."""
    incoming: Path | None
    """Where a picture may arrive; None where it should be in memory."""

    def prepare(self) -> None:
        """Makes what is missing of it."""

    def try_out(self) -> None:
        """Does once what will be needed, and undoes it."""
        self.prepare()
        name = self.place(f"{STATE}/probe-{secrets.token_hex(8)}", GeneratedImage(b"probe"))
        found = self.read(name)
        self.delete(name)
        if found != b"probe":
            raise OSError("what was written is not what can be read")

    def stems(self, task: Task) -> Iterator[str]:
        """Names for a picture, without suffix, that nothing in the folder has, the best first."""

    def known(self, task: Task) -> str | None:
        """The picture that lies there under the key of a task, by the names alone; None where names hold no keys."""

    def find(self, stem: str) -> str | None:
        """The picture of this name."""
        return next((name for suffix in _SUFFIXES if self.has(name := f"{stem}{suffix}")), None)

    def has(self, name: str) -> bool:
        """Whether a file with something in it is there."""

    def place(self, stem: str, image: GeneratedImage) -> str:
        """Writes a picture, whole, over nothing that is there; returns its name."""

    def begin(self, token: str) -> bool:
        """Whether nobody has begun what the token stands for; from now on, somebody has."""

    def names(self, folder: str) -> Iterator[str]:
        """The names of all files below a folder."""

    def read(self, name: str) -> bytes:
        """The content of a file."""

    def delete(self, *names: str) -> None:
        """Deletes files, where they are there."""

    def clear(self) -> None:
        """Deletes what an earlier run has begun to write, and its tokens."""
        self.delete(*self.names(f"{STATE}/incoming"), *self.names(f"{STATE}/begun"))


def open_folder(address: str) -> Folder:
    """The folder at a path or an fsspec URL such as `s3://bucket/folder` (extra `cloud`).

    Raises: ConfigurationError where it cannot be had.
    """
    return UrlFolder(address) if "://" in address else LocalFolder(address)


class LocalFolder(Folder):
    """A folder on a disk or a network filesystem."""

    def __init__(self, address: str) -> None:
        self.root: Path = Path(address).absolute()
        self.address = os.fspath(self.root)
        self.incoming: Path = self.root / STATE / "incoming"
        self._begun = self.root / STATE / "begun"

    def prepare(self) -> None:
        for folder in (self.incoming, self._begun):
            folder.mkdir(parents=True, exist_ok=True)

    def stems(self, task: Task) -> Iterator[str]:
        for number in itertools.count(1):
            stem = task.id if number == 1 else f"{task.id}-{number}"
            if not any(os.path.lexists(f"{self.address}/{stem}{suffix}") for suffix in _SUFFIXES):
                yield stem

    def known(self, task: Task) -> str | None:
        return None

    def has(self, name: str) -> bool:
        path = self.root / name
        if path.is_file() and not path.stat().st_size:
            path.unlink()  # a name that was taken for a picture which did not come
        return path.is_file()

    def place(self, stem: str, image: GeneratedImage) -> str:
        path = self.root / f"{stem}{image.extension}"
        written = write_atomically(path, image.content, replace=False, passing=self.incoming)
        return written.relative_to(self.root).as_posix()

    def begin(self, token: str) -> bool:
        try:
            (self._begun / token).open("x").close()
        except FileExistsError:
            return False
        return True

    def names(self, folder: str) -> Iterator[str]:
        for path in (self.root / folder).rglob("*"):
            if not path.is_dir():
                yield path.relative_to(self.root).as_posix()

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def delete(self, *names: str) -> None:
        for name in names:
            (self.root / name).unlink(missing_ok=True)


class UrlFolder(Folder):
    """A folder on a filesystem that fsspec knows. A picture's name there holds a part of its key, so that what is done
    shows by itself."""

    root = incoming = None

    def __init__(self, address: str) -> None:
        self.address = address
        self._guard = threading.Lock()
        self._there: dict[str, str] | None = None
        try:
            from fsspec.core import url_to_fs

            self._fs, path = url_to_fs(address, use_listings_cache=False, skip_instance_cache=False)
        except Exception as exc:  # it is not installed; and each filesystem has exceptions of its own
            problem = f"{address} cannot be used: {exc}"
            raise ConfigurationError(problem, advice="pip install 'infinityblue-nanobanana[cloud]'") from None
        self._path = path.rstrip("/")

    def prepare(self) -> None:
        with contextlib.suppress(FileExistsError, NotImplementedError):
            self._fs.makedirs(f"{self._path}/{STATE}/begun", exist_ok=True)

    def stems(self, task: Task) -> Iterator[str]:
        yield task.id if task.key.startswith(task.id) else f"{task.id}-{task.key[:12]}"

    def known(self, task: Task) -> str | None:
        with self._guard:
            if self._there is None:  # one listing tells it of all tasks
                self._there = self._listed()
        return self._there.get(next(self.stems(task)))

    def _listed(self) -> dict[str, str]:
        try:
            paths = self._fs.ls(f"{self._path}/", detail=False)
        except FileNotFoundError:  # there are no empty folders in a bucket
            return {}
        names = (path.rpartition("/")[2] for path in paths)
        return {os.path.splitext(name)[0]: name for name in names if name.endswith(_SUFFIXES)}

    def has(self, name: str) -> bool:
        return bool(self._fs.exists(f"{self._path}/{name}"))

    def place(self, stem: str, image: GeneratedImage) -> str:
        name = f"{stem}{image.extension}"
        self.write(name, read(image.content))
        return name

    def write(self, name: str, content: bytes) -> None:
        """Writes a file, over one that may be there."""
        self._fs.pipe_file(f"{self._path}/{name}", content)

    def begin(self, token: str) -> bool:
        name = f"{STATE}/begun/{token}"
        if self.has(name):
            return False
        self.prepare()
        self.write(name, b"begun")
        return True

    def names(self, folder: str) -> Iterator[str]:
        for path in self._fs.find(f"{self._path}/{folder}"):
            yield path[path.index(f"/{folder}/") + 1 :]

    def read(self, name: str) -> bytes:
        content: bytes = self._fs.cat_file(f"{self._path}/{name}")
        return content

    def delete(self, *names: str) -> None:
        if names:
            self._fs.rm([f"{self._path}/{name}" for name in names])
