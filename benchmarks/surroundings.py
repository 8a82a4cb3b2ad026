"""What surrounds a measurement: the machine, the packages, and what of them a client is allowed to see.

A client sees what its own installation brings and no more, whatever else is installed beside it: some packages
import others just because they are there (httpx its command line, httpcore trio, google-genai aiohttp and Pillow).
"""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
from pathlib import Path

from packaging.requirements import Requirement

from .scenarios import Client

SHOWN = (
    "infinityblue-nanobanana",
    "httpx",
    "httpcore",
    "pybase64",
    "orjson",
    "google-genai",
    "aiohttp",
    "openai",
    "httpx2",
    "httpcore2",
    "gemimg",
)


def is_installed(client: Client) -> bool:
    """Whether the client and what its variant needs are installed."""
    return all(_version(name) for name in client.distributions if name != "pybase64")  # the floor does without it


def hidden_from(client: Client) -> list[str]:
    """The installed modules that do not belong to the client's own installation."""
    seen: set[str] = set()
    waiting = list(client.distributions)
    while waiting:
        name = _plain(waiting.pop())
        if name in seen or _version(name) is None:
            continue
        seen.add(name)
        for line in importlib.metadata.requires(name) or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    modules = importlib.metadata.packages_distributions().items()
    return sorted(
        module for module, owners in modules if module.isidentifier() and not seen & {_plain(name) for name in owners}
    )


def environment(authority: Path) -> dict[str, str]:
    """The variables of a worker: no proxies, no keys, and our authority beside the usual ones."""
    mine = ("GOOGLE_", "GEMINI_", "OPENAI_", "INFINITYBLUE_", "SSL_CERT_", "PYTHON", "NANOBANANA_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(mine) and not name.lower().endswith("_proxy")
    }
    return {**kept, "SSL_CERT_FILE": str(authority)}


def trust(authority: Path) -> None:
    """Adds the public authorities that most clients load, so that loading them is paid for here as well."""
    import certifi

    authority.write_text(authority.read_text() + Path(certifi.where()).read_text(encoding="utf-8"))


def describe() -> dict[str, object]:
    """The machine, the versions and the day, as they stand in the report."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "cpu": _cpu(),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: version for name in SHOWN if (version := _version(name))},
    }


def _cpu() -> str:
    try:
        model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        model = None
    return model[1].strip() if model else platform.processor() or platform.machine()


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
