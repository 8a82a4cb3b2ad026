"""One measurement, in a process that does nothing else.

`start` is a whole program: it makes one picture and ends. `measure` runs the calls of a scenario on a client that has
made one picture before, and prints what they took as one line of JSON.
"""

from __future__ import annotations

import sys

from . import clients

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Any

    Drawn = Sequence[bytes | str]

WARM_UP = "Draw a lighthouse, bytes=1024"
PROMPT = "Draw a lighthouse"


def start(name: str, url: str) -> None:
    """Makes one picture and looks at its length."""
    if len(clients.make(name, url).draw(PROMPT, ())) != 1024:
        raise SystemExit("the picture is not whole")


def measure() -> None:
    """Runs the scenario that the first argument describes."""
    import json
    from pathlib import Path

    work: dict[str, Any] = json.loads(sys.argv[1])
    if work["send_buffer"]:
        _limit_send_buffer(work["send_buffer"])
    references = [Path(path).read_bytes() for path in work["references"]]
    client = clients.make(work["client"], work["url"])
    if work["kind"] == "async":
        import asyncio

        result, drawn = asyncio.run(_at_once(client, work, references))
    elif work["kind"] == "batch":
        import asyncio

        result, drawn = asyncio.run(_batch(client, work))
    else:
        result, drawn = _in_turn(client, work, references)
    _check(drawn, work["answer"])
    print(json.dumps(result))


def _in_turn(client: Any, work: dict[str, Any], references: list[bytes]) -> tuple[dict[str, Any], Drawn]:
    """The calls one after another; only the last picture is kept."""
    client.draw(WARM_UP, ())
    folder = work["folder"]
    last: bytes | str = b""
    done = _meter()
    for number in range(work["calls"]):
        if folder:
            last = f"{folder}/{number}.png"
            client.save(PROMPT, references, last)
        else:
            last = b""  # the picture before is not to count
            last = client.draw(PROMPT, references)
    return done(), [last]


async def _at_once(client: Any, work: dict[str, Any], references: list[bytes]) -> tuple[dict[str, Any], Drawn]:
    """All calls at once; all pictures are kept, or the paths of their files."""
    import asyncio

    await client.draw_async(WARM_UP, ())
    folder, calls = work["folder"], work["calls"]
    paths = [f"{folder}/{number}.png" for number in range(calls)] if folder else []
    waiting: list[Awaitable[Any]]
    done = _meter()
    if folder:
        waiting = [client.save_async(PROMPT, references, path) for path in paths]
    else:
        waiting = [client.draw_async(PROMPT, references) for _ in range(calls)]
    drawn = await asyncio.gather(*waiting)
    return done(), paths or drawn


async def _batch(client: Any, work: dict[str, Any]) -> tuple[dict[str, Any], Drawn]:
    """Pictures into files, eight at a time."""
    await client.draw_async(WARM_UP, ())
    done = _meter()
    paths: list[str] = await client.batch([f"{PROMPT} {number}" for number in range(work["calls"])], work["folder"], 8)
    result = done()
    if len(set(paths)) != work["calls"]:
        raise SystemExit("not every picture has a file")
    return result, paths


def _meter() -> Callable[[], dict[str, Any]]:
    """Begins to measure; the function returned ends it. Times are in seconds, memory in bytes."""
    import gc
    import resource
    import time
    from pathlib import Path

    status, page = Path("/proc/self/status"), 1024

    def kilobytes(name: str) -> int:
        return int(status.read_text().split(f"{name}:")[1].split()[0])

    def used() -> tuple[float, int]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss

    gc.collect()
    peak_of = "VmHWM"
    try:
        Path("/proc/self/clear_refs").write_text("5")
        idle = kilobytes("VmRSS")
    except OSError:
        peak_of = "ru_maxrss"
        idle = used()[1]
        page = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes
    cpu, wall = used()[0], time.perf_counter()

    def done() -> dict[str, Any]:
        seconds = time.perf_counter() - wall
        spent, highest = used()
        peak = kilobytes("VmHWM") if peak_of == "VmHWM" else highest
        return {"cpu": spent - cpu, "wall": seconds, "rss": max(peak - idle, 0) * page, "peak_of": peak_of}

    return done


def _check(drawn: Drawn, size: int) -> None:
    """Ends the process unless all pictures are those that the server made."""
    from pathlib import Path

    from .picture import is_whole

    for entry in drawn:
        if not is_whole(Path(entry).read_bytes() if isinstance(entry, str) else entry, size):
            raise SystemExit("a picture is not whole")


def _limit_send_buffer(size: int) -> None:
    """Gives every socket that connects from here on a send buffer of this size."""
    import socket

    class Limited(socket.socket):
        def connect(self, address: Any) -> None:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
            super().connect(address)

        def connect_ex(self, address: Any) -> int:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
            return super().connect_ex(address)

    socket.socket = Limited  # type: ignore[misc]
