"""`nanobanana show` and `nanobanana models`: what a file says, and what the contract lists. Neither sends anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import attrs
import typer

from ..errors import InvalidRequestError
from ..pictures.header import sniff
from ..pictures.image import GeneratedImage
from ..pictures.provenance import extract
from ..pictures.saving import reason
from ..vocabulary import ASPECT_RATIOS, CHAT_MODELS, IMAGE_SIZES, MODELS, NATIVE_MODELS, pixels
from . import options
from .console import emit, give_up, reporting
from .words import described, printable


def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A picture.")],
    as_json: options.AsJson = False,
) -> None:
    """Tell how a picture was made. Its file says so where it was made with --metadata."""
    with reporting(as_json=as_json, sends=False):
        try:
            image = GeneratedImage(file.read_bytes())
        except OSError as error:
            raise InvalidRequestError(f"{file} cannot be read: {reason(error).lower()}", param="file") from None
        if sniff(image.content) is None:
            raise InvalidRequestError(f"{file} is no picture that can be read", param="file")
        record = extract(image.content)
        told = {} if record is None else attrs.asdict(record)
        if as_json:
            known = image.to_dict()
            emit({"mime_type": image.mime_type, "width": known["width"], "height": known["height"], **told})
        else:
            typer.echo(described(image))
            for name, value in told.items():
                typer.echo(printable(f"{name.replace('_', ' ')}: {value}"))
        if not told:
            give_up("the file does not say how it was made")


def models(
    as_json: options.AsJson = False,
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
