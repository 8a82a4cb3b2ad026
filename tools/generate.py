"""Writes generated/ from openapi.yaml, or with --check says whether it is exactly what that would write.

The client is made in a temporary folder first, so that a failed run changes nothing, and the folder
is then replaced whole, so that no file of an earlier contract stays behind.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = ROOT / "openapi.yaml"
GENERATED = ROOT / "generated"
PACKAGE = "nanobanana_api"
NOTE = f"""\
# Generated: do not edit

Everything in this folder is written from `openapi.yaml` by

    make generate

and `make check-generated`, which is part of `make test`, fails when it is not. To change something
here, change `openapi.yaml`. `{PACKAGE}/openapi.yaml` is a copy of that file, so that the
installed package carries its own contract.
"""


def unquoted() -> list[str]:
    """Values in lists of strings that some YAML parsers take for something else: 21:9 for 1269, on for true."""
    schemas = yaml.safe_load(CONTRACT.read_text("utf-8"))["components"]["schemas"]
    return [
        f"{name} lists {value!r}, which is no string for every YAML parser; write it in quotes"
        for name, schema in schemas.items()
        if schema.get("type") == "string"
        for value in schema.get("enum", ())
        if not isinstance(value, str)
    ]


def write_tree(root: Path) -> None:
    """Writes the whole of generated/ into `root`."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    package = root / PACKAGE
    subprocess.run(
        ["openapi-python-client", "generate", "--path", CONTRACT, "--config", ROOT / "tools/generator.yaml",
         "--custom-template-path", ROOT / "tools/templates", "--meta", "none", "--output-path", package,
         "--fail-on-warning"],
        check=True, env=environment, cwd=root, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    (package / "py.typed").touch()
    shutil.copyfile(CONTRACT, package / "openapi.yaml")
    (root / "README.md").write_text(NOTE)


def files(root: Path) -> dict[str, bytes]:
    """Every file under `root` by its relative name; only Python's own caches are left out."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on any difference")
    check = parser.parse_args().check
    if problems := unquoted():
        print(*problems, sep="\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "generated"
        fresh.mkdir()
        write_tree(fresh)
        wanted, found = files(fresh), files(GENERATED)
        if check:
            different = sorted(
                f"  {'missing' if name not in found else 'stale' if name not in wanted else 'differs'}: {name}"
                for name in wanted.keys() | found.keys()
                if wanted.get(name) != found.get(name)
            )
            if different:
                print("generated/ is not what openapi.yaml gives; run 'make generate':", *different, sep="\n")
            else:
                print(f"generated/ is current ({len(wanted)} files)")
            return bool(different)
        if wanted != found:
            if GENERATED.exists():
                shutil.rmtree(GENERATED)
            shutil.copytree(fresh, GENERATED)
    print(f"generated/ written ({len(wanted)} files)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
