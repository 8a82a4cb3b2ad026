"""Old versions: the engine rests on a private attribute of httpx, so the oldest allowed versions are tried as well."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from ..faults import environment
from ..faults.server import Connection, Server, certificates, native

ROOT = Path(__file__).parents[2]
LARGE = b"\x89PNG\r\n\x1a\n" + os.urandom(3_000_000)
ANSWER = native(base64.b64encode(LARGE).decode())

SMOKE = """
import asyncio, sys, httpx, httpcore
from pathlib import Path
from nanobanana import NanoBanana, AsyncNanoBanana, APITimeoutError
url, path = sys.argv[1:]
png = Path(path).read_bytes()
with NanoBanana("sk-x-y-z-old", base_url=url, timeout=20) as client:
    assert client.generate("Draw", references=[png]).image.data == png
    assert client.generate("Draw", save_to=path + ".copy").image.data == png
async def main():
    async with AsyncNanoBanana("sk-x-y-z-old", base_url=url, timeout=20) as client:
        for generation in await asyncio.gather(*(client.generate("Draw", references=[png]) for _ in range(4))):
            assert generation.image.data == png
    async with AsyncNanoBanana("sk-x-y-z-old", base_url=url + "/never", timeout=0.5) as client:
        try:
            await client.generate("Draw")
        except APITimeoutError:
            print("httpx", httpx.__version__, "httpcore", httpcore.__version__)
asyncio.run(main())
"""


def _answer_unless_never(connection: Connection) -> None:
    connection.read()
    if connection.path.startswith("/never"):
        connection.linger()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER)
    connection.close()


def test_the_oldest_versions_work(tmp_path: Path) -> None:
    """With the oldest version of each dependency that pyproject.toml allows, calls go both ways, over TLS and in time. (All
    other tests run with the newest.)"""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = [re.sub(r">=([^,]+).*", r"==\1", requirement) for requirement in project["dependencies"]]
    assert all("==" in requirement for requirement in oldest)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True, timeout=120)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *oldest], check=True, capture_output=True, timeout=300)
    (tmp_path / "picture.png").write_bytes(LARGE)
    roots = {name: str(ROOT / name) for name in ("facade", "generated")}
    with Server([_answer_unless_never], secure=True, certificate="good") as server:
        with environment(SSL_CERT_FILE=certificates().roots, PYTHONPATH=os.pathsep.join(roots.values())):
            done = subprocess.run(
                [python, "-W", "error::ResourceWarning", "-c", SMOKE, server.url, tmp_path / "picture.png"],
                capture_output=True,
                text=True,
                timeout=120,
                cwd=tmp_path,
            )
    versions = dict(requirement.split("==") for requirement in oldest)
    assert done.stdout == f"httpx {versions['httpx']} httpcore {versions['httpcore']}\n", done.stderr
