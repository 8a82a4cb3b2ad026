"""Holds the command to its options, its words and its exit codes."""

import subprocess
import sys

from .programs import ADAPTER, GENERATE, ROOT, adapter, command, good_case, written


def test_the_command_prints_what_differs_and_counts(tmp_path):
    """The command plays a folder of cases, prints what differs field by field, ends with the counts and exits with 1."""
    bad = good_case() | {"id": "bad", "waits": [2]}
    done = command("--cases", written(tmp_path, good_case(), bad), "--", *ADAPTER)
    assert done.returncode == 1
    assert done.stdout.splitlines()[1:] == ["bad", "  waits[0]: wanted 2, got 0.5", "1 passed, 1 failed"]


def test_the_command_plays_one_case(tmp_path):
    """With --only, a single case is played; all of it well is exit code 0."""
    bad = good_case() | {"id": "bad", "waits": [2]}
    done = command("--cases", written(tmp_path, good_case(), bad), "--only", "good", "--", *ADAPTER)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 passed, 0 failed")


def test_what_a_program_cannot_do_is_skipped_aloud(tmp_path):
    """A case that needs a feature the program does not name is skipped and counted, or failed where that is asked."""
    case = {"id": "saves", "do": [{"method": "save", "arguments": {"path": "a"}, "expect": {"saved": "a.png"}}]}
    folder, program = written(tmp_path, case), adapter(tmp_path, "    pass\n")
    done = command("--cases", folder, "--", *program)
    assert (done.returncode, done.stdout.splitlines()[-2:]) == (
        0,
        ["skipped: 1 for want of save", "0 passed, 0 failed"],
    )
    assert command("--cases", folder, "--all-features", "--", *program).returncode == 1


def test_a_program_that_is_not_there(tmp_path):
    """A program that cannot be started is exit code 2 and a word."""
    done = command("--", str(tmp_path / "nothing"))
    assert done.returncode == 2
    assert "cannot be started" in done.stderr


def test_it_needs_nothing_but_python(tmp_path):
    """The runner works in an interpreter without any package."""
    program = adapter(tmp_path, "    say(type='done', outcomes=[{'request': {'model': 'm'}}])\n")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import sys; sys.path.insert(0, '.'); from conformance.__main__ import main; sys.exit(main(sys.argv[1:]))",
         "--cases", str(written(tmp_path, GENERATE)), "--", *program],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "1 passed, 0 failed", done.stderr
