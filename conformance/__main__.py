"""The command line: `python -m conformance -- PROGRAM ARGS...`."""

from __future__ import annotations

import argparse
import io
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from .adapter import AdapterError
from .beside import side_by_side
from .cases import VECTORS, BadCaseError
from .runner import Runner, Verdict, play_all
from .vary import named, told, varied


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays cases to a program and prints what differs. Returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # cases hold what no terminal can show
    if not options.beside and (options.vary or any("-varied-" in name for name in options.only)):
        parser.error("a neighbour of a case needs --beside, as nobody knows what is right for it")
    programs = [options.program, *([shlex.split(options.beside)] if options.beside else [])]
    try:
        cases = named(options.cases, options.only)
        if options.vary:
            cases = [*varied(cases, options.vary, options.seed)]
        names = [_name(program, options) for program in programs]
    except (BadCaseError, AdapterError) as exc:
        print(exc, file=sys.stderr)
        return 2
    print(f"{' beside '.join(names)}: {len(cases)} cases", flush=True)
    verdicts: Iterable[Verdict]
    verdicts, *others = (
        play_all(cases, program, jobs=options.jobs, patience=options.patience, folder=options.folder)
        for program in programs
    )
    if others:
        called = (names[0], names[1]) if names[0] != names[1] else (f"{names[0]} (first)", f"{names[1]} (second)")
        verdicts = (side_by_side(one, other, called) for one, other in zip(verdicts, others[0], strict=True))
    return _report(verdicts, counts_skipped=options.all_features)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conformance",
        description="Hold a program in any language to the vectors. conformance/README.md has the protocol.",
        epilog="The exit code is 0 when nothing failed, 1 when something did, 2 when this was called wrongly.",
    )
    add = parser.add_argument
    cases, only = "the cases in the *.json of FOLDER, not the vectors", "only this case; can be repeated"
    beside = "show where PROGRAM and this one differ, whatever is expected; its arguments in the same quotes"
    vary = "with --beside: not the cases, but N neighbours of them, one thing of an answer or a call changed by chance"
    patience = "how long PROGRAM may say nothing before it counts as stuck and is started anew (default: %(default)g)"
    features = "a case that needs a feature which PROGRAM does not name fails, instead of being skipped"
    add("--cases", type=Path, default=VECTORS, metavar="FOLDER", help=cases)
    add(
        "--only", action="append", default=[], metavar="ID", help=f"{only}; with --beside, a neighbour's name does, too"
    )
    add("--beside", metavar="PROGRAM2", help=beside)
    add("--vary", type=int, metavar="N", help=vary)
    add("--seed", type=int, default=1, metavar="N", help="which neighbours (default: %(default)s)")
    add("--jobs", type=int, default=2, metavar="N", help="processes of a program at once (default: %(default)s)")
    add("--patience", type=float, default=20, metavar="SECONDS", help=patience)
    add("--folder", type=Path, metavar="FOLDER", help="where a program is started (default: here)")
    add("--all-features", action="store_true", help=features)
    add("program", nargs="+", metavar="PROGRAM", help="the adapter and its arguments, after --")
    return parser


def _name(program: Sequence[str], options: argparse.Namespace) -> str:
    runner = Runner(program, patience=options.patience, folder=options.folder)
    try:
        return runner.name
    finally:
        runner.close()


def _report(verdicts: Iterable[Verdict], *, counts_skipped: bool) -> int:
    passed = failed = 0
    skipped: Counter[str] = Counter()
    for verdict in verdicts:
        if verdict.missing and not counts_skipped:
            skipped[", ".join(sorted(verdict.missing))] += 1
            continue
        problems = verdict.problems or [f"it needs the feature {name}" for name in sorted(verdict.missing)]
        if not problems:
            passed += 1
            continue
        failed += 1
        print(f"{verdict.case.id}" + (f" ({verdict.case.note})" if verdict.case.note else ""))
        for line in (*problems, *told(verdict.case)):
            print(f"  {line}")
        if verdict.words.strip():
            print("  stderr: " + verdict.words.strip()[-2000:].replace("\n", "\n  "), flush=True)
    if skipped:
        print("skipped: " + "; ".join(f"{count} for want of {names}" for names, count in skipped.items()))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
