"""Running on every Python: which interpreters are found."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools.pythons import pythons


def _interpreter(path: Path, says: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)


def test_the_newest_of_each_supported_version_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each CPython from 3.11, on the PATH or in pyenv, the newest is taken; others, and what does not run, are not."""
    on_path, pyenv = tmp_path / "bin", tmp_path / "pyenv" / "versions"
    _interpreter(on_path / "python3.99", "echo CPython 3 99 1")
    _interpreter(on_path / "python3.13", "exit 127")  # a shim without a version behind it
    _interpreter(on_path / "python3.10", "echo CPython 3 10 13")
    _interpreter(pyenv / "3.99.7" / "bin" / "python3.99", "echo CPython 3 99 7")
    _interpreter(pyenv / "pypy" / "bin" / "python3.11", "echo PyPy 3 11 9")
    (pyenv / "own" / "bin").mkdir(parents=True)
    own = pyenv / "own" / "bin" / "python3.11"
    own.symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(on_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    found = pythons()
    assert found == {sys.version_info[:2]: own, (3, 99): pyenv / "3.99.7" / "bin" / "python3.99"}
