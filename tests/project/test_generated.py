"""generated/: exactly what the contract gives, and the facade follows a changed contract by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ["openapi.yaml", "pyproject.toml", "Makefile", "README.md", "facade", "generated", "sandbox", "tools"]

DRAW = """
import nanobanana, nanobanana_sandbox
with nanobanana_sandbox.serve() as url, nanobanana.NanoBanana("sk-x", base_url=url) as client:
    image = client.generate("Draw a cat", model="nanobanana_next", aspect_ratio="21:9").image
    print(nanobanana.__file__, image.width, image.height)
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project, to be changed."""
    for part in PARTS:
        source, target = ROOT / part, tmp_path / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    return tmp_path


def _run(copy: Path, *command: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(copy / root) for root in ("facade", "generated", "sandbox"))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=120)


def _generate(copy: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return _run(copy, sys.executable, "tools/generate.py", *options)


def _tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_generating_again_changes_nothing(copy: Path) -> None:
    """A second run writes the very same bytes."""
    before = _tree(copy / "generated")
    assert _generate(copy).returncode == 0
    assert _tree(copy / "generated") == before


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
    checked = _run(copy, sys.executable, "tools/tables.py", "--check")
    assert checked.returncode == 1
    assert "The tables in README.md are not what openapi.yaml gives" in checked.stdout
    assert _run(copy, sys.executable, "tools/tables.py").returncode == 0
    assert readme.read_text() == before


def test_broken_contract_changes_nothing(copy: Path) -> None:
    """A contract that the generator warns of leaves generated/ as it was, and fails."""
    before = _tree(copy / "generated")
    contract = copy / "openapi.yaml"
    contract.write_text(contract.read_text().replace('"#/components/schemas/Turn"', '"#/components/schemas/Nothing"'))
    assert _generate(copy).returncode != 0
    assert _tree(copy / "generated") == before


def test_new_model_and_ratio_need_no_other_edit(copy: Path) -> None:
    """A model and a ratio added to openapi.yaml work in the facade, the command line and the sandbox after make generate."""
    contract = copy / "openapi.yaml"
    text = contract.read_text()
    text = text.replace("        - nanobanana_pro\n", "        - nanobanana_pro\n        - nanobanana_next\n", 1)
    text = text.replace('        - "16:9"\n', '        - "16:9"\n        - "21:9"\n', 1)
    contract.write_text(text)
    made = _run(
        copy, "make", "generate", f"VENV={sys.prefix}", "--old-file", f"{sys.prefix}/.dev"
    )  # which stays as it is
    assert made.returncode == 0, made.stderr
    drawn = _run(copy, sys.executable, "-c", DRAW)
    assert drawn.returncode == 0, drawn.stderr
    where, width, height = drawn.stdout.split()
    assert where.startswith(str(copy))
    assert int(width) / int(height) == pytest.approx(21 / 9, rel=0.02)
    listed = _run(copy, sys.executable, "-m", "nanobanana", "models")
    assert "nanobanana_next" in listed.stdout
    assert "21:9" in listed.stdout


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
