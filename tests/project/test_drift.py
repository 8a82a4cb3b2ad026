"""Drift: what the contract names reaches a caller, or is left out on purpose."""

from __future__ import annotations

import pytest

from tools.survey import LEFT_OUT, Findings, survey


@pytest.fixture(scope="module")
def found() -> Findings:
    """What `make generate` says at its end."""
    return survey()


def test_every_field_of_an_answer_reaches_a_caller(found: Findings) -> None:
    """Each field of an answer changes something that a caller gets, `metadata` included, or is left out on purpose."""
    assert [str(field) for field in found.unread] == []


def test_what_is_left_out_is_so_still(found: Findings) -> None:
    """Each name in the list of what is left out is in the contract and left out, and has a reason."""
    assert found.stale == []
    assert all(LEFT_OUT.values())
