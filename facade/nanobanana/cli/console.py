"""Console: what the commands share in speaking to people and to machines."""

from __future__ import annotations

import contextlib
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
from .words import printable, told

KeyFile = Annotated[
    str | None,
    typer.Option("--api-key-file", metavar="FILE", help="Read the key from a file instead of the environment."),
]
BaseUrl = Annotated[str | None, typer.Option(help="The endpoint, instead of INFINITYBLUE_BASE_URL or the gateway.")]
OnSandbox = Annotated[bool, typer.Option("--sandbox", help="Try it offline, on a sandbox that runs for this call.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
ExtraBody = Annotated[
    str | None,
    typer.Option(
        "--extra-body", metavar="JSON", help="Fields of the request that have no option, merged into its JSON."
    ),
]

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130


def ready_streams() -> None:
    """Lets stdout and stderr take any character: one they cannot spell is escaped. A name of a file that is no text
    goes out as the bytes it is, where the encoding allows it."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):  # a stream that somebody has put there
            is_utf8 = (stream.encoding or "").lower().replace("-", "") == "utf8"
            stream.reconfigure(errors="surrogateescape" if is_utf8 else "backslashreplace")  # type: ignore[union-attr]


def say(message: str) -> None:
    """Words for people, on stderr."""
    typer.echo(printable(message), err=True)


def tell_path(path: Path | str) -> None:
    """A path on stdout: exactly as it is for a program, fit for a terminal on one."""
    text = str(path)
    typer.echo(printable(text) if is_terminal(sys.stdout) else text)


def emit(document: Any) -> None:
    """A document for machines, on stdout."""
    typer.echo(json.dumps(document, default=str))


def is_terminal(stream: Any) -> bool:
    """Whether somebody is looking at a stream, on a terminal that can move its cursor."""
    try:
        return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):  # no stream, or a closed one
        return False


def describe_error(error: NanoBananaError) -> dict[str, Any]:
    """An error as JSON."""
    described: dict[str, Any] = {"class": type(error).__name__, "message": error.message, "billed": error.billed}
    if isinstance(error, APIStatusError):
        described |= {"status_code": error.status_code, "code": error.code, "request_id": error.request_id}
        described["retry_after"] = error.retry_after
    return described


@contextmanager
def reporting(*, as_json: bool = False, sends: bool = True) -> Iterator[None]:
    """Turns what goes wrong inside into one readable line and the exit code for it.

    sends: whether the command could have sent anything.
    """
    try:
        yield
    except NanoBananaError as error:
        if as_json:
            emit({"error": describe_error(error)})
        say(f"nanobanana: {told(error, sends=sends)}")
        fail(WRONG_USAGE if isinstance(error, InvalidRequestError | ConfigurationError) else FAILED)
    except KeyboardInterrupt:
        say("nanobanana: interrupted" + ("; a call under way may be billed all the same" if sends else ""))
        fail(INTERRUPTED)
    except BrokenPipeError:  # whoever read our output has gone
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        fail(FAILED)
    except OSError as error:
        where = f": {error.filename}" if isinstance(error.filename, str) else ""
        say(f"nanobanana: {(error.strerror or str(error)).lower()}{where}")
        fail(FAILED)


def fail(code: int) -> NoReturn:
    """Ends the program."""
    raise typer.Exit(code)


def read_key(file: str | None) -> str | None:
    """The key from a file; None where the environment is to be asked.

    Raises: ConfigurationError where the file cannot be read. What was given is not repeated: it may be the key itself.
    """
    if file is None:
        return None
    if file.startswith("sk-") and not Path(file).exists():
        problem = "it is given a key, not a file"
        advice = "Put the key into a file or into INFINITYBLUE_API_KEY; on a command line others can read it"
        raise ConfigurationError(f"--api-key-file takes the path of a file: {problem}", advice=advice)
    try:
        return Path(file).read_text("utf-8-sig").strip()
    except (OSError, ValueError) as error:
        reason = (error.strerror or "").lower() if isinstance(error, OSError) else "it is not text"
    raise ConfigurationError(f"the file named by --api-key-file cannot be read: {reason}")


@contextmanager
def connected(*, sandbox: bool, base_url: str | None, key_file: str | None, timeout: float) -> Iterator[NanoBanana]:
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
    if not is_terminal(sys.stderr):
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(what, total=None)
        yield
