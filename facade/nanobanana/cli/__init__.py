"""The command line: `nanobanana ...`. Needs the extra `cli`: pip install 'infinityblue-nanobanana[cli]'"""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line. `nanobanana --help` lists its exit codes."""
    try:
        from .app import app
        from .console import drop_stdout, ready_streams, warn
    except ImportError as error:
        wanted = "pip install 'infinityblue-nanobanana[cli]' brings what is missing"
        print(f"nanobanana: {error}; {wanted}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    ready_streams()
    try:
        app(prog_name="nanobanana")
    except OSError as error:  # such as a full disk under stdout
        drop_stdout()
        warn((error.strerror or str(error)).lower())
        sys.exit(1)
