"""`nanobanana batch` and `nanobanana gallery`."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import ExitStack
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer

from ..batch import Batch, BatchResult, Lines, Summary, read_lines
from ..batch.task import expand
from ..errors import ConfigurationError, InvalidRequestError
from .console import FAILED, WRONG_USAGE, AsJson, BaseUrl, KeyFile, OnSandbox, connected, emit, fail, reporting, say


def _read(file: str, encoding: str | None) -> Lines:
    return read_lines(sys.stdin.buffer if file == "-" else file, encoding=encoding)


def batch(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="JSONL or .csv, one request a line; - reads JSONL from stdin.")
    ],
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="DIR", help="The folder for the pictures, or s3://...")
    ],
    concurrency: Annotated[int, typer.Option(min=1, help="Calls at once.")] = 8,
    limit: Annotated[int | None, typer.Option(min=1, help="Take only the first N lines.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every line and reference; send nothing.")] = False,
    retry_unknown: Annotated[
        bool, typer.Option("--retry-unknown", help="Send again what may have been paid for already.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Send again what failed for good, such as blocked prompts.")
    ] = False,
    fetch_remote: Annotated[
        bool, typer.Option("--fetch-remote", help="Fetch pictures that an answer only names, from public addresses.")
    ] = False,
    encoding: Annotated[str | None, typer.Option(help="The encoding of FILE, such as cp1252, if not UTF-8.")] = None,
    ledger_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A local folder for the ledger, instead of the output folder.")
    ] = None,
    executor: Annotated[
        str | None, typer.Option(metavar="dask://HOST:PORT", help="Let the workers of a Dask cluster do it.")
    ] = None,
    sandbox: OnSandbox = False,
    as_json: AsJson = False,
    timeout: Annotated[float, typer.Option(help="Seconds for each call.")] = 600.0,
    base_url: BaseUrl = None,
    api_key_file: KeyFile = None,
) -> None:
    """Make many pictures into one folder, each paid for once.

    Running the same command again finishes what is missing. Each line is an object with a prompt and, if wanted,
    references, model, aspect_ratio, image_size, include_thoughts, id (the name of the file), n and aspect_ratios
    (variations). Ctrl-C once lets the calls under way finish; twice, it aborts. The exit code is 0 only if all are
    done.
    """
    with reporting(as_json=as_json), ExitStack() as stack:
        lines = _read(file, encoding)
        if lines.assumed:
            say(f"nanobanana: {file}: {lines.assumed}")
        requests = islice(lines, limit)
        if dry_run:
            _try_out(requests, as_json=as_json)
            return
        client = stack.enter_context(
            connected(sandbox=sandbox, base_url=base_url, key_file=api_key_file, timeout=timeout)
        )
        running = client.batch(
            requests,
            output,
            concurrency=concurrency,
            executor=_executor(executor, stack) if executor else None,
            retry_unknown=retry_unknown,
            retry_failed=retry_failed,
            fetch_remote=fetch_remote,
            ledger_dir=ledger_dir,
        )
        summary = _watch(running, _count_lines(file, encoding, limit))
        if as_json:
            emit(attrs.asdict(summary))
        say(_told(summary))
        if not summary.is_complete:
            fail(FAILED)


def _try_out(requests: Any, *, as_json: bool) -> None:
    calls, wrong = 0, 0
    for task in expand(requests):
        if isinstance(task, BatchResult):
            wrong += 1
            say(f"nanobanana: {(task.error or {})['message']}")
            continue
        calls += 1
        about = task.about()
        if as_json:
            emit(about)
        else:
            shape = f"{about['model']} {about['aspect_ratio']} {about['image_size']}"
            typer.echo(
                f"line {task.line}: {task.id}: {shape}, {about['references']} references: {about['prompt'][:60]!r}"
            )
    say(f"{calls} calls would be made; {wrong} lines are wrong. Nothing was sent.")
    if wrong:
        fail(WRONG_USAGE)


def _executor(address: str, stack: ExitStack) -> Any:
    scheme, _, place = address.partition("://")
    if scheme != "dask" or not place:
        raise InvalidRequestError(f"the executor {address!r} is not known; give dask://HOST:PORT", param="executor")
    try:
        from distributed import Client
    except ImportError as error:
        reason = str(error)
    else:
        client: Any = stack.enter_context(Client(f"tcp://{place}"))  # type: ignore[no-untyped-call,unused-ignore]
        return client.get_executor(pure=False, retries=0)
    raise ConfigurationError(f"Dask is missing: {reason}", advice="pip install 'infinityblue-nanobanana[dask]'")


def _count_lines(file: str, encoding: str | None, limit: int | None) -> int | None:
    """How many lines there are to do, for the time left; None where that cannot be looked up beforehand."""
    if file == "-":
        return limit
    count = sum(1 for _ in _read(file, encoding))
    return min(count, limit) if limit else count


def _watch(running: Batch, lines: int | None) -> Summary:
    """Tells of each result: by a moving bar on a terminal, by plain lines elsewhere."""
    previous = signal.getsignal(signal.SIGINT)

    def interrupt(*_: Any) -> None:
        if running.summary.stopped:
            raise KeyboardInterrupt
        running.stop("interrupted")
        say("nanobanana: no new calls; those under way are finished. Ctrl-C again aborts them")

    signal.signal(signal.SIGINT, interrupt)
    try:
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            _with_bar(running, lines)
        else:
            for result in running:
                say(_line(result))
    finally:
        signal.signal(signal.SIGINT, previous)
    return running.summary


def _with_bar(running: Batch, lines: int | None) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=20),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    began, seen = time.monotonic(), set[int]()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("starting", total=lines)
        for result in running:
            if result.status not in ("done", "skipped"):
                progress.console.print(_line(result), markup=False, highlight=False)
            seen.add(result.line)
            elapsed = time.monotonic() - began
            told = _told(running.summary, rate=60 * running.summary.done / max(0.001, elapsed))
            if lines and len(seen) <= lines:
                told = f"{told}, about {timedelta(seconds=round(elapsed * (lines - len(seen)) / len(seen)))} left"
            progress.update(bar, description=told, completed=len(seen))


def _line(result: BatchResult) -> str:
    if result.error is not None:
        return f"line {result.line}: {result.id}: {result.status} ({result.error['class']}): {result.error['message']}"
    return f"line {result.line}: {result.id}: {result.status}" + (f" {result.path}" if result.path else "")


def _told(summary: Summary, *, rate: float | None = None) -> str:
    counts = ", ".join(f"{getattr(summary, name)} {name}" for name in ("done", "skipped", "failed", "unknown", "taken"))
    if rate is not None:
        return f"{counts}; {rate:.0f} a minute, {summary.tokens} tokens"
    stopped = f" Stopped early: {summary.stopped}" if summary.stopped else ""
    return f"{counts}; {summary.tokens} tokens, {summary.seconds:.1f} s.{stopped}"


def gallery(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that a batch wrote.")],
) -> None:
    """Write an index.html that shows what a batch made, for a browser, without a network."""
    from ..batch.gallery import write_gallery

    with reporting():
        typer.echo(str(write_gallery(folder)))
