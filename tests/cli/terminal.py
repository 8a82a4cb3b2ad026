"""A program on a terminal of its own, as a person sees it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path


def on_terminal(folder: Path, *arguments: str, **environment: str) -> tuple[bytes, int]:
    """What the command shows on the terminal behind its stderr, and its exit code."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "nanobanana", *arguments],
        cwd=folder,
        env={**os.environ, "TERM": "xterm", **environment},
        stdout=subprocess.DEVNULL,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 4096):
            shown += chunk
    except OSError:  # the terminal goes away with the program
        pass
    finally:
        os.close(master)
    return shown, process.wait(60)
