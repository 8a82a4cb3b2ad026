"""A fault before and after every call that a batch makes to folder, ledger and network, each followed by a run without."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections import Counter
from pathlib import Path

import pytest
from nanobanana import ConfigurationError

from .injected import PICTURES, REQUESTS, Calls, run, run_and_leave
from .programs import results


def _calls(folder: Path) -> list[str]:
    folder.mkdir()
    calls = Calls()
    run(folder / "out", folder / "bills", calls)
    return calls.names


def _check(out: Path, bills: Path, *, is_lost: bool, at: str) -> None:
    """The invariants, after a run that was hit and one that was not. is_lost: what was paid for may have gone before
    anybody could have written it down."""
    billed = Counter(bills.read_text().split())
    assert not {name: times for name, times in billed.items() if times > 1}, f"{at}: paid twice"
    lines = {line["id"]: line for line in results(out)}
    assert len(lines) == len(results(out)) == len(REQUESTS), f"{at}: {sorted(lines)}"
    for name, data in PICTURES.items():
        if lines[name]["status"] == "unknown" and is_lost:
            continue
        assert lines[name]["status"] == "done", f"{at}: {lines[name]}"
        assert (out / lines[name]["path"]).read_bytes() == data, at
        assert billed[name] == 1, at
    assert lines["unknown"]["status"] == "unknown", at
    assert lines["empty"]["status"] in ("failed", "unknown"), at  # unknown, where the ledger did not take the failure
    assert lines["wrong"]["status"] == "failed", at
    assert not list(out.rglob("*.part")), at


@pytest.mark.parametrize("moment", ["before", "after"])
def test_exception_nobody_knows_around_each_call(tmp_path: Path, moment: str) -> None:
    """Whatever call raises whatever: nothing paid for is lost nor paid for again, and each request has its line."""
    names = _calls(tmp_path / "first")
    assert {"LocalFolder.place", "Ledger.put", "draw", "Journal.append"} <= set(names)
    for at, name in enumerate(names):
        folder = tmp_path / str(at)
        folder.mkdir()
        with contextlib.suppress(ConfigurationError):  # the folder could not be opened: nothing was sent
            run(folder / "out", folder / "bills", Calls(at, moment))
        run(folder / "out", folder / "bills", Calls())
        is_lost = name == "draw"  # the answer itself was lost; of a call that raises anything, nobody knows
        _check(folder / "out", folder / "bills", is_lost=is_lost, at=f"{moment} call {at}, {name}")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_hard_exit_around_each_call(tmp_path: Path, moment: str) -> None:
    """At whatever call the process is killed: nothing is paid for twice, what had reached the disk is kept, and each
    request has its line."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["nanobanana", "tests.batch.injected"])
    names = _calls(tmp_path / "first")
    placed = {at for at, name in enumerate(names) if name == "LocalFolder.place" and moment == "after"}
    for at, name in enumerate(names):
        folder = tmp_path / str(at)
        folder.mkdir()
        process = context.Process(target=run_and_leave, args=(folder / "out", folder / "bills", at, moment))
        process.start()
        process.join()
        assert process.exitcode == 9 or name in ("LocalFolder.read", "draw"), (
            name
        )  # one that raises has nothing after it
        run(folder / "out", folder / "bills", Calls())
        _check(folder / "out", folder / "bills", is_lost=at not in placed, at=f"{moment} call {at}, {name}")
