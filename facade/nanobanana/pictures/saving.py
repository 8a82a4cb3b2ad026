"""Writing files so that a reader sees the whole of one or nothing of it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import stat
from pathlib import Path

from .._engine.spool import Spool
from ..errors import InvalidRequestError
from .header import Content, opened


def write_atomically(path: Path, content: Content, *, replace: bool = True) -> Path:
    """Writes `content` to `path`, whole or not at all, making missing parents; returns the path written.

    With `replace=False` a file that is already there stays, and the name gets a number: `cat-2.png`.

    Raises: OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        with temporary.open("xb") as file, opened(content) as source:
            shutil.copyfileobj(source, file, 1024 * 1024)
            file.flush()
            os.fsync(file.fileno())
        return _replace(path, temporary, replace=replace)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def move_atomically(path: Path, spool: Spool, *, replace: bool = True) -> Path:
    """Gives the file of a spool its place, as `write_atomically` does. Where that cannot be, it is copied.

    Raises: OSError; then the spool is as it was.
    """
    try:
        if spool.path is None:
            raise FileNotFoundError
        spool.sync()
        path = _replace(path, spool.path, replace=replace)
    except OSError:  # the file was deleted meanwhile, or the system moves none that is open
        path = write_atomically(path, spool, replace=replace)
        spool.discard()
    spool.close()
    return path


def _replace(path: Path, temporary: Path, *, replace: bool) -> Path:
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is there and is not a regular file")
    if not replace:
        path = _reserve(path)
    try:
        temporary.replace(path)
    except OSError:
        if not replace:
            path.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    return path


def reason(problem: Exception) -> str:
    """Why a file could not be read or written, in the words of the system: no number, no passing name."""
    words = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
    return (words[:1].lower() + words[1:]) or type(problem).__name__


_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # names of devices on Windows
_LONGEST_NAME = 120  # bytes, which leaves room for a suffix and a number


def name_from(prompt: str) -> str:
    """A name for a file, made from the words of a prompt: letters, digits and hyphens only."""
    words = re.sub(r"[^a-z0-9]+", "-", prompt.lower())[:48].strip("-")
    return words if words and not _RESERVED.fullmatch(words) else f"picture-{words}".rstrip("-")


def check_name(name: str) -> str:
    """The name, if it can only ever be a file of that name in the folder it is put into, on any system.

    Raises: InvalidRequestError where it could be a path, a device, a hidden file or too long.
    """
    if not isinstance(name, str) or not name:
        problem = "is empty"
    elif any(letter in '/\\<>:"|?*' or not letter.isprintable() for letter in name):
        problem = 'holds one of / \\ < > : " | ? * or a control character'
    elif name.startswith((".", " ")) or name.endswith((".", " ")):
        problem = "begins or ends with a dot or a space"
    elif _RESERVED.fullmatch(name):
        problem = "is the name of a device on Windows"
    elif len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        problem = f"is longer than {_LONGEST_NAME} bytes"
    else:
        return name
    raise InvalidRequestError(f"{str(name)[:80]!r} cannot name a file: it {problem}", param="id")


def check_writable(path: Path) -> None:
    """Makes the folder of `path` and sees that a file can be made in it.

    Raises: OSError where it cannot.
    """
    with contextlib.suppress(FileNotFoundError):
        path.lstat()  # says whether the name itself is possible
    path.parent.mkdir(parents=True, exist_ok=True)
    probe = path.parent / f".{secrets.token_hex(6)}.part"
    probe.touch(exist_ok=False)
    probe.unlink()


def check_target(save_to: str | os.PathLike[str] | None) -> tuple[str | None, Path | None]:
    """Sees, before anything is paid for, that a picture can be written where it is to go; returns that place, and its
    folder, as they are now: a change of the working directory does not move them.

    Raises: InvalidRequestError where it cannot.
    """
    if save_to is None:
        return None, None
    path = Path(save_to)
    try:
        if not os.fspath(save_to):
            raise OSError("the path is empty")
        is_folder = path.is_dir() or os.fspath(save_to).endswith(("/", os.sep))
        if path.exists() and not is_folder and not path.is_file():
            raise OSError("it is there and is not a regular file")
        check_writable(path / "picture" if is_folder else path)
        return os.path.join(Path.cwd(), save_to), (path if is_folder else path.parent).absolute()  # noqa: PTH118 - keeps a slash
    except (OSError, ValueError) as exc:
        reason = (isinstance(exc, OSError) and exc.strerror) or str(exc)
    raise InvalidRequestError(f"nothing can be written to {path}: {reason}", param="save_to")


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
