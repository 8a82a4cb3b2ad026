"""GeneratedImage: a picture that was made, and everything people do with one."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from .._engine.content import Content, opened, read, size
from .._engine.disk import write_atomically
from ..errors import SaveError
from . import display
from .header import EXTENSIONS, dimensions, sniff
from .provenance import Record, embed
from .saving import SUFFIXES, place, reason

if TYPE_CHECKING:
    from PIL.Image import Image


class SuffixWarning(UserWarning):
    """The name asked for ended in the suffix of another type, and was corrected."""


@frozen(repr=False, eq=False)
class GeneratedImage:
    """A picture that was made. It can be used as a reference image as it is.

    `content` is the encoded file as it came: its bytes, or what stands for the file that has them. `stated_type` is
    what the answer called it, which may be wrong; `mime_type` goes by the bytes. `record` says how the picture was
    made: its prompt, model and request id. `path` is the file that the call wrote, where it was told to (`save_to`);
    then no large picture is kept in memory, and whatever needs the bytes reads that file when asked. Where it is there
    no longer, that raises a FileNotFoundError.

    Two pictures are equal whose bytes are.
    """

    content: Content = field(alias="data")
    stated_type: str | None = field(default=None, kw_only=True)
    record: Record | None = field(default=None, kw_only=True)
    path: Path | None = field(default=None, kw_only=True)
    _size: int = field(init=False)

    @_size.default
    def _known_even_when_the_file_is_gone(self) -> int:
        return size(self.content)

    @property
    def data(self) -> bytes:
        """The encoded file as it came.

        Raises: OSError where its file cannot be read.
        """
        with self._reading():
            return read(self.content)

    @property
    def mime_type(self) -> str:
        """The type, as "image/png", by the bytes; what the answer stated where they are of no known type.

        Raises: OSError where its file cannot be read.
        """
        with self._reading():
            return sniff(self.content) or self.stated_type or "application/octet-stream"

    @property
    def extension(self) -> str:
        """The suffix of a file of this type, with its dot; ".bin" where the type is unknown.

        Raises: OSError where its file cannot be read.
        """
        return EXTENSIONS.get(self.mime_type, ".bin")

    @property
    def width(self) -> int:
        """Width in pixels, from the header.

        Raises: ValueError where the header cannot be read; OSError where its file cannot.
        """
        return self._dimensions()[0]

    @property
    def height(self) -> int:
        """Height in pixels, from the header.

        Raises: ValueError where the header cannot be read; OSError where its file cannot.
        """
        return self._dimensions()[1]

    def _dimensions(self) -> tuple[int, int]:
        with self._reading():
            found = dimensions(self.content)
        if found is None:
            raise ValueError(f"the header of this {self.mime_type} picture of {self._size} bytes cannot be read")
        return found

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Says in words why the file of a picture cannot be read."""
        words = f"the file of this picture, {self.path}," if self.path else "the file of this picture"
        try:
            yield
        except FileNotFoundError:
            raise FileNotFoundError(f"{words} is there no longer") from None
        except OSError as exc:
            raise OSError(f"{words} cannot be read: {reason(exc)}") from None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GeneratedImage):
            return NotImplemented
        if self.content == other.content:
            return True
        try:
            return self._size == other._size and read(self.content) == read(other.content)
        except OSError:  # a file that is gone is equal to nothing but itself
            return False

    def __hash__(self) -> int:
        return hash((GeneratedImage, self._size))  # it stays when the file goes

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
        picture gets the next free name, such as `cat-2.png`. The new file has the permissions of the one it replaces;
        a read-only file is not replaced; of a symbolic link, the link is replaced and not the file it leads to.

        With `metadata=True` the file says how it was made (prompt, model, request id), in a PNG text chunk or JPEG
        comment; `nanobanana show FILE` prints it. The pixels are not encoded anew.

        Raises: SaveError (an OSError) with the picture on it; ValueError where metadata is asked for and the picture
        is neither PNG nor JPEG, or nothing is known of its making.
        """
        content = self.content
        if metadata:
            if self.record is None:
                raise ValueError("nothing is known of how this picture was made, so there is no metadata to save")
            content = embed(self.data, self.mime_type, self.record)
        written, correction = self._put(path, content, keep_suffix=keep_suffix, overwrite=overwrite)
        if correction:
            warnings.warn(correction, SuffixWarning, stacklevel=2)
        return written

    def moved(self, path: str | os.PathLike[str]) -> GeneratedImage:
        """The same picture with its `path` set, saved as by `save`, or moved where it came into a file.

        Raises: SaveError, as `save` does.
        """
        written, correction = self._put(path, self.content)
        if correction:
            with contextlib.suppress(SuffixWarning):  # made an error, it would take what was paid for with it
                warnings.warn(correction, SuffixWarning, stacklevel=5)
        return evolve(self, path=written)

    def _put(
        self,
        path: str | os.PathLike[str],
        content: Content,
        *,
        keep_suffix: bool = False,
        overwrite: bool = True,
    ) -> tuple[Path, str]:
        """Writes the content; returns its path and, where the suffix asked for is of another type, a word on that."""
        try:
            asked = os.fspath(path)
            mime_type, extension = self.mime_type, self.extension
            target, replace = place(asked, content, extension, keep_suffix=keep_suffix, overwrite=overwrite)
            written = write_atomically(target, content, replace=replace)
        except (OSError, ValueError, TypeError) as exc:  # a NUL in the name, or none; what is no path at all
            words = f"the picture could not be written to {str(path)!r}: {reason(exc)}"
            raise SaveError(words, image=self) from None
        suffix = Path(asked).suffix
        if written.suffix == suffix or suffix.lower() not in SUFFIXES:
            return written, ""
        return written, f"the picture is {mime_type}, not what {Path(asked).name!r} says: saved as {written}"

    def to_pil(self) -> Image:
        """The picture as a Pillow image, decoded (extra `pillow`).

        Raises: ImportError without Pillow; OSError (PIL.UnidentifiedImageError) where Pillow cannot read it, or its
        file cannot be read.
        """
        from PIL import Image

        with self._reading():
            file = opened(self.content)
        with file:
            image = Image.open(file)
            image.load()
        return image

    def to_dict(self) -> dict[str, Any]:
        """What is known of it, as plain JSON values: type, dimensions, number of bytes, path. None stands for what its
        file no longer says."""
        mime_type: str | None
        try:
            mime_type, shape = self.mime_type, dimensions(self.content)
        except OSError:
            mime_type, shape = self.stated_type, None
        return {
            "mime_type": mime_type,
            "width": shape and shape[0],
            "height": shape and shape[1],
            "bytes": self._size,
            "path": self.path and str(self.path),
        }

    def _html(self) -> str:
        try:
            return display.picture(self.mime_type, self.data)
        except OSError as exc:
            return display.words(str(exc))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        try:
            shape = dimensions(self.content)
            return display.bundle(repr(self), self.mime_type, self.data, shape and shape[0])
        except OSError:
            return {"text/plain": repr(self)}, {}

    def __repr__(self) -> str:
        try:
            found = dimensions(self.content)
            shape = "{}x{}".format(*found) if found else "unknown size"
            return f"<GeneratedImage {self.mime_type} {shape} {self._size} bytes>"
        except OSError:
            return f"<GeneratedImage of {self._size} bytes whose file is gone: {self.path}>"
