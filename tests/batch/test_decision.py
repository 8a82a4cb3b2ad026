"""What to do with a task: every cell of the table in docs/batch.md, and how long to wait."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from nanobanana import (
    AuthenticationError,
    ConfigurationError,
    NanoBananaError,
    NoImageError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
)
from nanobanana.batch import Options
from nanobanana.batch.decision import Action, State, decide
from nanobanana.batch.waits import PATIENCE, judge, pause_after

ROOT = Path(__file__).parents[2]
# By state: what is done by default, with retry_unknown, with retry_failed, with fetch_remote. Where the picture is there,
# it is recovered, whatever the options say; but for what is done already.
TABLE: dict[State | None, tuple[Action, Action, Action, Action]] = {
    None: ("send", "send", "send", "send"),
    "free": ("send", "send", "send", "send"),
    "unknown": ("tell", "send", "tell", "tell"),
    "paid": ("tell", "tell", "send", "tell"),
    "elsewhere": ("tell", "tell", "send", "fetch"),
    "done": ("skip", "skip", "skip", "skip"),
}
OPTIONS = (Options(), Options(retry_unknown=True), Options(retry_failed=True), Options(fetch_remote=True))


@pytest.mark.parametrize("state", TABLE)
def test_each_cell(state: State | None) -> None:
    """Each state under each option does what the table says."""
    for options, action in zip(OPTIONS, TABLE[state], strict=True):
        assert decide(state, options, is_there=False) == action
        assert decide(state, options, is_there=True) == ("skip" if state == "done" else "recover")


def test_fetching_comes_before_paying_again() -> None:
    """What lies elsewhere is fetched rather than paid for again, where both are allowed."""
    assert decide("elsewhere", Options(fetch_remote=True, retry_failed=True), is_there=False) == "fetch"


def test_documentation_has_the_table() -> None:
    """docs/batch.md shows this very table."""
    text = (ROOT / "docs" / "batch.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\| (\w+) \| (\w+) \| (\w+) \| (\w+) \| (\w+) \|$", text, re.MULTILINE)
    shown = {state: tuple(actions) for state, *actions in rows}
    expected = {
        state or "new": (*actions, "skip" if state == "done" else "recover") for state, actions in TABLE.items()
    }
    assert shown == expected
    assert expected.keys() == {"new", *get_args(State)}


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (RateLimitError("", status_code=429), "pause"),
        (QuotaExceededError("", status_code=429), "stop"),
        (AuthenticationError("", status_code=401), "stop"),
        (PermissionDeniedError("", status_code=403), "stop"),
        (PermissionDeniedError("", status_code=403, code="model_not_accessible"), "fail"),
        (ConfigurationError("no key"), "stop"),
        (ServerError("", status_code=500), "fail"),
        (NoImageError(""), "fail"),
    ],
)
def test_what_a_failed_call_means_for_the_others(error: NanoBananaError, verdict: str) -> None:
    """What meets all calls stops the batch, a rate limit makes it wait, the rest fails alone."""
    assert judge(error) == verdict


def test_waits_are_bounded_below_and_above() -> None:
    """A wait is as long as it is asked for, longer each time in any case, and never more than the patience left."""
    assert pause_after(20.0, 0, PATIENCE) == 20.0
    waits = [pause_after(0.0, times, PATIENCE) for times in range(12)]
    assert waits == sorted(waits, key=float)
    assert waits[0] == 0.25
    assert waits[-1] == 60.0
    assert pause_after(None, 10**9, PATIENCE) == 60.0
    assert pause_after(99_999_999_995.0, 0, PATIENCE) is None
    assert pause_after(20.0, 0, 10.0) is None
    assert pause_after(float("inf"), 0, PATIENCE) is None
    assert pause_after(float("nan"), 0, PATIENCE) in (None, 0.25)
