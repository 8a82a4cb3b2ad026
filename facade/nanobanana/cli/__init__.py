"""The command line: `nanobanana ...`. Needs the extra `cli`: pip install 'nanobanana[cli]'"""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line. Exit codes: 0 done; 1 the endpoint or the network said no; 2 wrong usage."""
    try:
        from .app import app
    except ImportError as error:
        print(f"nanobanana: {error}; pip install 'nanobanana[cli]' brings what is missing", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    app(prog_name="nanobanana")
