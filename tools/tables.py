"""Writes the tables of models and sizes into README.md and docs/, or with --check says whether they are current.

A table stands between the marks `<!-- NAME: begin -->` and `<!-- NAME: end -->`, in any page, and comes from
openapi.yaml and from what the facade makes of it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "facade"), str(ROOT / "generated")]

import yaml  # noqa: E402

try:
    import nanobanana  # noqa: F401
    from nanobanana.vocabulary import ASPECT_RATIOS, CHAT_MODELS, IMAGE_SIZES, MODELS, NATIVE_MODELS, pixels
except Exception as problem:  # `make generate` comes here first with what it has written
    sys.exit(f"The facade cannot be imported on what openapi.yaml gives: {type(problem).__name__}: {problem}")

DASH = "—"


def _table(*rows: Iterable[str]) -> str:
    head, *others = [list(row) for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *others])


def models() -> str:
    """The models, the formats each speaks and what the contract says of it."""
    schemas = yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8"))["components"]["schemas"]
    words = {
        model: said
        for schema in ("NativeModel", "ChatModel")
        for model, said in schemas[schema].get("x-enumDescriptions", {}).items()
    }
    listed = (("native", NATIVE_MODELS), ("chat", CHAT_MODELS))
    formats = {model: ", ".join(name for name, speakers in listed if model in speakers) for model in MODELS}
    rows = [(f"`{model}`", formats[model], words.get(model, DASH)) for model in MODELS]
    return _table(("model", "format", "pictures"), *rows)


def sizes() -> str:
    """The documented pixels of each ratio and size."""
    rows = [
        (ratio, *("x".join(map(str, shape)) if (shape := pixels(ratio, size)) else DASH for size in IMAGE_SIZES))
        for ratio in ASPECT_RATIOS
    ]
    return _table(("ratio", *IMAGE_SIZES), *rows)


TABLES = {"models": models, "sizes": sizes}


def current(page: str) -> str:
    """The page with its tables written anew."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, mark, rest = page.partition(begin)
        if mark:
            page = f"{before}{begin}\n{table()}\n{end}{rest.partition(end)[2]}"
    return page


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on any difference")
    check = parser.parse_args().check
    stale = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        page = path.read_text("utf-8")
        wanted = current(page)
        if wanted != page:
            stale.append(str(path.relative_to(ROOT)))
            if not check:
                path.write_text(wanted, "utf-8")
    if check and stale:
        print(f"The tables in {', '.join(stale)} are not what openapi.yaml gives; run 'make generate'")
    else:
        print(f"tables: {'written into ' if stale else ''}{', '.join(stale) or 'current'}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
