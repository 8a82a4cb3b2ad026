"""Batch: many pictures into one folder, each paid for once."""

from __future__ import annotations

import asyncio
import io
import json
import os
import threading
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from nanobanana import AsyncNanoBanana, ConfigurationError, ImageRequest, InvalidRequestError, NanoBanana
from nanobanana.batch import BatchResult, read_lines

from ..conftest import KEY
from ..faults.server import Server, reply
from .programs import wait_for


def _lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def _billed(url: str, mark: str) -> list[str]:
    """The prompts with a mark that the sandbox made pictures of, once for each."""
    log = httpx.get(f"{url}/sandbox/requests").json()
    return [entry["prompt"] for entry in log if mark in entry.get("prompt", "") and entry.get("status") == 200]


def test_batch_makes_pictures_and_writes_a_line_for_each(client: NanoBanana, tmp_path: Path) -> None:
    """Requests and dicts become pictures, named by their id or key, and a line of results.jsonl each."""
    requests = [ImageRequest("Draw a cat"), {"prompt": "Draw a dog", "id": "dog", "model": "nanobanana_pro"}]
    batch = client.batch(requests, tmp_path)
    results = list(batch)
    assert sorted(result.status for result in results) == ["done", "done"]
    assert (tmp_path / "dog.jpg").read_bytes().startswith(b"\xff\xd8")
    assert (batch.summary.done, batch.summary.failed) == (2, 0)
    assert batch.summary.tokens > 2000
    assert batch.summary.is_complete
    dog = next(line for line in _lines(tmp_path) if line["id"] == "dog")
    assert {
        "key",
        "line",
        "status",
        "path",
        "sha256",
        "tokens",
        "request_id",
        "seconds",
        "tries",
        "prompt",
        "model",
    } <= dog.keys()
    assert not list(tmp_path.glob(".nanobanana/**/*.picture"))


def test_running_again_pays_for_nothing(client: NanoBanana, nanobanana_sandbox: str, tmp_path: Path) -> None:
    """A second run skips what is done, also in another order, and sends only what is new."""
    requests = [{"prompt": f"Draw again {n}", "id": f"a{n}"} for n in range(5)]
    assert client.batch(requests, tmp_path).run().done == 5
    summary = client.batch([{"prompt": "Draw again new"}, *reversed(requests)], tmp_path).run()
    assert (summary.done, summary.skipped, summary.is_complete) == (1, 5, True)
    assert sorted(_billed(nanobanana_sandbox, "Draw again")) == sorted(
        [f"Draw again {n}" for n in range(5)] + ["Draw again new"]
    )
    assert len(_lines(tmp_path)) == 6


def test_lost_lines_are_written_again(client: NanoBanana, tmp_path: Path) -> None:
    """results.jsonl is mended from the records when it lost lines, or ends in half of one."""
    requests = [{"prompt": f"Draw mended {n}"} for n in range(3)]
    client.batch(requests, tmp_path).run()
    journal = tmp_path / "results.jsonl"
    journal.write_bytes(journal.read_bytes().split(b"\n")[0] + b'\n{"id": "hal')
    assert client.batch(requests, tmp_path).run().skipped == 3
    readable = [line for line in journal.read_text().splitlines() if line.endswith("}")]
    assert len({json.loads(line)["key"] for line in readable}) == 3


def test_failures_by_what_they_cost(client: NanoBanana, nanobanana_sandbox: str, tmp_path: Path) -> None:
    """What cost nothing is sent again by the next run; what was paid for is not; what is unknown only when asked."""
    requests = [
        {"prompt": "costs nothing [sandbox:content-policy]", "id": "no"},
        {"prompt": "was paid [sandbox:no-image]", "id": "probably"},
        {"prompt": "unknown [sandbox:internal-error]", "id": "unknown"},
    ]
    for options, sent in (({}, 3), ({}, 1), ({"retry_unknown": True}, 2), ({"retry_failed": True}, 2)):
        before = len(httpx.get(f"{nanobanana_sandbox}/sandbox/requests").json())
        summary = client.batch(requests, tmp_path, **options).run()
        assert (summary.failed, summary.unknown) == (2, 1)
        assert len(httpx.get(f"{nanobanana_sandbox}/sandbox/requests").json()) - before == sent
    billed = {line["id"]: (line["status"], line["error"]["billed"]) for line in _lines(tmp_path)}
    assert billed == {"no": ("failed", "no"), "probably": ("failed", "probably"), "unknown": ("unknown", "unknown")}


