"""What is measured: the scenarios, the clients that take part in each, and the targets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

KB, MB = 1024, 1024 * 1024
BASELINE = "google-genai"
OURS, TO_FILE = "nanobanana", "nanobanana to file"


@dataclass(frozen=True)
class Client:
    """A client, the statement that imports it, and the distributions that its own installation asks for."""

    name: str
    imports: str
    distributions: tuple[str, ...]


CLIENTS = (
    Client("floor", "import socket, ssl, benchmarks.floor", ("pybase64",)),
    Client("httpx", "import httpx, json, base64", ("httpx",)),
    Client("generated", "import nanobanana_api.api.images.generate_image", ("httpx", "attrs", "python-dateutil")),
    Client(OURS, "import nanobanana", ("infinityblue-nanobanana",)),
    Client(TO_FILE, "import nanobanana", ("infinityblue-nanobanana",)),
    Client(BASELINE, "import google.genai.types", ("google-genai",)),
    Client("google-genai+aiohttp", "import google.genai.types", ("google-genai", "aiohttp")),
    Client("openai", "import openai", ("openai",)),
    Client("gemimg", "import gemimg", ("gemimg",)),
)
# This library without a part of its engine, and the scenarios in which that part has a part.
_RECEIVING = "1.5 MB answer", "16 MB answer", "200 async calls of 1.5 MB", "32 async calls of 16 MB"
ABLATIONS = {
    Client(f"without: {name}", "import nanobanana", ("infinityblue-nanobanana",)): scenarios
    for name, scenarios in {
        "httpcore's sockets": (*_RECEIVING, "1 reference of 7 MB", "1 KB picture"),
        "ssl's sockets": (*_RECEIVING, "1 reference of 7 MB"),
        "through the parser": _RECEIVING,
        "no lifter": _RECEIVING,
        "no spool to file": _RECEIVING,
        "plain upload": ("1 reference of 7 MB", "14 references of 7 MB"),
    }.items()
}


@dataclass(frozen=True)
class Scenario:
    """So many calls, with so many references, for pictures of so many bytes."""

    name: str
    kind: str  # import, start, calls (one after another), async (all at once) or batch (eight at a time, into files)
    answer: int = KB
    calls: int = 1
    references: int = 0
    reference_bytes: int = 7 * MB
    send_buffer: int = 0  # SO_SNDBUF in bytes, where not left to the system
    schemes: tuple[str, ...] = ("https", "http")
    to_file: bool = False  # whether the variant that saves to a file takes part
    rounds: int = 99  # at most
    through_link: bool = False  # of 100 ms and 100 Mbit/s

    def has(self, client: str) -> bool:
        """Whether this client takes part."""
        for ablation, scenarios in ABLATIONS.items():
            if client == ablation.name:
                return self.name in scenarios
        if self.kind == "batch":
            return client in ("httpx", OURS)
        if self.through_link and client in ("floor", "generated", "gemimg"):
            return False
        if client == TO_FILE:
            return self.to_file
        if client == "google-genai+aiohttp":
            return self.kind == "async"
        if client == "gemimg":
            return self.kind != "async" and not self.references
        return True


_LINKED: dict[str, dict[str, Any]] = {
    "1.5 MB answer": {"kind": "calls", "answer": 3 * MB // 2, "calls": 3},
    "16 MB answer": {"kind": "calls", "answer": 16 * MB},
    "1 reference of 7 MB": {"kind": "calls", "references": 1},
    "14 references of 7 MB": {"kind": "calls", "references": 14},
    "batch of 32 of 1.5 MB": {"kind": "batch", "answer": 3 * MB // 2, "calls": 32},
}
SCENARIOS = (
    Scenario("import", "import", schemes=("https",)),
    Scenario("start", "start"),
    Scenario("1 KB picture", "calls", calls=60),
    Scenario("1.5 MB answer", "calls", answer=3 * MB // 2, calls=20, to_file=True),
    Scenario("16 MB answer", "calls", answer=16 * MB, calls=5, to_file=True),
    Scenario("1 reference of 7 MB", "calls", calls=10, references=1),
    Scenario("14 references of 7 MB", "calls", calls=2, references=14),
    Scenario(
        "14 references of 7 MB, 128 KB send buffer",
        "calls",
        references=14,
        send_buffer=128 * KB,
        schemes=("http",),
        rounds=2,
    ),
    Scenario("200 async calls of 1.5 MB", "async", answer=3 * MB // 2, calls=200, to_file=True),
    Scenario("32 async calls of 16 MB", "async", answer=16 * MB, calls=32, to_file=True),
    *(
        Scenario(f"{name}, over a link", schemes=("https",), rounds=3, through_link=True, **options)
        for name, options in _LINKED.items()
    ),
)

QUICK = (
    SCENARIOS[0],
    replace(SCENARIOS[2], calls=5),
    replace(SCENARIOS[5], calls=2, reference_bytes=64 * KB, schemes=("https",)),
    replace(SCENARIOS[8], calls=8, answer=64 * KB, schemes=("https",)),
    replace(SCENARIOS[10], calls=1, answer=64 * KB),
)
QUICK_CLIENTS = ("floor", "httpx", "generated", OURS, BASELINE, *(client.name for client in ABLATIONS))


@dataclass(frozen=True)
class Target:
    """The most that a client may take, as a part of what another takes, over TLS (https) or plain (http)."""

    scenario: str
    measure: str  # cpu or rss
    limit: float
    client: str = OURS
    relative_to: str = BASELINE
    scheme: str = "https"


_ASYNC, _LARGE, _MANY = "200 async calls of 1.5 MB", "32 async calls of 16 MB", "14 references of 7 MB"
TARGETS = (
    Target("start", "cpu", 0.25),
    Target("1.5 MB answer", "cpu", 0.36),
    Target("1.5 MB answer", "rss", 0.34),
    Target("16 MB answer", "cpu", 0.30),
    Target("16 MB answer", "cpu", 1.25, relative_to="floor"),
    Target("16 MB answer", "rss", 0.20),
    Target("16 MB answer", "rss", 0.011, TO_FILE),
    Target("1 reference of 7 MB", "cpu", 0.19),
    Target("1 reference of 7 MB", "rss", 0.03),
    Target(_MANY, "cpu", 0.12),
    Target(_MANY, "cpu", 1.25, relative_to="floor"),
    Target(_MANY, "rss", 0.003),
    Target(_ASYNC, "cpu", 0.46),
    Target(_ASYNC, "rss", 0.75),
    Target(_ASYNC, "rss", 0.08, TO_FILE),
    Target(_LARGE, "cpu", 0.21),
    Target(_LARGE, "cpu", 1.25, relative_to="floor"),
    Target(_LARGE, "rss", 0.39),
    Target(_LARGE, "rss", 0.01, TO_FILE),
)
