"""Where a picture goes that was paid for and could not be saved where it was to go."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from .._engine.spool import Spool
from .image import GeneratedImage

_SHARED = "/var/tmp"  # noqa: S108 - no name in it can be guessed
_VOLATILE = Path("/dev/shm")  # noqa: S108 - memory, where everything on disk is full


def rescue(image: GeneratedImage, *tried: str | os.PathLike[str]) -> Path | None:
    """Puts a picture into a new folder, in the first place where that can be done, and returns its path.

    tried: files or folders where it could not be written. Those folders are left alone, and their filesystems, which
    may be full, come behind all others. The file in which a picture came, where it came in one, is the last resort.

    Returns: None where nothing is left but memory.
    """
    for folder in _folders([Path(os.path.abspath(path)) for path in tried]):  # noqa: PTH100 - a link is the place itself
        with contextlib.suppress(Exception):  # whatever is wrong with this place, the next one may do
            place = Path(tempfile.mkdtemp(prefix="nanobanana-", dir=folder))
            try:
                return image.moved(f"{place}/").path
            except BaseException:
                with contextlib.suppress(OSError):
                    place.rmdir()
                raise
    arrived = image.content
    if isinstance(arrived, Spool) and arrived.path is not None and arrived.path.exists():
        arrived.moved_to(arrived.path)
        return arrived.path
    return None


def _folders(tried: list[Path]) -> list[Path]:
    """Folders to try, the best one first."""
    places: tuple[Callable[[], str | Path], ...] = (tempfile.gettempdir, lambda: _SHARED, Path.home, Path.cwd)
    folders = []
    for place in places:
        with contextlib.suppress(OSError, RuntimeError):  # no temporary folder can be used, no home, a deleted folder
            folders.append(Path(place()).absolute())
    failed = {_device(path) for path in tried}
    folders.sort(key=lambda folder: _device(folder) in failed)
    spoilt = {path if path.is_dir() else path.parent for path in tried}
    return [folder for folder in dict.fromkeys([*folders, _VOLATILE]) if folder not in spoilt and folder.is_dir()]


def _device(path: Path) -> int | None:
    """The filesystem that a path is on, or would be."""
    for place in (path, *path.parents):
        with contextlib.suppress(OSError, ValueError):
            return place.stat().st_dev
    return None
