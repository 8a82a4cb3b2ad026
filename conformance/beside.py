"""Two programs and one case: what each did, held against the other, whatever is expected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .compare import differences
from .play import Trace
from .runner import Verdict


def side_by_side(one: Verdict, other: Verdict, names: tuple[str, str]) -> Verdict:
    """A verdict by what two programs did with a case. What they wrote to stderr is each one's own."""
    words = "\n".join(f"{name}: {it.words}" for name, it in zip(names, (one, other), strict=True) if it.words.strip())
    missing = one.missing | other.missing
    return Verdict(one.case, [] if missing else [*_problems(one, other, names)], missing, words)


def _problems(one: Verdict, other: Verdict, names: tuple[str, str]) -> Iterator[str]:
    for name, mine, its in (names[0], one, other), (names[1], other, one):
        if mine.trace is None:
            yield from (f"{name}: {problem}" for problem in mine.problems)
        else:
            known = its.trace.troubles if its.trace else ()
            yield from (f"{name}: {trouble}" for trouble in mine.trace.troubles if trouble not in known)
    if one.trace and other.trace:
        sides = (f"{names[0]} has", f"{names[1]} has")
        for what, mine_seen, its_seen in zip(_PARTS, _seen(one.trace), _seen(other.trace), strict=True):
            yield from differences(mine_seen, its_seen, what, sides)


_PARTS = ("requests", "waits", "outcomes")
_EXACT = 2**53  # up to which a double holds every whole number


def _seen(trace: Trace) -> tuple[list[object], ...]:
    return [*trace.requests], [*trace.waits], [*map(_comparable, trace.outcomes)]


def _comparable(outcome: object) -> object:
    """An outcome without what is each program's own: words, texts, whether a key is left out or null, and how exact its
    language's numbers are."""
    if not isinstance(outcome, dict):
        return outcome
    found = {kind: value for kind, value in outcome.items() if kind != "text"}
    for kind in ("error", "result"):
        if isinstance(entry := found.get(kind), dict):
            own = ("words", "body") if kind == "error" else ()
            told = {name: value for name, value in entry.items() if name not in own}
            pictures = {
                name: [*map(_told, told[name])] for name in ("images", "drafts") if isinstance(told.get(name), list)
            }
            found[kind] = _told(told | pictures)
    return _rounded(found)


def _told(entry: Any) -> Any:
    return {name: value for name, value in entry.items() if value is not None} if isinstance(entry, dict) else entry


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    return float(value) if isinstance(value, int) and abs(value) > _EXACT else value
