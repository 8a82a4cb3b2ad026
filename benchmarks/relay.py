"""A link of 100 ms and 100 Mbit/s between a client and the server: a relay of our own, as not every kernel has netem.

    python -m benchmarks.relay PORT

It relays to 127.0.0.1:PORT and prints its own port. Each direction has the given rate in all and delays what passes by
half of the round trip; the first bytes of a connection wait for another round trip, which is what connecting takes.
"""

from __future__ import annotations

import asyncio
import socket
import sys

ROUND_TRIP = 0.1  # seconds
RATE = 100_000_000 / 8  # bytes per second
WINDOW = 4 * 1024 * 1024  # bytes on their way at most; a window that lets such a link be filled
PIECE = 64 * 1024


class Direction:
    """One direction of the link, which all connections share."""

    def __init__(self) -> None:
        self._free = 0.0  # when the link has passed on what it was given

    def arrival(self, size: int) -> float:
        """When so many bytes that are given now have arrived on the other side."""
        now = asyncio.get_running_loop().time()
        self._free = max(self._free, now) + size / RATE
        return self._free + ROUND_TRIP / 2


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction, hold: float) -> None:
    """Passes everything on as the link would."""
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WINDOW // PIECE)
    loop = asyncio.get_running_loop()

    async def deliver() -> None:
        while True:
            due, data = await waiting.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                writer.write_eof() if writer.can_write_eof() else writer.close()
                return
            writer.write(data)
            await writer.drain()

    delivering = asyncio.create_task(deliver())
    try:
        data = await reader.read(PIECE)
        await asyncio.sleep(hold)
        while data:
            await waiting.put((direction.arrival(len(data)), data))
            data = await reader.read(PIECE)
        await waiting.put((direction.arrival(0), b""))
        await delivering
    except OSError:
        pass
    finally:
        delivering.cancel()


async def serve(port: int) -> None:
    """Relays until the parent ends."""
    there, back = Direction(), Direction()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        for side in (writer, far_writer):
            side.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:  # cancelled: the client keeps it open, and the relay ends
            await asyncio.gather(pump(reader, far_writer, there, ROUND_TRIP), pump(far_reader, writer, back, 0.0))
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()
            far_writer.close()

    server = await asyncio.start_server(attend, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
