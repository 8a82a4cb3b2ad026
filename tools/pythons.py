"""Runs `make test` on every CPython from 3.11 that this machine has, each in a virtual environment of its own.

Looked for are `python3.N` on the PATH and the versions of pyenv; of each minor version the newest one found is taken.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
ASK = "import platform, sys; print(platform.python_implementation(), *sys.version_info[:3])"


def candidates() -> list[Path]:
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders += [version / "bin" for version in sorted(pyenv.glob("versions/*"))]
    return [python for folder in folders for python in sorted(folder.glob("python3.*")) if python.suffix[1:].isdigit()]


def pythons() -> dict[tuple[int, int], Path]:
    """The newest CPython of each minor version, oldest first."""
    found: dict[tuple[int, int], tuple[int, Path]] = {}
    for python in candidates():
        asked = subprocess.run([python, "-I", "-c", ASK], capture_output=True, text=True, timeout=60)
        kind, *numbers = asked.stdout.split() or [""]  # a shim of pyenv without a version behind it says nothing
        if kind != "CPython":
            continue
        major, minor, patch = map(int, numbers)
        if (major, minor) >= OLDEST:
            found[major, minor] = max(found.get((major, minor), (-1, python)), (patch, python))
    return {version: python for version, (_, python) in sorted(found.items())}


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    here = pythons()
    if not here:
        print(f"No CPython from {'.'.join(map(str, OLDEST))} found, neither on the PATH nor in pyenv")
        return 1
    failed = []
    for (major, minor), python in here.items():
        print(f"\n=== {major}.{minor}: {python}", flush=True)
        made = subprocess.run(["make", "test", f"PYTHON={python}", f"VENV=.venv-{major}.{minor}"], cwd=ROOT)
        failed += [f"{major}.{minor}"] if made.returncode else []
    print(f"\nTried: {', '.join(f'{major}.{minor}' for major, minor in here)}. Failed: {', '.join(failed) or 'none'}.")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
