"""What a batch says of itself: fit for a narrow terminal, readable without colour, and what to run next."""

from __future__ import annotations

import pytest
from nanobanana.batch import Summary
from nanobanana.cli.progress import progress_line, summary_of

HALF = Summary(done=30, skipped=20, failed=1, unknown=2, tokens=38_700, seconds=90.0)


@pytest.mark.parametrize("width", [60, 79, 99, 200])
def test_the_line_fits_and_its_bar_is_seen(width: int) -> None:
    """At every usual width the line fits, with a bar of at least ten cells that needs no colour."""
    line = progress_line(HALF, 100, 90.0, width, full="#", empty="-")
    assert len(line) <= width
    bar = line.split()[0]
    assert len(bar) >= 10
    assert bar.count("#") == len(bar) * 53 // 100
    assert "53/100" in line
    assert "1 failed" in line
    assert "0:01:30" in line


def test_the_time_left_is_a_guess_of_calls_alone() -> None:
    """What was done before takes no time, so it does not count in the guess at the rest."""
    assert "about 0:02:21 left" in progress_line(HALF, 100, 90.0, 100, full="#", empty="-")


@pytest.mark.parametrize(
    ("summary", "seconds"), [(Summary(skipped=50), 9.0), (Summary(done=1), 0.5), (Summary(), 60.0)]
)
def test_nothing_is_guessed_from_nothing(summary: Summary, seconds: float) -> None:
    """Before a call has come back, and in the first seconds, no rate and no time left are told."""
    line = progress_line(summary, 100, seconds, 100, full="#", empty="-")
    assert "left" not in line
    assert "a minute" not in line


def test_without_a_total_there_is_no_bar() -> None:
    """Lines from stdin cannot be counted beforehand: the pictures and the time are told."""
    line = progress_line(HALF, None, 90.0, 79, full="#", empty="-")
    assert "#" not in line
    assert line.startswith("53 pictures")


@pytest.mark.parametrize(
    ("summary", "has_paid_failures", "words"),
    [
        (Summary(done=3, tokens=3870, seconds=1.0), False, "3 done, 0 skipped, 0 failed, 0 unknown; 3870 tokens, 1.0 s."),
        (Summary(done=1, unknown=1), False, "--retry-unknown"),
        (Summary(done=1, failed=1), True, "--retry-failed"),
        (Summary(done=1, failed=1), False, "Run it again for the rest. None of what failed was paid for."),
        (Summary(done=1, stopped="interrupted"), False, "Stopped early: interrupted. Run it again for the rest."),
    ],
)  # fmt: skip
def test_the_summary_says_what_to_run_next(summary: Summary, has_paid_failures: bool, words: str) -> None:
    """It tells what the run used and which option sends again what is missing."""
    assert words in summary_of(summary, has_paid_failures=has_paid_failures)
