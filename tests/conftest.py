"""What all tests share: a clean environment, a sandbox, clients on it, and small pictures."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest
from nanobanana import NanoBanana
from PIL import Image

from .browser import chromium as chromium

KEY = "sk-test-0a1b2c3d4e5f"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INFINITYBLUE_API_KEY", "INFINITYBLUE_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def client(nanobanana_sandbox: str) -> Iterator[NanoBanana]:
    """A client on the sandbox."""
    with NanoBanana(KEY, base_url=nanobanana_sandbox) as client:
        yield client


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """Makes a small picture: picture("JPEG", (30, 20))."""

    def make(
        image_format: str = "PNG", size: tuple[int, int] = (12, 8), colour: str = "teal", **options: object
    ) -> bytes:
        buffer = io.BytesIO()
        Image.new("RGB", size, colour).save(buffer, image_format, **options)
        return buffer.getvalue()

    return make