def test_bad_lines_fail_alone(client: NanoBanana, tmp_path: Path) -> None:
    """A line that is wrong fails with its number, unbilled, and the others are done."""
    text = "\n".join(
        ['{"prompt": "Draw a good one"}', "{bad", "[]", '{"prompt": "x", "colour": "red"}', "", '{"prompt": ""}',
         '{"prompt": "x", "references": ["missing.png"]}', '{"prompt": "x", "id": "../x"}', '{"prompt": "x", "n": 0}']
    )  # fmt: skip
    results = list(client.batch(read_lines(io.StringIO(text)), tmp_path))
    failed = {result.line: result.error for result in results if result.status == "failed"}
    assert sorted(failed) == [2, 3, 4, 6, 7, 8, 9]
    assert all(
        error and error["billed"] == "no" and error["message"].startswith(f"line {line}: ")
        for line, error in failed.items()
    )
    assert [result.line for result in results if result.status == "done"] == [1]


def test_picture_of_an_earlier_prompt_is_kept(client: NanoBanana, tmp_path: Path) -> None:
    """When an id gets another prompt, the picture of the earlier one stays, and the new one gets a number."""
    client.batch([{"prompt": "Draw A", "id": "x"}], tmp_path).run()
    client.batch([{"prompt": "Draw B", "id": "x"}], tmp_path).run()
    assert {path.name for path in tmp_path.glob("*.png")} == {"x.png", "x-2.png"}


@pytest.mark.parametrize(
    "names", [("Cat", "cat", "CAT"), ("caf\u00e9", "cafe\u0301", "CAFE\u0301")], ids=["case", "form"]
)
def test_names_that_filesystems_take_for_one_get_a_number(
    client: NanoBanana, tmp_path: Path, names: tuple[str, ...]
) -> None:
    """Ids that differ in case or in Unicode's normal form alone get two names, though both are wanted at once, and keep
    them."""
    requests = [{"prompt": f"Draw {name} [sandbox:slow=0.2]", "id": name} for name in names]
    paths = {str(result.path) for result in client.batch(requests, tmp_path, concurrency=3)}
    assert len({unicodedata.normalize("NFC", path).casefold() for path in paths}) == 3
    assert {str(result.path) for result in client.batch(requests, tmp_path)} == paths


@pytest.mark.parametrize("scenario", ["unauthorized", "quota"])
def test_what_meets_all_stops_the_batch(nanobanana_sandbox: str, tmp_path: Path, scenario: str) -> None:
    """A bad key or an empty account stops the batch at once, with the reason; the rest stays to be done."""
    requests = ({"prompt": f"Draw {n} [sandbox:{scenario}]"} for n in range(100))
    with NanoBanana(KEY, base_url=nanobanana_sandbox) as client:
        summary = client.batch(requests, tmp_path, concurrency=4).run()
    assert summary.stopped
    assert "HTTP 4" in summary.stopped
    assert summary.failed <= 8
    assert not summary.is_complete


def test_rate_limits_slow_everybody_and_fail_nobody(client: NanoBanana, tmp_path: Path) -> None:
    """After a rate limit all workers wait together, and every request is done in the end."""
    requests = [{"prompt": f"Draw slowly {n} [sandbox:rate-limit-once=1]"} for n in range(6)]
    began = time.monotonic()
    summary = client.batch(requests, tmp_path, concurrency=3).run()
    assert (summary.done, summary.failed) == (6, 0)
    assert time.monotonic() - began >= 1


def test_requests_are_taken_lazily(client: NanoBanana, tmp_path: Path) -> None:
    """No more requests are taken from the iterable than can be worked on."""
    taken = []

    def endless() -> Iterator[dict[str, str]]:
        for number in range(10**9):
            taken.append(number)
            yield {"prompt": f"Draw lazily {number}"}

    batch = client.batch(endless(), tmp_path, concurrency=2)
    for done, _ in enumerate(batch, 1):
        if done == 5:
            batch.stop()
    assert len(taken) < 15
    assert batch.summary.stopped


def test_leaving_the_loop_ends_the_batch(client: NanoBanana, tmp_path: Path) -> None:
    """Whoever stops iterating leaves no thread behind, and a later run goes on."""
    requests = [{"prompt": f"Draw part {n}"} for n in range(30)]
    for _ in client.batch(requests, tmp_path, concurrency=2):
        break
    assert not [thread for thread in threading.enumerate() if thread.name == "nanobanana-batch"]
    summary = client.batch(requests, tmp_path, retry_unknown=True).run()
    assert summary.done + summary.skipped == 30


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_iterable_that_exits_costs_no_call_under_way(
    client: NanoBanana, nanobanana_sandbox: str, tmp_path: Path, error: type[BaseException]
) -> None:
    """Where the caller's iterable ends the program, the calls under way are finished and kept first."""
    mark = f"Exit by {error.__name__}"

    def requests() -> Iterator[str]:
        for number in range(3):
            yield f"{mark} {number} [sandbox:slow=0.8]"
        wait_for(lambda: len(_billed(nanobanana_sandbox, mark)) == 3)
        raise error("mine")

    batch = client.batch(requests(), tmp_path)
    with pytest.raises(error, match="mine"):
        batch.run()
    assert [line["status"] for line in _lines(tmp_path)] == ["done"] * 3
    assert batch.summary.stopped == f"{error.__name__}: mine"


