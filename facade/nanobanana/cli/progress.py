"""Progress: what a batch says of itself, while it runs and when it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from ..batch import Batch, BatchResult, Summary
from .console import terminal
from .words import in_options

_LONGEST_BAR, _SHORTEST_BAR = 30, 10  # cells
_SOON = 3.0  # seconds before which a guess at the rest is worth nothing


def line_of(result: BatchResult) -> str:
    """A result in a line."""
    told = f"line {result.line}: {result.id}: {result.status}"
    if result.error is None:
        return f"{told} {result.path or ''}".rstrip()
    message = in_options(result.error["message"])
    if message.startswith(f"line {result.line}: "):
        told = result.status
    return f"{told} ({result.error['class']}): {message}"


def summary_of(summary: Summary, *, has_paid_failures: bool) -> str:
    """What came of a batch, what it used, and what to run next, in a few lines."""
    names = ("done", "skipped", "failed", "unknown")
    counts = ", ".join(f"{getattr(summary, name)} {name}" for name in names)
    lines = [f"{counts}; {summary.tokens} tokens, {summary.seconds:.1f} s."]
    again = [f"Stopped early: {in_options(summary.stopped).rstrip('.')}."] if summary.stopped else []
    if not summary.unknown and not has_paid_failures and not summary.is_complete:
        again.append("Run it again for the rest." + (" None of what failed was paid for." if summary.failed else ""))
    if again:
        lines.append(" ".join(again))
    if summary.unknown:
        lines.append("What is unknown may have been paid for: look at the usage page, and where it")
        lines.append("was not, run it again with --retry-unknown to send it again.")
    if has_paid_failures:
        lines.append("Run it again with --retry-failed to send again what failed for good.")
    return "\n".join(lines)


def progress_line(summary: Summary, total: int | None, seconds: float, width: int, *, full: str, empty: str) -> str:
    """How far a batch is, in one line of at most `width` cells: a bar, pictures, what failed, the time, the time left.

    full, empty: what the bar is drawn with; no colour is needed to read it.
    """
    seen = summary.done + summary.skipped + summary.failed + summary.unknown
    parts = [f"{seen}/{total}" if total else f"{seen} pictures"]
    parts += [f"{count} {name}" for name in ("failed", "unknown") if (count := getattr(summary, name))]
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


@contextmanager
def progress(running: Batch, total: int | None) -> Iterator[None]:
    """A line at the bottom of the terminal that says how far a batch is, below whatever is said; gone at the end."""
    from rich.live import Live
    from rich.text import Text

    console, began = terminal(), time.monotonic()
    full, empty = "#-" if console.options.ascii_only else "█░"

    def line() -> Text:
        seconds, width = time.monotonic() - began, console.width - 1
        told = progress_line(running.summary, total, seconds, width, full=full, empty=empty)
        return Text(told, no_wrap=True, overflow="crop")

    with Live(get_renderable=line, console=console, transient=True, redirect_stderr=False):
        yield
