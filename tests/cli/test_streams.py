"""The command line between other programs: prompts from stdin, pictures to stdout, defaults for a batch."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..batch.programs import environment, sent, wait_for
from ..conftest import KEY
from ..faults.server import Server, reply
from .terminal import on_terminal

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def command(nanobanana_sandbox: str, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs the program in an empty folder, on the sandbox."""
    environment = {**os.environ, "INFINITYBLUE_BASE_URL": nanobanana_sandbox, "INFINITYBLUE_API_KEY": KEY}

    def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
        more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        environment.update(more.pop("env_more", {}))  # type: ignore[call-overload]
        return subprocess.run(  # type: ignore[call-overload,no-any-return]
            [sys.executable, "-m", "nanobanana", *arguments], cwd=tmp_path, env=environment, timeout=60, **more
        )

    return run


Run = Callable[..., subprocess.CompletedProcess[bytes]]


def test_the_prompt_comes_from_stdin(command: Run, tmp_path: Path) -> None:
    """A hyphen for the prompt reads it from stdin."""
    done = command("generate", "-", input="Draw a small café\n".encode())
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["draw-a-small-café.png"]


@pytest.mark.parametrize(("words", "message"), [(b" \n", b"the prompt is empty"), (b"\xff\xfe", b"not in UTF-8")])
def test_a_bad_prompt_on_stdin_is_refused(command: Run, words: bytes, message: bytes) -> None:
    """Nothing, or no text, is told as such, and nothing is sent."""
    done = command("generate", "-", input=words)
    assert done.returncode == 2
    assert message in done.stderr
    assert b"Nothing was sent" in done.stderr


@pytest.mark.parametrize("kind", ["full", "closed"])
def test_a_picture_that_stdout_does_not_take_is_kept(command: Run, tmp_path: Path, kind: str) -> None:
    """Where the disk under stdout is full, or its reader has gone, the picture is kept in a file, named on stderr."""
    if kind == "full":
        stdout = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, stdout = os.pipe()
        os.close(reader)
    try:
        done = command("generate", "Draw a cat", "-o", "-", stdout=stdout, env_more={"TMPDIR": str(tmp_path)})
    finally:
        os.close(stdout)
    assert done.returncode == 1
    found = re.search(rb"cannot be written to stdout: .*; it is safe in (.*)\n$", done.stderr)
    assert found, done.stderr
    assert Path(os.fsdecode(found[1])).read_bytes().endswith(b"IEND\xaeB`\x82")


@pytest.mark.parametrize("arguments", [("models",), ("models", "--json"), ("--version",), ("-h",)])
def test_a_full_disk_under_stdout_is_told_in_a_line(command: Run, arguments: tuple[str, ...]) -> None:
    """Where stdout takes nothing, a command that only tells something ends with a line, and no traceback."""
    with Path("/dev/full").open("wb") as full:
        done = command(*arguments, stdout=full)
    assert (done.returncode, done.stderr) == (1, b"nanobanana: no space left on device\n")


def test_the_bytes_go_to_stdout(command: Run, tmp_path: Path) -> None:
    """With `-o -` stdout has the picture and nothing beside it, and no file is written."""
    done = command("generate", "Draw a cat", "-o", "-")
    assert done.returncode == 0
    assert done.stdout.startswith(PNG)
    assert done.stdout.endswith(b"IEND\xaeB`\x82")
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_gets_no_bytes(command: Run) -> None:
    """Where stdout is a terminal, `-o -` is refused before anything is paid for."""
    master, slave = pty.openpty()
    try:
        done = command("generate", "Draw a cat", "-o", "-", stdout=slave)
    finally:
        os.close(slave)
        os.close(master)
    assert done.returncode == 2
    assert b"to a terminal" in done.stderr


@pytest.mark.parametrize("more", [["--json"], ["-n", "2"]])
def test_stdout_takes_one_picture_and_nothing_else(command: Run, more: list[str]) -> None:
    """JSON, or a second picture, would spoil the bytes on stdout."""
    done = command("generate", "Draw a cat", "-o", "-", *more)
    assert done.returncode == 2
    assert b"takes one picture" in done.stderr
    assert PNG not in done.stdout


def test_several_pictures_of_one_prompt(command: Run, tmp_path: Path) -> None:
    """-n makes that many calls, and each picture has a name of its own."""
    done = command("generate", "Draw a cat", "-n", "3", "--wire", "chat")
    assert done.stdout.decode().split() == ["draw-a-cat.png", "draw-a-cat-2.png", "draw-a-cat-3.png"]
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ('{"generationConfig": {"seed": 7}}', 0, ""),
        ("{", 2, "--extra-body cannot be used: it is no JSON"),
        ("[1]", 2, "--extra-body cannot be used: it is no JSON object"),
        ('{"model": "x"}', 2, "--extra-body cannot hold 'model'"),
    ],
)
def test_fields_without_an_option(command: Run, text: str, code: int, words: str) -> None:
    """--extra-body merges a JSON object into the request, and says what it cannot be."""
    done = command("generate", "Draw a cat", "--extra-body", text)
    assert done.returncode == code, done.stderr
    assert words in done.stderr.decode()


