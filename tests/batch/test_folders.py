"""Where a batch may write: disks with their lacks, fsspec's filesystems, S3, and folders of earlier versions."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nanobanana import ConfigurationError, NanoBanana
from nanobanana.batch import LedgerWarning, ledger
from nanobanana.batch.folder import LocalFolder, UrlFolder
from nanobanana.batch.lines import Line
from nanobanana.batch.task import Task, expand

from .programs import results, sent


@pytest.fixture(autouse=True)
def _state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def _key(request: dict[str, Any]) -> str:
    (task,) = expand([Line(1, request)])
    assert isinstance(task, Task)
    return task.key


# ------------------------------------------------------------------ a copy, a damaged ledger, an earlier version


@pytest.mark.parametrize("how", ["copytree", "without hidden files", "without the ledger"])
def test_copy_of_a_folder_knows_what_was_paid_for(
    client: NanoBanana, nanobanana_sandbox: str, tmp_path: Path, how: str
) -> None:
    """A copy of a folder, however it is made, pays for nothing again: by its ledger, or by results.jsonl alone."""
    requests = [
        {"prompt": f"Copied {how}", "id": "a"},
        {"prompt": f"Copied {how} [sandbox:internal-error]", "id": "b"},
        {"prompt": f"Copied {how} [sandbox:no-image]", "id": "c"},
    ]
    client.batch(requests, tmp_path / "first").run()
    ignore = {"copytree": [], "without hidden files": [".*"], "without the ledger": [".*", "ledger*"]}[how]
    shutil.copytree(tmp_path / "first", tmp_path / "copy", ignore=shutil.ignore_patterns(*ignore))
    summary = client.batch(requests, tmp_path / "copy").run()
    assert (summary.skipped, summary.unknown, summary.failed) == (1, 1, 1)
    assert len(sent(nanobanana_sandbox, f"Copied {how}")) == 3


def test_what_the_sandbox_painted_is_never_taken_for_what_a_gateway_drew(
    client: NanoBanana, nanobanana_sandbox: str, tmp_path: Path
) -> None:
    """A folder begun on this machine is refused by a run that would ask elsewhere, and the other way round, unsent."""
    here = nanobanana_sandbox.rpartition(":")[2]
    elsewhere = NanoBanana._wired(
        api_key="sk-elsewhere-0123456789",
        base_url="http://gateway.example",
        allow_insecure=True,
        reroute=lambda host, port: ("127.0.0.1", int(here)),
    )
    client.batch(["Painted here"], tmp_path / "here").run()
    with pytest.raises(ConfigurationError, match=r"drawn by a server on this machine, .* would ask a server elsewhere"):
        elsewhere.batch(["Painted here"], tmp_path / "here").run()
    assert elsewhere.batch(["Asked there"], tmp_path / "there").run().failed == 1  # it serves this machine alone
    with pytest.raises(ConfigurationError, match="Take a folder for each"):
        client.batch(["Asked there"], tmp_path / "there").run()
    assert elsewhere.batch(["Asked there"], tmp_path / "there").run().failed == 1
    assert len(sent(nanobanana_sandbox, "Painted here")) == 1
    assert sent(nanobanana_sandbox, "Asked there") == []


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + bytes(5000)])
def test_damaged_ledger_is_said_and_kept(
    client: NanoBanana, nanobanana_sandbox: str, tmp_path: Path, content: bytes
) -> None:
    """A damaged ledger is not begun anew: the run is refused with its name, and the file is as it was."""
    client.batch([f"Damaged {len(content)}"], tmp_path).run()
    (tmp_path / "ledger.sqlite").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"ledger\.sqlite.* is damaged .*kept as it is"):
        client.batch([f"Damaged {len(content)}"], tmp_path).run()
    assert (tmp_path / "ledger.sqlite").read_bytes() == content
    (tmp_path / "ledger.sqlite").unlink()
    assert client.batch([f"Damaged {len(content)}"], tmp_path).run().skipped == 1
    assert len(sent(nanobanana_sandbox, f"Damaged {len(content)}")) == 1


def test_ledger_of_a_later_version_is_refused(client: NanoBanana, tmp_path: Path) -> None:
    """A ledger that a later version has written is left alone."""
    client.batch([], tmp_path).run()
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    connection.execute("pragma user_version = 99")
    connection.close()
    with pytest.raises(ConfigurationError, match="later version"):
        client.batch(["Draw"], tmp_path).run()


def test_folder_of_an_earlier_version_is_taken_over(
    client: NanoBanana, nanobanana_sandbox: str, tmp_path: Path, picture: Any
) -> None:
    """Records, claims and pictures of an earlier version, damaged ones as well, are what the first run goes by."""
    requests = [
        {"prompt": f"Earlier {name}", "id": name} for name in ("done", "paid", "claimed", "drawn", "odd", "new")
    ]
    keys = {request["id"]: _key(request) for request in requests}

    def write(name: str, kind: str, content: bytes) -> None:
        path = tmp_path / ".nanobanana" / keys[name][:2] / f"{keys[name]}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def record(name: str, **fields: Any) -> bytes:
        return json.dumps({"id": name, "key": keys[name], "line": 1, "prompt": f"Earlier {name}", **fields}).encode()

    (tmp_path / "done.png").write_bytes(picture())
    write("done", "record", record("done", status="done", path="done.png"))
    write("paid", "record", record("paid", status="failed", error={"class": "NoImageError", "billed": "probably"}))
    write("odd", "record", b'{"id": "odd", "ke')
    write("drawn", "picture", picture(colour="red"))
    for name in ("done", "paid", "drawn", "odd"):
        write(name, "claim", b"{}")
    claim = tmp_path / ".nanobanana" / keys["claimed"][:2] / f"{keys['claimed']}.claim"
    claim.parent.mkdir(parents=True, exist_ok=True)
    claim.symlink_to('{"runner": "gone"}')
    found = {result.id: result for result in client.batch(requests, tmp_path)}
    assert {name: result.status for name, result in found.items()} == {
        "done": "skipped", "paid": "failed", "claimed": "unknown", "drawn": "done", "odd": "unknown", "new": "done",
    }  # fmt: skip
    assert (tmp_path / "drawn.png").read_bytes() == picture(colour="red")
    assert [entry["prompt"] for entry in sent(nanobanana_sandbox, "Earlier ")] == ["Earlier new"]
    assert {line["id"] for line in results(tmp_path)} == keys.keys()


def test_picture_of_an_earlier_version_that_is_gone_stops_nothing(client: NanoBanana, tmp_path: Path) -> None:
    """Where somebody has deleted a picture that an earlier version left, its request is unknown, and the others go on."""
    requests = [{"prompt": f"Gone {name}", "id": name} for name in ("drawn", "new")]
    left = tmp_path / ".nanobanana" / "00" / f"{_key(requests[0])}.picture"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"a picture")
    client.batch([], tmp_path).run()
    left.unlink()
    batch = client.batch(requests, tmp_path, concurrency=1)
    assert {result.id: result.status for result in batch} == {"drawn": "unknown", "new": "done"}
    assert batch.summary.stopped is None


# ------------------------------------------------------------------------------------ disks that lack something


class _Connection:
    """A connection to SQLite on a filesystem that lacks something."""

    def __init__(self, real: sqlite3.Connection, fails: str, code: int) -> None:
        self._real, self._fails, self._code = real, fails, code
        self._journal = self._synchronous = ""

    def execute(self, statement: str, *values: Any) -> Any:
        for name in ("journal", "synchronous"):
            if statement.startswith((f"pragma {name}_mode =", f"pragma {name} =")):
                setattr(self, f"_{name}", statement.rpartition(" ")[2])
        lacks_it = self._fails == self._journal or (self._fails == "sync" and self._synchronous not in ("", "off"))
        if statement == self._fails or (lacks_it and statement == "commit"):
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = self._code
            raise error
        return self._real.execute(statement, *values)

    def __enter__(self) -> None:
        self._real.__enter__()

    def __exit__(self, kind: Any, *more: Any) -> None:
        try:
            if kind is None and self._real.in_transaction:
                self.execute("commit")
        finally:
            self._real.rollback()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _lacking(monkeypatch: pytest.MonkeyPatch, fails: str, code: int) -> None:
    real = sqlite3.connect

    def connect(path: Any, **options: Any) -> Any:
        connection = real(path, **options)
        return _Connection(connection, fails, code) if str(path).endswith("ledger.sqlite") else connection

    monkeypatch.setattr(ledger.sqlite3, "connect", connect)


def test_filesystem_without_write_ahead_log(
    client: NanoBanana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where SQLite cannot keep a write-ahead log, another journal does, as safely."""
    _lacking(monkeypatch, "wal", sqlite3.SQLITE_IOERR)
    assert client.batch(["Draw without a log"], tmp_path).run().done == 1
    assert client.batch(["Draw without a log"], tmp_path).run().skipped == 1


