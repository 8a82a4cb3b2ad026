"""GeneratedImage: a picture that was made, and everything people do with one."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from .._engine.spool import Spool
from ..errors import DownloadError, SaveError
from .header import EXTENSIONS, Content, digest, dimensions, opened, read, size, sniff
from .provenance import Record, embed
from .saving import move_atomically, write_atomically

if TYPE_CHECKING:
    from PIL.Image import Image


class SuffixWarning(UserWarning):
    """The name asked for ended in the suffix of another type, and was corrected."""


@frozen(repr=False)
class GeneratedImage:
    """A picture that was made. It can be used as a reference image as it is.

    `stated_type` is what the answer called it, which may be wrong; `mime_type` goes by the bytes. `record` says how
    the picture was made: its prompt, model and request id. `path` is the file that the call wrote, where it was told
    to (`save_to`); then no large picture is kept in memory, and `data` reads that file when asked.
    """

    _content: Content = field(alias="data", eq=read)
    stated_type: str | None = field(default=None, kw_only=True, eq=False)
    record: Record | None = field(default=None, kw_only=True, eq=False)
    path: Path | None = field(default=None, kw_only=True, eq=False)

    @property
    def content(self) -> Content:
        """The encoded file as it came: its bytes, or the path of the file that has them."""
        return self._content

    @property
    def data(self) -> bytes:
        """The encoded file as it came.

        Raises: OSError where `path` was set by the call and its file is there no longer.
        """
        return read(self.content)

    @property
    def mime_type(self) -> str:
        """The type, as "image/png", by the bytes; what the answer stated where they are of no known type."""
        return sniff(self.content) or self.stated_type or "application/octet-stream"

    @property
    def extension(self) -> str:
        """The suffix of a file of this type, with its dot; ".bin" where the type is unknown."""
        return EXTENSIONS.get(self.mime_type, ".bin")

    @property
    def width(self) -> int:
        """Width in pixels, from the header.

        Raises: ValueError where the header cannot be read.
        """
        return self._dimensions()[0]

    @property
    def height(self) -> int:
        """Height in pixels, from the header.

        Raises: ValueError where the header cannot be read.
        """
        return self._dimensions()[1]

    def _dimensions(self) -> tuple[int, int]:
        found = dimensions(self.content)
        if found is None:
            raise ValueError(
                f"the header of this {self.mime_type} picture of {size(self.content)} bytes cannot be read"
            )
        return found

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        keep_suffix: bool = False,
        overwrite: bool = True,
        metadata: bool = False,
    ) -> Path:
        """Writes the picture, whole or not at all, and returns the path it really has.

        A folder (one that exists, or a path that ends in a slash) gets a name made from the content.
        A path without suffix gets the true one. A path with the suffix of another type is corrected,
        with a `SuffixWarning` and without replacing another file, unless `keep_suffix=True`. Missing
        parents are made. A file of exactly the given name is replaced, unless `overwrite=False`: then the
        picture gets the next free name, such as `cat-2.png`.

        With `metadata=True` the file says how it was made (prompt, model, request id), in a PNG text chunk or JPEG
        comment; `nanobanana show FILE` prints it. The pixels are not encoded anew.

        Raises: SaveError (an OSError) with the picture on it; ValueError where metadata is asked for and the picture
        is neither PNG nor JPEG, or nothing is known of its making.
        """
        content = self._with_record() if metadata else self.content
        written, correction = self._put(path, content, write_atomically, keep_suffix=keep_suffix, overwrite=overwrite)
        if correction:
            warnings.warn(correction, SuffixWarning, stacklevel=2)
        return written

    def moved(self, path: str | os.PathLike[str]) -> GeneratedImage:
        """The same picture with its `path` set, saved as by `save`, or moved where it came into a file.

        Raises: SaveError, as `save` does.
        """
        content = self.content
        written, correction = self._put(
            path, content, move_atomically if isinstance(content, Spool) else write_atomically
        )
        if correction:
            with contextlib.suppress(SuffixWarning):  # made an error, it would take what was paid for with it
                warnings.warn(correction, SuffixWarning, stacklevel=5)
        return evolve(self, data=written if isinstance(content, Spool) else content, path=written)

    def loaded(self) -> GeneratedImage:
        """The same picture, in memory if it came into a file."""
        return evolve(self, data=self.data) if isinstance(self._content, Spool) else self

    def _put(
        self,
        path: str | os.PathLike[str],
        content: Content,
        put: Callable[..., Path],
        *,
        keep_suffix: bool = False,
        overwrite: bool = True,
    ) -> tuple[Path, str]:
        """Writes the content; returns its path and, where the suffix asked for is of another type, a word on that."""
        try:
            mime_type, asked = self.mime_type, Path(os.fspath(path))
            target, replace = self._target(os.fspath(path), content, keep_suffix=keep_suffix, overwrite=overwrite)
            written = put(target, content, replace=replace)
        except (OSError, ValueError) as exc:  # ValueError: a NUL in the name, or none
            reason = (isinstance(exc, OSError) and exc.strerror) or str(exc)
            problem = SaveError(f"the picture could not be written to {os.fspath(path)!r}: {reason}", image=self)
        else:
            if written.suffix == asked.suffix or asked.suffix.lower() not in _SUFFIXES:
                return written, ""
            return written, (
                f"the picture is {mime_type}, not what {asked.name!r} says: saved as {written} "
                "(keep_suffix=True keeps the name)"
            )
        raise problem

    def _target(self, path: str, content: Content, *, keep_suffix: bool, overwrite: bool) -> tuple[Path, bool]:
        """Where the picture goes, and whether a file that is there may be replaced."""
        target = Path(path)
        if path.endswith(("/", os.sep)) or os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises on a NUL
            return target / f"nanobanana-{digest(content)[:16]}{self.extension}", True
        if keep_suffix or self._fits(target.suffix):
            return target, overwrite
        if target.suffix.lower() not in _SUFFIXES:  # "v1.2" has no suffix: the true one goes behind it
            return target.with_name(target.name + self.extension), overwrite
        return target.with_suffix(self.extension), False

    def _with_record(self) -> bytes:
        if self.record is None:
            raise ValueError("nothing is known of how this picture was made, so there is no metadata to save")
        return embed(self.data, self.mime_type, self.record)

    def _fits(self, suffix: str) -> bool:
        return suffix.lower() == self.extension or (suffix.lower() in _JPEG and self.extension in _JPEG)

    def to_pil(self) -> Image:
        """The picture as a Pillow image, decoded (extra `pillow`).

        Raises: ImportError without Pillow; PIL.UnidentifiedImageError where Pillow cannot read it.
        """
        from PIL import Image

        with opened(self.content) as file:
            image = Image.open(file)
            image.load()
        return image

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        from .display import image_bundle

        return image_bundle(self)

    def __repr__(self) -> str:
        try:
            found = dimensions(self.content)
            shape = "{}x{}".format(*found) if found else "unknown size"
            return f"<GeneratedImage {self.mime_type} {shape} {size(self.content)} bytes>"
        except OSError:
            return f"<GeneratedImage whose file is gone: {self.content!s}>"


@frozen(repr=False)
class RemoteImage(GeneratedImage):
    """A picture that the answer only names by its address. It is not fetched unless asked for.

    Everything that needs the bytes raises until `download()` has brought them, as a `GeneratedImage`.
    """

    _content: Content = field(default=b"", init=False, alias="data")
    url: str = field(kw_only=True)

    @property
    def content(self) -> Content:
        """Raises: DownloadError, as the bytes are elsewhere."""
        raise DownloadError(
            f"this picture lies at {self.url} and was not fetched",
            url=self.url,
            billed="probably",
            advice="Call download() and use what it returns",
        )

    def download(self, *, max_bytes: int = 64 * 1024 * 1024, timeout: float = 60.0) -> GeneratedImage:
        """Fetches the picture, without the API key, and returns it.

        max_bytes: the size above which it gives up. timeout: seconds for all of it.

        Raises: InvalidRequestError where the address is not http(s); DownloadError where the picture cannot be had,
        is larger, or is none.
        """
        from .._call.download import download

        data = download(self.url, max_bytes=max_bytes, timeout=timeout)
        if sniff(data) is None:
            raise DownloadError(f"what lies at {self.url} is no picture", url=self.url)
        return GeneratedImage(data, record=self.record)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return {"text/plain": repr(self)}, {}

    def __repr__(self) -> str:
        return f"<RemoteImage {self.url}>"


_JPEG = {".jpg", ".jpeg", ".jpe", ".jfif"}
_SUFFIXES = {*EXTENSIONS.values(), *_JPEG, ".bmp", ".tif", ".tiff", ".svg", ".hif"}
