"""`nanobanana generate`: a picture, or a few, from words and reference pictures."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer
from attrs import frozen

from ..client import NanoBanana
from ..errors import DownloadError, InvalidRequestError, SaveError
from ..pictures.generation import Generation
from ..pictures.header import dimensions
from ..pictures.image import GeneratedImage, SuffixWarning
from ..pictures.remote import RemoteImage
from ..pictures.rescue import rescue
from ..pictures.saving import check_target, name_from
from ..request import WIRE_NAMES, ImageRequest
from ..vocabulary import ASPECT_RATIOS, IMAGE_SIZES, MODELS
from .console import (
    FAILED,
    AsJson,
    BaseUrl,
    ExtraBody,
    KeyFile,
    OnSandbox,
    connected,
    emit,
    fail,
    is_terminal,
    reporting,
    say,
    tell_path,
    waiting,
)
from .words import in_options, told

_DEFAULTS: Any = attrs.fields(ImageRequest)


def listed(values: tuple[str, ...]) -> str:
    """The values of an option, for its help."""
    return f"[{'|'.join(values)}]"


ModelName = Annotated[str, typer.Option("-m", "--model", metavar=listed(MODELS))]
AspectRatioName = Annotated[
    str | None,
    typer.Option(
        "--aspect-ratio", metavar=listed(ASPECT_RATIOS), help="By default that of the first reference, or 1:1."
    ),
]
ImageSizeName = Annotated[str, typer.Option("--size", metavar=listed(IMAGE_SIZES))]
WireOption = Annotated[
    str | None,
    typer.Option("--wire", metavar=listed(WIRE_NAMES), help="The endpoint's format; by default the model decides."),
]


def generate(
    prompt: Annotated[str, typer.Argument(help="What to draw, in words; - reads them from stdin.")],
    reference: Annotated[
        list[str] | None, typer.Option("-r", "--reference", metavar="FILE", help="A picture to look at; repeatable.")
    ] = None,
    model: ModelName = _DEFAULTS.model.default,
    aspect_ratio: AspectRatioName = None,
    size: ImageSizeName = _DEFAULTS.image_size.default,
    thoughts: Annotated[bool, typer.Option("--thoughts", help="Show the model's reasoning; keep its drafts.")] = False,
    wire: WireOption = None,
    extra_body: ExtraBody = None,
    number: Annotated[
        int, typer.Option("-n", "--number", min=1, max=100, help="How many pictures; each is a call.")
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
    sandbox: OnSandbox = False,
    as_json: AsJson = False,
    timeout: Annotated[float, typer.Option(help="Seconds for the call, repeats included.")] = 600.0,
    base_url: BaseUrl = None,
    api_key_file: KeyFile = None,
) -> None:
    """Make a picture, and print the path of its file."""
    with reporting(as_json=as_json):
        options: dict[str, Any] = {"model": model, "aspect_ratio": aspect_ratio, "image_size": size, "wire": wire}
        request = ImageRequest(
            _words(prompt),
            references=reference or (),
            include_thoughts=thoughts,
            extra_body=as_object(extra_body),
            **options,
        )
        place = _Place.of(output, request.prompt, as_json=as_json, number=number, metadata=metadata, drafts=thoughts)
        with connected(sandbox=sandbox, base_url=base_url, key_file=api_key_file, timeout=timeout) as client:
            for count in range(1, number + 1):
                of = f" ({count} of {number})" if number > 1 else ""
                _make(client, request, place, f"{request.model} draws{of}", as_json=as_json, thoughts=thoughts)


def _words(prompt: str) -> str:
    """The prompt; from stdin where it is a hyphen."""
    if prompt != "-":
        return prompt
    if is_terminal(sys.stdin):
        say("nanobanana: type the prompt, then end it with Ctrl-D")
    raw = sys.stdin.buffer.read() if hasattr(sys.stdin, "buffer") else sys.stdin.read().encode()
    try:
        return raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        problem = "the prompt on stdin is not in UTF-8"
    raise InvalidRequestError(problem, param="prompt")


def as_object(text: str | None) -> dict[str, Any] | None:
    """The JSON object that an option holds. Raises: InvalidRequestError where it is none."""
    if text is None:
        return None
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        problem = f"it is no JSON: {error}"
    else:
        if isinstance(read, dict):
            return read
        problem = "it is no JSON object"
    raise InvalidRequestError(f"--extra-body cannot be used: {problem}", param="extra_body")


@frozen
class _Place:
    """Where pictures go."""

    target: Path | None
    """None for the bytes on stdout."""
    overwrites: bool
    metadata: bool
    drafts: bool

    @classmethod
    def of(cls, output: str | None, prompt: str, *, as_json: bool, number: int, metadata: bool, drafts: bool) -> _Place:
        """The place that was asked for. A file that is there is replaced only where it was named, and once.

        Where nothing can be written there, the program ends, so that nothing is paid for in vain.
        """
        if output == "-":
            problem = ""
            if is_terminal(sys.stdout) or sys.stdout.isatty():
                problem = "the bytes of a picture would go to a terminal"
            elif as_json or number > 1:
                problem = "stdout takes one picture, and nothing beside it: leave --json and -n away"
            if problem:
                raise InvalidRequestError(f"-o - cannot be done: {problem}", param="save_to")
            return cls(None, overwrites=False, metadata=metadata, drafts=False)
        path = Path(output or ".")
        is_folder = output is None or path.is_dir() or output.endswith("/")
        target = path / name_from(prompt) if is_folder else path
        try:
            check_target(target)
        except InvalidRequestError as error:  # the machine says no, not the usage
            say(f"nanobanana: {told(error)}")
            fail(FAILED)
        return cls(target, overwrites=not is_folder and number == 1, metadata=metadata, drafts=drafts)


def _make(
    client: NanoBanana, request: ImageRequest, place: _Place, doing: str, *, as_json: bool, thoughts: bool
) -> None:
    begun = time.monotonic()
    with waiting(doing):
        generation, paths = client._made(client._call(request), then=lambda made: (made, _save_all(made, place)))
    seconds = time.monotonic() - begun
    if not paths:  # on stdout
        say(f"{generation.model}: {_counted(generation)}, {seconds:.1f} s")
        return
    report = _report(generation, paths[0], paths[1:], seconds)
    if as_json:
        emit(report)
    else:
        tell_path(paths[0])
    if thoughts and generation.thoughts:
        say(f"thoughts: {generation.thoughts}")
    if generation.text:
        say(generation.text)
    for other in paths[1:]:
        say(f"also saved: {other}")
    shape = f"{report['mime_type']}, {report['width']}x{report['height']}, {report['bytes']} bytes"
    say(f"{generation.model}: {shape}, {_counted(generation)}, {seconds:.1f} s")


def _counted(generation: Generation) -> str:
    tokens = generation.usage.total_tokens
    return f"{'unknown' if tokens is None else tokens} tokens"


def _save_all(generation: Generation, place: _Place) -> list[Path]:
    """Saves the final picture to its place and the others beside it; returns their paths.

    Pictures that the answer only names are fetched, as a file is what was asked for; those that cannot be had do not
    keep the others from being saved.
    """
    wanted = [("", generation.image)] + [("also", image) for image in generation.images[:-1]]
    wanted += [("draft", image) for image in (generation.drafts if place.drafts else ())]
    paths: list[Path] = []
    failure: DownloadError | None = None
    for number, (kind, image) in enumerate(wanted):
        if isinstance(image, RemoteImage):
            say(f"the picture lies at {image.url}; fetching it from there, without the key")
            try:
                image = image.download()
            except DownloadError as error:
                failure = error
                say(f"nanobanana: {error.message}")
                continue
        if place.target is None:
            if not kind:
                _to_stdout(image)
            continue
        name = place.target if not kind else (paths[0] if paths else place.target)
        if kind:
            name = name.with_name(f"{name.stem}-{kind}-{number}{image.extension}")
        paths.append(_save(image, name, place))
    if failure is not None:
        for path in paths:
            say(f"also saved: {path}")
        failure.billed = "probably"
        raise failure
    return paths


def _save(image: GeneratedImage, target: Path, place: _Place) -> Path:
    """Saves a picture that has been paid for: where it was to go or, if that fails, where it can be found."""
    metadata = place.metadata
    while True:
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", SuffixWarning)
                path = image.save(target, overwrite=place.overwrites, metadata=metadata)
        except SaveError as error:
            _keep(image, target, error)
        except ValueError as error:  # there is no place for metadata in such a file
            say(f"nanobanana: saved without metadata: {error}")
            metadata = False
        else:
            break
    for warning in caught:
        say(f"nanobanana: {in_options(str(warning.message))}")
    return path


def _keep(image: GeneratedImage, target: Path, error: SaveError) -> None:
    """Puts a picture that could not be saved anywhere it can be: another folder, stdout where a program reads it, or
    wherever somebody at the terminal says. Ends the program."""
    path = rescue(image, target)
    if path is not None:
        say(f"nanobanana: {error.message}; the picture is safe in {path}")
        tell_path(path)
    elif not sys.stdout.isatty():
        say(f"nanobanana: {error.message}, nor anywhere else; its bytes go to stdout")
        _to_stdout(image)
    else:
        say(f"nanobanana: {error.message}, nor anywhere else. It is still in memory")
        while sys.stdin.isatty():
            answer = typer.prompt("Make room, or name another file", default=str(target), err=True)
            with contextlib.suppress(SaveError):
                tell_path(image.save(answer))
                break
    fail(FAILED)


def _to_stdout(image: GeneratedImage) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(image.data)
    sys.stdout.buffer.flush()


def _report(generation: Generation, path: Path, others: list[Path], seconds: float) -> dict[str, Any]:
    data = path.read_bytes()
    shape = dimensions(data) or (None, None)
    return {
        "path": str(path),
        "other_paths": [str(other) for other in others],
        "mime_type": GeneratedImage(data).mime_type,
        "width": shape[0],
        "height": shape[1],
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "model": generation.model,
        "text": generation.text,
        "thoughts": generation.thoughts,
        "finish_reason": generation.finish_reason,
        "request_id": generation.request_id,
        "usage": attrs.asdict(generation.usage),
        "metadata": generation.metadata,
        "seconds": round(seconds, 3),
    }