def test_filesystem_without_syncing(client: NanoBanana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be synced, the batch runs with a word of warning."""
    _lacking(monkeypatch, "sync", sqlite3.SQLITE_IOERR_FSYNC)
    with pytest.warns(LedgerWarning, match="does not sync files"):
        assert client.batch(["Draw without syncing"], tmp_path).run().done == 1


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_LOCK, sqlite3.SQLITE_BUSY])
def test_filesystem_without_locks(
    client: NanoBanana, nanobanana_sandbox: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Where files cannot be locked, the batch is refused before it pays, and runs with its ledger elsewhere."""
    mark = f"Lockless {code}"
    _lacking(monkeypatch, "begin immediate", code)
    with pytest.raises(ConfigurationError, match="ledger_dir"):
        client.batch([mark], tmp_path / "out").run()
    assert not sent(nanobanana_sandbox, mark)
    assert client.batch([mark], tmp_path / "out", ledger_dir=tmp_path / "books").run().done == 1
    assert client.batch([mark], tmp_path / "out", ledger_dir=tmp_path / "books").run().skipped == 1
    assert len(results(tmp_path / "out")) == 1


@pytest.mark.parametrize("lacks", ["link", "symlink"])
def test_filesystem_without_links(
    client: NanoBanana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacks: str
) -> None:
    """Neither hard nor symbolic links are needed."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, lacks, refuse)
    assert client.batch(["Draw without links"], tmp_path).run().done == 1


def test_everything_imports_without_modules_of_unix() -> None:
    """The batch, and the command, need none of the modules that only Unix has."""
    program = (
        "import sys\n"
        "for name in ('fcntl', 'resource', 'pwd', 'grp', 'termios'): sys.modules[name] = None\n"
        "import nanobanana.batch.gallery, nanobanana.batch.runner, nanobanana.batch.books"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------------------------ other filesystems


def test_memory_filesystem(client: NanoBanana, nanobanana_sandbox: str) -> None:
    """On a filesystem of fsspec's the pictures and results.jsonl lie there, and the ledger in this user's state."""
    import fsspec

    url = f"memory://batch-{os.getpid()}"
    requests = [{"prompt": f"Memory {n}", "id": f"m{n}"} for n in range(3)] + [{"prompt": "Memory [sandbox:no-image]"}]
    assert client.batch(requests, url).run().done == 3
    assert client.batch(requests, url).run().skipped == 3
    filesystem = fsspec.filesystem("memory")
    lines = [json.loads(line) for line in filesystem.cat_file(f"/batch-{os.getpid()}/results.jsonl").splitlines()]
    assert sorted(line["status"] for line in lines) == ["done", "done", "done", "failed"]
    names = sorted(line["path"] for line in lines if line["status"] == "done")
    assert names == [f"m{n}-{_key(requests[n])[:12]}.png" for n in range(3)]
    assert filesystem.cat_file(f"/batch-{os.getpid()}/{names[0]}").startswith(b"\x89PNG")
    assert len(sent(nanobanana_sandbox, "Memory ")) == 4


def test_what_lies_there_under_its_key_is_done(client: NanoBanana, nanobanana_sandbox: str, tmp_path: Path) -> None:
    """Another machine, without the ledger, finds by their names which pictures were paid for."""
    import fsspec

    url = f"memory://found-{os.getpid()}"
    requests = [{"prompt": f"Found {n}", "id": f"f{n}"} for n in range(3)]
    client.batch(requests[:2], url, ledger_dir=tmp_path / "here").run()
    fsspec.filesystem("memory").rm_file(f"/found-{os.getpid()}/results.jsonl")
    summary = client.batch(requests, url, ledger_dir=tmp_path / "there").run()
    assert (summary.done, summary.is_complete) == (3, True)
    assert len(sent(nanobanana_sandbox, "Found ")) == 3


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A bucket on an S3 server of its own, with the environment that s3fs reads."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        import s3fs

        s3fs.S3FileSystem().mkdir("pictures")
        yield "s3://pictures"
    server.stop()


@pytest.mark.filterwarnings("ignore")
def test_s3(client: NanoBanana, s3: str, nanobanana_sandbox: str, tmp_path: Path) -> None:
    """On an S3-compatible server a re-run skips, also from a machine that has no ledger."""
    requests = [{"prompt": f"Bucket {n}"} for n in range(4)]
    assert client.batch(requests, f"{s3}/run").run().done == 4
    assert client.batch(requests, f"{s3}/run").run().skipped == 4
    assert client.batch(requests, f"{s3}/run", ledger_dir=tmp_path / "other").run().is_complete
    assert len(sent(nanobanana_sandbox, "Bucket ")) == 4


def test_exceptions_of_a_filesystem_fail_alone(
    client: NanoBanana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filesystem whose exceptions are of no class that anybody knows loses no picture, and the batch ends in order."""

    class OddError(Exception):
        pass

    real = UrlFolder.place

    def place(self: UrlFolder, stem: str, image: Any) -> Any:
        if stem.startswith("odd"):
            raise OddError("503 Slow Down")
        return real(self, stem, image)

    monkeypatch.setattr(UrlFolder, "place", place)
    requests = [{"prompt": "Odd", "id": "odd"}, {"prompt": "Even [sandbox:slow=0.3]", "id": "even"}]
    found = {result.id: result for result in client.batch(requests, f"memory://odd-{os.getpid()}", concurrency=2)}
    assert found["even"].status == "done"
    assert (found["odd"].status, found["odd"].error and found["odd"].error["billed"]) == ("failed", "probably")
    rescued = Path(str(found["odd"].error and found["odd"].error["message"]).rpartition("safe in ")[2])
    assert rescued.read_bytes().startswith(b"\x89PNG")
    monkeypatch.undo()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    again = {result.id: result for result in client.batch(requests, f"memory://odd-{os.getpid()}")}
    assert (again["odd"].status, again["even"].status) == ("done", "skipped")  # it has been brought home
    rescued.unlink()


@pytest.mark.parametrize("url", ["nonsense://x/y", "http://127.0.0.1:9/x"])
def test_unusable_filesystem_is_refused(client: NanoBanana, url: str) -> None:
    """An unknown filesystem, or one that cannot be written, is refused."""
    with pytest.raises(ConfigurationError, match="cannot be used"):
        client.batch([{"prompt": "Draw"}], url).run()


@pytest.mark.parametrize("folder", ["/proc/nothing", "\0"])
def test_unwritable_folder_is_found_before_any_call(client: NanoBanana, folder: str) -> None:
    """A folder that cannot be used is refused before anything is sent."""
    with pytest.raises(ConfigurationError, match="cannot be used"):
        client.batch([{"prompt": "Draw"}], folder).run()


def test_full_disk_keeps_the_picture(client: NanoBanana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the folder cannot be written after the call was paid for, the picture is put elsewhere, the batch stops, and
    the next run brings it home."""
    real = LocalFolder.place

    def full(self: LocalFolder, stem: str, image: Any) -> Any:
        if "probe" in stem:
            return real(self, stem, image)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LocalFolder, "place", full)
    requests = [{"prompt": f"Draw on a full disk {n}", "id": f"f{n}"} for n in range(20)]
    batch = client.batch(requests, tmp_path, concurrency=1)
    (result,) = list(batch)
    assert result.status == "failed"
    assert result.error is not None
    assert result.error["billed"] == "probably"
    where = Path(result.error["message"].rpartition("safe in ")[2])
    assert where.read_bytes().startswith(b"\x89PNG")
    assert batch.summary.stopped
    monkeypatch.undo()
    again = client.batch(requests[:1], tmp_path)
    assert [(result.status, result.path) for result in again] == [("done", "f0.png")]
    assert (tmp_path / "f0.png").read_bytes() == where.read_bytes()
    where.unlink()


def test_no_folder_takes_the_picture(client: NanoBanana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no folder of the machine takes a picture that was paid for, the result holds it."""
    from nanobanana.pictures.image import GeneratedImage

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    real = LocalFolder.place
    monkeypatch.setattr(LocalFolder, "place", lambda self, stem, image: (full if "probe" not in stem else real.__get__(self))(stem, image))  # fmt: skip
    monkeypatch.setattr(GeneratedImage, "moved", full)
    (result,) = list(client.batch(["Draw nowhere"], tmp_path))
    assert result.image is not None
    assert result.image.data.startswith(b"\x89PNG")
    assert "in memory only" in str(result.error)
