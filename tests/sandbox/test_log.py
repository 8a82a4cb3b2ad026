"""Log: what was asked, for tests that count, in memory and in a file, whatever it was."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import nanobanana_sandbox as package
import pytest
from nanobanana import NanoBanana

from ..conftest import KEY
from .asking import CHAT, NATIVE, asking, log, post


@pytest.fixture
def sandbox() -> Iterator[str]:
    """A sandbox of its own, whose log is empty."""
    with package.serve() as url:
        yield url


def _sent(url: str, body: bytes, length: int | None = None) -> socket.socket:
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=10)
    head = (
        f"POST {NATIVE} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection


def _until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not come to this"
        time.sleep(0.02)


def test_entry_tells_what_was_asked_and_answered(sandbox: str) -> None:
    """An entry has all that a test needs to count bills, and never the key."""
    with NanoBanana(KEY, base_url=sandbox) as client:
        generation = client.generate(
            "Draw a very particular cat", model="nanobanana_pro", aspect_ratio="4:3", image_size="2K"
        )
    (entry,) = log(sandbox)
    assert entry["time"].startswith("20")
    assert entry["seconds"] > 0
    assert len(entry["sha256"]) == 64
    known = {
        "request_id": generation.request_id,
        "method": "POST",
        "path": "/v1beta/models/nanobanana_pro:generateContent",
        "status": 200,
        "model": "nanobanana_pro",
        "prompt": "Draw a very particular cat",
        "references": 0,
        "aspect_ratio": "4:3",
        "image_size": "2K",
        "scenario": None,
    }
    assert {name: entry[name] for name in known} == known
    assert KEY not in json.dumps(entry)


def test_refusals_are_logged_with_their_reason(sandbox: str) -> None:
    """What was refused stands in the log with code and message."""
    post(sandbox, NATIVE, asking("Draw", size="9000K"))
    post(sandbox, NATIVE, asking("Draw [sandbox:quota]"))
    httpx.post(sandbox + CHAT)
    statuses = [(entry["status"], entry["code"]) for entry in log(sandbox)]
    assert statuses == [(400, "invalid_parameter"), (429, "insufficient_quota"), (401, "missing_authorization")]
    assert "9000K" in log(sandbox)[0]["message"]


def test_delete_empties_it(sandbox: str) -> None:
    """DELETE forgets all requests, their pictures, and whom it has turned away once."""
    turned_away = asking("Draw [sandbox:rate-limit-once]")
    assert post(sandbox, NATIVE, turned_away).status_code == 429
    post(sandbox, NATIVE, asking("Draw"))
    request_id = log(sandbox)[-1]["request_id"]
    assert httpx.get(f"{sandbox}/sandbox/requests/{request_id}/picture").status_code == 200
    assert httpx.delete(f"{sandbox}/sandbox/requests").status_code == 204
    assert log(sandbox) == []
    assert httpx.get(f"{sandbox}/sandbox/requests/{request_id}/picture").status_code == 404
    assert post(sandbox, NATIVE, turned_away).status_code == 429


def test_half_a_surrogate_pair_does_no_harm(sandbox: str) -> None:
    """Half an emoji, as JavaScript cuts them, is drawn and logged as U+FFFD, in prompts and where it is refused."""
    for path, body in (
        (NATIVE, asking("Draw \ud83d now")),
        (CHAT, {"model": "nanobanana", "messages": [{"role": "user", "content": "Draw \ud83d now"}]}),
    ):
        answer = post(sandbox, path, json.dumps(body).encode())
        assert answer.status_code == 200
    for body in (asking("Draw", ratio="\udc00"), {"\udc00": 1, **asking("Draw")}, asking("[sandbox:\udc00]")):
        assert post(sandbox, NATIVE, json.dumps(body).encode()).status_code in (200, 400)
    entries = log(sandbox)
    assert [entry["prompt"] for entry in entries[:2]] == ["Draw \ufffd now"] * 2
    assert "\ufffd" in entries[2]["message"]
    assert entries[3]["ignored"] == ["\ufffd"]


def test_client_that_hangs_up_while_it_uploads_has_a_status(sandbox: str) -> None:
    """Such a request is logged with 499, as proxies do."""
    _sent(sandbox, b"{", length=1000).close()
    _until(lambda: [entry["status"] for entry in log(sandbox)] == [499])


def test_client_that_hangs_up_before_its_answer_is_billed(sandbox: str) -> None:
    """A call whose caller went away was processed all the same, and the log says so."""
    connection = _sent(sandbox, json.dumps(asking("Draw [sandbox:slow=0.5]")).encode())
    _until(lambda: log(sandbox, "Draw"))
    connection.close()
    _until(lambda: [entry["status"] for entry in log(sandbox)] == [200])


def test_request_under_way_has_no_status_yet(sandbox: str) -> None:
    """A request is in the log from its beginning."""
    with _sent(sandbox, json.dumps(asking("Draw [sandbox:slow=60]")).encode()):
        _until(lambda: [entry["status"] for entry in log(sandbox, "slow")] == [None])


def test_file_has_a_line_of_json_for_each_request(tmp_path: Path) -> None:
    """With a log file, each answered request adds a line, after what the file held; the key is not in it."""
    path = tmp_path / "log.jsonl"
    path.write_text('{"from": "an earlier run"}\n')
    with package.serve(log=path) as url:
        for body in (asking("Draw one"), asking("Draw 二 \ud800"), asking("Draw", size="9000K")):
            post(url, NATIVE, json.dumps(body).encode())
        listed = log(url)
        httpx.delete(f"{url}/sandbox/requests")
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert lines == [{"from": "an earlier run"}, *listed]
    assert KEY not in path.read_text("utf-8")


def test_file_that_cannot_be_written_is_told_before_serving(tmp_path: Path) -> None:
    """A log that cannot be opened is an OSError at once, and the port is free again."""
    with pytest.raises(OSError, match="nowhere"), package.serve(log=tmp_path / "nowhere" / "log.jsonl"):
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_under_the_file_stops_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    """When the file can no longer be written, that is said once, and pictures go on."""
    with package.serve(log="/dev/full") as url:
        assert [post(url, NATIVE, asking("Draw")).status_code for _ in range(3)] == [200] * 3
        assert [entry["status"] for entry in log(url)] == [200] * 3
    assert len([record for record in caplog.records if "no longer written" in record.message]) == 1


def test_memory_of_the_log_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest requests are forgotten when all their words, or all their pictures, get too many."""
    from nanobanana_sandbox import journal

    monkeypatch.setattr(journal, "_LETTERS", 20_000)
    monkeypatch.setattr(journal, "_PICTURES", 200_000)
    with package.serve() as url:
        for number in range(10):
            post(url, NATIVE, asking(f"{number} " + "x" * 5000))
        entries = log(url)
        assert [entry["prompt"][0] for entry in entries] == ["7", "8", "9"]
        kept = [httpx.get(f"{url}/sandbox/requests/{entry['request_id']}/picture").status_code for entry in entries]
        assert kept[-1] == 200
        assert kept[0] == 404


