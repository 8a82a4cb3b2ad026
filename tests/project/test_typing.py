"""Types: what a caller's type checker accepts and refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

GOOD = """
from typing import assert_type
from nanobanana import (
    ASPECT_RATIOS, AspectRatio, AsyncNanoBanana, Conversation, GeneratedImage, Generation, ImageRequest, Model,
    NanoBanana, ReferenceImage, RemoteImage, Usage,
)
from pathlib import Path
import io

client = NanoBanana("sk-x")
generation = client.generate("Draw", model="nanobanana_pro", aspect_ratio="16:9", image_size="4K",
                             references=[Path("a.png"), "b.png", b"", bytearray(), memoryview(b""), io.BytesIO(b"")])
assert_type(generation, Generation)
assert_type(generation.image, GeneratedImage | RemoteImage)
assert_type(generation.image.data, bytes)
assert_type(generation.image.width, int)
assert_type(generation.image.path, Path | None)
assert_type(generation.usage, Usage)
assert_type(generation.usage.total_tokens, int | None)
assert_type(generation.image.save("x"), Path)
client.generate("Draw", references=[generation.image, ReferenceImage(b"")])
request = ImageRequest("Draw", aspect_ratio=None, references=["a.png"])
assert_type(request.references, tuple[ReferenceImage, ...])
assert_type(client.send(request), Generation)
assert_type(client.conversation(model="nanobanana_2"), Conversation)
model: Model = "nanobanana_2"
ratios: tuple[AspectRatio, ...] = ASPECT_RATIOS

async def draw() -> None:
    async with AsyncNanoBanana() as asynchronous:
        assert_type(await asynchronous.generate("Draw"), Generation)
"""

WRONG = [
    'client.generate("Draw", aspect_ratio="no such ratio")',
    'client.generate("Draw", model="no such model")',
    'client.generate("Draw", image_size="no such size")',
    'client.generate("Draw", wire="smoke")',
    'client.generate("Draw", references=[3])',
    'client.generate("Draw", "nanobanana")',
    'ImageRequest("Draw", aspect_ratio="no such ratio")',
    'client.conversation(model="no such model")',
    'NanoBanana(timeout="long")',
    'NanoBanana(api_token="x")',
]


def _check(tmp_path: Path, code: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "caller.py").write_text(code)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file",
        "",
        "--cache-dir",
        str(tmp_path / "cache"),
        "caller.py",
    ]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)


def test_callers_types_reach_them(tmp_path: Path) -> None:
    """A strict type checker knows the results, accepts every listed value, and refuses each wrong call."""
    lines = GOOD.count("\n") + 1
    result = _check(tmp_path, GOOD + "\n".join(WRONG) + "\n")
    refused = {int(line.split(":")[1]) for line in result.stdout.splitlines() if ": error:" in line}
    assert refused == set(range(lines, lines + len(WRONG))), result.stdout


@pytest.mark.parametrize("package", ["nanobanana", "nanobanana_api", "nanobanana_sandbox"])
def test_packages_are_typed(package: str) -> None:
    """Each package says that it carries its types."""
    import importlib

    assert (Path(str(importlib.import_module(package).__file__)).parent / "py.typed").exists()
