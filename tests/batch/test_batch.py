"""Batch: many pictures into one folder, each paid for once."""

from __future__ import annotations

import asyncio
import io
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from nanobanana import AsyncNanoBanana, ConfigurationError, ImageRequest, InvalidRequestError, NanoBanana
from nanobanana.batch import BatchResult, read_lines
from nanobanana.batch.ledger import Ledger, Turn
from nanobanana.batch.runner import expand
from nanobanana.batch.store import LocalStore
from nanobanana.batch.task import Task
from nanobanana.pictures.header import Content

from ..conftest import KEY


def _lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def _billed(url: str, mark: str) -> list[str]:
    """The prompts with a mark that the sandbox made pictures of, once for each."""
    log = httpx.get(f"{url}/sandbox/requests").json()
    return [entry["prompt"] for entry in log if mark in entry.get("prompt", "") and entry.get("status") == 200]


def _task(prompt: str = "Draw a cat", **fields: Any) -> Task:
    (task,) = [task for task in expand([{"prompt": prompt, **fields}]) if isinstance(task, Task)]
    return task


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


def test_csv() -> None:
    """A CSV file names its fields in the first line; lists stand apart by semicolons."""
    text = 'id,prompt,references,n,aspect_ratios,include_thoughts\na,"Draw, please",x.png; y.png,2,1:1;16:9,yes\nb,Draw,,,,\nc,Draw,,many,,\n'
    rows = list(read_lines(io.StringIO(text), is_csv=True))
    assert rows[0] == (
        2,
        {
            "id": "a",
            "prompt": "Draw, please",
            "references": ["x.png", "y.png"],
            "n": 2,
            "aspect_ratios": ["1:1", "16:9"],
            "include_thoughts": True,
        },
    )
    assert rows[1] == (3, {"id": "b", "prompt": "Draw"})
    assert isinstance(rows[2][1], InvalidRequestError)


def test_variations_are_requests_of_their_own() -> None:
    """n and aspect_ratios expand to separate requests with ids and keys of their own."""
    tasks = [
        task
        for task in expand([{"prompt": "Draw", "id": "cat", "n": 2, "aspect_ratios": ["1:1", "16:9"]}])
        if isinstance(task, Task)
    ]
    assert [task.id for task in tasks] == ["cat-1x1-1", "cat-1x1-2", "cat-16x9-1", "cat-16x9-2"]
    assert [task.request.aspect_ratio for task in tasks] == ["1:1", "1:1", "16:9", "16:9"]
    assert len({task.key for task in tasks}) == 4


def test_keys(picture: Callable[..., bytes]) -> None:
    """The key depends on everything that makes the picture, on the bytes of references and on how often it came, and on
    nothing else."""
    same = [{"prompt": "Draw"}, ImageRequest("Draw"), {"prompt": "Draw", "model": "nanobanana", "aspect_ratio": "1:1"}]
    assert len({next(iter(expand([request]))).key for request in same}) == 1
    assert len({task.key for task in expand(same)}) == 3
    reference = picture()
    different = [
        {"prompt": "Draw"}, {"prompt": "Draw "}, {"prompt": "Draw", "image_size": "2K"}, {"prompt": "Draw", "wire": "chat"},
        {"prompt": "Draw", "aspect_ratio": "16:9"}, {"prompt": "Draw", "references": [reference]}, {"prompt": "Draw", "id": "a"},
        {"prompt": "Draw", "references": [picture(colour="red")]}, {"prompt": "Draw", "references": [reference, reference]},
    ]  # fmt: skip
    assert len({next(iter(expand([request]))).key for request in different}) == len(different)


def test_an_id_names_one_picture() -> None:
    """An id that stands on two lines fails on the second, and nothing overwrites anything."""
    first, second = expand([{"prompt": "A", "id": "x"}, {"prompt": "B", "id": "x"}])
    assert isinstance(first, Task)
    assert isinstance(second, BatchResult)
    assert "stands on another line" in str(second.error)


