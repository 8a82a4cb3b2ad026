"""`nanobanana batch`, the command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from .programs import command, environment, results, sent, wait_for, write_jobs


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    """A file to write the lines of a batch into."""
    return tmp_path / "jobs.jsonl"


def _started(arguments: list[str], url: str) -> subprocess.Popen[str]:
    """The program in a process that takes Ctrl-C, whatever the shell above this has made of it."""

    def take_interrupts() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)

    return subprocess.Popen(
        arguments, env=environment(url), stderr=subprocess.PIPE, text=True, preexec_fn=take_interrupts
    )


def test_command_tells_and_exits_by_what_was_done(nanobanana_sandbox: str, tmp_path: Path, jobs: Path) -> None:
    """`batch` prints plain lines and a summary, and exits with 0 only when all is done."""
    write_jobs(jobs, [{"prompt": f"Command {n}", "id": f"c{n}"} for n in range(3)])
    variables = environment(nanobanana_sandbox)
    done = subprocess.run(
        command(jobs, tmp_path / "out", "--json"), env=variables, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["done"] == 3
    assert "c0: done c0.png" in done.stderr
    assert "3 done, 0 skipped, 0 failed" in done.stderr
    with jobs.open("a") as file:
        file.write("{broken\n")
    failed = subprocess.run(command(jobs, tmp_path / "out"), env=variables, capture_output=True, text=True, timeout=60)
    assert failed.returncode == 1
    assert "line 4: it is not JSON" in failed.stderr
    assert "0 done, 3 skipped, 1 failed" in failed.stderr


def test_command_reads_stdin_and_csv_and_a_limit(nanobanana_sandbox: str, tmp_path: Path) -> None:
    """`batch -` reads JSONL from stdin, a .csv is a CSV, and --limit takes the first lines only."""
    variables = environment(nanobanana_sandbox)
    lines = "".join(json.dumps({"prompt": f"Stdin {n}"}) + "\n" for n in range(5))
    done = subprocess.run(
        command(Path("-"), tmp_path / "a", "--limit", "2"),
        env=variables,
        input=lines,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "2 done" in done.stderr
    (tmp_path / "jobs.csv").write_text("id,prompt\nx,Draw a cat\n")
    done = subprocess.run(
        command(tmp_path / "jobs.csv", tmp_path / "b"), env=variables, capture_output=True, text=True, timeout=60
    )
    assert (tmp_path / "b" / "x.png").exists(), done.stderr


def test_dry_run_sends_nothing(tmp_path: Path, jobs: Path) -> None:
    """--dry-run checks every line, prints what would be sent and how many calls it makes, without a key or a server."""
    write_jobs(jobs, [{"prompt": "Draw", "n": 3}, {"prompt": "Draw", "references": ["missing.png"]}])
    variables = {name: value for name, value in os.environ.items() if not name.startswith("INFINITYBLUE")}
    done = subprocess.run(
        command(jobs, tmp_path / "out", "--dry-run"), env=variables, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "3 calls would be made; 1 lines are wrong. Nothing was sent." in done.stderr
    assert "line 2: reference 1" in done.stderr
    assert not (tmp_path / "out").exists()


def test_ctrl_c_lets_what_is_paid_for_finish(nanobanana_sandbox: str, tmp_path: Path, jobs: Path) -> None:
    """The first Ctrl-C takes no new work and keeps what is under way; a later run does the rest, and pays once."""
    write_jobs(jobs, [{"prompt": f"Interrupted {n} [sandbox:slow=0.5]"} for n in range(40)])
    out = tmp_path / "out"
    process = _started(command(jobs, out, "--concurrency", "4"), nanobanana_sandbox)
    wait_for(lambda: len(sent(nanobanana_sandbox, "Interrupted ")) >= 6)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Stopped early: interrupted" in told
    assert "Traceback" not in told
    billed = sent(nanobanana_sandbox, "Interrupted ")
    lines = results(out)
    assert 0 < len(lines) < 40
    assert len(lines) == len(billed)
    assert {line["status"] for line in lines} == {"done"}
    done = subprocess.run(
        command(jobs, out, "--concurrency", "20"),
        env=environment(nanobanana_sandbox),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert len(sent(nanobanana_sandbox, "Interrupted ")) == 40


def test_second_ctrl_c_aborts(nanobanana_sandbox: str, tmp_path: Path, jobs: Path) -> None:
    """The second Ctrl-C ends at once; the calls under way are unknown to the next run."""
    write_jobs(jobs, [{"prompt": f"Aborted {n} [sandbox:slow=20]"} for n in range(4)])
    out = tmp_path / "out"
    process = _started(command(jobs, out, "--concurrency", "2"), nanobanana_sandbox)
    wait_for(lambda: len(sent(nanobanana_sandbox, "Aborted ")) == 2)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in told
    again = subprocess.run(
        command(jobs, out, "--limit", "2"),
        env=environment(nanobanana_sandbox),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "2 unknown" in again.stderr