def test_log_can_be_read_while_requests_come_in(sandbox: str) -> None:
    """Reading it hinders nobody, and gives whole entries."""
    threads = [
        threading.Thread(target=lambda at=at: [post(sandbox, NATIVE, asking(f"{at}-{n}")) for n in range(5)]) for at in range(4)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert all({"request_id", "status", "path"} <= set(entry) for entry in log(sandbox))
    assert len(log(sandbox)) == 20


def test_readiness_needs_no_key(sandbox: str) -> None:
    """A script can wait for the sandbox without a key, and is not counted."""
    for method in ("GET", "HEAD"):
        assert httpx.request(method, f"{sandbox}/sandbox/ready").status_code == 200
    assert httpx.get(f"{sandbox}/sandbox/ready").json() == {"status": "ready"}
    assert log(sandbox) == []


@pytest.mark.parametrize(
    ("method", "place", "status", "allow"),
    [
        ("POST", "/", 405, "GET"),
        ("POST", "/sandbox/requests", 405, "GET, DELETE"),
        ("PUT", "/sandbox/ready", 405, "GET"),
        ("DELETE", "/sandbox/picture.png", 405, "GET"),
        ("GET", "/sandbox", 404, None),
        ("GET", "/sandbox/nothing", 404, None),
        ("GET", "/sandbox/requests/req_0/picture", 404, None),
    ],
)
def test_other_places_answer_in_the_error_shape(
    sandbox: str, method: str, place: str, status: int, allow: str | None
) -> None:
    """What the sandbox has beside the endpoint refuses in the same shape."""
    answer = httpx.request(method, sandbox + place)
    assert (answer.status_code, answer.headers.get("Allow")) == (status, allow)
    assert answer.json()["error"]["code"] == "endpoint_not_found"
