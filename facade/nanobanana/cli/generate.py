"""`nanobanana generate`: a picture, or a few, from words and reference pictures."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import time
import warnings
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import attrs
import typer

from ..errors import DownloadError, InvalidRequestError, SaveError
from ..pictures.generation import Generation
from ..pictures.image import GeneratedImage, SuffixWarning
from ..pictures.remote import RemoteImage
from ..pictures.rescue import rescue
from ..pictures.saving import check_target, name_from, reason
from ..request import ImageRequest
from . import options
from .console import (
    FAILED,
    connected,
    drop_stdout,
    emit,
    give_up,
    is_terminal,
    reporting,
    say,
    tell_path,
    waiting,
    warn,
)
from .words import described, in_options, told

_DEFAULTS: Any = attrs.fields(ImageRequest)
_NOT_REPORTED = {"images", "drafts", "headers"}


def generate(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to draw, in words; - reads them from stdin.")],
    reference: Annotated[
        list[str] | None, typer.Option("-r", "--reference", metavar="FILE", help="A picture to look at; repeatable.")
    ] = None,
    model: options.Model = _DEFAULTS.model.default,
    aspect_ratio: options.AspectRatio = None,
    size: options.Size = _DEFAULTS.image_size.default,
    thoughts: Annotated[bool, typer.Option("--thoughts", help="Show the model's reasoning; keep its drafts.")] = False,
    wire: options.Wire = None,
    extra_body: options.ExtraBody = None,
    number: Annotated[
        int, typer.Option("-n", "--number", metavar="N", min=1, max=100, help="How many pictures; each is a call.")
    ] = 1,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="A file or folder, or - for the bytes on stdout; by default a new file here, named by the prompt.",
        ),
    ] = None,
    metadata: Annotated[
        bool, typer.Option("--metadata", help="Keep prompt, model and request id inside the file.")
    ] = False,
    sandbox: options.Sandbox = False,
    as_json: options.AsJson = False,
    timeout: options.Timeout = 600.0,
    base_url: options.BaseUrl = None,
    api_key_file: options.KeyFile = None,
) -> None:
    """Make a picture, and print the path of its file."""
    with reporting(as_json=as_json):
        asked: dict[str, Any] = {"model": model, "aspect_ratio": aspect_ratio, "image_size": size, "wire": wire}
        request = ImageRequest(
            _words(prompt),
            references=reference or (),
            include_thoughts=thoughts,
            extra_body=options.as_object(extra_body),
            **asked,
        )
        target, is_named = _target(output, request.prompt, is_alone=number == 1 and not as_json)
        save = partial(
            _save_all, target=target, overwrite=is_named and number == 1, metadata=metadata, with_drafts=thoughts
        )
        with connected(sandbox=sandbox, base_url=base_url, key_file=api_key_file, timeout=timeout) as client:
            for count in range(1, number + 1):
                begun = time.monotonic()
                with waiting(f"{request.model} draws" + (f" ({count} of {number})" if number > 1 else "")):
                    generation, paths = client._made(client._call(request), then=lambda made: (made, save(made)))
                _tell(generation, paths, time.monotonic() - begun, as_json=as_json, thoughts=thoughts)


def _words(prompt: str) -> str:
    """The prompt; from stdin where it is a hyphen."""
    if prompt != "-":
        return prompt
    if is_terminal(sys.stdin):
        warn("type the prompt, then end it with Ctrl-D")
    try:
        return typer.get_binary_stream("stdin").read().decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise InvalidRequestError("the prompt on stdin is not in UTF-8", param="prompt") from None


def _target(output: str | None, prompt: str, *, is_alone: bool) -> tuple[Path | None, bool]:
    """Where pictures go, None for their bytes on stdout; and whether that file was named, so that one that is there is
    replaced.

    is_alone: whether one picture is all that goes to stdout. Where nothing can be written there, the program ends, so
    that nothing is paid for in vain.
    """
    if output == "-":
        problem = "" if is_alone else "stdout takes one picture, and nothing beside it: leave --json and -n away"
        if sys.stdout.isatty():
            problem = "the bytes of a picture would go to a terminal"
        if problem:
            raise InvalidRequestError(f"-o - cannot be done: {problem}", param="save_to")
        return None, False
    path = Path(output or ".")
    try:
        check_target(output or path)
    except InvalidRequestError as error:  # the machine says no, not the usage
        give_up(told(error))
    is_folder = path.is_dir()
    return (path / name_from(prompt) if is_folder else path), not is_folder


def _tell(generation: Generation, paths: list[Path], seconds: float, *, as_json: bool, thoughts: bool) -> None:
    tokens = generation.usage.total_tokens
    used = f"{'unknown' if tokens is None else tokens} tokens, {seconds:.1f} s"
    if not paths:  # on stdout
        say(f"{generation.model}: {used}")
        return
    image = GeneratedImage(paths[0].read_bytes(), path=paths[0])
    if as_json:
        file = {"path": "", "other_paths": list(map(str, paths[1:])), **image.to_dict(), "mime_type": image.mime_type}
        rest = {name: value for name, value in generation.to_dict().items() if name not in _NOT_REPORTED}
        digest = hashlib.sha256(image.data).hexdigest()
        emit({**file, "sha256": digest, **rest, "seconds": round(seconds, 3)})
    else:
        tell_path(paths[0])
    if thoughts and generation.thoughts:
        say(f"thoughts: {generation.thoughts}")
    if generation.text:
        say(generation.text)
    for other in paths[1:]:
        say(f"also saved: {other}")
    say(f"{generation.model}: {described(image)}, {len(image.data)} bytes, {used}")


def _save_all(
    generation: Generation, *, target: Path | None, overwrite: bool, metadata: bool, with_drafts: bool
) -> list[Path]:
    """Saves the final picture to its place and the others beside it; returns their paths.

    Pictures that the answer only names are fetched, as a file is what was asked for; those that cannot be had do not
    keep the others from being saved.
    """
    wanted = [("", generation.image)]
    if target is not None:
        wanted += [("also", image) for image in generation.images[:-1]]
        wanted += [("draft", image) for image in (generation.drafts if with_drafts else ())]
    paths: list[Path] = []
    failure: DownloadError | None = None
    for number, (kind, image) in enumerate(wanted):
        if isinstance(image, RemoteImage):
            say(f"the picture lies at {image.url}; fetching it from there, without the key")
            try:
                image = image.download()
            except DownloadError as error:
                failure = error
                warn(error.message)
                continue
        if target is None:
            _write_out(image)
            continue
        name = paths[0] if kind and paths else target
        if kind:
            name = name.with_name(f"{name.stem}-{kind}-{number}{image.extension}")
        paths.append(_save(image, name, overwrite=overwrite, metadata=metadata))
    if failure is not None:
        for path in paths:
            say(f"also saved: {path}")
        failure.billed = "probably"
        raise failure
    return paths


def _write_out(image: GeneratedImage) -> None:
    """The bytes of a picture on stdout. Where nobody takes them all, it is kept in a file, as it has been paid for."""
    try:
        typer.echo(image.data, nl=False)
    except OSError as error:
        drop_stdout()
        path = rescue(image)
        place = f"it is safe in {path}" if path else "nor can it be kept anywhere else"
        give_up(f"the picture cannot be written to stdout: {reason(error).lower()}; {place}")


def _save(image: GeneratedImage, target: Path, *, overwrite: bool, metadata: bool) -> Path:
    """Saves a picture that has been paid for: where it was to go or, if that fails, where it can be found."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", SuffixWarning)
            path = image.save(target, overwrite=overwrite, metadata=metadata)
    except SaveError as error:
        _keep(image, target, error)
    except ValueError as error:  # there is no place for metadata in such a file
        warn(f"saved without metadata: {error}")
        return _save(image, target, overwrite=overwrite, metadata=False)
    for warning in caught:
        warn(in_options(str(warning.message)))
    return path


def _keep(image: GeneratedImage, target: Path, error: SaveError) -> NoReturn:
    """Puts a picture that could not be saved anywhere it can be: another folder, of which the error then tells; stdout
    where a program reads it, or wherever somebody at the terminal says. Ends the program."""
    path = rescue(image, target)
    if path is not None:
        error.message, error.advice = f"{error.message}; the picture is safe in {path}", ""
        error.image = attrs.evolve(image, path=path)
        raise error
    if not sys.stdout.isatty():
        warn(f"{error.message}, nor anywhere else; its bytes go to stdout")
        typer.echo(image.data, nl=False)
        raise typer.Exit(FAILED)
    warn(f"{error.message}, nor anywhere else. It is still in memory")
    while sys.stdin.isatty():
        answer = typer.prompt("Make room, or name another file", default=str(target), err=True)
        with contextlib.suppress(SaveError):
            tell_path(image.save(answer))
            break
    raise typer.Exit(FAILED)
