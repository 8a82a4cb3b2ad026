"""Store: the output folder, on a disk or on any filesystem that can create a file exclusively."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from .._engine.spool import Spool
from ..errors import ConfigurationError
from ..pictures.header import Content, read
from ..pictures.saving import move_atomically, sync_folder, write_atomically


class Store(Protocol):
    """What a batch needs of a folder. Names are relative to it, with forward slashes. All that is written is durable
    when the method returns."""

    def claim(self, name: str, text: str) -> bool:
        """Creates a claim that is not there yet, with its short text at once; False where there is one."""

    def claimed(self, name: str) -> str | None:
        """The text of a claim, or None."""

    def spool_folder(self, name: str) -> Path | None:
        """Where a picture may arrive that is to become the file of this name; None where it should be in memory."""

    def put(self, name: str, content: Content) -> Content:
        """Writes a file, whole, over one that may be there, and returns its content; a spool is used up."""

    def place(self, name: str, content: Content, copy: str) -> bool:
        """Creates a file exclusively, of which `copy` is a whole copy already; False where there is one."""

    def get(self, name: str) -> bytes | None:
        """The content of a file, or None."""

    def delete(self, name: str) -> None:
        """Deletes a file, if it is there."""

    def names(self, folder: str, suffix: str) -> Iterator[str]:
        """The names of all files below a folder that end in a suffix."""

    def enter(self, runner: str) -> None:
        """Marks a runner as alive, for as long as this process lives."""

    def is_alive(self, runner: str) -> bool | None:
        """Whether a runner is alive; None where this cannot be known."""

    def leave(self) -> None:
        """Takes the mark of `enter` away."""


def open_store(output_dir: str | os.PathLike[str]) -> Store:
    """The store for a path or an fsspec URL such as `s3://bucket/folder` (extra `cloud`).

    Raises: ConfigurationError where the filesystem cannot be had, or cannot create a file exclusively.
    """
    text = os.fspath(output_dir)
    store: Store = FsspecStore(text) if "://" in text else LocalStore(Path(text))
    probe = f".nanobanana/probe-{secrets.token_hex(8)}"
    try:
        is_exclusive = store.claim(probe, "1") and not store.claim(probe, "2") and store.claimed(probe) == "1"
        store.delete(probe)
    except (OSError, ValueError, NotImplementedError, TypeError) as exc:
        problem = f"{text} cannot be used: {exc}"
    else:
        if is_exclusive:
            return store
        problem = f"{text} does not create files exclusively, so two runs could pay for the same picture"
    raise ConfigurationError(problem, advice="Use a local folder, or a filesystem with conditional writes")


class LocalStore:
    """A folder on a disk, or on a network filesystem that honours exclusive creation."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._root = os.fspath(root)
        self._entered: list[Any] = []

    def path(self, name: str) -> Path:
        return self.root / name

    def claim(self, name: str, text: str) -> bool:
        """A claim is a symbolic link whose target is its text: made exclusively and whole in one step, and synced with
        the folder alone."""
        path = f"{self._root}/{name}"
        try:
            try:
                os.symlink(text, path)
            except FileNotFoundError:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                os.symlink(text, path)
        except FileExistsError:
            return False
        sync_folder(os.path.dirname(path))
        return True

    def claimed(self, name: str) -> str | None:
        try:
            return os.readlink(f"{self._root}/{name}")
        except FileNotFoundError:
            return None
        except OSError:  # something else of that name: a claim all the same
            return ""

    def spool_folder(self, name: str) -> Path | None:
        return self.path(name).parent

    def put(self, name: str, content: Content) -> Content:
        """Where a claim has made the folder already, this takes fewer steps than `write_atomically`."""
        path = f"{self._root}/{name}"
        if not isinstance(content, bytes):
            if isinstance(content, Spool):
                return move_atomically(Path(path), content)
            return write_atomically(Path(path), content)
        try:
            descriptor = os.open(f"{path}.part", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        except FileNotFoundError:
            write_atomically(Path(path), content)
            return content
        try:
            with open(descriptor, "wb", buffering=0) as file:
                view = memoryview(content)
                while view:
                    view = view[file.write(view) :]
                os.fsync(descriptor)
            os.replace(f"{path}.part", path)
        except OSError:  # on a full disk, what is half written would keep it full
            os.unlink(f"{path}.part")
            raise
        sync_folder(os.path.dirname(path))
        return content

    def place(self, name: str, content: Content, copy: str) -> bool:
        try:
            os.link(f"{self._root}/{copy}", f"{self._root}/{name}")
        except FileExistsError:
            return False
        sync_folder(self._root)
        return True

    def get(self, name: str) -> bytes | None:
        try:
            with open(f"{self._root}/{name}", "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def delete(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self._root}/{name}")

    def names(self, folder: str, suffix: str) -> Iterator[str]:
        for path in self.path(folder).rglob(f"*{suffix}"):
            yield path.relative_to(self.root).as_posix()

    def enter(self, runner: str) -> None:
        path = self.path(f".nanobanana/runners/{runner}")
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("wb")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._entered.append(file)

    def is_alive(self, runner: str) -> bool | None:
        try:
            with self.path(f".nanobanana/runners/{runner}").open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def leave(self) -> None:
        """Takes this process's marks away."""
        for file in self._entered:
            Path(file.name).unlink(missing_ok=True)
            file.close()
        self._entered.clear()


class FsspecStore:
    """A folder on a filesystem that fsspec knows. Whether other runners are alive cannot be known there."""

    def __init__(self, url: str) -> None:
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise ConfigurationError(
                f"{url} needs fsspec", advice="pip install 'infinityblue-nanobanana[cloud]'"
            ) from None
        try:
            self._fs, self._root = url_to_fs(url, use_listings_cache=False, skip_instance_cache=False)
        except (ImportError, ValueError) as exc:
            problem = str(exc)
        else:
            return
        raise ConfigurationError(
            f"{url} cannot be used: {problem}", advice="pip install 'infinityblue-nanobanana[cloud]'"
        )

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def claim(self, name: str, text: str) -> bool:
        return self.place(name, text.encode(), "")

    def claimed(self, name: str) -> str | None:
        content = self.get(name)
        return None if content is None else content.decode("utf-8", "replace")

    def spool_folder(self, name: str) -> Path | None:
        return None

    def put(self, name: str, content: Content) -> Content:
        self._make_parent(name)
        self._fs.pipe_file(self._path(name), read(content))
        return content

    def place(self, name: str, content: Content, copy: str) -> bool:
        self._make_parent(name)
        try:
            self._fs.pipe_file(self._path(name), read(content), mode="create")
        except FileExistsError:
            return False
        return True

    def _make_parent(self, name: str) -> None:
        with contextlib.suppress(FileExistsError, NotImplementedError):
            self._fs.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)

    def get(self, name: str) -> bytes | None:
        try:
            content: bytes = self._fs.cat_file(self._path(name))
        except FileNotFoundError:
            return None
        return content

    def delete(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._path(name))

    def names(self, folder: str, suffix: str) -> Iterator[str]:
        for path in self._fs.find(self._path(folder)):
            if path.endswith(suffix):
                yield path[len(self._path("")) :]

    def enter(self, runner: str) -> None:
        """Nothing: nobody could tell whether the mark is still held."""

    def is_alive(self, runner: str) -> bool | None:
        return None

    def leave(self) -> None:
        """Nothing, as `enter` marks nothing."""
