"""Leaving a batch: by breaking off its loop, by ending the program, by Ctrl-C, by cancelling. Nothing paid for is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio
from nanobanana import AsyncNanoBanana, InvalidRequestError, NanoBanana
from nanobanana.batch import Line
from nanobanana.batch.batch import _in_this_loop

from ..conftest import KEY
from .programs import environment, results, sent, wait_for

PROGRAM = """
import asyncio, os, signal, sys, threading, time
from nanobanana import AsyncNanoBanana, NanoBanana
out, mark, how = sys.argv[1:]
signal.signal(signal.SIGINT, signal.default_int_handler)
requests = [{"prompt": f"{mark} {n} [sandbox:slow={0.3 if n == 0 else 0.9}]", "id": f"p{n}"} for n in range(20)]
def interrupt():
    while not os.path.exists(os.path.join(out, "ledger.holder")): time.sleep(0.01)
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGINT)
async def main():
    batch = AsyncNanoBanana().batch(requests, out, concurrency=4)
    if how == "async interrupt":
        threading.Thread(target=interrupt).start()
    async for _ in batch:
        if how == "async break":
            break
        if how == "async exception":
            raise LookupError
if how.startswith("async"):
    asyncio.run(main())
elif how == "held":
    results = iter(NanoBanana().batch(requests, out, concurrency=4))
    next(results)
elif how == "exit":
    next(iter(NanoBanana().batch(requests, out, concurrency=4)))
    sys.exit(3)
elif how == "interrupt":
    threading.Thread(target=interrupt).start()
    print(NanoBanana().batch(requests, out, concurrency=4).run().stopped)