def test_a_key_in_place_of_a_file_is_not_shown(command: Run) -> None:
    """Whoever gives the key where its file belongs is told so, without the key."""
    done = command("generate", "Draw a cat", "--api-key-file", "sk-very-secret-0123456789")
    assert done.returncode == 2
    assert b"a key, not a file" in done.stderr
    assert b"very-secret" not in done.stderr + done.stdout


def test_defaults_for_the_lines_of_a_batch(command: Run, tmp_path: Path) -> None:
    """Options stand for what a line does not say."""
    lines = [
        {"prompt": "Draw a"},
        "Draw a prompt alone",
        {"prompt": "Draw b", "model": "nanobanana"},
        {"prompt": "Draw c", "aspect_ratios": ["1:1"]},
    ]
    (tmp_path / "jobs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = command(
        "batch",
        "jobs.jsonl",
        "-o",
        "out",
        "-m",
        "nanobanana_pro",
        "--size",
        "2K",
        "--aspect-ratio",
        "16:9",
        "--dry-run",
        "--json",
    )
    about = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [(task["model"], task["aspect_ratio"], task["image_size"]) for task in about] == [
        ("nanobanana_pro", "16:9", "2K"),
        ("nanobanana_pro", "16:9", "2K"),
        ("nanobanana", "16:9", "2K"),
        ("nanobanana_pro", "1:1", "2K"),
    ]


def test_a_batch_says_what_it_is_about_to_pay_for(command: Run, tmp_path: Path) -> None:
    """Somebody at a terminal is told how many pictures will be paid for, before they are, and sees a bar."""
    (tmp_path / "jobs.jsonl").write_text('{"prompt": "Draw [sandbox:slow=0.4]", "n": 4}\n')
    options = ["-o", "out", "--sandbox", "--concurrency", "1"]
    shown, code = on_terminal(tmp_path, "batch", "jobs.jsonl", *options, COLUMNS="80", NO_COLOR="1")
    assert code == 0
    told = shown.decode()
    assert "4 pictures, each a call that is paid for" in told
    assert "1/4" in told
    assert "█" in told
    assert re.search(r"[1-4]/4  0:00:0[1-9]", told)
    assert "4 done, 0 skipped" in told


def test_no_word_is_cut_on_a_terminal(command: Run, tmp_path: Path) -> None:
    """What is said while a batch moves, and of an error, ends its lines between words, and is never on the moving line."""
    (tmp_path / "jobs.jsonl").write_text('{"prompt": "Draw [sandbox:no-image]"}\n{"prompt": "Draw [sandbox:slow=1]"}\n')
    options = ["-o", "out", "--sandbox"]
    shown, _ = on_terminal(tmp_path, "batch", "jobs.jsonl", *options, COLUMNS="50", NO_COLOR="1")
    lines = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "\r", line).split("\r") for line in shown.decode().split("\n")]
    said = [part for line in lines for part in line if part]
    assert all(len(part) <= 50 for part in said)
    assert any(re.fullmatch(r"line 1: [0-9a-f]{20}: failed", part) for part in said), said
    assert "What is unknown" not in shown.decode()


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_has_two_names(command: Run, option: str) -> None:
    """Every command tells of itself by -h and by --help."""
    for name in ([], ["generate"], ["batch"], ["gallery"], ["show"], ["models"], ["sandbox"]):
        assert command(*name, option).returncode == 0


def test_completion_can_be_installed(command: Run) -> None:
    """The program offers completion for the shell."""
    assert b"--install-completion" in command("--help").stdout


def test_answer_that_cannot_be_used_is_kept(tmp_path: Path) -> None:
    """An answer that was paid for and cannot be read is put into a file, and both the words and the JSON say where."""
    answer = b'{"candidates": [{"content": {"parts": [{"inlineData": {"data": "iVBORw0KGgo'
    with Server([reply(200, answer)]) as server:
        done = subprocess.run(
            [sys.executable, "-m", "nanobanana", "generate", "Draw a half", "--json"],
            capture_output=True, text=True, timeout=60,
            env={**os.environ, "INFINITYBLUE_API_KEY": KEY, "INFINITYBLUE_BASE_URL": server.url, "TMPDIR": str(tmp_path)},
        )  # fmt: skip
    assert done.returncode == 1
    (kept,) = tmp_path.rglob("*.bin")
    assert kept.read_bytes() == answer
    assert kept.name in done.stderr.replace("\n", "")
    assert json.loads(done.stdout)["error"]["answer"] == str(kept)


@pytest.mark.parametrize(
    ("words", "end"),
    [
        ("-", b"interrupted; nothing was sent"),
        ("Broken off [sandbox:slow=20]", b"interrupted; a call under way may be billed all the same"),
    ],
)
def test_ctrl_c_says_what_may_have_been_billed(nanobanana_sandbox: str, tmp_path: Path, words: str, end: bytes) -> None:
    """Ctrl-C while the prompt is awaited says that nothing was sent; during a call, that it may be billed."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "nanobanana", "generate", words],
        cwd=tmp_path, env=environment(nanobanana_sandbox), stdin=slave, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    os.close(slave)
    try:
        assert process.stderr is not None
        if words == "-":
            assert b"type the prompt" in process.stderr.readline()
        else:
            wait_for(lambda: bool(sent(nanobanana_sandbox, words)))
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
    finally:
        process.kill()
        os.close(master)
    assert (process.returncode, told) == (130, b"nanobanana: " + end + b"\n")
