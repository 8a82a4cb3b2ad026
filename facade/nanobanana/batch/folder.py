"""Folder: where the pictures of a batch go, on a disk or on any filesystem that fsspec knows."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from .._engine.content import digest, read
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
    incoming: Path | None
    """Where a picture may arrive; None where it should be in memory."""

    def try_out(self) -> None:
        """Does once what will be needed, and undoes it."""

    def stem(self, task: Task, is_free: Callable[[str], bool]) -> str:
        """A name, without suffix, that nothing in the folder has."""

    def known(self, task: Task) -> str | None:
        """The picture that lies there under the key of a task, by the names alone; None where names hold no keys."""

    def find(self, stem: str) -> str | None:
        """The picture of this name."""

    def place(self, stem: str, image: GeneratedImage) -> tuple[str, str]:
        """Writes a picture, whole, over nothing that is there; returns its name and its SHA-256."""

    def begin(self, token: str) -> bool:
        """Whether nobody has begun what the token stands for; from now on, somebody has."""

    def names(self, folder: str) -> Iterator[str]:
        """The names of all files below a folder."""

    def read(self, name: str) -> bytes:
        """The content of a file."""

    def clear(self) -> None:
        """Deletes what an earlier run has begun to write, and its tokens."""


def open_folder(address: str) -> Folder:
    """The folder at a path or an fsspec URL such as `s3://bucket/folder` (extra `cloud`).

    Raises: ConfigurationError where it cannot be had.
    """
    return UrlFolder(address) if "://" in address else LocalFolder(address)


class LocalFolder:
    """A folder on a disk or a network filesystem."""

    incoming: Path | None

    def __init__(self, address: str) -> None:
        self.root = Path(address).absolute()
        self.address = os.fspath(self.root)
        self.incoming = self.root / STATE / "incoming"

    def try_out(self) -> None:
        for name in ("incoming", "begun"):
            (self.root / STATE / name).mkdir(parents=True, exist_ok=True)
        name, _ = self.place(f"{STATE}/probe-{secrets.token_hex(8)}", GeneratedImage(b"probe"))
        found = self.read(name)
        (self.root / name).unlink()
        if found != b"probe":
            raise OSError("what was written is not what can be read")

    def stem(self, task: Task, is_free: Callable[[str], bool]) -> str:
        number, stem = 1, task.id
        while not is_free(stem) or any(os.path.lexists(f"{self.address}/{stem}{suffix}") for suffix in _SUFFIXES):
            number += 1
            stem = f"{task.id}-{number}"
        return stem

    def known(self, task: Task) -> str | None:
        return None

    def find(self, stem: str) -> str | None:
        for suffix in _SUFFIXES:
            path = self.root / f"{stem}{suffix}"
            if path.is_file():
                if path.stat().st_size:
                    return f"{stem}{suffix}"
                path.unlink()  # a name that was taken for a picture which did not come
        return None

    def place(self, stem: str, image: GeneratedImage) -> tuple[str, str]:
        path = self.root / f"{stem}{image.extension}"
        written = write_atomically(path, image.content, replace=False, passing=self.incoming)
        return written.relative_to(self.root).as_posix(), digest(image.content)

    def begin(self, token: str) -> bool:
        try:
            (self.root / STATE / "begun" / token).open("x").close()
        except FileExistsError:
            return False
        return True

    def names(self, folder: str) -> Iterator[str]:
        for parent, _, files in os.walk(self.root / folder):
            for name in files:
                yield (Path(parent) / name).relative_to(self.root).as_posix()

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def clear(self) -> None:
        for name in ("incoming", "begun"):
            for path in (self.root / STATE / name).iterdir():
                path.unlink(missing_ok=True)


class UrlFolder:
    """A folder on a filesystem that fsspec knows. A picture's name there holds a part of its key, so that what is done
    shows by itself."""

    incoming: Path | None = None

    def __init__(self, address: str) -> None:
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise ConfigurationError(
                f"{address} needs fsspec", advice="pip install 'infinityblue-nanobanana[cloud]'"
            ) from None
        self.address = address
        try:
            self._fs, root = url_to_fs(address, use_listings_cache=False, skip_instance_cache=False)
        except Exception as exc:  # each filesystem has its own
            problem = f"{address} cannot be used: {exc}"
        else:
            self._root = root.rstrip("/")
            self._guard = threading.Lock()
            self._there: dict[str, str] | None = None
            return
        raise ConfigurationError(problem, advice="pip install 'infinityblue-nanobanana[cloud]'")

    def try_out(self) -> None:
        path = f"{self._root}/{STATE}-probe-{secrets.token_hex(8)}"
        with contextlib.suppress(FileExistsError, NotImplementedError):
            self._fs.makedirs(self._root, exist_ok=True)
        self._fs.pipe_file(path, b"probe")
        found = self._fs.cat_file(path)
        self._fs.rm_file(path)
        if found != b"probe":
            raise OSError("what was written is not what can be read")

    def stem(self, task: Task, is_free: Callable[[str], bool]) -> str:
        return task.id if task.key.startswith(task.id) else f"{task.id}-{task.key[:12]}"

    def known(self, task: Task) -> str | None:
        with self._guard:
            if self._there is None:  # one listing tells it of all tasks
                self._there = self._listed()
        return self._there.get(self.stem(task, bool))

    def _listed(self) -> dict[str, str]:
        try:
            paths = self._fs.ls(f"{self._root}/", detail=False)
        except FileNotFoundError:  # there are no empty folders in a bucket
            return {}
        names = (path.rpartition("/")[2] for path in paths)
        return {os.path.splitext(name)[0]: name for name in names if name.endswith(_SUFFIXES)}

    def find(self, stem: str) -> str | None:
        names = (f"{stem}{suffix}" for suffix in _SUFFIXES)
        return next((name for name in names if self._fs.exists(f"{self._root}/{name}")), None)

    def place(self, stem: str, image: GeneratedImage) -> tuple[str, str]:
        name = f"{stem}{image.extension}"
        self._fs.pipe_file(f"{self._root}/{name}", read(image.content))
        return name, digest(image.content)

    def begin(self, token: str) -> bool:
        path = f"{self._root}/{STATE}/begun/{token}"
        if self._fs.exists(path):
            return False
        with contextlib.suppress(FileExistsError, NotImplementedError):
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._fs.pipe_file(path, b"begun")
        return True

    def names(self, folder: str) -> Iterator[str]:
        for path in self._fs.find(f"{self._root}/{folder}"):
            yield path[path.index(f"/{folder}/") + 1 :]

    def read(self, name: str) -> bytes:
        content: bytes = self._fs.cat_file(f"{self._root}/{name}")
        return content

    def clear(self) -> None:  # what is half written does not show on a filesystem of this kind
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm(f"{self._root}/{STATE}/begun", recursive=True)

    def write(self, name: str, content: bytes) -> None:
        """Writes a file, over one that may be there."""
        self._fs.pipe_file(f"{self._root}/{name}", content)
