"""RemoteImage: a picture that an answer only names by its address."""

from __future__ import annotations

from typing import Any, NoReturn, TypeAlias

from attrs import field, frozen

from ..errors import DownloadError
from . import display
from .download import download
from .header import sniff
from .image import GeneratedImage
from .provenance import Record


@frozen(repr=False)
class RemoteImage:
    """A picture that the answer only names by its address. It is not fetched unless asked for.

    `download()` brings it, as a `GeneratedImage`. Until then, whatever needs its bytes (`data`, `save`, `width` ...)
    raises a DownloadError that says so. `is_foreign` says that a public server named the address.
    """

    url: str = field(kw_only=True)
    record: Record | None = field(default=None, kw_only=True, eq=False)
    is_foreign: bool = field(default=False, kw_only=True, eq=False)

    @property
    def path(self) -> None:
        """No call has written it to a file."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_") or not hasattr(GeneratedImage, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        raise DownloadError(
            f"this picture lies at {self.url} and was not fetched",
            url=self.url,
            billed="probably",
            advice="Call download() and use what it returns",
        )

    def download(
        self, *, max_bytes: int = 64 * 1024 * 1024, timeout: float = 60.0, allow_private: bool | None = None
    ) -> GeneratedImage:
        """Fetches the picture, without the API key, and returns it.

        max_bytes: the size above which it gives up. timeout: seconds for all of it. allow_private: fetch it also from
        an address that is not public, such as one of this machine or its network; by default only where the endpoint
        that named it is at such an address itself.

        Raises: InvalidRequestError where the address is not http(s); DownloadError where the picture cannot be had,
        is larger, or is none.
        """
        is_allowed = not self.is_foreign if allow_private is None else allow_private
        data = download(self.url, max_bytes=max_bytes, timeout=timeout, allow_private=is_allowed)
        if sniff(data) is None:
            raise DownloadError(f"what lies at {self.url} is no picture", url=self.url)
        return GeneratedImage(data, record=self.record)

    def to_dict(self) -> dict[str, Any]:
        """Its address, as plain JSON values."""
        return {"url": self.url}

    def _html(self) -> str:
        return display.link(self.url)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return {"text/plain": repr(self)}, {}

    def __repr__(self) -> str:
        return f"<RemoteImage {self.url}>"


Picture: TypeAlias = GeneratedImage | RemoteImage
"""A picture of an answer: here, or elsewhere."""
