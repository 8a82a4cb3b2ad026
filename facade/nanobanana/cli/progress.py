"""Progress: what a batch says of itself, while it runs and when it ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from attrs import define

from ..batch import BatchResult, Summary
from .words import in_options, printable

_LONGEST_BAR, _SHORTEST_BAR = 30, 10  # cells
_SOON = 3.0  # seconds before which a guess at the rest is worth nothing


def line_of(result: BatchResult) -> str:
    """A result in a line."""
    if result.error is not None:
        words = f"{result.status} ({result.error['class']}): {in_options(result.error['message'])}"
        return f"line {result.line}: {result.id}: {words}"
    return f"line {result.line}: {result.id}: {result.status}" + (f" {result.path}" if result.path else "")


def summary_of(summary: Summary) -> str:
    """What came of a batch, what it used, and what to run next."""
    names = ("done", "skipped", "failed", "unknown", "taken")
    counts = ", ".join(f"{getattr(summary, name)} {name}" for name in names)
    words = [f"{counts}; {summary.tokens} tokens, {summary.seconds:.1f} s."]
    if summary.stopped:
        words.append(f"Stopped early: {in_options(summary.stopped).rstrip('.')}.")
    if summary.unknown:
        words.append(
            "Of what is unknown it may have been paid: look at the usage page, then run it again, with "
            "--retry-unknown to send that again."
        )
    if summary.failed:
        words.append("Run it again with --retry-failed to send again what failed after it was paid for.")
    if not summary.unknown and not summary.failed and not summary.is_complete:
        words.append("Run it again for the rest.")
    return " ".join(words)


def progress_line(summary: Summary, total: int | None, seconds: float, width: int, *, full: str, empty: str) -> str:
    """How far a batch is, in one line of at most `width` cells: a bar, pictures, what failed, the time, the time left.

    full, empty: what the bar is drawn with; no colour is needed to read it.
    """
    seen = summary.done + summary.skipped + summary.failed + summary.unknown + summary.taken
    parts = [f"{seen}/{total}" if total else f"{seen} pictures"]
    parts += [f"{count} {name}" for name in ("failed", "unknown", "taken") if (count := getattr(summary, name))]
    parts.append(_span(seconds))
    if summary.done and seconds >= _SOON:
        rate = summary.done / seconds
        if total and total > seen:
            parts.append(f"about {_span((total - seen) / rate)} left")
        parts.append(f"{60 * rate:.1f} a minute" if rate < 1 else f"{60 * rate:.0f} a minute")
    while len("  ".join(parts)) > width - _SHORTEST_BAR - 2 and len(parts) > 2:
        parts.pop()  # the least telling stands last
    told = "  ".join(parts)
    cells = min(_LONGEST_BAR, width - len(told) - 2)
    if not total or cells < _SHORTEST_BAR:
        return told[:width]
    done = cells * min(seen, total) // total
    return f"{full * done}{empty * (cells - done)}  {told}"


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


@define
class Bar:
    """A line at the bottom of a terminal that says how far a batch is. Other lines go above it."""

    _console: Any
    _live: Any
    _total: int | None
    _full: str
    _empty: str

    def above(self, text: str) -> None:
        """Prints a line that stays."""
        self._console.print(printable(text), markup=False, highlight=False, soft_wrap=True)

    def show(self, summary: Summary, seconds: float) -> None:
        """Says how far it is."""
        from rich.text import Text

        width = self._console.width - 1
        line = progress_line(summary, self._total, seconds, width, full=self._full, empty=self._empty)
        self._live.update(Text(line, no_wrap=True, overflow="crop"))


@contextmanager
def bar(total: int | None) -> Iterator[Bar]:
    """A bar on stderr, gone at the end."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    full, empty = "█", "░"
    try:
        (full + empty).encode(sys.stderr.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        full, empty = "#", "-"
    console = Console(stderr=True)
    with Live(Text("starting"), console=console, transient=True, refresh_per_second=4) as live:
        yield Bar(console, live, total, full, empty)
