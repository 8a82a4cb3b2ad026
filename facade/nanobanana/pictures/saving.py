"""Writing files so that a reader sees the whole of one or nothing of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .._engine.disk import check_writable as check_writable
from .._engine.disk import move_atomically as move_atomically
from .._engine.disk import read_regular_file as read_regular_file
from .._engine.disk import sync_folder as sync_folder
from .._engine.disk import write_atomically as write_atomically
from ..errors import InvalidRequestError


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
