"""Other systems: nothing of ours needs a module that only Unix has."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import asyncio, importlib, pkgutil, sys
import anyio, httpx, httpcore, typer, rich.progress, rich.live, starlette.applications, uvicorn, PIL.Image, jsonschema, fsspec
for name in ("fcntl", "grp", "pwd", "pty", "readline", "resource", "syslog", "termios", "tty"):
    sys.modules[name] = None  # as on Windows; the standard library has taken what it needs
import conformance, nanobanana, nanobanana_api, nanobanana_sandbox
count = 0
for package in (nanobanana, nanobanana_api, nanobanana_sandbox, conformance):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__") and ".adapters." not in module.name:
            importlib.import_module(module.name)
            count += 1
print(count)
"""


def test_everything_can_be_imported_without_unix() -> None:
    """Each module of the library, the sandbox and the conformance kit can be imported where Unix's modules are absent."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100
