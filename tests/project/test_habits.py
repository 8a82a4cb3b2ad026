"""People's habits: notebooks, logs and traces."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nanobanana import AsyncNanoBanana, GeneratedImage, Generation, NanoBanana, NoImageError, RemoteImage
from nbclient import NotebookClient

from ..conftest import KEY

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.filterwarnings("ignore")
def test_notebook_shows_pictures(tmp_path: Path) -> None:
    """The example notebook runs from top to bottom and shows its pictures inline, without the key."""
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    notebook = nbformat.read(EXAMPLES / "first_pictures.ipynb", as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    outputs = [output["data"] for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    assert [sorted(data) for data in outputs] == [["image/png", "text/plain"], *[["text/html", "text/plain"]] * 2]
    assert outputs[0]["image/png"].startswith("iVBOR")
    assert '<img src="data:image/jpeg;base64,' in outputs[1]["text/html"]
    assert "sk-sandbox" not in str(outputs)


def test_committed_notebook_has_no_output() -> None:
    """The notebook is committed without outputs."""
    notebook = nbformat.read(EXAMPLES / "first_pictures.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)


def test_notebook_never_fetches_a_remote_picture(picture: Callable[..., bytes]) -> None:
    """A picture that lies elsewhere is shown as a link, as an <img> would fetch it; words are escaped."""
    images = (GeneratedImage(picture()), RemoteImage(url='https://x.invalid/a.png?"><script>'))
    shown = Generation(images=images, text="<b>words</b>")._repr_html_()
    assert shown.count("<img") == 1
    assert "<script>" not in shown
    assert "&lt;b&gt;words" in shown
    assert images[1]._repr_mimebundle_() == ({"text/plain": repr(images[1])}, {})


LINE = re.compile(r"native nanobanana 16:9 1K: ok after \d+ ms and 2 tries, \d+ bytes out, \d{5,} bytes in, \d+ tokens")


def test_one_line_a_call(client: NanoBanana, caplog: pytest.LogCaptureFixture) -> None:
    """A call writes one INFO line with its shape, time, tries, bytes and tokens, and neither prompt nor key."""
    with caplog.at_level(logging.INFO, logger="nanobanana"):
        client.generate("Draw a secret cat [sandbox:rate-limit-once=0]", aspect_ratio="16:9")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "nanobanana"]
    assert LINE.fullmatch(line), line
    assert "secret cat" not in caplog.text
    assert KEY not in caplog.text


def test_failed_calls_are_logged_too(client: NanoBanana, caplog: pytest.LogCaptureFixture) -> None:
    """A call that fails writes its line with the name of the error."""
    with caplog.at_level(logging.INFO, logger="nanobanana"), pytest.raises(NoImageError):
        client.generate("Draw [sandbox:no-image]")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "nanobanana"]
    assert ": NoImageError after" in line


def test_async_calls_are_logged_too(nanobanana_sandbox: str, caplog: pytest.LogCaptureFixture) -> None:
    """The async client writes the same line."""

    async def draw() -> None:
        async with AsyncNanoBanana(KEY, base_url=nanobanana_sandbox) as client:
            await client.generate("Draw a cat [sandbox:rate-limit-once=0] again", aspect_ratio="16:9")

    with caplog.at_level(logging.INFO, logger="nanobanana"):
        asyncio.run(draw())
    (line,) = [record.getMessage() for record in caplog.records if record.name == "nanobanana"]
    assert LINE.fullmatch(line), line


def test_silent_by_default(nanobanana_sandbox: str) -> None:
    """A program that does not turn logging on sees nothing of it, not even of failures."""
    program = (
        "from nanobanana import *\n"
        f"with NanoBanana('sk-x', base_url={nanobanana_sandbox!r}) as client:\n"
        "    client.generate('Draw a cat')\n"
        "    try: client.generate('Draw [sandbox:no-image]')\n"
        "    except NoImageError: pass\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_opentelemetry_traces_each_try() -> None:
    """OpenTelemetry's httpx instrumentation works as it is: the example prints a span for each try."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / "opentelemetry_tracing.py"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert re.findall(r'"http\.status_code": (\d+)|"http\.response\.status_code": (\d+)', done.stdout) == [
        ("429", ""),
        ("200", ""),
    ]
    assert "sk-sandbox" not in done.stdout
