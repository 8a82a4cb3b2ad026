"""The command line: a path on stdout, words on stderr, and exit codes a script can trust."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from nanobanana import MODELS
from nanobanana.cli.app import app
from typer.testing import CliRunner, Result

from ..conftest import KEY
from .terminal import on_terminal


@pytest.fixture
def run(nanobanana_sandbox: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command in an empty folder, on the sandbox."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFINITYBLUE_BASE_URL", nanobanana_sandbox)
    monkeypatch.setenv("INFINITYBLUE_API_KEY", KEY)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return invoke


def test_generate_prints_the_path(run: Callable[..., Result]) -> None:
    """The saved path stands alone on stdout; size, type and tokens are told on stderr."""
    result = run("generate", "Draw a cat!")
    assert result.exit_code == 0
    assert result.stdout == "draw-a-cat.png\n"
    assert Path("draw-a-cat.png").read_bytes().startswith(b"\x89PNG")
    assert re.search(r"image/png, 1024x1024, \d+ bytes, \d+ tokens, \d+\.\d s", result.stderr)


def test_generate_never_replaces_what_was_not_named(run: Callable[..., Result]) -> None:
    """Without -o each picture gets a name of its own; with it, the named file is replaced."""
    assert [run("generate", "Draw a cat").stdout.strip() for _ in range(2)] == ["draw-a-cat.png", "draw-a-cat-2.png"]
    assert [run("generate", "Draw a cat", "-o", "x.png").stdout.strip() for _ in range(2)] == ["x.png", "x.png"]


def test_generate_options(run: Callable[..., Result], picture: Callable[..., bytes]) -> None:
    """References, model, ratio, size and thoughts are passed on; drafts are saved beside the picture."""
    Path("ref.png").write_bytes(picture())
    result = run(
        "generate", "Draw this", "-r", "ref.png", "-r", "ref.png", "-m", "nanobanana_pro", "--aspect-ratio", "9:16",
        "--size", "2K", "--thoughts", "-o", "out/", "--json",
    )  # fmt: skip
    report = json.loads(result.stdout)
    assert (report["width"], report["height"], report["mime_type"]) == (1536, 2752, "image/jpeg")
    assert report["path"] == "out/draw-this.jpg"
    assert report["other_paths"] == ["out/draw-this-draft-1.jpg"]
    assert report["thoughts"]
    assert report["usage"]["total_tokens"] > 1000
    assert Path(report["path"]).stat().st_size == report["bytes"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["generate", "Draw", "-m", "no such model"], 2, f"accepted are {MODELS[0]}"),
        (["generate", "Draw", "-r", "missing.png"], 2, "no such file"),
        (["generate", " "], 2, "the prompt is empty"),
        (["generate"], 2, "Missing argument"),
        (["generate", "Draw", "--timeout", "0"], 2, "timeout is 0"),
        (["generate", "Draw", "--api-key-file", "missing"], 2, "cannot be read"),
        (["generate", "Draw [sandbox:no-image]"], 1, "holds no picture"),
        (["generate", "Draw [sandbox:internal-error]"], 1, "It may have been billed."),
        (["generate", "Draw", "--base-url", "http://127.0.0.1:9", "--timeout", "0.2"], 1, "Nothing was sent."),
        (["generate", "Draw", "-o", "/proc/nothing/x.png"], 1, "/proc/nothing"),
        (["generate", "Draw", "-o", "x" * 300], 1, "File name too long. Nothing was sent."),
        (["generate", "Draw", "-o", "x" * 300 + "/"], 1, "File name too long. Nothing was sent."),
    ],
)
def test_errors_are_one_readable_line(run: Callable[..., Result], arguments: list[str], code: int, words: str) -> None:
    """What goes wrong is told in one line, without a traceback, and with the documented exit code."""
    result = run(*arguments)
    assert result.exit_code == code
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_missing_key_is_told(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key the command says where to put one."""
    monkeypatch.delenv("INFINITYBLUE_API_KEY")
    result = run("generate", "Draw a cat")
    assert result.exit_code == 2
    assert "INFINITYBLUE_API_KEY" in result.stderr