def test_answer_that_cannot_be_used_is_kept(tmp_path: Path) -> None:
    """An answer that was paid for and cannot be read is kept beside the pictures, and its result says where."""
    answer = b'{"candidates": [{"content": {"parts": [{"inlineData": {"data": "iVBORw0KGgo'
    with Server([reply(200, answer)]) as server, NanoBanana(KEY, base_url=server.url) as client:
        (result,) = client.batch(["Draw a half"], tmp_path)
    assert result.status == "failed"
    (kept,) = (tmp_path / ".nanobanana" / "answers").iterdir()
    assert kept.read_bytes() == answer
    assert f"is in .nanobanana/answers/{kept.name}" in str(result.error and result.error["message"])


@pytest.mark.parametrize("culprit", ["iterable", "callback", "loop"])
def test_callers_mistake_costs_no_call_under_way(
    client: NanoBanana, nanobanana_sandbox: str, tmp_path: Path, culprit: str
) -> None:
    """When the caller's iterable, callback or loop raises, the calls under way are finished and kept first."""

    def requests() -> Iterator[dict[str, str]]:
        for number in range(6):
            yield {"prompt": f"Mistake {culprit} {number} [sandbox:slow=0.5]"}
        if culprit == "iterable":
            raise LookupError("mine")

    def callback(_: BatchResult) -> None:
        if culprit == "callback":
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        for _ in client.batch(requests(), tmp_path, concurrency=3, on_result=callback):
            if culprit == "loop":
                raise LookupError("mine")
    lines = sorted(line["prompt"] for line in _lines(tmp_path))
    wait_for(lambda: sorted(_billed(nanobanana_sandbox, f"Mistake {culprit}")) == lines)  # its log lags a little
    assert {line["status"] for line in _lines(tmp_path)} == {"done"}


def test_async_batch_on_asyncio_and_trio(nanobanana_sandbox: str, tmp_path: Path) -> None:
    """The async client does the same, on asyncio and on trio, and calls on_result for each."""
    seen: list[BatchResult] = []

    async def draw(folder: Path) -> int:
        async with AsyncNanoBanana(KEY, base_url=nanobanana_sandbox) as client:
            requests = [{"prompt": f"Draw async {n}"} for n in range(5)]
            return (await client.batch(requests, folder, on_result=seen.append).run()).done

    assert asyncio.run(draw(tmp_path / "a")) == 5
    assert trio.run(draw, tmp_path / "b") == 5
    assert len(seen) == 10


def test_second_run_on_a_folder_is_refused(nanobanana_sandbox: str, tmp_path: Path) -> None:
    """Of two runs on one folder at the same time the second is told who works there, and nothing is paid for twice."""
    requests = [{"prompt": f"Draw shared {n} [sandbox:slow=0.3]"} for n in range(6)]
    with NanoBanana(KEY, base_url=nanobanana_sandbox) as client:
        first = iter(client.batch(requests, tmp_path, concurrency=2))
        next(first)
        with pytest.raises(ConfigurationError, match=rf"process {os.getpid()} on .*, since 20"):
            client.batch(requests, tmp_path, retry_unknown=True, retry_failed=True).run()
        assert len(list(first)) == 5
    assert sorted(_billed(nanobanana_sandbox, "Draw shared")) == sorted(request["prompt"] for request in requests)


@pytest.mark.parametrize("concurrency", [0, -1, 1.5, True, 10_001, 2**70])
def test_bad_concurrency_is_refused(client: NanoBanana, tmp_path: Path, concurrency: Any) -> None:
    """Concurrency is a whole number from 1 to what memory has room for."""
    with pytest.raises(InvalidRequestError, match="concurrency"):
        client.batch([], tmp_path, concurrency=concurrency)


@pytest.mark.parametrize("argument", ["output_dir", "ledger_dir", "on_result"])
@pytest.mark.parametrize("value", [5, b"folder", []])
def test_what_would_fail_only_later_is_refused(client: NanoBanana, tmp_path: Path, argument: str, value: Any) -> None:
    """What is no folder, or cannot be called with a result, is refused before anything is paid for."""
    arguments: dict[str, Any] = {"output_dir": tmp_path, argument: value}
    with pytest.raises(InvalidRequestError, match=argument) as caught:
        client.batch(["Draw a cat"], **arguments)
    assert caught.value.param == argument
