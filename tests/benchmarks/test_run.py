"""The benchmarks: they run, and write a report with a plot."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN = [sys.executable, "-m", "benchmarks"]
PROSE = "# How fast\n\nWords before.\n\n<!-- results: begin -->\nold\n<!-- results: end -->\n\nWords after.\n"


def test_a_quick_run_reports(tmp_path: Path) -> None:
    """A quick run measures every client that is installed, and replaces nothing of the page but its results."""
    page = tmp_path / "performance.md"
    page.write_text(PROSE)
    done = subprocess.run(
        [*RUN, "--quick", "--output", tmp_path], capture_output=True, text=True, timeout=400, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    measurements = json.loads((tmp_path / "results.json").read_text())["measurements"]
    assert not [entry for entry in measurements if "failed" in entry]
    ours = [entry for entry in measurements if entry["client"] == "nanobanana"]
    assert len(ours) == 6
    assert min(entry["cpu"] for entry in ours) > 0
    report = page.read_text()
    assert report.startswith("# How fast\n\nWords before.\n\n<!-- results: begin -->\n")
    assert report.endswith("\n<!-- results: end -->\n\nWords after.\n")
    assert "old" not in report
    assert "| 1 KB picture, a call | nanobanana |" in report
    assert "| without: no lifter | 200 async calls of 1.5 MB |" in report
    assert "| 1.5 MB answer, over a link |" in report
    if find_spec("matplotlib") is None:
        assert "performance.svg is not drawn: No module named 'matplotlib'" in done.stdout
        return
    plot = (tmp_path / "performance.svg").read_text()
    assert "<svg" in plot
    assert ">nanobanana</text>" in plot


def test_the_report_alone_is_the_same(tmp_path: Path) -> None:
    """The report can be made again from the raw results, and comes out the same."""
    entry = {"scenario": "1.5 MB answer", "scheme": "https", "calls": 60, "wall": 0.3, "rss": 2e6, "peak_of": "VmHWM"}
    raw = {
        "date": "2026-01-31",
        "cores": 2,
        "cpu": "a CPU",
        "kernel": "Linux",
        "python": "CPython",
        "packages": {"nanobanana": "0.1.0"},
        "rounds": 2,
        "quick": False,
        "missing": ["gemimg"],
        "measurements": [
            {**entry, "client": client, "cpu": cpu}
            for client, cpu in (("nanobanana", 0.1), ("google-genai", 0.4), ("nanobanana", 0.3), ("google-genai", 0.4))
        ]
        + [{"scenario": "1.5 MB answer", "scheme": "https", "calls": 60, "client": "openai", "failed": "no | reason"}],
    }
    (tmp_path / "results.json").write_text(json.dumps(raw))
    written = []
    for _ in range(2):
        subprocess.run([*RUN, "--report-only", "--output", tmp_path], check=True, timeout=60, cwd=ROOT)
        written.append([path.read_bytes() for path in sorted(tmp_path.glob("performance.*"))])
    assert written[0] == written[1]
    report = written[0][0].decode()
    assert "| 1.5 MB answer | nanobanana | CPU | 0.36 | 0.50 | missed |" in report
    assert "| 1.5 MB answer | 0.50 | 1.00 | failed: no \\| reason |" in report
    assert "Not installed: gemimg." in report
