"""`nanobanana sandbox`: the endpoint on this machine."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from .console import give_up, needing_sandbox, reporting, say


class SandboxCommand(TyperCommand):
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


def sandbox(
    port: Annotated[
        int, typer.Option(metavar="N", help="The port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)
    ] = 8787,
    log: Annotated[
        str | None, typer.Option("--log", metavar="FILE", help="Add each request to a file, as a line of JSON.")
    ] = None,
) -> None:
    """Play the endpoint on this machine. Its pictures are real; it needs no key and no network."""

    def announce(url: str) -> None:
        typer.echo(url)
        say(f"Use it with:\n  export INFINITYBLUE_BASE_URL={url}\n  export INFINITYBLUE_API_KEY=sk-sandbox")
        say(f"A browser shows what comes in at {url}/ (Ctrl-C ends it)")

    with reporting(sends=False), needing_sandbox():
        from nanobanana_sandbox import run

        try:
            run(port, ready=announce, log=log)
        except OSError as error:
            if error.filename is not None:  # the log
                raise
            give_up(f"port {port} cannot be used ({error.strerror}); --port 0 takes a free one")
