"""Survival: batches under faults and kills. At the end everything is accounted for, and nothing is paid for twice."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from nanobanana import NanoBanana

from .programs import command, environment, results, sent, write_jobs


def test_thousand_requests_with_faults_are_all_accounted_for(
    nanobanana_sandbox: str, client: NanoBanana, tmp_path: Path
) -> None:
    """Of 1,000 requests with rate limits, 2% cut answers and 1% without picture, each has its line, and the server's log
    shows no picture paid for twice."""
    kinds = ["[sandbox:rate-limit-once=0]"] * 5 + ["[sandbox:cut-body]"] * 20 + ["[sandbox:no-image]"] * 10 + [""] * 965
    random.Random(7).shuffle(kinds)
    requests = [{"prompt": f"Thousand {n} {kind}", "id": f"t{n}"} for n, kind in enumerate(kinds)]
    summary = client.batch(requests, tmp_path, concurrency=16).run()
    assert (summary.done, summary.failed, summary.unknown) == (970, 10, 20)
    lines = {line["id"]: line for line in results(tmp_path)}
    assert len(lines) == len(results(tmp_path)) == 1000
    answered = Counter(entry["prompt"] for entry in sent(nanobanana_sandbox, "Thousand ") if entry["status"] == 200)
    assert set(answered.values()) == {1}
    assert set(answered) == {request["prompt"] for request in requests}
    for request in requests:
        expected = (
            "unknown" if "cut-body" in request["prompt"] else "failed" if "no-image" in request["prompt"] else "done"
        )
        assert lines[request["id"]]["status"] == expected
    served = {entry["request_id"] for entry in sent(nanobanana_sandbox, "Thousand ")}
    assert {line["request_id"] for line in lines.values() if line["status"] == "done"} <= served


def test_kill_9_at_any_moment_loses_and_repeats_nothing(nanobanana_sandbox: str, tmp_path: Path) -> None:
    """A batch of 100 killed many times, run again each time: nothing is paid for twice but what was reported unknown."""
    requests = [{"prompt": f"Killed {n} [sandbox:slow=0.4]", "id": f"k{n}"} for n in range(100)]
    out, jobs, moments, kills = tmp_path / "out", tmp_path / "jobs.jsonl", random.Random(11), 0
    write_jobs(jobs, requests)
    for _ in range(12):
        process = subprocess.Popen(
            command(jobs, out, "--concurrency", "4"), env=environment(nanobanana_sandbox),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            process.wait(timeout=moments.uniform(0.8, 2.0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    assert kills >= 5
    last = subprocess.run(
        command(jobs, out), env=environment(nanobanana_sandbox), capture_output=True, text=True, timeout=120
    )
    lines = {line["id"]: line for line in results(out)}
    unknown = {line["prompt"] for line in lines.values() if line["status"] == "unknown"}
    assert {line["status"] for line in lines.values()} <= {"done", "unknown"}, last.stderr
    assert len(lines) == len(results(out)) == 100
    billed = Counter(entry["prompt"] for entry in sent(nanobanana_sandbox, "Killed "))
    assert max(billed.values()) == 1
    done = subprocess.run(
        command(jobs, out, "--retry-unknown"), env=environment(nanobanana_sandbox),
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in out.glob("*.png")) == sorted(f"k{n}.png" for n in range(100))
    assert {line["status"] for line in results(out)} == {"done"}
    billed = Counter(entry["prompt"] for entry in sent(nanobanana_sandbox, "Killed "))
    assert {prompt for prompt, times in billed.items() if times > 1} <= unknown
    assert max(billed.values()) <= 2
    assert set(billed) == {request["prompt"] for request in requests}
    assert not list(out.rglob("*.part"))


MEASURE = """
import asyncio, json, resource, sys, tempfile
from nanobanana.batch import AsyncBatch, Options, read_lines
from nanobanana.batch.books import Books
from nanobanana.batch.task import BatchResult
count = int(sys.argv[1])
with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file, tempfile.TemporaryDirectory() as folder:
    for n in range(count):
        file.write(json.dumps({"prompt": f"Draw number {n}", "aspect_ratio": "16:9"}) + "\\n")
    file.flush()
    Books.begin = lambda self, task: BatchResult(task.line, "skipped", task.id, task.key)
    batch = AsyncBatch(None, read_lines(file.name), folder, Options(), concurrency=1)
    print(asyncio.run(batch.run()).skipped, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_stays_flat_whatever_the_number_of_lines() -> None:
    """A hundred thousand lines are gone through in no more than 1.5 times the memory of a thousand."""
    peaks = {}
    for lines in (1_000, 100_000):
        done = subprocess.run([sys.executable, "-c", MEASURE, str(lines)], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        count, peak = map(int, done.stdout.split())
        assert count == lines
        peaks[lines] = peak
    assert peaks[100_000] < 1.5 * peaks[1_000], peaks
