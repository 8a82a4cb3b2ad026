"""Console: what the commands share in speaking to people and to machines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from ..client import NanoBanana
from ..errors import APIStatusError, ConfigurationError, InvalidRequestError, NanoBananaError

KeyFile = Annotated[
    Path | None, typer.Option("--api-key-file", help="Read the key from a file instead of the environment.")
]
BaseUrl = Annotated[str | None, typer.Option(help="The endpoint, instead of INFINITYBLUE_BASE_URL or the gateway.")]
OnSandbox = Annotated[bool, typer.Option("--sandbox", help="Try it offline, on a sandbox that runs for this call.")]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")]

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130


def say(message: str) -> None:
    """A line for people, on stderr."""
    typer.echo(message, err=True)


def emit(document: Any) -> None:
    """A document for machines, on stdout."""
    typer.echo(json.dumps(document, default=str))


def describe_error(error: NanoBananaError) -> dict[str, Any]:
    """An error as JSON."""
    described: dict[str, Any] = {"class": type(error).__name__, "message": error.message, "billed": error.billed}
    if isinstance(error, APIStatusError):
        described |= {"status_code": error.status_code, "code": error.code, "request_id": error.request_id}
        described["retry_after"] = error.retry_after
    return described


@contextmanager
def reporting(*, as_json: bool = False) -> Iterator[None]:
    """Turns what goes wrong inside into one readable line and the exit code for it."""
    try:
        yield
    except NanoBananaError as error:
        if as_json:
            emit({"error": describe_error(error)})
        say(f"nanobanana: {error}")
        fail(WRONG_USAGE if isinstance(error, InvalidRequestError | ConfigurationError) else FAILED)
    except KeyboardInterrupt:
        say("nanobanana: interrupted; a call under way may be billed all the same")
        fail(INTERRUPTED)
    except OSError as error:
        say(f"nanobanana: {error}")
        fail(FAILED)


def fail(code: int) -> NoReturn:
    """Ends the program."""
    raise typer.Exit(code)


def read_key(file: Path | None) -> str | None:
    """The key from a file; None where the environment is to be asked.

    Raises: ConfigurationError where the file cannot be read.
    """
    if file is None:
        return None
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
    raise ConfigurationError(f"the key file {file} cannot be read: {reason}")


@contextmanager
def connected(*, sandbox: bool, base_url: str | None, key_file: Path | None, timeout: float) -> Iterator[NanoBanana]:
    """A client, on a sandbox of its own where one is asked for."""
    if sandbox and base_url:
        raise ConfigurationError("--sandbox and --base-url exclude each other")
    if not sandbox:
        with NanoBanana(read_key(key_file), base_url=base_url, timeout=timeout) as client:
            yield client
        return
    with needing_sandbox():
        from nanobanana_sandbox import serve
    with serve() as url, NanoBanana("sk-sandbox", base_url=url, timeout=timeout) as client:
        yield client


@contextmanager
def needing_sandbox() -> Iterator[None]:
    """Says what to install where the sandbox's own dependencies are missing."""
    try:
        yield
        return
    except ImportError as error:
        reason = str(error)
    raise ConfigurationError(
        f"the sandbox cannot start: {reason}", advice="pip install 'infinityblue-nanobanana[sandbox]'"
    )


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Shows the time that goes by, where somebody is looking."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(what, total=None)
        yield
