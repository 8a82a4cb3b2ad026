"""How near a batch comes to the ideal: 500 calls that take one second each, a hundred at a time.

    python -m benchmarks.batch_throughput

A server of its own, in another process, answers each call after exactly one second with a picture of 45 kB, about what
the sandbox paints. The ideal is calls / concurrency seconds; the same calls with plain asyncio and httpx, without any
file, are run beside it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import multiprocessing
import tempfile
import time

import httpx
from nanobanana import AsyncNanoBanana

CALLS, CONCURRENCY, SECONDS = 500, 100, 1.0
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGM8YKnNwMDAxMDAwMDAAAAObwEoSuwuUgAAAABJRU5ErkJggg=="
)


def serve(port: multiprocessing.Queue[int]) -> None:
    """Answers every request after the fixed time."""
    part = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PNG + bytes(45_000)).decode()}}
    body = json.dumps({"candidates": [{"content": {"parts": [part]}}]}).encode()
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        % len(body)
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        length = int(request.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        await asyncio.sleep(SECONDS)
        writer.write(head + body)
        await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
        port.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


async def batch(url: str) -> float:
    """Seconds for the batch, files and all."""
    requests = ({"prompt": f"Draw {number}"} for number in range(CALLS))
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncNanoBanana("sk-benchmark", base_url=url) as client:
            began = time.perf_counter()
            summary = await client.batch(requests, folder, concurrency=CONCURRENCY).run()
            seconds = time.perf_counter() - began
    if summary.done != CALLS:
        raise SystemExit(f"not all were done: {summary}")
    return seconds


async def plain(url: str) -> float:
    """Seconds for the same calls with httpx alone, whose pictures go nowhere."""
    limit = asyncio.Semaphore(CONCURRENCY)
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=None)) as client:

        async def call(number: int) -> None:
            async with limit:
                answer = await client.post(
                    f"{url}/v1beta/models/nanobanana:generateContent", json={"prompt": str(number)}
                )
                base64.b64decode(answer.json()["candidates"][0]["content"]["parts"][0]["inlineData"]["data"])

        began = time.perf_counter()
        await asyncio.gather(*(call(number) for number in range(CALLS)))
        return time.perf_counter() - began


def main() -> None:
    port: multiprocessing.Queue[int] = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(port,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{port.get(timeout=30)}"
    ideal = CALLS / CONCURRENCY * SECONDS
    try:
        for name, run in (("plain httpx, no files", plain), ("batch", batch)) * 3:
            seconds = asyncio.run(run(url))
            print(f"{name:<22} {seconds:6.2f} s   {seconds / ideal:.2f} times the ideal of {ideal:.0f} s")
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
