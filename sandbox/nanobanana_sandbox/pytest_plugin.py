"""A pytest fixture: the address of a sandbox that runs for the whole test session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def nanobanana_sandbox() -> Iterator[str]:
    """The address of a running sandbox, to be used as `base_url`. Any key that starts with `sk-` will do."""
    from . import serve

    with serve() as url:
        yield url
