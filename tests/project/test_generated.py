"""generated/: exactly what the contract gives, and the facade follows a changed contract by itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .copies import copy_project, run, tree


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project, to be changed."""
    return copy_project(tmp_path)


def _generate(copy: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return run(copy, sys.executable, "tools/generate.py", *options)


def test_generating_again_changes_nothing(copy: Path) -> None:
    """A second run writes the very same bytes."""
    before = tree(copy / "generated")
    assert _generate(copy).returncode == 0
    assert tree(copy / "generated") == before


@pytest.mark.parametrize("change", ["edited", "stale", "missing"])
def test_check_finds_every_difference(copy: Path, change: str) -> None:
    """The check fails on an edited file, on one the contract does not give, and on a missing one."""
    package = copy / "generated" / "nanobanana_api"
    if change == "edited":
        (package / "types.py").write_text("# by hand\n")
    elif change == "stale":
        (package / "models" / "left_over.py").touch()
    else:
        (package / "py.typed").unlink()
    result = _generate(copy, "--check")
    assert result.returncode == 1
    assert "run 'make generate'" in result.stdout


def test_check_finds_a_stale_table(copy: Path) -> None:
    """The tables in the pages are held against the contract; writing them again mends them, and touches nothing else."""
    readme = copy / "README.md"
    before = readme.read_text()
    readme.write_text(before.replace("| `nanobanana` |", "| `banana` |"))
    checked = run(copy, sys.executable, "tools/tables.py", "--check")
    assert checked.returncode == 1
    assert "The tables in README.md are not what openapi.yaml gives" in checked.stdout
    assert run(copy, sys.executable, "tools/tables.py").returncode == 0
    assert readme.read_text() == before


def test_broken_contract_changes_nothing(copy: Path) -> None:
    """A contract that the generator warns of leaves generated/ as it was, and fails."""
    before = tree(copy / "generated")
    contract = copy / "openapi.yaml"
    contract.write_text(contract.read_text().replace('"#/components/schemas/Turn"', '"#/components/schemas/Nothing"'))
    assert _generate(copy).returncode != 0
    assert tree(copy / "generated") == before


def test_a_model_is_imported_when_it_is_asked_for() -> None:
    """Importing an operation imports the models that its module names and no others; all can be had from `models`."""
    program = (
        "import sys, nanobanana_api.api.images.generate_image, nanobanana_api.models as models\n"
        "assert 'nanobanana_api.models.chat_completion' not in sys.modules\n"
        "from nanobanana_api.models import *\n"
        "assert all(getattr(models, name) is globals()[name] for name in models.__all__)\n"
        "assert models.ChatCompletion.__module__ in sys.modules\n"
        "assert not hasattr(models, 'Nothing')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
