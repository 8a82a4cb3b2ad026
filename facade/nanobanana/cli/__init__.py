"""The command line: `nanobanana ...`. Needs the extra `cli`: pip install 'infinityblue-nanobanana[cli]'"""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line. Exit codes: 0 done; 1 the endpoint or the network said no; 2 wrong usage."""
    try:
        from .app import app
    except ImportError as error:
        advice = "pip install 'infinityblue-nanobanana[cli]' brings what is missing"
        sys.stderr.write(f"nanobanana: {error}; {advice}\n")
        sys.exit(2)
    app(prog_name="nanobanana")
