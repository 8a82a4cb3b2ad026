"""Batches whose pictures are drawn by the workers of an executor: processes, Dask."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from nanobanana import NanoBanana

from ..conftest import KEY
from .programs import environment, results, sent, wait_for


@pytest.fixture
def processes() -> Iterator[Executor]:
    """A pool of two processes."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield pool


def test_processes_draw_and_the_runner_keeps_the_books(
    nanobanana_sandbox: str, client: NanoBanana, tmp_path: Path, processes: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers read the key from their environment and put their pictures into the folder; a run without them goes on
    from there."""
    monkeypatch.setenv("INFINITYBLUE_API_KEY", KEY)
    requests = [{"prompt": f"Draw elsewhere {n}", "id": f"e{n}"} for n in range(8)]
    done = list(client.batch(requests, tmp_path, executor=processes))
    assert sorted(str(result.path) for result in done) == [f"e{n}.png" for n in range(8)]
    assert all((tmp_path / str(result.path)).read_bytes().startswith(b"\x89PNG") for result in done)
    assert all(result.sha256 and result.tokens and result.request_id for result in done)
    assert len(results(tmp_path)) == 8
    assert client.batch(requests, tmp_path).run().skipped == 8


def test_workers_without_a_key_stop_the_batch_once(client: NanoBanana, tmp_path: Path, processes: Executor) -> None:
    """Where workers have no key, the batch stops with what they need, and nothing is billed nor unknown."""
    batch = client.batch([f"Keyless {n}" for n in range(40)], tmp_path, executor=processes, concurrency=2)
    failed = list(batch)
    assert "a worker can make no client: there is no API key" in str(batch.summary.stopped)
    assert "The workers need INFINITYBLUE_API_KEY" in str(batch.summary.stopped)
    assert 1 <= len(failed) <= 4
    assert {result.error and result.error["billed"] for result in failed} == {"no"}
    assert batch.summary.unknown == 0


def test_executor_that_takes_no_work_stops_the_batch(client: NanoBanana, tmp_path: Path) -> None:
    """An executor that was shut down stops the batch; nothing was sent, and the next run sends it all."""
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    batch = client.batch(["Draw a closed pool"], tmp_path, executor=pool)
    (result,) = list(batch)
    assert "the executor takes no work" in str(batch.summary.stopped)
    assert (result.status, result.error and result.error["billed"]) == ("failed", "no")
    assert client.batch(["Draw a closed pool"], tmp_path).run().done == 1


class _GivingUp(ThreadPoolExecutor):
    """Cancels the tasks whose prompts say so, as an executor may that loses its workers."""

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Any:
        if "give this up" not in arguments[1].prompt:
            return super().submit(function, *arguments, **options)
        future: Future[Any] = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future


def test_executor_that_gives_a_task_up(
    client: NanoBanana, nanobanana_sandbox: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an executor cancels by itself is unknown, and the calls beside it go on."""
    monkeypatch.setenv("INFINITYBLUE_API_KEY", KEY)
    requests = [{"prompt": f"{word} {n}", "id": f"g{n}"} for n, word in enumerate(["Go", "give this up", "Go", "Go"])]
    with _GivingUp(2) as pool:
        found = {result.id: result.status for result in client.batch(requests, tmp_path, executor=pool, concurrency=2)}
    assert found == {"g0": "done", "g1": "unknown", "g2": "done", "g3": "done"}


class _Exiting(ThreadPoolExecutor):
    """Ends the tasks whose prompts say so as a worker does that is told to end."""

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Any:
        if "exit" not in arguments[1].prompt:
            return super().submit(function, *arguments, **options)
        future: Future[Any] = Future()
        future.set_exception(SystemExit("mine"))
        return future


def test_worker_that_exits_costs_no_task_beside_it(
    client: NanoBanana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a worker left by SystemExit is unknown, and the calls under way beside it are finished and kept."""
    monkeypatch.setenv("INFINITYBLUE_API_KEY", KEY)
    requests = [{"prompt": f"{word} [sandbox:slow=0.4]", "id": word} for word in ("Go", "Go on", "exit")]
    with _Exiting(2) as pool:
        found = {result.id: result.status for result in client.batch(requests, tmp_path, executor=pool)}
    assert found == {"Go": "done", "Go on": "done", "exit": "unknown"}


def test_rate_limits_with_an_executor(
    nanobanana_sandbox: str, client: NanoBanana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rate limit that a worker meets lets all wait and fails nobody."""
    monkeypatch.setenv("INFINITYBLUE_API_KEY", KEY)
    with ThreadPoolExecutor(2) as pool:
        requests = [{"prompt": f"Limited there {n} [sandbox:rate-limit-once=1]"} for n in range(3)]
        summary = client.batch(requests, tmp_path, executor=pool, concurrency=2).run()
    assert (summary.done, summary.failed) == (3, 0)


class _Recomputing(ThreadPoolExecutor):
    """Does each task again after its result was taken, as Dask does when the worker that has the result dies."""

    def __init__(self) -> None:
        super().__init__(1)
        self._before: list[tuple[Any, ...]] = []
        self.again: list[Any] = []

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Any:
        for earlier in self._before:
            self.again.append(super().submit(*earlier).result())
        self._before = [(function, *arguments)]
        return super().submit(function, *arguments, **options)


@pytest.mark.parametrize("where", ["disk", "bucket"])
def test_executor_that_does_tasks_again(
    nanobanana_sandbox: str, client: NanoBanana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """A task that an executor does again, though its result was taken, is not drawn again, whatever came of it."""
    monkeypatch.setenv("INFINITYBLUE_API_KEY", KEY)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    mark = f"Again {where}"
    out = str(tmp_path / "out") if where == "disk" else f"memory://again-{os.getpid()}"
    requests = [f"{mark} 1", f"{mark} 2 [sandbox:no-image]", f"{mark} 3 [sandbox:internal-error]", f"{mark} 4"]
    with _Recomputing() as pool:
        summary = client.batch(requests, out, executor=pool, concurrency=1).run()
    assert (summary.done, summary.failed, summary.unknown) == (2, 1, 1)
    assert len(pool.again) == 3
    assert len(sent(nanobanana_sandbox, mark)) == 4
    again = client.batch(requests, out, retry_unknown=True, retry_failed=True).run()
    assert (again.skipped, again.failed, again.unknown) == (2, 1, 1)


def test_worker_process_that_dies(
    nanobanana_sandbox: str, client: NanoBanana, tmp_path: Path, processes: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a worker dies, the calls in flight are unknown, the batch stops as the pool is broken, and a later run pays
    for nothing twice."""
    monkeypatch.setenv("INFINITYBLUE_API_KEY", KEY)
    requests = [{"prompt": f"Dying {n} [sandbox:slow=0.3]", "id": f"x{n}"} for n in range(12)]
    (pid, *_) = {processes.submit(os.getpid).result() for _ in range(4)}
    batch = client.batch(requests, tmp_path, executor=processes, concurrency=3)
    for number, _ in enumerate(batch):
        if number == 3:
            os.kill(pid, 9)
    assert batch.summary.stopped
    summary = client.batch(requests, tmp_path).run()
    assert summary.done + summary.skipped + summary.unknown == 12
    assert len(results(tmp_path)) == 12
    billed = Counter(entry["prompt"] for entry in sent(nanobanana_sandbox, "Dying "))
    assert max(billed.values()) == 1


@pytest.mark.filterwarnings("ignore")
def test_dask_worker_killed_in_the_middle(
    nanobanana_sandbox: str, client: NanoBanana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two worker processes of Dask, one of them killed, all is done but the calls in flight, which are unknown."""
    from distributed import Client, LocalCluster

    for name, value in environment(nanobanana_sandbox).items():
        monkeypatch.setenv(name, value)
    requests = [{"prompt": f"Dask {n}", "id": f"d{n}"} for n in range(40)]
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, host="127.0.0.1",
            local_directory=str(tmp_path / "dask"),
        ) as cluster,
        Client(cluster) as dask,
    ):  # fmt: skip
        pids = dask.run(os.getpid)
        executor = dask.get_executor(pure=False, retries=0)
        seen = []
        for result in client.batch(requests, tmp_path / "out", executor=executor, concurrency=6):
            seen.append(result)
            if len(seen) == 10:
                os.kill(next(iter(pids.values())), 9)
    unknown = {f"Dask {result.id[1:]}" for result in seen if result.status == "unknown"}
    assert len(seen) == 40
    assert {result.status for result in seen} <= {"done", "unknown"}
    assert len(unknown) <= 6
    billed = Counter(entry["prompt"] for entry in sent(nanobanana_sandbox, "Dask "))
    assert max(billed.values()) == 1
    assert client.batch(requests, tmp_path / "out", retry_unknown=True).run().is_complete
    billed = Counter(entry["prompt"] for entry in sent(nanobanana_sandbox, "Dask "))
    assert {prompt for prompt, times in billed.items() if times > 1} <= unknown


RUNNER = """
import sys
from distributed import Client
from nanobanana import NanoBanana
with Client(sys.argv[1]) as dask:
    executor = dask.get_executor(pure=False, retries=0)
    requests = [{"prompt": f"Orphan {n} [sandbox:slow=0.4]", "id": f"o{n}"} for n in range(12)]
    NanoBanana().batch(requests, sys.argv[2], executor=executor, concurrency=4).run()
"""


@pytest.mark.filterwarnings("ignore")
def test_runner_killed_while_dask_draws(nanobanana_sandbox: str, client: NanoBanana, tmp_path: Path) -> None:
    """When the runner dies, what its workers had drawn is found in the folder by the next run, and not paid for again."""
    from distributed import LocalCluster

    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in environment(nanobanana_sandbox).items():
            monkeypatch.setenv(name, value)
        with LocalCluster(
            n_workers=1, threads_per_worker=4, processes=True, dashboard_address=None, host="127.0.0.1",
            local_directory=str(tmp_path / "dask"),
        ) as cluster:  # fmt: skip
            out = tmp_path / "out"
            runner = subprocess.Popen(
                [sys.executable, "-c", RUNNER, cluster.scheduler_address, str(out)], stderr=subprocess.DEVNULL
            )
            wait_for(lambda: len(sent(nanobanana_sandbox, "Orphan ")) >= 6)
            runner.kill()
            runner.wait()
            time.sleep(1.5)  # the workers have ended what they had begun
    requests = [{"prompt": f"Orphan {n} [sandbox:slow=0.4]", "id": f"o{n}"} for n in range(12)]
    summary = client.batch(requests, out).run()
    assert summary.done + summary.skipped + summary.unknown == 12
    assert len(results(out)) == 12
    billed = Counter(entry["prompt"] for entry in sent(nanobanana_sandbox, "Orphan "))
    assert max(billed.values()) == 1
    assert not list(out.rglob("*.part"))
