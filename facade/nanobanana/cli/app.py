"""The commands."""

from __future__ import annotations

import hashlib
import sys
import time
import warnings
from pathlib import Path
from typing import Annotated, Any, NoReturn

import attrs
import typer
from typer.core import TyperCommand

from .. import __version__
from ..errors import ConfigurationError, DownloadError, SaveError
from ..pictures.generation import Generation
from ..pictures.header import dimensions
from ..pictures.image import GeneratedImage, SuffixWarning
from ..pictures.provenance import extract
from ..pictures.remote import RemoteImage
from ..pictures.rescue import rescue
from ..pictures.saving import check_writable, name_from
from ..request import ImageRequest
from ..vocabulary import ASPECT_RATIOS, CHAT_MODELS, IMAGE_SIZES, MODELS, NATIVE_MODELS, pixels
from .batch import batch, gallery
from .console import (
    FAILED,
    AsJson,
    BaseUrl,
    KeyFile,
    OnSandbox,
    connected,
    emit,
    fail,
    needing_sandbox,
    reporting,
    say,
    waiting,
)

app = typer.Typer(
    help="Make and edit pictures with the NanoBanana models. The key is read from INFINITYBLUE_API_KEY.",
    epilog="Exit codes: 0 done; 1 the endpoint or the network said no; 2 wrong usage.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.command()(batch)
app.command()(gallery)


_DEFAULTS: Any = attrs.fields(ImageRequest)


def _listed(values: tuple[str, ...]) -> str:
    return f"[{'|'.join(values)}]"


@app.command()
def generate(
    prompt: Annotated[str, typer.Argument(help="What to draw, in words.")],
    reference: Annotated[
        list[str] | None, typer.Option("-r", "--reference", metavar="FILE", help="A picture to look at; repeatable.")
    ] = None,
    model: Annotated[str, typer.Option("-m", "--model", metavar=_listed(MODELS))] = _DEFAULTS.model.default,
    aspect_ratio: Annotated[
        str | None,
        typer.Option(metavar=_listed(ASPECT_RATIOS), help="By default that of the first reference, or 1:1."),
    ] = None,
    size: Annotated[str, typer.Option("--size", metavar=_listed(IMAGE_SIZES))] = _DEFAULTS.image_size.default,
    thoughts: Annotated[bool, typer.Option("--thoughts", help="Show the model's reasoning; keep its drafts.")] = False,
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="PATH", help="A file or folder; by default a new file here, named by the prompt."
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
    """Make a picture, and print the path of the file."""
    with reporting(as_json=as_json):
        options: dict[str, Any] = {"model": model, "aspect_ratio": aspect_ratio, "image_size": size}
        request = ImageRequest(prompt, references=reference or (), include_thoughts=thoughts, **options)
        target, overwrite = _target(output, prompt)
        begun = time.monotonic()
        with connected(sandbox=sandbox, base_url=base_url, key_file=api_key_file, timeout=timeout) as client:
            with waiting(f"{request.model} draws"):
                generation = client.send(request)
            seconds = time.monotonic() - begun
        path, others = _save_all(generation, target, overwrite=overwrite, metadata=metadata, drafts=thoughts)
        report = _report(generation, path, others, seconds)
        if as_json:
            emit(report)
        else:
            typer.echo(str(path))
        _tell(generation, report, thoughts=thoughts)


def _target(output: str | None, prompt: str) -> tuple[Path, bool]:
    """Where to save, and whether a file that is already there may be replaced: only one that was named.

    Raises: OSError where nothing can be written there, so that nothing is paid for in vain.
    """
    path = Path(output or ".")
    is_folder = output is None or path.is_dir() or output.endswith("/")
    target = path / name_from(prompt) if is_folder else path
    check_writable(target)
    return target, not is_folder


def _save(image: GeneratedImage, target: Path, *, overwrite: bool, metadata: bool) -> Path:
    """Saves a picture that has been paid for: where it was to go or, if that fails, where it can be found."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", SuffixWarning)
            path = image.save(target, overwrite=overwrite, metadata=metadata)
    except ValueError as error:  # there is no place for metadata in such a file
        say(f"nanobanana: saved without metadata: {error}")
        return _save(image, target, overwrite=overwrite, metadata=False)
    except SaveError as error:
        safe = rescue(image, target)
        if safe is None:
            _hand_over(image, error.message)
        say(f"nanobanana: {error.message}; the picture is safe in {safe}")
        typer.echo(str(safe))
        fail(FAILED)
    for warning in caught:
        say(f"nanobanana: {warning.message}")
    return path


def _hand_over(image: GeneratedImage, problem: str) -> NoReturn:
    """Gives away a picture that no folder takes: its bytes to a pipe, or a person, who can make room, says where."""
    if sys.stdout.isatty() and sys.stdin.isatty():
        while True:
            place = typer.prompt(f"nanobanana: {problem}; no other folder takes it. Where else", err=True)
            try:
                typer.echo(str(image.save(place)))
            except SaveError as error:
                problem = error.message
            else:
                fail(FAILED)
    say(f"nanobanana: {problem}; no other folder takes it, so the picture itself follows on standard output")
    typer.get_binary_stream("stdout").write(image.data)
    fail(FAILED)


def _save_all(
    generation: Generation, target: Path, *, overwrite: bool, metadata: bool, drafts: bool
) -> tuple[Path, list[Path]]:
    """Saves the final picture to the target and the others beside it; returns its path, and theirs.

    Pictures that the answer only names are fetched, as a file is what was asked for; those that cannot be had do not
    keep the others from being saved.
    """
    wanted = [("", generation.image)] + [("also", image) for image in generation.images[:-1]]
    wanted += [("draft", image) for image in (generation.drafts if drafts else ())]
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
        name = target if not kind else (paths[0] if paths else target)
        if kind:
            name = name.with_name(f"{name.stem}-{kind}-{number}{image.extension}")
        paths.append(_save(image, name, overwrite=overwrite, metadata=metadata))
    if failure is not None:
        for path in paths:
            say(f"also saved: {path}")
        failure.billed = "probably"
        raise failure
    return paths[0], paths[1:]


def _report(generation: Generation, path: Path, others: list[Path], seconds: float) -> dict[str, Any]:
    data = path.read_bytes()
    image = GeneratedImage(data)
    shape = dimensions(data) or (None, None)
    return {
        "path": str(path),
        "other_paths": [str(other) for other in others],
        "mime_type": image.mime_type,
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


def _tell(generation: Generation, report: dict[str, Any], *, thoughts: bool) -> None:
    """What a person wants to know of the call, on stderr."""
    if thoughts and generation.thoughts:
        say(f"thoughts: {generation.thoughts}")
    if generation.text:
        say(generation.text)
    for other in report["other_paths"]:
        say(f"also saved: {other}")
    tokens = generation.usage.total_tokens
    say(
        f"{generation.model}: {report['mime_type']}, {report['width']}x{report['height']}, {report['bytes']} bytes, "
        f"{'unknown' if tokens is None else tokens} tokens, {report['seconds']:.1f} s"
    )


class _SandboxCommand(TyperCommand):
    """A command whose help lists the sandbox's scenarios, which are loaded only when the help is asked for."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        try:
            from nanobanana_sandbox.scenarios import MAGIC_KEYS, SCENARIOS
        except ImportError:
            return
        with formatter.section("Other answers: put [sandbox:NAME] into a prompt, or send the header X-Sandbox: NAME"):
            formatter.write_dl([(scenario.name, scenario.summary) for scenario in SCENARIOS.values()])
        with formatter.section("Keys: any that starts with sk- is good, but"):
            formatter.write_dl([(key, scenario.summary) for key, scenario in MAGIC_KEYS.items()])


@app.command(cls=_SandboxCommand)
def sandbox(
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)] = 8787,
) -> None:
    """Play the endpoint on this machine: real pictures, no key, no network."""

    def announce(url: str) -> None:
        typer.echo(url)
        say(f"Use it with: export INFINITYBLUE_BASE_URL={url} INFINITYBLUE_API_KEY=sk-sandbox  (Ctrl-C ends it)")

    with reporting(), needing_sandbox():
        from nanobanana_sandbox import run

        try:
            run(port, ready=announce)
        except OSError as error:
            say(f"nanobanana: port {port} cannot be used ({error.strerror}); --port 0 takes a free one")
            fail(FAILED)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A picture.")],
    as_json: AsJson = False,
) -> None:
    """Tell how a picture was made, as far as its file says (save it with --metadata)."""
    with reporting():
        try:
            record = extract(file)
        except ImportError as error:
            problem: Exception = error
        else:
            image = GeneratedImage(file.read_bytes())
            width, height = dimensions(image.data) or (None, None)
            about = {"mime_type": image.mime_type, "width": width, "height": height}
            told = {} if record is None else attrs.asdict(record)
            if as_json:
                emit(about | told)
            else:
                typer.echo("{mime_type}, {width}x{height}".format(**about))
                for name, value in told.items():
                    typer.echo(f"{name.replace('_', ' ')}: {value}")
            if not told:
                say("nanobanana: the file does not say how it was made")
                fail(FAILED)
            return
        raise ConfigurationError(
            f"reading it needs Pillow: {problem}", advice="pip install 'infinityblue-nanobanana[pillow]'"
        )


@app.command()
def models(
    as_json: AsJson = False,
) -> None:
    """List the models, aspect ratios and sizes."""
    formats = {
        model: [name for name, listed in (("native", NATIVE_MODELS), ("chat", CHAT_MODELS)) if model in listed]
        for model in MODELS
    }
    shapes = {ratio: {size: _shape(pixels(ratio, size)) for size in IMAGE_SIZES} for ratio in ASPECT_RATIOS}
    if as_json:
        emit({"models": formats, "pixels": shapes})
        return
    for model, names in formats.items():
        typer.echo(f"{model:<18}{' and '.join(names)} format")
    wide = max(map(len, ("ratio", *ASPECT_RATIOS)))
    typer.echo(f"\n{'ratio':<{wide}}" + "".join(f"{size:>12}" for size in IMAGE_SIZES))
    for ratio, sizes in shapes.items():
        typer.echo(f"{ratio:<{wide}}" + "".join(f"{shape or '-':>12}" for shape in sizes.values()))


def _shape(known: tuple[int, int] | None) -> str | None:
    return "x".join(map(str, known)) if known else None
