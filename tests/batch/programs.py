"""Running `nanobanana batch` as a program, and what the sandbox saw of it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from ..conftest import KEY


def write_jobs(jobs: Path, requests: list[dict[str, Any]]) -> None:
    """Writes the lines of a batch."""
    jobs.write_text("".join(json.dumps(request) + "\n" for request in requests))


def environment(url: str) -> dict[str, str]:
    """That of a program on the sandbox."""
    return {**os.environ, "INFINITYBLUE_API_KEY": KEY, "INFINITYBLUE_BASE_URL": url}


def command(jobs: Path, out: Path | str, *options: str) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", "nanobanana", "batch", str(jobs), "-o", str(out), *options]


def sent(url: str, mark: str) -> list[dict[str, Any]]:
    """The requests with a mark in their prompt that reached the sandbox."""
    return [entry for entry in httpx.get(f"{url}/sandbox/requests").json() if mark in entry.get("prompt", "")]


def results(out: Path) -> list[dict[str, Any]]:
    """The lines of results.jsonl."""
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it is true; at most half a minute."""
    for _ in range(300):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come to that")
