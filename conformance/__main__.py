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
from .cases import VECTORS, BadCaseError, Case, load
from .compare import differences
from .play import Trace
from .runner import Runner, Verdict, play_all
from .vary import varied


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays cases to a program and prints what differs. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m conformance", description="Hold a program in any language to the vectors."
    )
    parser.add_argument("--cases", type=Path, default=VECTORS, metavar="FOLDER", help="cases other than the vectors")
    parser.add_argument("--only", action="append", default=[], metavar="ID", help="only this case; can be repeated")
    parser.add_argument("--beside", metavar="PROGRAM2", help="show where this one differs, instead of what is expected")
    parser.add_argument("--vary", type=int, metavar="N", help="with --beside: N neighbours of cases instead of them")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which neighbours")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes of the program at once")
    parser.add_argument("--patience", type=float, default=20, metavar="S", help="seconds until it counts as stuck")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where the program runs")
    parser.add_argument("--all-features", action="store_true", help="count a case that cannot be played as failed")
    parser.add_argument("program", nargs="+", metavar="PROGRAM", help="the adapter and its arguments, after --")
    options = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # cases hold what no terminal can show
    try:
        cases = load(options.cases, options.only)
        if options.vary:
            if not options.beside:
                parser.error("--vary needs --beside, as nobody knows what is right for a neighbour")
            cases = list(varied(cases, options.vary, options.seed))
        first = Runner(options.program, patience=options.patience, folder=options.folder)
        try:
            print(f"{first.name}: {len(cases)} cases", flush=True)
        finally:
            first.close()
    except (BadCaseError, AdapterError) as exc:
        print(exc, file=sys.stderr)
        return 2
    verdicts = _verdicts(cases, options.program, options)
    if options.beside:
        others = _verdicts(cases, shlex.split(options.beside), options)
        verdicts = (_side_by_side(one, other) for one, other in zip(verdicts, others, strict=True))
    return _report(verdicts, counts_skipped=options.all_features)


def _verdicts(cases: Sequence[Case], command: Sequence[str], options: argparse.Namespace) -> Iterable[Verdict]:
    return play_all(cases, command, jobs=options.jobs, patience=options.patience, folder=options.folder)


def _side_by_side(one: Verdict, other: Verdict) -> Verdict:
    """A verdict by what two programs did with a case, whatever is expected. Words are each program's own."""
    missing = one.missing | other.missing
    problems = [] if missing else list(differences(_comparable(one.trace), _comparable(other.trace), "differs"))
    return Verdict(one.case, problems, missing, one.words + other.words)


def _comparable(trace: Trace) -> dict[str, object]:
    outcomes = []
    for outcome in trace.outcomes:
        found = dict(outcome) if isinstance(outcome, dict) else {"outcome": outcome}
        found.pop("text", None)
        if isinstance(error := found.get("error"), dict):
            found["error"] = {k: v for k, v in error.items() if k not in ("words", "body") and v is not None}
        if isinstance(result := found.get("result"), dict):
            found["result"] = {k: v for k, v in result.items() if v is not None}
        outcomes.append(found)
    return {"requests": trace.requests, "waits": trace.waits, "outcomes": outcomes}


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
        for problem in problems:
            print(f"  {problem}")
        if verdict.words.strip():
            print("  stderr: " + verdict.words.strip()[-2000:].replace("\n", "\n  "), flush=True)
    if skipped:
        print("skipped: " + "; ".join(f"{count} for want of {names}" for names, count in skipped.items()))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