def test_key_from_a_file(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """--api-key-file brings the key without showing it to the process list."""
    monkeypatch.delenv("INFINITYBLUE_API_KEY")
    Path("key").write_text(f"{KEY}\n")
    assert run("generate", "Draw a cat", "--api-key-file", "key").exit_code == 0


def test_errors_for_machines(run: Callable[..., Result]) -> None:
    """With --json an error is one JSON object on stdout, with what may have been billed."""
    result = run("generate", "Draw [sandbox:quota]", "--json")
    error = json.loads(result.stdout)["error"]
    assert (error["class"], error["billed"], error["status_code"]) == ("QuotaExceededError", "no", 429)
    assert result.exit_code == 1


def test_wrong_suffix_is_told(run: Callable[..., Result]) -> None:
    """A JPEG asked for as .png is saved as .jpg, and the line on stdout is the real path."""
    result = run("generate", "Draw a cat", "-m", "nanobanana_pro", "-o", "cat.png")
    assert result.stdout == "cat.jpg\n"
    assert "not what 'cat.png' says" in result.stderr


def test_several_and_remote_pictures_are_all_saved(run: Callable[..., Result]) -> None:
    """Nothing that was paid for is dropped: earlier pictures are saved beside the final one, remote ones fetched."""
    run("generate", "Draw [sandbox:several-images]", "-o", "two.png")
    assert Path("two.png").exists()
    assert Path("two-also-1.png").exists()
    result = run("generate", "Draw [sandbox:remote-image]", "-o", "far.png")
    assert Path("far.png").read_bytes().startswith(b"\x89PNG")
    assert "fetching it from there" in result.stderr


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_picture_is_safe_when_it_cannot_be_saved(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    """When the target becomes unwritable after the call, the picture is put where it can be found, as stdout says."""
    from nanobanana.pictures import image

    real, calls = image.write_atomically, []

    def fails_once(path: Path, data: bytes, *, replace: bool = True) -> Path:
        calls.append(path)
        if len(calls) == 1:
            raise OSError(28, "No space left on device")
        return real(path, data, replace=replace)

    monkeypatch.setattr(image, "write_atomically", fails_once)
    result = run("generate", "Draw a cat", "-o", "cat.png", *options)
    assert result.exit_code == 1
    path = json.loads(result.stdout)["error"]["path"] if options else result.stdout.strip()
    assert Path(path).read_bytes().startswith(b"\x89PNG")
    assert "the picture is safe in" in result.stderr


@pytest.mark.parametrize("model", ["nanobanana", "nanobanana_pro"])
def test_show_tells_how_a_picture_was_made(run: Callable[..., Result], model: str) -> None:
    """`show` prints what --metadata kept, and says so where nothing was kept."""
    path = run("generate", "Draw a cat", "-m", model, "--metadata").stdout.strip()
    shown = run("show", path)
    assert shown.exit_code == 0
    assert f"prompt: Draw a cat\nmodel: {model}\nrequest id: req_" in shown.stdout
    assert json.loads(run("show", path, "--json").stdout)["prompt"] == "Draw a cat"
    plain = run("generate", "Draw a dog", "-m", model).stdout.strip()
    assert run("show", plain).exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "nope"],
        ["show", "."],
        ["show", "notes.txt"],
        ["gallery", "nope"],
        ["gallery", "notes.txt"],
        ["batch", "nope", "-o", "out"],
        ["generate", "Draw", "-r", "nope"],
        ["generate", "Draw", "-r", "notes.txt"],
    ],
)
def test_what_is_not_there_or_of_another_kind_is_wrong_usage(run: Callable[..., Result], arguments: list[str]) -> None:
    """Whichever command is given a file or folder that is not there, or is none of its kind, ends with the same code."""
    Path("notes.txt").write_text("words")
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("nanobanana: ")


def test_show_tells_what_is_no_picture(run: Callable[..., Result]) -> None:
    """A file of another kind is told as such, by the path that was given."""
    Path("notes.txt").write_text("words")
    result = run("show", "notes.txt")
    assert (result.exit_code, result.stderr) == (2, "nanobanana: notes.txt is no picture that can be read.\n")
    assert json.loads(run("show", "notes.txt", "--json").stdout)["error"]["class"] == "InvalidRequestError"


def test_models_lists_the_contract(run: Callable[..., Result]) -> None:
    """`models` shows the lists of the contract, for people and for machines."""
    listed = run("models").stdout
    assert "nanobanana_2      chat format" in listed
    assert "5504x3072" in listed
    assert json.loads(run("models", "--json").stdout)["pixels"]["16:9"]["4K"] == "5504x3072"


def test_sandbox_help_lists_the_scenarios(run: Callable[..., Result]) -> None:
    """`sandbox --help` names every scenario and magic key."""
    from nanobanana_sandbox.scenarios import MAGIC_KEYS, SCENARIOS

    text = run("sandbox", "--help").stdout
    assert all(name in text for name in [*SCENARIOS, *MAGIC_KEYS])


def test_sandbox_serves_until_interrupted() -> None:
    """`sandbox` prints its address, serves, and ends quietly when it is interrupted."""
    command = [sys.executable, "-m", "nanobanana", "sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert httpx.get(f"{url}/sandbox/requests").json() == []
            process.send_signal(signal.SIGINT)
            _, words = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "Traceback" not in words


def test_taken_port_is_told(run: Callable[..., Result], nanobanana_sandbox: str) -> None:
    """A port that is in use is told in one line."""
    result = run("sandbox", "--port", nanobanana_sandbox.rsplit(":", 1)[1])
    assert result.exit_code == 1
    assert "--port 0 takes a free one" in result.stderr


def test_log_that_cannot_be_written_is_told(run: Callable[..., Result]) -> None:
    """A log file that cannot be opened is not blamed on the port."""
    result = run("sandbox", "--port", "0", "--log", "nowhere/log.jsonl")
    assert result.exit_code == 1
    assert result.stderr == "nanobanana: no such file or directory: nowhere/log.jsonl\n"


def test_generate_on_a_sandbox_of_its_own(tmp_path: Path) -> None:
    """`generate --sandbox` works with no key and no network, as a program of its own."""
    command = [sys.executable, "-m", "nanobanana", "generate", "Draw a cat", "--sandbox", "-o", "cat"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INFINITYBLUE")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "cat.png\n")


def test_progress_only_on_a_terminal(tmp_path: Path) -> None:
    """Elapsed time is shown while waiting, but only where stderr is a terminal."""
    arguments = ["generate", "Draw [sandbox:slow=1]", "--sandbox", "-o", "cat"]
    shown, code = on_terminal(tmp_path, *arguments, COLUMNS="100")
    assert code == 0
    assert b"nanobanana draws" in shown
    assert b"0:00:01" in shown
