"""The mirror in TypeScript: its types from openapi.yaml, and everything that holds it to the contract and the cases.

    python tools/mirrors.py             # types current, compiles, its tests, every case; says how long it is
    python tools/mirrors.py --generate  # write the types
    python tools/mirrors.py --build     # compile, for the conformance runner

What it needs it sets up by itself: Node (tools/node.py), and the packages that mirrors/typescript/package.json pins. If
they cannot be had, that is said and skipped, except in CI, where it fails.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from node import install, programs, run

ROOT = Path(__file__).resolve().parent.parent
MIRROR = ROOT / "mirrors" / "typescript"
TYPES = MIRROR / "src" / "generated"
MODULES = MIRROR / "node_modules"
LONGEST, WIDEST = 1077, 120  # code lines written by hand, and characters of one


def set_up() -> Path:
    """Node, with the mirror's packages installed. Raises: OSError where they cannot be had."""
    node, npm = programs()
    wanted, stamp = (MIRROR / "package.json").read_text("utf-8"), MODULES / ".installed"
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        shutil.rmtree(MODULES, ignore_errors=True)
        install(npm, MIRROR)
        stamp.write_text(wanted, "utf-8")
    return node


def generate(node: Path, *, check: bool) -> bool:
    """Writes the types, or says whether they are what openapi.yaml gives."""
    with tempfile.TemporaryDirectory(dir=MIRROR / "src") as folder:
        generator = MODULES / "@hey-api" / "openapi-ts" / "bin" / "run.js"
        made = run(node, generator, folder=MIRROR, environment={"GENERATED": folder})
        fresh = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    if made.returncode or not fresh:
        print(made.stdout, made.stderr, sep="\n")
        return False
    found = {path.name: path.read_bytes() for path in TYPES.iterdir()} if TYPES.is_dir() else {}
    if check:
        is_current = fresh == found
        print(f"typescript: its types are {'current' if is_current else 'not what openapi.yaml gives: make generate'}")
        return is_current
    shutil.rmtree(TYPES, ignore_errors=True)
    TYPES.mkdir()
    for name, content in fresh.items():
        (TYPES / name).write_bytes(content)
    print("typescript: types written")
    return True


def build(node: Path) -> bool:
    """Checks the types and compiles."""
    shutil.rmtree(MIRROR / "dist", ignore_errors=True)
    compiled = run(node, MODULES / "typescript" / "bin" / "tsc", folder=MIRROR)
    print(compiled.stdout + compiled.stderr if compiled.returncode else "typescript: tsc is content")
    (MIRROR / "dist" / "node").symlink_to(node)  # for conformance.json, which cannot know where Node lies
    return compiled.returncode == 0


def code_lines() -> int:
    """Lines of the facade that are neither blank nor comment, nor generated."""
    texts = [re.sub(r"/\*\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL) for path in MIRROR.glob("src/*.ts")]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return sum(1 for line in lines if line and not line.startswith("//"))


def wide_lines() -> list[str]:
    """Where the lines are longer than the house allows."""
    return [
        f"{path.relative_to(ROOT)}:{number}: longer than {WIDEST} characters"
        for folder in ("src", "test", "conformance")
        for path in sorted((MIRROR / folder).glob("*.ts"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if len(line) > WIDEST
    ]


def test(node: Path) -> bool:
    """Runs the mirror's own tests beside the sandbox, and plays every case to it."""
    from nanobanana_sandbox import serve

    tests = sorted((MIRROR / "dist" / "test").glob("*.test.js"))
    with serve() as url:
        environment = {**os.environ, "SANDBOX": url, "EXAMPLES": str(ROOT / "examples"), "NO_COLOR": "1"}
        own = subprocess.run(
            [node, "--test", "--test-timeout=60000", *tests],
            cwd=MIRROR,
            env=environment,
            check=False,
            text=True,
            stdout=-1,
        )
    counts = dict(re.findall(r"^\S+ (tests|pass|fail) (\d+)$", own.stdout, re.MULTILINE))
    is_good = own.returncode == 0 and int(counts.get("pass", 0)) > 0
    print(f"typescript: {counts.get('pass')} of {counts.get('tests')} tests pass" if is_good else own.stdout)
    play = (
        sys.executable,
        "-m",
        "conformance",
        "--folder",
        str(MIRROR),
        "--",
        "dist/node",
        "dist/conformance/adapter.js",
    )
    return subprocess.run(play, cwd=ROOT, check=False).returncode == 0 and is_good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--generate", action="store_true", help="write the types")
    parser.add_argument("--build", action="store_true", help="compile only")
    given = parser.parse_args()
    try:
        node = set_up()
    except OSError as error:
        print(f"typescript: NOT RUN, {error}")
        return 1 if os.environ.get("CI") else 0
    if given.generate:
        return 0 if generate(node, check=False) else 1
    if given.build:
        return 0 if build(node) else 1
    lines, wide = code_lines(), wide_lines()
    print(f"typescript: {lines} code lines by hand, of at most {LONGEST}", *wide, sep="\n")
    return 0 if lines <= LONGEST and not wide and generate(node, check=True) and build(node) and test(node) else 1


if __name__ == "__main__":
    sys.exit(main())
