"""Holds openapi.yaml against Redocly's recommended rules, with no warning let through.

Redocly's linter is an npm package; tools/node.py says where Node comes from. If they cannot be had, that is said and
skipped, except in CI, where it fails.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from node import install, programs, run

ROOT = Path(__file__).resolve().parent.parent
REDOCLY = "@redocly/cli@2.77.0"
FOLDER = ROOT / ".cache" / "redocly"
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def linter() -> list[str | Path]:
    stamp = FOLDER / "installed"
    node, npm = programs()
    if not stamp.exists() or stamp.read_text() != REDOCLY:
        FOLDER.mkdir(parents=True, exist_ok=True)
        install(npm, FOLDER, REDOCLY)
        stamp.write_text(REDOCLY)
    return [node, FOLDER / "node_modules" / "@redocly" / "cli" / "bin" / "cli.js"]


def main() -> int:
    try:
        command = linter()
    except OSError as error:
        print(f"redocly: NOT RUN, {error}")
        return 1 if os.environ.get("CI") else 0
    arguments = ("lint", "--extends=recommended", "--max-problems=1000", "--format=json", "openapi.yaml")
    result = run(*command, *arguments, folder=ROOT, environment=QUIET)
    clean = result.returncode == 0 and '"warnings": 0' in result.stdout and '"errors": 0' in result.stdout
    print("redocly: clean" if clean else result.stdout + result.stderr)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