def test_picture_of_an_earlier_prompt_is_kept(client: NanoBanana, tmp_path: Path) -> None:
    """When an id gets another prompt, the picture of the earlier one stays, and the new one gets a number."""
    client.batch([{"prompt": "Draw A", "id": "x"}], tmp_path).run()
    client.batch([{"prompt": "Draw B", "id": "x"}], tmp_path).run()
    assert {path.name for path in tmp_path.glob("*.png")} == {"x.png", "x-2.png"}


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
    sent = _billed(nanobanana_sandbox, f"Mistake {culprit}")
    deadline = time.monotonic() + 5
    while len(_lines(tmp_path)) < len(sent) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert sorted(line["prompt"] for line in _lines(tmp_path)) == sorted(sent)
    assert {line["status"] for line in _lines(tmp_path)} == {"done"}


def test_full_disk_under_the_records_is_survived(
    client: NanoBanana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a record cannot be written, the picture is kept, and the next run finds it without a call."""
    real = LocalStore.put

    def full(self: LocalStore, name: str, content: Content) -> Content:
        if name.endswith(".record"):
            raise OSError(28, "No space left on device")
        return real(self, name, content)

    monkeypatch.setattr(LocalStore, "put", full)
    requests = [{"prompt": f"Draw without room {n}", "id": f"r{n}"} for n in range(6)]
    with pytest.raises(OSError, match="No space"):
        client.batch(requests, tmp_path, concurrency=2).run()
    monkeypatch.undo()
    made = len(list(tmp_path.glob("r*.png")))
    assert made
    summary = client.batch(requests, tmp_path).run()
    assert (summary.done, summary.unknown, summary.is_complete) == (6, 0, True)


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


def test_two_runners_share_the_work(nanobanana_sandbox: str, tmp_path: Path) -> None:
    """Two runners on one folder do each picture once between them."""
    requests = [{"prompt": f"Draw shared {n}"} for n in range(40)]

    def run(_: int) -> Any:
        with NanoBanana(KEY, base_url=nanobanana_sandbox) as client:
            return client.batch(requests, tmp_path, concurrency=4).run()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(run, range(2))
    assert first.done + second.done == 40
    assert first.done
    assert second.done
    assert sorted(_billed(nanobanana_sandbox, "Draw shared")) == sorted(request["prompt"] for request in requests)
    assert sorted(line["prompt"] for line in _lines(tmp_path)) == sorted(request["prompt"] for request in requests)


def test_processes_of_an_executor(nanobanana_sandbox: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An executor's workers read the key from their environment, and return paths."""
    monkeypatch.setenv("INFINITYBLUE_API_KEY", KEY)
    requests = [{"prompt": f"Draw elsewhere {n} {os.getpid()}", "id": f"e{n}"} for n in range(8)]
    with (
        NanoBanana(KEY, base_url=nanobanana_sandbox) as client,
        ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool,
    ):
        results = list(client.batch(requests, tmp_path, executor=pool))
    assert sorted(str(result.path) for result in results) == [f"e{n}.png" for n in range(8)]
    assert len(_lines(tmp_path)) == 8


# ------------------------------------------------------------------ what a crash leaves, step by step


@pytest.fixture
def new_ledger(tmp_path: Path) -> Iterator[Callable[..., Ledger]]:
    """Makes ledgers on one folder, each as a runner of its own would have it."""
    made: list[Ledger] = []

    def make(**options: Any) -> Ledger:
        made.append(
            Ledger(LocalStore(tmp_path), timeout=1.0, **{"retry_unknown": False, "retry_failed": False, **options})
        )
        return made[-1]

    yield make
    for ledger in made:
        ledger.close()


def test_claim_is_exclusive(new_ledger: Callable[..., Ledger]) -> None:
    """Of two runners only one gets the right to send."""
    first, second, task = new_ledger(), new_ledger(), _task()
    assert isinstance(first.begin(task), Turn)
    known = second.begin(task)
    assert isinstance(known, BatchResult)
    assert known.status == "taken"


def test_claim_of_a_dead_runner_is_unknown(new_ledger: Callable[..., Ledger]) -> None:
    """A claim whose runner is gone is unknown, and sent again only when that is asked for."""
    dead, task = new_ledger(), _task()
    dead.begin(task)
    dead.close()
    known = new_ledger().begin(task)
    assert isinstance(known, BatchResult)
    assert (known.status, known.error and known.error["billed"]) == ("unknown", "unknown")
    assert isinstance(new_ledger(retry_unknown=True).begin(task), Turn)


def test_half_written_claim_is_unknown(new_ledger: Callable[..., Ledger], tmp_path: Path) -> None:
    """A claim that a power cut left empty is unknown as well."""
    task, ledger = _task(), new_ledger()
    path = tmp_path / ".nanobanana" / task.key[:2] / f"{task.key}.claim"
    path.parent.mkdir(parents=True)
    path.touch()
    known = ledger.begin(task)
    assert isinstance(known, BatchResult)
    assert known.status == "unknown"


@pytest.mark.parametrize("has_place", [False, True])
def test_picture_without_record_is_recovered(
    client: NanoBanana, new_ledger: Callable[..., Ledger], tmp_path: Path, has_place: bool
) -> None:
    """A picture that was written before the runner died is found and kept, and not paid for again."""
    dead, task = new_ledger(), _task()
    turn = dead.begin(task)
    assert isinstance(turn, Turn)
    generation = client.send(task.request)
    state = tmp_path / ".nanobanana" / task.key[:2]
    (state / f"{task.key}.picture").write_bytes(generation.image.data)
    if has_place:
        (tmp_path / f"{task.id}.png").write_bytes(generation.image.data)
    dead.close()
    known = new_ledger().begin(task)
    assert isinstance(known, BatchResult)
    assert (known.status, known.path) == ("done", f"{task.id}.png")
    assert (tmp_path / f"{task.id}.png").read_bytes() == generation.image.data
    assert not (tmp_path / f"{task.id}-2.png").exists()
    assert not (state / f"{task.key}.picture").exists()


def test_full_disk_keeps_the_picture(client: NanoBanana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the folder cannot be written after the call was paid for, the picture is put elsewhere, and the batch stops."""

    def full(self: LocalStore, name: str, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LocalStore, "put", full)
    batch = client.batch([{"prompt": f"Draw on a full disk {n}"} for n in range(20)], tmp_path, concurrency=1)
    (result,) = list(batch)
    assert result.status == "failed"
    assert result.error is not None
    assert result.error["billed"] == "probably"
    where = result.error["message"].rsplit(" ", 1)[1]
    assert Path(where).read_bytes().startswith(b"\x89PNG")
    assert batch.summary.stopped


def test_picture_that_lies_elsewhere_is_fetched_or_told(
    client: NanoBanana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that the answer only names is fetched; where that fails, its line says where it lies, and it is not paid
    for again."""
    from nanobanana import DownloadError, RemoteImage

    requests = [{"prompt": "Far away [sandbox:remote-image]", "id": "far"}, {"prompt": "Near by"}]
    assert client.batch(requests, tmp_path / "a").run().done == 2

    def gone(self: RemoteImage, **_: Any) -> None:
        raise DownloadError("gone", url=self.url)

    monkeypatch.setattr(RemoteImage, "download", gone)
    for _ in range(2):
        results = {result.id: result for result in client.batch(requests, tmp_path / "b")}
        assert results["far"].status == "failed"
        assert results["far"].error is not None
        assert "/sandbox/picture.png" in results["far"].error["message"]
        assert results["far"].error["billed"] == "probably"
    lines = {line["id"]: line for line in _lines(tmp_path / "b")}
    assert lines["far"]["tries"] == 1


def test_unwritable_folder_is_found_before_any_call(client: NanoBanana) -> None:
    """A folder that cannot be used is refused before anything is sent."""
    with pytest.raises(ConfigurationError, match="cannot be used"):
        client.batch([{"prompt": "Draw"}], "/proc/nothing").run()


@pytest.mark.parametrize("concurrency", [0, -1, 1.5, True])
def test_bad_concurrency_is_refused(client: NanoBanana, tmp_path: Path, concurrency: Any) -> None:
    """Concurrency is a whole number of at least 1."""
    with pytest.raises(InvalidRequestError, match="concurrency"):
        client.batch([], tmp_path, concurrency=concurrency)
