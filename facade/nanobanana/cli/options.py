"""Options that several commands take, and what they are read into."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ..errors import InvalidRequestError
from ..request import WIRE_NAMES
from ..vocabulary import ASPECT_RATIOS, IMAGE_SIZES, MODELS


def _listed(name: str, values: tuple[str, ...], *more: str, help: str = "") -> Any:  # noqa: A002 - as typer has it
    return typer.Option(name, *more, metavar=f"[{'|'.join(values)}]", help=help)


Model = Annotated[str | None, _listed("-m", MODELS, "--model")]
AspectRatio = Annotated[
    str | None, _listed("--aspect-ratio", ASPECT_RATIOS, help="By default that of the first reference, or 1:1.")
]
Size = Annotated[str | None, _listed("--size", IMAGE_SIZES)]
Wire = Annotated[str | None, _listed("--wire", WIRE_NAMES, help="The endpoint's format; by default the model decides.")]
ExtraBody = Annotated[
    str | None,
    typer.Option(metavar="JSON", help="Fields of the request that have no option, merged into its JSON."),
]
Sandbox = Annotated[bool, typer.Option("--sandbox", help="Try it offline, on a sandbox that runs for this call.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
Timeout = Annotated[float, typer.Option(metavar="SECONDS", help="Seconds for each call, repeats included.")]
BaseUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="The endpoint, instead of INFINITYBLUE_BASE_URL or the gateway.")
]
KeyFile = Annotated[
    str | None, typer.Option(metavar="FILE", help="Read the key from a file instead of the environment.")
]


def as_object(text: str | None) -> dict[str, Any] | None:
    """The JSON object that --extra-body holds. Raises: InvalidRequestError where it is none."""
    if text is None:
        return None
    problem = "it is no JSON object"
    try:
        read = json.loads(text)
        if isinstance(read, dict):
            return read
    except (ValueError, RecursionError) as error:
        problem = f"it is no JSON: {error}"
    raise InvalidRequestError(f"--extra-body cannot be used: {problem}", param="extra_body")
