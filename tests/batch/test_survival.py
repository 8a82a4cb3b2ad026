"""Survival: batches under faults, kills and dying workers. At the end everything is accounted for, and nothing is paid for
twice."""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from nanobanana import ConfigurationError, NanoBanana
from nanobanana.batch.store import FsspecStore, open_store

from ..conftest import KEY


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    """A file to write the lines of a batch into."""
    return tmp_path / "jobs.jsonl"


def _write(jobs: Path, requests: list[dict[str, Any]]) -> None:
    jobs.write_text("".join(json.dumps(request) + "\n" for request in requests))


def _environment(url: str) -> dict[str, str]:
    return {**os.environ, "INFINITYBLUE_API_KEY": KEY, "INFINITYBLUE_BASE_URL": url}


def _command(jobs: Path, out: Path | str, *options: str) -> list[str]:
    return [sys.executable, "-m", "nanobanana", "batch", str(jobs), "-o", str(out), *options]


def _log(url: str, mark: str) -> list[dict[str, Any]]:
    return [entry for entry in httpx.get(f"{url}/sandbox/requests").json() if mark in entry.get("prompt", "")]


def _lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def test_thousand_requests_with_faults_are_all_accounted_for(
    nanobanana_sandbox: str, client: NanoBanana, tmp_path: Path
) -> None:
    """Of 1,000 requests with 5% rate limits, 2% cut answers and 1% without picture, each has its line, and the server's log
    shows no picture paid for twice."""
    kinds = (
        ["[sandbox:rate-limit-once=0]"] * 50 + ["[sandbox:cut-body]"] * 20 + ["[sandbox:no-image]"] * 10 + [""] * 920
    )
    random.Random(7).shuffle(kinds)
    requests = [{"prompt": f"Thousand {n} {kind}", "id": f"t{n}"} for n, kind in enumerate(kinds)]
    summary = client.batch(requests, tmp_path, concurrency=16).run()
    assert (summary.done, summary.failed, summary.unknown) == (970, 10, 20)
    lines = {line["id"]: line for line in _lines(tmp_path)}
    assert len(lines) == len(_lines(tmp_path)) == 1000
    answered = Counter(entry["prompt"] for entry in _log(nanobanana_sandbox, "Thousand ") if entry["status"] == 200)
    assert set(answered.values()) == {1}
    assert set(answered) == {request["prompt"] for request in requests}
    for request in requests:
        expected = (
            "unknown" if "cut-body" in request["prompt"] else "failed" if "no-image" in request["prompt"] else "done"
        )
        assert lines[request["id"]]["status"] == expected
    served = {entry["request_id"] for entry in _log(nanobanana_sandbox, "Thousand ")}
    assert {line["request_id"] for line in lines.values() if line["status"] == "done"} <= served


