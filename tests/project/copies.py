"""Copies of the project, to be changed as a maintainer changes it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def copy_project(folder: Path) -> Path:
    """Copies what is under version control, or would be, into a folder that is under none."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def run(
    copy: Path, *command: str | Path, timeout: float = 120, standard_input: str = ""
) -> subprocess.CompletedProcess[str]:
    """Runs a command in a copy, on the packages of that copy."""
    path = os.pathsep.join(str(copy / root) for root in ("facade", "generated", "sandbox"))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, text=True, timeout=timeout, input=standard_input
    )


def make(copy: Path, target: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Makes a target in a copy, in the virtual environment that runs this."""
    done = [argument for stamp in (".runtime", ".dev") for argument in ("--old-file", f"{sys.prefix}/{stamp}")]
    return run(copy, "make", target, f"VENV={sys.prefix}", *done, timeout=timeout)


def tree(root: Path) -> dict[str, bytes]:
    """Every file under a folder, by its relative name."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
