"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from .batch import batch, gallery
from .generate import generate
from .sandbox import SandboxCommand, sandbox
from .show import models, show

app = typer.Typer(
    help="Make and edit pictures with the NanoBanana models. The key is read from INFINITYBLUE_API_KEY.",
    epilog="Exit codes: 0 done; 1 not done, or not all of it, as the endpoint, the network or the disk said no; "
    "2 wrong usage, such as a file that is not there; 130 interrupted.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
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


for command in (generate, batch, gallery, show, models):
    app.command()(command)
app.command(cls=SandboxCommand)(sandbox)
