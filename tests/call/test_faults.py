"""Every row of the table of faults, played over real sockets on 127.0.0.1."""

from __future__ import annotations

import asyncio
import pickle
import traceback
import unicodedata

import pytest
import trio
from nanobanana import NanoBananaError
from nanobanana._engine import lifter

from ..faults import Played, play, play_async
from ..faults.server import KEY
from ..faults.table import ROWS, SECRETS, Row


@pytest.fixture(autouse=True)
def _lift_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small as the pictures of the table are, they are taken out of their answers as large ones are."""
    monkeypatch.setattr(lifter, "_LONG", 16)


GRACE = 1.0  # seconds a call may end behind its time
ON_TRIO = {
    "status-429",
    "wait-1",
    "redirect-307",
    "hang-up",
    "cut-length",
    "slow-drip-body",
    "slow-drip-headers",
    "upload-early-413",
    "tls-untrusted",
    "tls-cut",
    "body-huge",
    "cap-chunked",
    "ok-null",
    "stale-closed",
}


def check(row: Row, played: Played) -> None:
    """Holds what came of a row against the row."""
    words = "".join(traceback.format_exception(played.error)) if played.error else ""
    assert (played.outcome, played.billed) in ((row.outcome, row.billed), row.or_else), words
    assert played.requests == row.requests
    assert row.connections is None or played.connections == row.connections
    assert played.strayed == 0, "a redirect was followed"
    assert played.elapsed < row.options.get("timeout", 20.0) + GRACE
    assert row.most_sent is None or played.sent < row.most_sent
    assert row.most_memory is None or played.peak < row.most_memory
    if played.error is not None:
        assert isinstance(played.error, NanoBananaError)
        check_attributes(row, played)
        check_readable(played.error)
        check_secret(played.error, with_locals=row not in SECRETS)
        check_pickle(played.error)
    assert played.afterwards is None, "the client is of no use afterwards"


def check_attributes(row: Row, played: Played) -> None:
    """Everything that the row says the error carries."""
    for name, wanted in row.attributes.items():
        found = getattr(played.error, name)
        if isinstance(wanted, tuple):
            assert wanted[0] <= found <= wanted[1], name
        else:
            assert found == (wanted.format(elsewhere=played.elsewhere) if name == "location" else wanted), name


def check_readable(error: NanoBananaError) -> None:
    """One paragraph of ordinary characters, not too long, that ends as a sentence does."""
    text = str(error)
    assert len(text) < 1500
    odd = [letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert not odd
    assert text.endswith((".", "!", "?", "…"))
    assert text.isprintable()


def check_secret(error: NanoBananaError, *, with_locals: bool) -> None:
    """The key appears nowhere: neither in the words, nor in what the error carries, nor in what led to it.

    with_locals: also not in the variables that a traceback can show.
    """
    story = traceback.TracebackException.from_exception(error, capture_locals=with_locals)
    assert KEY not in "".join(story.format()) + repr(error) + repr(vars(error))
    assert KEY.encode() not in pickle.dumps(error)
    cause: BaseException | None = error
    while cause is not None:
        assert type(cause).__module__.partition(".")[0] not in ("httpx", "httpcore", "h11"), "it may hold the request"
        cause = cause.__cause__ or cause.__context__


def check_pickle(error: NanoBananaError) -> None:
    """The error survives a trip to another process."""
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), repr(copy), vars(copy)) == (type(error), str(error), repr(error), vars(error))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_sync(row: Row) -> None:
    """The sync client pays as often as the row says, fails as it says, and works afterwards."""
    check(row, play(row))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_asyncio(row: Row) -> None:
    """The async client does the same on asyncio."""
    check(row, asyncio.run(play_async(row)))


@pytest.mark.parametrize("row", [row for row in ROWS if row.name in ON_TRIO], ids=lambda row: row.name)
def test_trio(row: Row) -> None:
    """The async client does the same on trio."""
    check(row, trio.run(play_async, row))


def test_the_table_is_large_and_its_names_are_unique() -> None:
    """There are at least 80 rows, no two of one name, and those played on trio exist."""
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names)) >= 80
    assert set(names) >= ON_TRIO
