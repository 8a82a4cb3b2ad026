"""Tasks: what the lines of a batch ask for, with their keys and names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nanobanana import ImageRequest
from nanobanana.batch import BatchResult, Line
from nanobanana.batch.lines import lines_of
from nanobanana.batch.task import Task, expand


def _expand(requests: Any) -> Iterator[Task | BatchResult]:
    lines = lines_of(requests)
    assert isinstance(lines, Iterator)
    return expand(lines)


def _one(request: object) -> Task:
    (task,) = _expand([request])
    assert isinstance(task, Task), task
    return task


def _problem(request: object) -> str:
    (result,) = _expand([request])
    assert isinstance(result, BatchResult)
    assert (result.status, result.error and result.error["billed"]) == ("failed", "no")
    return str(result.error and result.error["message"])


def test_variations_are_requests_of_their_own() -> None:
    """n and aspect_ratios expand to separate requests with ids and keys of their own."""
    tasks = [
        task
        for task in _expand([{"prompt": "Draw", "id": "cat", "n": 2, "aspect_ratios": ["1:1", "16:9"]}])
        if isinstance(task, Task)
    ]
    assert [task.id for task in tasks] == ["cat-1x1-1", "cat-1x1-2", "cat-16x9-1", "cat-16x9-2"]
    assert [task.request.aspect_ratio for task in tasks] == ["1:1", "1:1", "16:9", "16:9"]
    assert len({task.key for task in tasks}) == 4


def test_keys(picture: Callable[..., bytes]) -> None:
    """The key depends on everything that makes the picture, on the bytes of references and on how often it came, and on
    nothing else."""
    same = [{"prompt": "Draw"}, ImageRequest("Draw"), {"prompt": "Draw", "model": "nanobanana", "aspect_ratio": "1:1"}]
    assert len({_one(request).key for request in same}) == 1
    assert len({task.key for task in _expand(same)}) == 3
    reference = picture()
    different = [
        {"prompt": "Draw"}, {"prompt": "Draw "}, {"prompt": "Draw", "image_size": "2K"}, {"prompt": "Draw", "wire": "chat"},
        {"prompt": "Draw", "aspect_ratio": "16:9"}, {"prompt": "Draw", "references": [reference]}, {"prompt": "Draw", "id": "a"},
        {"prompt": "Draw", "references": [picture(colour="red")]}, {"prompt": "Draw", "references": [reference, reference]},
    ]  # fmt: skip
    assert len({_one(request).key for request in different}) == len(different)


def test_an_id_names_one_picture() -> None:
    """An id that stands on two lines fails on the second, and nothing overwrites anything."""
    first, second = _expand([{"prompt": "A", "id": "x"}, {"prompt": "B", "id": "x"}])
    assert isinstance(first, Task)
    assert isinstance(second, BatchResult)
    assert "stands on another line" in str(second.error)


def test_prompts_alone_are_requests() -> None:
    """A string is a prompt, with the same key as the request that has nothing else."""
    assert _one("Draw a cat").request == ImageRequest("Draw a cat")
    assert _one("Draw a cat").key == _one({"prompt": "Draw a cat"}).key


def test_keys_stay_as_they_are() -> None:
    """The keys are those that folders of earlier versions hold: what was paid for under them is found again."""
    assert _one({"prompt": "Draw a cat", "id": "cat", "aspect_ratio": "16:9"}).key.startswith(
        "cabb6aff8029e5c76e6ec47775567e53"
    )


@pytest.mark.parametrize(("given", "name"), [(7, "7"), ("7", "7"), ("Katze", "Katze"), ("\u732b", "\u732b")])
def test_a_number_may_be_an_id(given: Any, name: str) -> None:
    """An id is text or, as JSON and spreadsheets have it, a whole number."""
    assert _one({"prompt": "Draw", "id": given}).id == name


@pytest.mark.parametrize("given", [True, 1.5, ["x"], {"a": 1}])
def test_what_cannot_be_an_id_is_said(given: Any) -> None:
    """Another value as id fails with words that show it and what is accepted."""
    problem = _problem({"prompt": "Draw", "id": given})
    assert repr(given) in problem
    assert "name of a file" in problem


def test_lines_that_raise_anything_fail_alone() -> None:
    """A request whose own code raises fails with its number, and the others are taken."""

    class Odd(dict[str, object]):
        def items(self) -> Any:
            raise MemoryError("odd")

    class Unfit:
        def read(self, size: int) -> bytes:
            raise ArithmeticError("unfit")

    first, second, third = _expand([Odd(prompt="x"), {"prompt": "y", "references": [Unfit()]}, "Draw"])
    assert isinstance(first, BatchResult)
    assert "line 1: it cannot be read: MemoryError: odd" in str(first.error)
    assert isinstance(second, BatchResult)
    assert "line 2: " in str(second.error)
    assert isinstance(third, Task)


def test_references_are_beside_the_file(
    picture: Callable[..., bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths of a line with a folder are relative to it, or else to the working directory."""
    beside, elsewhere = tmp_path / "jobs", tmp_path / "here"
    beside.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (beside / "a.png").write_bytes(picture(colour="red"))
    (elsewhere / "a.png").write_bytes(picture(colour="blue"))
    (elsewhere / "b.png").write_bytes(picture(colour="green"))
    (task,) = expand([Line(1, {"prompt": "Draw", "references": ["a.png", "b.png"]}, beside)])
    assert isinstance(task, Task)
    assert [reference.data for reference in task.request.references] == [
        picture(colour="red"),
        picture(colour="green"),
    ]
    (wrong,) = expand([Line(1, {"prompt": "Draw", "references": ["missing.png"]}, beside)])
    assert isinstance(wrong, BatchResult)
    assert str(beside / "missing.png") in str(wrong.error)


@pytest.mark.parametrize("requests", ["Draw a cat", {"prompt": "Draw"}, ImageRequest("Draw"), Path("jobs.jsonl"), 7])
def test_a_single_request_is_not_a_batch(requests: Any) -> None:
    """A single request, or a path, in the place of many is refused with what to do."""
    with pytest.raises(ValueError, match=r"must be a list.* brackets .*read_lines"):
        lines_of(requests)
