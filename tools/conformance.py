"""Holds the Python library, sync and async, and each mirror to the vectors, or to the cases of a folder given."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ADAPTER = str(ROOT / "conformance" / "adapters" / "python.py")


def main() -> int:
    cases = ["--cases", str(Path(sys.argv[1]).resolve())] if len(sys.argv) > 1 else []
    programs = [([sys.executable, ADAPTER], ROOT), ([sys.executable, ADAPTER, "--async"], ROOT)]
    for description in sorted(ROOT.glob("mirrors/*/conformance.json")):
        programs.append((json.loads(description.read_text("utf-8"))["command"], description.parent))
    codes = [
        subprocess.run(
            [sys.executable, "-m", "conformance", *cases, "--folder", str(folder), "--", *command], cwd=ROOT
        ).returncode
        for command, folder in programs
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
