"""`nanobanana batch` and `nanobanana gallery`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, nullcontext
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer
from attrs import evolve

from ..batch import Batch, BatchResult, Line, Lines, read_lines
from ..batch.decision import state_of
from ..batch.gallery import write_gallery
from ..batch.task import expand
from ..errors import ConfigurationError, InvalidRequestError
from ..request import ImageRequest
from . import options
from .console import FAILED, WRONG_USAGE, connected, emit, is_terminal, reporting, say, tell_path, warn
from .progress import line_of, progress, summary_of
from .words import in_options, printable


def _read(file: str, encoding: str | None) -> Lines:
    return read_lines(sys.stdin.buffer if file == "-" else file, encoding=encoding)


def batch(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="JSONL or .csv, one request a line; - reads JSONL from stdin.")
    ],
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="DIR", help="The folder for the pictures, or s3://...")
    ],
    concurrency: Annotated[int, typer.Option(min=1, metavar="N", help="Calls at once.")] = 8,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Take only the first N lines.")] = None,
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
    model: options.Model = None,
    aspect_ratio: options.AspectRatio = None,
    size: options.Size = None,
    wire: options.Wire = None,
    extra_body: options.ExtraBody = None,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="The encoding of FILE, such as cp1252, if not UTF-8.")
    ] = None,
    ledger_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A local folder for the ledger, instead of the output folder.")
    ] = None,
    executor: Annotated[
        str | None, typer.Option(metavar="dask://HOST:PORT", help="Let the workers of a Dask cluster do it.")
    ] = None,
    sandbox: options.Sandbox = False,
    as_json: options.AsJson = False,
    timeout: options.Timeout = 600.0,
    base_url: options.BaseUrl = None,
    api_key_file: options.KeyFile = None,
) -> None:
    """Make many pictures into one folder, each paid for once.

    Running the same command again finishes what is missing. Each line is an object with a prompt and, if wanted,
    references, model, aspect_ratio, image_size, include_thoughts, extra_body, id (the name of the file), n and
    aspect_ratios (variations). In a CSV, several references in a field stand apart by ;. Options such as -m are for
    the lines that say nothing of it. Ctrl-C once lets the calls under way finish; twice, it aborts. The exit code is
    0 only if all are done.
    """
    with reporting(as_json=as_json), ExitStack() as stack:
        lines = _read(file, encoding)
        if lines.assumed:
            warn(f"{file}: {lines.assumed}")
        named: dict[str, Any] = {"model": model, "aspect_ratio": aspect_ratio, "image_size": size, "wire": wire}
        named["extra_body"] = options.as_object(extra_body)
        defaults = {name: value for name, value in named.items() if value is not None}
        ImageRequest("checks the options before the first line", **defaults)
        requests = _with_defaults(islice(lines, limit), defaults)
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
        total = _count(file, encoding, limit)
        if total and is_terminal(sys.stderr):
            say(f"{total} pictures, each a call that is paid for, but those that are done already")
        has_paid_failures = _watch(running, total)
        summary = running.summary
        if as_json:
            emit(attrs.asdict(summary))
        say(summary_of(summary, has_paid_failures=has_paid_failures))
        if not summary.is_complete:
            raise typer.Exit(FAILED)


def _try_out(requests: Any, *, as_json: bool) -> None:
    calls, wrong = 0, 0
    for task in expand(requests):
        if isinstance(task, BatchResult):
            wrong += 1
            warn(in_options((task.error or {})["message"]))
            continue
        calls += 1
        about = task.about()
        if as_json:
            emit(about)
        else:
            shape = f"{about['model']} {about['aspect_ratio']} {about['image_size']}"
            words = f"{shape}, {about['references']} references: {about['prompt'][:60]!r}"
            typer.echo(printable(f"line {task.line}: {task.id}: {words}"))
    say(f"{calls} calls would be made; {wrong} lines are wrong. Nothing was sent.")
    if wrong:
        raise typer.Exit(WRONG_USAGE)


def _executor(address: str, stack: ExitStack) -> Any:
    scheme, _, place = address.partition("://")
    if scheme != "dask" or not place:
        raise InvalidRequestError(f"the executor {address!r} is not known; give dask://HOST:PORT", param="executor")
    try:
        from distributed import Client
    except ImportError as error:
        advice = "pip install 'infinityblue-nanobanana[dask]'"
        raise ConfigurationError(f"Dask is missing: {error}", advice=advice) from None
    client: Any = stack.enter_context(Client(f"tcp://{place}"))  # type: ignore[no-untyped-call,unused-ignore]
    return client.get_executor(pure=False, retries=0)


def _with_defaults(lines: Iterable[Line], defaults: dict[str, Any]) -> Iterator[Line]:
    """The lines, with what the options say wherever a line says nothing."""
    for line in lines:
        request = {"prompt": line.request} if isinstance(line.request, str) else line.request
        if isinstance(request, Mapping):
            taken = {name for name in request if request[name] is not None}
            if "aspect_ratios" in taken:
                taken.add("aspect_ratio")
            request = {name: value for name, value in defaults.items() if name not in taken} | dict(request)
        yield evolve(line, request=request)


def _count(file: str, encoding: str | None, limit: int | None) -> int | None:
    """How many pictures are asked for; None where that cannot be looked up beforehand."""
    if file == "-":
        return None
    count = 0
    for line in islice(_read(file, encoding), limit):
        request = line.request if isinstance(line.request, Mapping) else {}
        number, ratios = request.get("n"), request.get("aspect_ratios")
        count += (number if isinstance(number, int) else 1) * (len(ratios) if isinstance(ratios, list) else 1)
    return count


def _watch(running: Batch, total: int | None) -> bool:
    """Tells of each result: by a moving line on a terminal, by plain lines elsewhere. Returns whether anything failed
    that may have been paid for, and is not sent again by itself."""
    has_paid_failures = False
    previous = signal.getsignal(signal.SIGINT)

    def interrupt(*_: Any) -> None:
        if running.summary.stopped:
            raise KeyboardInterrupt
        running.stop("interrupted")
        warn("no new calls; those under way are finished. Ctrl-C again aborts them")

    is_watched = is_terminal(sys.stderr)
    signal.signal(signal.SIGINT, interrupt)
    try:
        with progress(running, total) if is_watched else nullcontext():
            for result in running:
                if result.status == "failed":
                    has_paid_failures |= state_of({"status": result.status, "error": result.error}) != "free"
                if not (is_watched and result.status in ("done", "skipped")):
                    say(line_of(result))
    finally:
        signal.signal(signal.SIGINT, previous)
    return has_paid_failures


def gallery(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that a batch wrote.")],
) -> None:
    """Write an index.html that shows what a batch made. A browser needs no network to show it."""
    with reporting(sends=False):
        tell_path(write_gallery(folder))
