"""Console: what the commands share in speaking to people and to machines."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import typer

from ..client import NanoBanana
from ..errors import APIStatusError, ConfigurationError, InvalidRequestError, NanoBananaError, SaveError
from ..pictures.image import GeneratedImage
from ..pictures.rescue import rescue
from ..pictures.saving import reason
from .words import printable, told

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130


def ready_streams() -> None:
    """Lets stdout and stderr take any character: one they cannot spell is escaped. A name of a file that is no text
    goes out as the bytes it is, where the encoding allows it."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):  # a stream that somebody has put there
            is_utf8 = (stream.encoding or "").lower().replace("-", "") == "utf8"
            stream.reconfigure(errors="surrogateescape" if is_utf8 else "backslashreplace")  # type: ignore[union-attr]


@cache
def terminal() -> Any:
    """The terminal behind stderr, for what moves on it and what is printed meanwhile."""
    from rich.console import Console

    return Console(stderr=True)


def say(message: str) -> None:
    """Words for people, on stderr. On a terminal no word is cut at its edge."""
    text = printable(message)
    if not is_terminal(sys.stderr):
        typer.echo(text, err=True)
        return
    wrap = textwrap.TextWrapper(terminal().width, break_long_words=False, break_on_hyphens=False)
    text = "\n".join(map(wrap.fill, text.splitlines()))
    terminal().print(text, soft_wrap=True, markup=False, highlight=False, emoji=False)


def warn(message: str) -> None:
    """Words for people on what goes wrong, or otherwise than asked."""
    say(f"nanobanana: {message}")


def give_up(message: str, code: int = FAILED) -> NoReturn:
    """Says why, and ends the program."""
    warn(message)
    raise typer.Exit(code)


def drop_stdout() -> None:
    """Sends what is left for stdout, which takes nothing more, to nowhere: Python would try again at its end."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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

    sends: whether the command could have sent anything, had it come so far.
    """
    try:
        yield
    except NanoBananaError as error:
        is_usage = isinstance(error, InvalidRequestError | ConfigurationError)
        words, described, content = told(error, sends=sends), describe_error(error), getattr(error, "content", b"")
        if content and (kept := rescue(GeneratedImage(content))):  # it may hold what was paid for
            words = f"{words} The answer, as far as it came, is in {kept}."
            described["answer"] = str(kept)
        saved = error.image.path if isinstance(error, SaveError) and isinstance(error.image, GeneratedImage) else None
        if as_json:
            emit({"error": described | ({} if saved is None else {"path": str(saved)})})
        elif saved is not None:
            tell_path(saved)
        give_up(words, WRONG_USAGE if is_usage else FAILED)
    except KeyboardInterrupt:
        give_up("interrupted; nothing was sent" if sends else "interrupted", INTERRUPTED)
    except BrokenPipeError:  # whoever read our output has gone, and typer ends quietly
        raise
    except OSError as error:
        where = f": {error.filename}" if isinstance(error.filename, str) else ""
        give_up(f"{reason(error).lower()}{where}")


def read_key(file: str | None) -> str | None:
    """The key from a file; None where the environment is to be asked.

    Raises: ConfigurationError where the file cannot be read. What was given is not repeated: it may be the key itself.
    """
    if file is None:
        return None
    try:
        return Path(file).read_text("utf-8-sig").strip()
    except (OSError, ValueError) as error:
        problem = reason(error).lower() if isinstance(error, OSError) else "it is not text"
    if not file.startswith("sk-"):
        raise ConfigurationError(f"the file named by --api-key-file cannot be read: {problem}")
    advice = "Put the key into a file or into INFINITYBLUE_API_KEY; on a command line others can read it"
    raise ConfigurationError("--api-key-file takes the path of a file: it is given a key, not a file", advice=advice)


@contextmanager
def connected(*, sandbox: bool, base_url: str | None, key_file: str | None, timeout: float) -> Iterator[NanoBanana]:
    """A client, on a sandbox of its own where one is asked for."""
    if sandbox and base_url:
        raise ConfigurationError("--sandbox and --base-url exclude each other")
    with ExitStack() as stack:
        if sandbox:
            with needing_sandbox():
                from nanobanana_sandbox import serve
            base_url = stack.enter_context(serve())
        key = "sk-sandbox" if sandbox else read_key(key_file)
        client = stack.enter_context(NanoBanana(key, base_url=base_url, timeout=timeout))
        try:
            yield client
        except KeyboardInterrupt:
            give_up("interrupted; a call under way may be billed all the same", INTERRUPTED)


@contextmanager
def needing_sandbox() -> Iterator[None]:
    """Says what to install where the sandbox's own dependencies are missing."""
    try:
        yield
    except ImportError as error:
        advice = "pip install 'infinityblue-nanobanana[sandbox]'"
        raise ConfigurationError(f"the sandbox cannot start: {error}", advice=advice) from None


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Shows the time that goes by, where somebody is looking."""
    if not is_terminal(sys.stderr):
        yield
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    options: Any = {"transient": True, "redirect_stdout": False, "redirect_stderr": False}  # else none is a terminal
    with Progress(*columns, console=terminal(), **options) as progress:
        progress.add_task(what, total=None)
        yield
