"""Documentation: every snippet in the README and in docs/ runs, and every list is complete."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NOT_RUN = {"json", "text", "ts", "go"}

# Functions that a page defines as tests run as tests do, with the fixture's value.
RUN_TESTS = """
for _name, _function in list(globals().items()):
    if _name.startswith("test_"):
        _function(nanobanana_sandbox=__import__("os").environ["INFINITYBLUE_BASE_URL"])
"""


def _pages_with(language: str) -> list[object]:
    return [
        pytest.param(page, id=page.name)
        for page in PAGES
        if any(f[1] == language for f in FENCE.finditer(page.read_text()))
    ]


@pytest.fixture
def reader(tmp_path: Path, nanobanana_sandbox: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of somebody who follows a page, on the sandbox."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.setenv("INFINITYBLUE_BASE_URL", nanobanana_sandbox)
    monkeypatch.setenv("INFINITYBLUE_API_KEY", "sk-sandbox")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


@pytest.mark.parametrize("page", _pages_with("python"))
def test_python_snippets_run(page: Path, reader: Path) -> None:
    """The Python of a page runs from top to bottom, as a reader would type it."""
    script = reader / "snippets.py"
    script.write_text(
        "\n".join(found[2] for found in FENCE.finditer(page.read_text()) if found[1] == "python") + RUN_TESTS
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", script],
        cwd=reader,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", _pages_with("sh"))
def test_shell_snippets_run(page: Path, reader: Path) -> None:
    """The commands of a page run; those that set up are looked at instead."""
    for found in FENCE.finditer(page.read_text()):
        if found[1] != "sh":
            continue
        for line in found[2].splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] == "nanobanana":
                done = subprocess.run(words, cwd=reader, capture_output=True, text=True, timeout=120)
                assert done.returncode == 0, (line, done.stderr)
            elif words:
                assert words[:2] in (["pip", "install"], ["make", "demo"], ["make", "test"], ["make", "build"]), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_snippets_and_links_are_known(page: Path) -> None:
    """Each snippet has a language that is run or is known not to be, and each link leads to a file."""
    text = page.read_text()
    for found in FENCE.finditer(text):
        assert found[1] in {"python", "sh"} | NOT_RUN
    assert text.count("```") == 2 * len(FENCE.findall(text))
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", re.sub(r"`[^`\n]*`", "", text)):
        assert (page.parent / target).exists(), target


def test_sandbox_page_lists_every_scenario() -> None:
    """The page on the sandbox lists each scenario and each magic key with its own words."""
    from nanobanana_sandbox.scenarios import MAGIC_KEYS, SCENARIOS

    page = (ROOT / "docs" / "sandbox.md").read_text()
    for scenario in SCENARIOS.values():
        assert f"| `{scenario.name}` | {scenario.summary} |" in page
    for key in MAGIC_KEYS:
        assert f"| `{key}` |" in page


def test_readme_names_every_make_target_it_speaks_of() -> None:
    """The make targets that the documents name exist."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"`make ([a-z-]+)`", page.read_text()))
        assert named <= targets, (page.name, named - targets)


def test_every_public_name_has_a_docstring() -> None:
    """Whatever can be imported from the package says what it is."""
    import nanobanana

    for name in nanobanana.__all__:
        value = getattr(nanobanana, name)
        if isinstance(value, type):
            assert value.__doc__, name


def test_faults_page_has_every_row() -> None:
    """The page on faults has a line for each row of the table, with the requests, the error and what is billed."""
    from ..faults.table import ROWS

    page = (ROOT / "docs" / "faults.md").read_text()
    for row in ROWS:
        rest = (
            "" if row.or_else else rf"\| {row.requests} \| {row.outcome} "
        )  # what depends on chance may read otherwise
        assert re.search(rf"\| {re.escape(row.does)}.*{rest}", page), row.name
    assert len(ROWS) >= 80
