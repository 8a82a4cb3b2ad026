"""The site: it builds without a warning, and its reference has every public name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nanobanana
import nanobanana.batch
import nanobanana_sandbox
from sphinx.util.inventory import InventoryFile

ROOT = Path(__file__).parents[2]


def test_site_builds_and_its_reference_is_complete(tmp_path: Path) -> None:
    """The pages and docstrings become a site without a warning (a dead link is one), with an entry for each public name."""
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", tmp_path / "read", ROOT / "docs",
         tmp_path / "site"],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    listed = InventoryFile.loads((tmp_path / "site" / "objects.inv").read_bytes(), uri="").data.values()
    entries = {name for kind in listed for name in kind}
    for package in (nanobanana, nanobanana.batch, nanobanana_sandbox):
        names = [name for name in package.__all__ if not name.startswith("__")]
        missing = [name for name in names if not {f"{package.__name__}.{name}", f"nanobanana.errors.{name}"} & entries]
        assert not missing
    for cls in (nanobanana.NanoBanana, nanobanana.Conversation, nanobanana.AsyncConversation):
        members = {f"nanobanana.{cls.__name__}.{name}" for name in dir(cls) if not name.startswith("_")}
        assert members <= entries