"""


@pytest.mark.parametrize("how", ["held", "exit", "interrupt", "async break", "async exception", "async interrupt"])
def test_programs_that_end_keep_what_is_paid_for(nanobanana_sandbox: str, tmp_path: Path, how: str) -> None:
    """However a program leaves its batch, the calls under way are finished and kept, and no new ones are made."""
    out, mark = tmp_path / "out", f"Leaving by {how}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(out), mark, how],
        env=environment(nanobanana_sandbox), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    paid = sent(nanobanana_sandbox, mark)
    assert 1 <= len(paid) <= 9, done.stderr
    lines = results(out)
    assert sorted(line["prompt"] for line in lines) == sorted(entry["prompt"] for entry in paid)
    assert {line["status"] for line in lines} == {"done"}
    assert len(list(out.glob("*.png"))) == len(paid)
    assert sorted(path.name for path in out.iterdir() if path.suffix != ".png") == [
        ".nanobanana", "ledger.sqlite", "results.jsonl",
    ]  # fmt: skip
    assert ("Traceback" in done.stderr) == (how in ("async exception", "async interrupt"))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cancelled_batch_is_finished_in_the_background(nanobanana_sandbox: str, tmp_path: Path, backend: str) -> None:
    """A task that is cancelled comes back at once, and what is paid for is kept all the same."""
    mark = f"Cancelled {backend}"

    async def main() -> float:
        async with AsyncNanoBanana(KEY, base_url=nanobanana_sandbox) as client:
            requests = [f"{mark} {n} [sandbox:slow=1]" for n in range(9)]
            with anyio.move_on_after(0.5):
                await client.batch(requests, tmp_path, concurrency=3).run()
            return time.monotonic()

    began = time.monotonic()
    assert anyio.run(main, backend=backend) - began < 1.2
    wait_for(lambda: not (tmp_path / "ledger.holder").exists() and bool(sent(nanobanana_sandbox, mark)))
    assert len(results(tmp_path)) == len(sent(nanobanana_sandbox, mark)) == 3
    assert {line["status"] for line in results(tmp_path)} == {"done"}


def test_async_iterables_are_asked_in_their_own_loop(nanobanana_sandbox: str, tmp_path: Path) -> None:
    """Requests may come from an async iterable, on asyncio and on trio, and it may use what belongs to its loop."""

    async def of_asyncio() -> AsyncIterator[Any]:
        ready: asyncio.Queue[int] = asyncio.Queue()
        for number in range(4):
            asyncio.get_running_loop().call_later(0.01, ready.put_nowait, number)
            yield {"prompt": f"Async {await ready.get()}"}

    async def of_trio() -> AsyncIterator[str]:
        for number in range(4):
            await trio.sleep(0.01)
            yield f"Trio {number}"

    async def main(requests: AsyncIterator[Any], out: Path) -> int:
        async with AsyncNanoBanana(KEY, base_url=nanobanana_sandbox) as client:
            return (await client.batch(requests, out, concurrency=2).run()).done

    assert asyncio.run(main(of_asyncio(), tmp_path / "a")) == 4
    assert trio.run(main, of_trio(), tmp_path / "b") == 4


def test_leaving_does_not_wait_for_an_async_iterable(nanobanana_sandbox: str, tmp_path: Path) -> None:
    """A loop is left at once although the next request may never come."""

    async def never() -> AsyncIterator[str]:
        yield "Only one"
        await anyio.sleep(3600)

    async def main() -> None:
        async with AsyncNanoBanana(KEY, base_url=nanobanana_sandbox) as client:
            async for _ in client.batch(never(), tmp_path, concurrency=1):
                break

    began = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - began < 20


def test_loop_that_ends_while_it_is_asked_holds_nobody() -> None:
    """Where the loop of an async iterable has ended, and never answers, whoever leaves is not held by it."""
    has_left, loop = threading.Event(), asyncio.new_event_loop()

    async def never() -> AsyncIterator[str]:
        yield "Draw"

    async def asker() -> Callable[[], Line | None]:
        return _in_this_loop(never(), has_left.is_set)

    ask = loop.run_until_complete(asker())
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask)
        with pytest.raises(TimeoutError):
            answer.result(timeout=0.5)
        has_left.set()
        assert answer.result(timeout=10) is None
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_exception_of_an_async_iterable_reaches_the_caller(
    nanobanana_sandbox: str, tmp_path: Path, backend: str
) -> None:
    """What an async iterable raises comes as it is, once the calls under way are finished and kept."""

    async def requests() -> AsyncIterator[str]:
        yield "Raising [sandbox:slow=0.5]"
        await anyio.sleep(0.2)  # the call is on its way
        raise LookupError("mine")

    async def main() -> None:
        async with AsyncNanoBanana(KEY, base_url=nanobanana_sandbox) as client:
            await client.batch(requests(), tmp_path, concurrency=2).run()

    with pytest.raises(LookupError, match="mine"):
        anyio.run(main, backend=backend)
    assert [line["status"] for line in results(tmp_path)] == ["done"]


def test_sync_batch_refuses_an_async_iterable(client: NanoBanana, tmp_path: Path) -> None:
    """A batch without an event loop says which client takes async iterables."""

    async def requests() -> AsyncIterator[str]:
        yield "Draw"

    with pytest.raises(InvalidRequestError, match="AsyncNanoBanana"):
        client.batch(requests(), tmp_path).run()


def test_interrupt_while_leaving_aborts(nanobanana_sandbox: str, client: NanoBanana, tmp_path: Path) -> None:
    """Ctrl-C while a loop that was left waits for the calls under way ends them: they are unknown to the next run."""
    requests = [{"prompt": f"Impatient {n} [sandbox:slow={30 if n else 0}]", "id": f"i{n}"} for n in range(2)]
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        batch = client.batch(requests, tmp_path, concurrency=2)

        def interrupt() -> None:
            wait_for(lambda: bool(batch.summary.stopped))
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=interrupt)
        thread.start()
        results_of_it = iter(batch)
        assert next(results_of_it).id == "i0"
        wait_for(lambda: len(sent(nanobanana_sandbox, "Impatient ")) == 2)
        with pytest.raises(KeyboardInterrupt):
            results_of_it.close()  # type: ignore[attr-defined]
        thread.join()
    finally:
        signal.signal(signal.SIGINT, previous)
    again = {result.id: result.status for result in client.batch(requests, tmp_path)}
    assert again == {"i0": "skipped", "i1": "unknown"}


def test_second_interrupt_aborts(nanobanana_sandbox: str, client: NanoBanana, tmp_path: Path) -> None:
    """Ctrl-C twice ends the calls under way: they are unknown to the next run, and the rest is sent."""
    requests = [{"prompt": f"Twice {n} [sandbox:slow={30 if n < 2 else 0}]", "id": f"t{n}"} for n in range(3)]
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        batch = client.batch(requests, tmp_path, concurrency=2)

        def twice() -> None:
            wait_for(lambda: len(sent(nanobanana_sandbox, "Twice ")) == 2)
            signal.raise_signal(signal.SIGINT)
            wait_for(lambda: bool(batch.summary.stopped))
            signal.raise_signal(signal.SIGINT)

        thread = threading.Thread(target=twice)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            batch.run()
        thread.join()
    finally:
        signal.signal(signal.SIGINT, previous)
    again = {result.id: result.status for result in client.batch(requests, tmp_path)}
    assert again == {"t0": "unknown", "t1": "unknown", "t2": "done"}


FORKED = """
import os, subprocess, sys
from nanobanana import NanoBanana
out, mark, how = sys.argv[1:]
requests = [f"{mark} {n} [sandbox:slow=0.5]" for n in range(4)]
another = "import sys; from nanobanana import NanoBanana; NanoBanana().batch(sys.argv[2:], sys.argv[1]).run()"
batch, child = NanoBanana().batch(requests, out, concurrency=1), 0
for number, _ in enumerate(batch):
    if number == 0 and how == "copy":
        open(f"{out}/ledger.sqlite", "rb").close()
        other = subprocess.run([sys.executable, "-c", another, out, *requests], capture_output=True, text=True)
        assert "another run works on this folder: process" in other.stderr, other.stderr
    if number == 0 and how == "fork":
        child = os.fork()
if how == "fork" and not child:
    assert "forked" in batch.summary.stopped
    os._exit(7)
if child:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
print(batch.summary.done)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="forks, and POSIX locks")
@pytest.mark.parametrize("how", ["copy", "fork"])
def test_run_that_reads_its_ledger_or_forks_keeps_the_folder(nanobanana_sandbox: str, tmp_path: Path, how: str) -> None:
    """A program that copies the folder of its batch still holds it, and a fork of one neither works nor waits."""
    mark = f"Held by {how}"
    done = subprocess.run(
        [sys.executable, "-c", FORKED, str(tmp_path), mark, how],
        env=environment(nanobanana_sandbox), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "4\n", done.stderr
    assert len(sent(nanobanana_sandbox, mark)) == 4