def test_kill_9_at_any_moment_loses_and_repeats_nothing(nanobanana_sandbox: str, tmp_path: Path, jobs: Path) -> None:
    """A batch of 200 killed twenty times, run again each time: nothing is paid for twice but what was reported unknown."""
    requests = [{"prompt": f"Killed {n} [sandbox:slow=0.2]", "id": f"k{n}"} for n in range(200)]
    _write(jobs, requests)
    out, moments, kills = tmp_path / "out", random.Random(11), 0
    for _ in range(20):
        process = subprocess.Popen(
            _command(jobs, out, "--concurrency", "4"), env=_environment(nanobanana_sandbox),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            process.wait(timeout=moments.uniform(0.8, 2.0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    assert kills >= 10
    last = subprocess.run(
        _command(jobs, out), env=_environment(nanobanana_sandbox), capture_output=True, text=True, timeout=120
    )
    lines = {line["id"]: line for line in _lines(out)}
    unknown = {line["prompt"] for line in lines.values() if line["status"] == "unknown"}
    assert {line["status"] for line in lines.values()} <= {"done", "unknown"}, last.stderr
    assert len(lines) == 200
    billed = Counter(entry["prompt"] for entry in _log(nanobanana_sandbox, "Killed "))
    assert max(billed.values()) == 1
    done = subprocess.run(
        _command(jobs, out, "--retry-unknown"),
        env=_environment(nanobanana_sandbox),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in out.glob("*.png")) == sorted(f"k{n}.png" for n in range(200))
    assert {line["status"] for line in _lines(out)} == {"done"}
    billed = Counter(entry["prompt"] for entry in _log(nanobanana_sandbox, "Killed "))
    assert {prompt for prompt, times in billed.items() if times > 1} <= unknown
    assert max(billed.values()) <= 2
    assert set(billed) == {request["prompt"] for request in requests}


@pytest.mark.filterwarnings("ignore")
def test_dask_worker_killed_in_the_middle(
    nanobanana_sandbox: str, client: NanoBanana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two worker processes of Dask, one of them killed, all is done but the calls in flight, which are unknown."""
    from distributed import Client, LocalCluster

    for name, value in _environment(nanobanana_sandbox).items():
        monkeypatch.setenv(name, value)
    requests = [{"prompt": f"Dask {n}", "id": f"d{n}"} for n in range(60)]
    folder = str(tmp_path / "dask")
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=2,
            processes=True,
            dashboard_address=None,
            host="127.0.0.1",
            local_directory=folder,
        ) as cluster,
        Client(cluster) as dask,
    ):
        pids = dask.run(os.getpid)
        executor = dask.get_executor(pure=False, retries=0)
        results = []
        for result in client.batch(requests, tmp_path / "out", executor=executor, concurrency=6):
            results.append(result)
            if len(results) == 10:
                os.kill(next(iter(pids.values())), 9)
    unknown = {f"Dask {result.id[1:]}" for result in results if result.status == "unknown"}
    assert len(results) == 60
    assert {result.status for result in results} <= {"done", "skipped", "unknown"}
    assert len(unknown) <= 6
    billed = Counter(entry["prompt"] for entry in _log(nanobanana_sandbox, "Dask "))
    assert max(billed.values()) == 1
    summary = client.batch(requests, tmp_path / "out", retry_unknown=True).run()
    assert summary.is_complete
    billed = Counter(entry["prompt"] for entry in _log(nanobanana_sandbox, "Dask "))
    assert {prompt for prompt, times in billed.items() if times > 1} <= unknown


MEASURE = """
import io, json, resource, sys
from nanobanana.batch import read_lines
from nanobanana.batch.runner import expand
class Lines(io.TextIOBase):
    def __iter__(self):
        for n in range(int(sys.argv[1])):
            yield json.dumps({"prompt": f"Draw number {n}", "aspect_ratio": "16:9"})
count = sum(1 for _ in expand(read_lines(Lines())))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_stays_flat_whatever_the_number_of_lines() -> None:
    """A hundred thousand lines are checked in no more than 1.5 times the memory of a thousand."""
    peaks = {}
    for lines in (1_000, 100_000):
        done = subprocess.run([sys.executable, "-c", MEASURE, str(lines)], capture_output=True, text=True, timeout=300)
        count, peak = map(int, done.stdout.split())
        assert count == lines, done.stderr
        peaks[lines] = peak
    assert peaks[100_000] < 1.5 * peaks[1_000], peaks
    assert resource.RUSAGE_SELF == 0


# ------------------------------------------------------------------------------------ other filesystems


def test_memory_filesystem(client: NanoBanana, nanobanana_sandbox: str) -> None:
    """Any fsspec filesystem with exclusive creation will do; results.jsonl is written when the run ends."""
    import fsspec

    url = f"memory://batch-{os.getpid()}"
    requests = [{"prompt": f"Memory {n}", "id": f"m{n}"} for n in range(4)]
    assert client.batch(requests, url).run().done == 4
    assert client.batch(requests, url).run().skipped == 4
    filesystem = fsspec.filesystem("memory")
    lines = filesystem.cat_file(f"/batch-{os.getpid()}/results.jsonl").splitlines()
    assert sorted(json.loads(line)["path"] for line in lines) == [f"m{n}.png" for n in range(4)]
    assert filesystem.cat_file(f"/batch-{os.getpid()}/m0.png").startswith(b"\x89PNG")
    assert len(_log(nanobanana_sandbox, "Memory ")) == 4


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A bucket on an S3 server of its own, with the environment that s3fs reads."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        import s3fs

        s3fs.S3FileSystem().mkdir("pictures")
        yield "s3://pictures"
    server.stop()


@pytest.mark.filterwarnings("ignore")
def test_s3_with_conditional_writes(client: NanoBanana, s3: str, nanobanana_sandbox: str) -> None:
    """On an S3-compatible server claims are conditional writes: a re-run skips, and two runners pay once."""
    import s3fs

    store = open_store(f"{s3}/probe")
    assert store.claim("a", "1")
    assert not store.claim("a", "2")
    requests = [{"prompt": f"Bucket {n}", "id": f"s{n}"} for n in range(4)]
    assert client.batch(requests, f"{s3}/run").run().done == 4
    assert client.batch(requests, f"{s3}/run").run().skipped == 4
    assert s3fs.S3FileSystem().cat_file("pictures/run/s0.png").startswith(b"\x89PNG")
    assert len(_log(nanobanana_sandbox, "Bucket ")) == 4


def test_filesystem_without_exclusive_creation_is_refused(client: NanoBanana, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a second creation would succeed as well, the batch refuses before it sends anything."""
    monkeypatch.setattr(FsspecStore, "place", lambda self, name, data, copy: not self.put(name, data))
    with pytest.raises(ConfigurationError, match="does not create files exclusively"):
        client.batch([{"prompt": "Draw"}], "memory://overwrites").run()


@pytest.mark.parametrize("url", ["nonsense://x/y", "http://127.0.0.1:9/x"])
def test_unusable_filesystem_is_refused(client: NanoBanana, url: str) -> None:
    """An unknown filesystem, or one that cannot be written, is refused."""
    with pytest.raises(ConfigurationError, match="cannot be used"):
        client.batch([{"prompt": "Draw"}], url).run()


# ------------------------------------------------------------------------------------ the command


def test_command_tells_and_exits_by_what_was_done(nanobanana_sandbox: str, tmp_path: Path, jobs: Path) -> None:
    """`batch` prints plain lines and a summary, and exits with 0 only when all is done."""
    _write(jobs, [{"prompt": f"Command {n}", "id": f"c{n}"} for n in range(3)])
    environment = _environment(nanobanana_sandbox)
    done = subprocess.run(
        _command(jobs, tmp_path / "out", "--json"), env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["done"] == 3
    assert "c0: done c0.png" in done.stderr
    assert "3 done, 0 skipped, 0 failed" in done.stderr
    with jobs.open("a") as file:
        file.write("{broken\n")
    failed = subprocess.run(
        _command(jobs, tmp_path / "out"), env=environment, capture_output=True, text=True, timeout=60
    )
    assert failed.returncode == 1
    assert "line 4: it is not JSON" in failed.stderr
    assert "0 done, 3 skipped, 1 failed" in failed.stderr


def test_command_reads_stdin_and_csv_and_a_limit(nanobanana_sandbox: str, tmp_path: Path) -> None:
    """`batch -` reads JSONL from stdin, a .csv is a CSV, and --limit takes the first lines only."""
    environment = _environment(nanobanana_sandbox)
    lines = "".join(json.dumps({"prompt": f"Stdin {n}"}) + "\n" for n in range(5))
    done = subprocess.run(
        _command(Path("-"), tmp_path / "a", "--limit", "2"),
        env=environment,
        input=lines,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "2 done" in done.stderr
    (tmp_path / "jobs.csv").write_text("id,prompt\nx,Draw a cat\n")
    done = subprocess.run(
        _command(tmp_path / "jobs.csv", tmp_path / "b"), env=environment, capture_output=True, text=True, timeout=60
    )
    assert (tmp_path / "b" / "x.png").exists(), done.stderr


def test_dry_run_sends_nothing(tmp_path: Path, jobs: Path) -> None:
    """--dry-run checks every line, prints what would be sent and how many calls it makes, without a key or a server."""
    _write(jobs, [{"prompt": "Draw", "n": 3}, {"prompt": "Draw", "references": ["missing.png"]}])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INFINITYBLUE")}
    done = subprocess.run(
        _command(jobs, tmp_path / "out", "--dry-run"), env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "3 calls would be made; 1 lines are wrong. Nothing was sent." in done.stderr
    assert "line 2: reference 1" in done.stderr
    assert not (tmp_path / "out").exists()


def _wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(300):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come to that")


def test_ctrl_c_lets_what_is_paid_for_finish(nanobanana_sandbox: str, tmp_path: Path, jobs: Path) -> None:
    """The first Ctrl-C takes no new work and keeps what is under way; a later run does the rest, and pays once."""
    _write(jobs, [{"prompt": f"Interrupted {n} [sandbox:slow=0.5]"} for n in range(40)])
    environment, out = _environment(nanobanana_sandbox), tmp_path / "out"
    process = subprocess.Popen(
        _command(jobs, out, "--concurrency", "4"), env=environment, stderr=subprocess.PIPE, text=True
    )
    _wait_for(lambda: len(_log(nanobanana_sandbox, "Interrupted ")) >= 6)
    process.send_signal(2)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Stopped early: interrupted" in told
    assert "Traceback" not in told
    sent = _log(nanobanana_sandbox, "Interrupted ")
    lines = _lines(out)
    assert 0 < len(lines) < 40
    assert len(lines) == len(sent)
    assert {line["status"] for line in lines} == {"done"}
    done = subprocess.run(
        _command(jobs, out, "--concurrency", "20"), env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert len(_log(nanobanana_sandbox, "Interrupted ")) == 40


def test_second_ctrl_c_aborts(nanobanana_sandbox: str, tmp_path: Path, jobs: Path) -> None:
    """The second Ctrl-C ends at once; the calls under way are unknown to the next run."""
    _write(jobs, [{"prompt": f"Aborted {n} [sandbox:slow=20]"} for n in range(4)])
    environment, out = _environment(nanobanana_sandbox), tmp_path / "out"
    process = subprocess.Popen(
        _command(jobs, out, "--concurrency", "2"), env=environment, stderr=subprocess.PIPE, text=True
    )
    _wait_for(lambda: len(_log(nanobanana_sandbox, "Aborted ")) == 2)
    process.send_signal(2)
    time.sleep(0.5)
    process.send_signal(2)
    _, told = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in told
    again = subprocess.run(
        _command(jobs, out, "--limit", "2"), env=environment, capture_output=True, text=True, timeout=60
    )
    assert "2 unknown" in again.stderr
