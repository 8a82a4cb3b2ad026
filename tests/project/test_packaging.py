"""Packaging: the wheel and the sdist install into a clean environment and make a picture there."""

from __future__ import annotations

import email
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import nanobanana
import pytest
import yaml

ROOT = Path(__file__).parents[2]

SMOKE = """
import nanobanana, nanobanana_api, nanobanana_sandbox
from nanobanana import NanoBanana
with nanobanana_sandbox.serve() as url, NanoBanana("sk-x", base_url=url) as client:
    print(client.generate("Draw a cat", model="nanobanana_2").image.mime_type, nanobanana.__file__)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    source = folder / "source"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name)
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return folder


def test_wheel_and_sdist_hold_what_they_should(built: Path) -> None:
    """The wheel holds the three packages with their types and the contract; the sdist all that it is made from."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = wheel.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        stated = email.message_from_bytes(wheel.read(metadata))
    assert (stated["Name"], stated["Version"]) == ("infinityblue-nanobanana", nanobanana.__version__)
    for package in ("nanobanana", "nanobanana_api", "nanobanana_sandbox"):
        assert f"{package}/py.typed" in names
    assert "nanobanana_api/openapi.yaml" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {
        "nanobanana",
        "nanobanana_api",
        "nanobanana_sandbox",
        "infinityblue_nanobanana",
    }
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        inside = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"openapi.yaml", "Makefile", "README.md", "tools/generate.py", "facade/nanobanana/client.py"} <= inside


def test_every_dependency_has_its_reason() -> None:
    """The page on dependencies names each package that the library or an extra asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    page = (ROOT / "docs/dependencies.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("|")]
    for needed in project["dependencies"]:
        assert any(row.startswith(f"| {_name(needed)} |") for row in rows), needed
    for extra, needed in project["optional-dependencies"].items():
        (row,) = [row for row in rows if row.startswith(f"| `{extra}` |")]
        for name in map(_name, needed):
            assert name == project["name"] or re.search(rf"[ ,]{name}[ ,]", row), (extra, name)


def _name(requirement: str) -> str:
    return re.split(r"[^\w-]", requirement, maxsplit=1)[0].lower()


def test_every_supported_python_is_tested() -> None:
    """The CI workflow runs all checks on each Python that the classifiers name, and on no older one than is asked for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [line.rpartition(" ")[2] for line in project["classifiers"] if re.search(r":: 3\.\d+$", line)]
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    job = workflow["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == named
    assert project["requires-python"] == f">={named[0]}"
    assert job["steps"][-1]["run"] == ".ci/run"


def test_the_page_on_the_index_can_be_shown(built: Path) -> None:
    """A package index can show the description of both files."""
    files = [*built.glob("*.whl"), *built.glob("*.tar.gz")]
    done = subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_installs_and_works(built: Path, tmp_path: Path, kind: str) -> None:
    """In a clean environment the package installs, imports and makes a picture, also by its command."""
    package = next(built.glob(kind))
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True, timeout=120)
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", f"{package}[cli,sandbox]"],
        check=True,
        capture_output=True,
        timeout=300,
    )
    done = subprocess.run([python, "-I", "-c", SMOKE], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("image/jpeg"), done.stderr
    assert str(tmp_path) in done.stdout
    command = [python.parent / "nanobanana", "generate", "Draw a cat", "--sandbox", "-o", "cat"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60).stdout == "cat.png\n"
