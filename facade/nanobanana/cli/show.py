"""`nanobanana show` and `nanobanana models`: what a file says, and what the contract lists. Neither sends anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import attrs
import typer

from ..errors import ConfigurationError
from ..pictures.header import dimensions
from ..pictures.image import GeneratedImage
from ..pictures.provenance import extract
from ..vocabulary import ASPECT_RATIOS, CHAT_MODELS, IMAGE_SIZES, MODELS, NATIVE_MODELS, pixels
from .console import FAILED, AsJson, emit, fail, reporting, say
from .words import printable


def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A picture.")],
    as_json: AsJson = False,
) -> None:
    """Tell how a picture was made, as far as its file says (save it with --metadata)."""
    with reporting(as_json=as_json, sends=False):
        try:
            data = file.read_bytes()
            record = extract(file)
        except ImportError as error:
            raise ConfigurationError(
                f"reading it needs Pillow: {error}", advice="pip install 'infinityblue-nanobanana[pillow]'"
            ) from None
        except OSError as error:
            reason = (error.strerror or "it is no picture that can be read").lower()
            say(f"nanobanana: {file} cannot be read: {reason}")
            fail(FAILED)
        width, height = dimensions(data) or (None, None)
        about = {"mime_type": GeneratedImage(data).mime_type, "width": width, "height": height}
        told = {} if record is None else attrs.asdict(record)
        if as_json:
            emit(about | told)
        else:
            typer.echo("{mime_type}, {width}x{height}".format(**about))
            for name, value in told.items():
                typer.echo(printable(f"{name.replace('_', ' ')}: {value}"))
        if not told:
            say("nanobanana: the file does not say how it was made")
            fail(FAILED)


def models(
    as_json: AsJson = False,
) -> None:
    """List the models, aspect ratios and sizes."""
    formats = {
        model: [name for name, listed in (("native", NATIVE_MODELS), ("chat", CHAT_MODELS)) if model in listed]
        for model in MODELS
    }
    shapes = {ratio: {size: _shape(ratio, size) for size in IMAGE_SIZES} for ratio in ASPECT_RATIOS}
    if as_json:
        emit({"models": formats, "pixels": shapes})
        return
    for model, names in formats.items():
        typer.echo(f"{model:<18}{' and '.join(names)} format")
    wide = max(map(len, ("ratio", *ASPECT_RATIOS)))
    typer.echo(f"\n{'ratio':<{wide}}" + "".join(f"{size:>12}" for size in IMAGE_SIZES))
    for ratio, sizes in shapes.items():
        typer.echo(f"{ratio:<{wide}}" + "".join(f"{shape or '-':>12}" for shape in sizes.values()))


def _shape(ratio: str, size: str) -> str | None:
    found = pixels(ratio, size)
    return None if found is None else "x".join(map(str, found))
