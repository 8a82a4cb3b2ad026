"""Where pictures are saved: names, suffixes, and what can be told of a place before anything is paid for."""

from __future__ import annotations

import contextlib
import os
import re
import unicodedata
from pathlib import Path

from .._engine.content import Content, digest
from .._engine.disk import check_writable
from ..errors import InvalidRequestError
from .header import EXTENSIONS


def reason(problem: Exception) -> str:
    """Why a file could not be read or written, in the words of the system: no number, no passing name."""
    words = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
    return words or type(problem).__name__


def as_path(given: object, param: str) -> str:
    """A path as a string. Raises: InvalidRequestError where it is none, naming the argument."""
    path = os.fspath(given) if isinstance(given, str | os.PathLike) else None
    if not isinstance(path, str):
        raise InvalidRequestError(f"{param} is of type {type(given).__name__}; it must be a path", param=param)
    return path


JPEG_SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif"}
SUFFIXES = {*EXTENSIONS.values(), *JPEG_SUFFIXES, ".bmp", ".tif", ".tiff", ".svg", ".hif"}
"""What a name may end in that says the type of a picture. In "v1.2" it does not."""


def place(
    asked: str, content: Content, extension: str, *, keep_suffix: bool = False, overwrite: bool = True
) -> tuple[Path, bool]:
    """Where a picture goes whose true suffix is `extension`, in a folder by a name made from its content; and whether a
    file of that name may be replaced: not where the suffix asked for is corrected, as that other file was not named.

    A link is replaced itself, wherever it leads, as by a rename; what a link to a device or folder stands for is not.

    Raises: OSError where no file may have this name, or may replace the one that has it.
    """
    target, suffix, replace = Path(asked), Path(asked).suffix.lower(), overwrite
    if _is_folder(asked):
        target, replace = target / f"nanobanana-{digest(content)[:16]}{extension}", True
    elif keep_suffix or suffix == extension or {suffix, extension} <= JPEG_SUFFIXES:
        pass
    elif suffix in SUFFIXES:
        target, replace = target.with_suffix(extension), False
    else:
        target = target.with_name(target.name + extension)
    with contextlib.suppress(FileNotFoundError):
        target.lstat()  # says whether the name itself is possible
    if replace and target.exists():
        if not target.is_file():
            raise OSError(_NO_FILE)
        if not target.is_symlink() and not os.access(target, os.W_OK):
            raise OSError("it is there and is read-only")
    return target, replace


def _is_folder(asked: str) -> bool:
    return asked.endswith(("/", os.sep)) or Path(asked).is_dir()


_NO_FILE = "it is there and is not a regular file"


_RESERVED = re.compile(r"(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³]|conin\$|conout\$)(\..*)?", re.IGNORECASE)
"""Names of devices on Windows."""
_LONGEST_NAME = 120  # bytes, which leaves room for a suffix and a number
_LONGEST_WORDS = 48  # characters


def name_from(prompt: str) -> str:
    """A name for a file, made from the words of a prompt: letters and digits of any script, and hyphens, only."""
    words = ""
    for letter in unicodedata.normalize("NFC", prompt[: 20 * _LONGEST_WORDS].lower()):
        kind = unicodedata.category(letter)
        if kind[0] in "LN" or (kind in ("Mn", "Mc") and words[-1:].strip() and not "\ufe00" <= letter <= "\ufe0f"):
            words += letter
        elif letter not in "\u200c\u200d":  # they only part or join letters
            words += " "
    name = "-".join(words.split())
    end = min(len(name), _LONGEST_WORDS)
    while len(name[:end].encode()) > _LONGEST_NAME or (end < len(name) and unicodedata.category(name[end])[0] == "M"):
        end -= 1  # no accent is cut from its letter
    name = name[:end].strip("-")
    return name if name and not _RESERVED.fullmatch(name) else f"picture-{name}".rstrip("-")


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
    """Sees, before anything is paid for, that a picture of any type can be written where it is to go; returns that
    place, and its folder, as they are now: a change of the working directory does not move them.

    Raises: InvalidRequestError where it cannot.
    """
    if save_to is None:
        return None, None
    try:
        asked = os.fspath(save_to)
        path, is_folder = Path(asked), _is_folder(asked)
        if not asked:
            raise OSError("the path is empty")
        if path.exists() and not is_folder and not path.is_file():
            raise OSError(_NO_FILE)
        for extension in (*EXTENSIONS.values(), ".bin"):
            place(asked, b"", extension)
        check_writable(path / "picture" if is_folder else path)
        return os.path.join(Path.cwd(), asked), (path if is_folder else path.parent).absolute()  # noqa: PTH118 - keeps a slash
    except (OSError, ValueError, TypeError) as exc:  # a NUL in the name; a name of bytes
        words = f"nothing can be written to {save_to!s}: {reason(exc)}"
        raise InvalidRequestError(words, param="save_to") from None
