"""Shows what the vectors would miss: changes the library in small ways, one at a time, in a copy, and plays them to it.

python tools/mutants.py [--sample N] [--seed S] [--enough N] [--out FILE]

It takes some seconds for each mutant. A mutant that no vector notices is a hole in the vectors, or a change that makes
no difference. FILE gets, as JSON, which vectors noticed which mutant.
"""

import argparse
import ast
import copy
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[0] = str(ROOT)  # in the place of tools/, whose conformance.py hides the package

from conformance.cases import Case, load  # noqa: E402
from conformance.runner import Runner  # noqa: E402

ADAPTER = ROOT / "conformance" / "adapters" / "python.py"
FACADE = ROOT / "facade" / "nanobanana"
ROOMS = ["*.py", "_formats/*.py", "_call/*.py", "pictures/*.py"]
LEFT_OUT = {"__init__.py", "__main__.py", "display.py", "provenance.py", "download.py", "pixels.py"}
OPPOSITE: dict[type, type] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add,
}  # fmt: skip


def changes(node: ast.AST) -> Iterator[str]:
    """The names of the changes that can be made to a node."""
    match node:
        case ast.Compare(ops=[op]) | ast.BoolOp(op=op) | ast.BinOp(op=op) if type(op) in OPPOSITE:
            yield f"{type(op).__name__} is {OPPOSITE[type(op)].__name__}"
        case ast.UnaryOp(op=ast.Not()):
            yield "not is nothing"
        case ast.If() | ast.IfExp():
            yield "the condition is the other way round"
        case ast.Constant(value=bool() | int() | str() as value) if value != "":
            yield f"{value!r:.40} is another"
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.AugAssign():
            yield "the statement is gone"


def changed(node: ast.AST) -> ast.AST:
    match node:
        case ast.Compare():
            node.ops = [OPPOSITE[type(node.ops[0])]()]
        case ast.BoolOp() | ast.BinOp():
            node.op = OPPOSITE[type(node.op)]()
        case ast.UnaryOp():
            return node.operand
        case ast.If() | ast.IfExp():
            node.test = ast.UnaryOp(ast.Not(), node.test)
        case ast.Constant(value=bool()):
            node.value = not node.value
        case ast.Constant(value=int()):
            node.value += 1
        case ast.Constant(value=str()):
            node.value = node.value[:-1] + ("z" if node.value[-1] != "z" else "y")
        case _:
            return ast.Pass()
    return node


class Change(ast.NodeTransformer):
    """Makes the change number `wanted`; `found` describes each that could be made."""

    def __init__(self, wanted: int | None = None) -> None:
        self.wanted, self.found = wanted, []

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.arg | ast.AnnAssign) or _is_words(node):
            return node if not isinstance(node, ast.AnnAssign) or node.value is None else self._value_only(node)
        for name in changes(node):
            self.found.append(f"{getattr(node, 'lineno', 0)}: {name}")
            if len(self.found) - 1 == self.wanted:
                return ast.fix_missing_locations(ast.copy_location(changed(node), node))
        return self.generic_visit(node)

    def _value_only(self, node: ast.AnnAssign) -> ast.AST:
        node.value = self.visit(node.value)
        return node


def _is_words(node: ast.AST) -> bool:
    """Docstrings, messages and other words for people, which no vector compares."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.JoinedStr():
            return True
        case ast.keyword(arg="advice"):
            return True
        case ast.Constant(value=str() as value):
            return " " in value and not any(mark in value for mark in "|(\\")
    return False


def mutants() -> Iterator[tuple[Path, int, str]]:
    for room in ROOMS:
        for path in sorted(FACADE.glob(room)):
            if path.name not in LEFT_OUT:
                count = Change()
                count.visit(ast.parse(path.read_text("utf-8")))
                for number, name in enumerate(count.found):
                    yield path, number, f"{path.relative_to(FACADE)}:{name}"


def notice(cases: list[Case], folder: Path, enough: int) -> list[str]:
    """The vectors that notice what is in the folder, or the first few of them."""
    os.environ["PYTHONPATH"] = str(folder)
    runner, noticed = Runner([sys.executable, str(ADAPTER)], patience=1), []
    try:
        for case in cases:
            if runner.play(case).problems:
                noticed.append(case.id)
            if len(noticed) == enough:
                break
    finally:
        runner.close()
    return noticed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--enough", type=int, default=10, help="vectors that notice a mutant, and leave no doubt")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    cases = [case for case in load() if case.clock == "fake" and not case.environment]
    chosen = list(mutants())
    random.Random(options.seed).shuffle(chosen)
    matrix: dict[str, list[str]] = {}
    for path, number, name in chosen[: options.sample]:
        with tempfile.TemporaryDirectory() as scratch:
            copied = Path(shutil.copytree(FACADE, Path(scratch) / "nanobanana"))
            tree = Change(number).visit(copy.deepcopy(ast.parse(path.read_text("utf-8"))))
            (copied / path.relative_to(FACADE)).write_text(ast.unparse(tree), "utf-8")
            random.Random(name).shuffle(cases)
            matrix[name] = notice(cases, Path(scratch), options.enough)
        print(f"{len(matrix[name]):3} {name}", flush=True)
        if options.out:
            options.out.write_text(json.dumps(matrix, indent=1), "utf-8")
    unnoticed = sum(not noticed for noticed in matrix.values())
    print(f"{len(matrix)} of {len(chosen)} mutants tried; {unnoticed} were noticed by no vector")


if __name__ == "__main__":
    main()
