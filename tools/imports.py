"""Prints the rooms of the facade from the top floor down, with their size and what each imports of the others.

The layers are those that `make lint` holds, from pyproject.toml; an arrow that runs up is marked.
"""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "nanobanana"


def layers() -> list[str]:
    """The rooms, the top one first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (rooms,) = [contract["layers"] for contract in settings["contracts"] if contract["id"] == "rooms"]
    floors = [room.strip() for layer in rooms for room in layer.replace(":", "|").split("|")]
    floors.insert(floors.index("client"), "__init__")  # which no contract of import-linter can name
    return floors


def code_lines(path: Path) -> int:
    """Lines that hold code: no blank ones, no comments, no docstrings."""
    source = path.read_text("utf-8")
    tree = ast.parse(source)
    words = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    numbered = enumerate(source.splitlines(), 1)
    return sum(bool(line.strip()) and not line.strip().startswith("#") and n not in words for n, line in numbered)


def main() -> None:
    graph = grimp.build_graph(PACKAGE, "nanobanana_api", "nanobanana_sandbox", cache_dir=None)
    floors = layers()
    order = [*floors, "nanobanana_api", "nanobanana_sandbox"]
    room_of = {name: f"{name}.__init__".split(".")[1] for name in graph.modules if name.partition(".")[0] == PACKAGE}
    files = Counter(room_of.values())
    size: Counter[str] = Counter()
    for path in (ROOT / "facade" / PACKAGE).rglob("*.py"):
        size[path.relative_to(ROOT / "facade" / PACKAGE).with_suffix("").parts[0]] += code_lines(path)
    print(f"{'room':14}{'files':>6}{'lines':>7}   imports, and in how many places")
    for room in floors:
        wanted: Counter[str] = Counter()
        for module in [name for name, its in room_of.items() if its == room]:
            for target in graph.find_modules_directly_imported_by(module):
                wanted[room_of.get(target, target.partition(".")[0])] += 1
        del wanted[room]
        arrows = [
            f"{other} {wanted[other]}{' (UP)' if order.index(other) < order.index(room) else ''}"
            for other in sorted(wanted, key=order.index)
        ]
        print(f"{room:14}{files[room]:>6}{size[room]:>7}   {', '.join(arrows) or '-'}")
    print(f"{'together':14}{sum(files.values()):>6}{sum(size.values()):>7}")


if __name__ == "__main__":
    main()
