"""The report: tables and a plot, from the raw results."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .scenarios import ABLATIONS, BASELINE, CLIENTS, MB, OURS, SCENARIOS, TARGETS, TO_FILE, Target

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
PREFACE = """# Performance

What a call costs, with this library and with others, on the loopback interface. `make bench` measures it anew and
writes the part below.

"""
SCHEMES = {"https": "Over TLS", "http": "Plain"}
LEAST = 1 * MB  # a baseline below this many bytes gives no meaningful ratio of memory


class Results:
    """The raw results, by scheme, scenario and client."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self._by: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        for entry in raw["measurements"]:
            self._by.setdefault((entry["scheme"], entry["scenario"], entry["client"]), []).append(entry)

    def entries(self, scheme: str, scenario: str, client: str) -> list[dict[str, Any]]:
        """The measurements of one kind, one for each round."""
        return self._by.get((scheme, scenario, client), [])

    def failure(self, scheme: str, scenario: str, client: str) -> str | None:
        """Why the first one failed that did."""
        return next((e["failed"] for e in self.entries(scheme, scenario, client) if "failed" in e), None)

    def values(self, scheme: str, scenario: str, client: str, measure: str) -> list[float]:
        """What was measured, round by round."""
        return [e[measure] for e in self.entries(scheme, scenario, client) if measure in e]

    def ratio(self, scheme: str, scenario: str, client: str, measure: str, to: str = BASELINE) -> float | None:
        """The median, over the rounds, of the ratio within each round."""
        ours, theirs = (self.entries(scheme, scenario, name) for name in (client, to))
        pairs = [(a[measure], b[measure]) for a, b in zip(ours, theirs, strict=False) if measure in a and measure in b]
        if not pairs or min(b for _, b in pairs) <= (LEAST if measure == "rss" else 0):
            return None
        return statistics.median([float(a / b) for a, b in pairs])

    def scenarios(self, scheme: str) -> list[str]:
        """Those that were measured, in their order."""
        return [s.name for s in SCENARIOS if any(key[:2] == (scheme, s.name) for key in self._by)]

    def ordinary(self, scheme: str) -> list[str]:
        """Those of them that have no table of their own."""
        linked = {scenario.name for scenario in SCENARIOS if scenario.through_link}
        return [name for name in self.scenarios(scheme) if name not in linked]

    def clients(self, scheme: str, measure: str = "cpu") -> list[str]:
        """Those that took part, in their order."""
        names = {e["client"] for e in self.raw["measurements"] if e["scheme"] == scheme and measure in e}
        failed = {e["client"] for e in self.raw["measurements"] if e["scheme"] == scheme and "failed" in e}
        return [client.name for client in CLIENTS if client.name in names | failed]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}" if value < 0.095 else f"{value:.2f}"


def _spread(values: Sequence[float], scale: float) -> str:
    def number(value: float) -> str:
        return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"

    if not values:
        return ""
    low, middle, high = (function(values) * scale for function in (min, statistics.median, max))
    return f"{number(middle)} ({number(low)}–{number(high)})"


def _ratios(results: Results, scheme: str, measure: str) -> str:
    clients = results.clients(scheme, measure)

    def cell(scenario: str, client: str) -> str:
        failure = results.failure(scheme, scenario, client)
        return f"failed: {failure}" if failure else _ratio(results.ratio(scheme, scenario, client, measure))

    rows = [[name, *(cell(name, client) for client in clients)] for name in results.ordinary(scheme)]
    return _table(["", *clients], [row for row in rows if any(row[1:])])


def _ablations(results: Results) -> str:
    """What a scenario takes without a part of the engine, as a multiple of what it takes with it."""
    rows = []
    for ablation in ABLATIONS:
        name = ablation.name
        ours = TO_FILE if name.endswith("to file") else OURS
        for scenario in results.scenarios("https"):
            cells = [results.ratio("https", scenario, name, measure, ours) for measure in ("cpu", "rss")]
            if any(cell is not None for cell in cells):
                rows.append([name, scenario, *map(_ratio, cells)])
    return _table(["", "", "CPU", "memory"], rows).replace("| --- | ---: |", "| --- | --- |", 1)


def _linked(results: Results) -> str:
    """Seconds of wall-clock time a call through the link."""
    names = [scenario for scenario in SCENARIOS if scenario.through_link]
    names = [scenario for scenario in names if scenario.name in results.scenarios("https")]
    clients = [client for client in results.clients("https") if any(scenario.has(client) for scenario in names)]
    rows = []
    for scenario in names:
        walls = [results.values("https", scenario.name, client, "wall") for client in clients]
        rows.append([scenario.name, *(_spread(values, 1 / scenario.calls) for values in walls)])
    return _table(["", *clients], rows)


def _absolute(results: Results, scheme: str) -> str:
    rows = []
    for scenario in (s for s in SCENARIOS if s.name in results.ordinary(scheme)):
        clients = [*results.clients(scheme), *(["python -c pass"] if scenario.kind == "import" else [])]
        for client in clients:
            entries = results.entries(scheme, scenario.name, client)
            if not entries:
                continue
            failure = results.failure(scheme, scenario.name, client)
            calls = entries[0]["calls"] if scenario.kind == "calls" else 1
            cells = [
                _spread(results.values(scheme, scenario.name, client, measure), scale)
                for measure, scale in (("cpu", 1000 / calls), ("wall", 1000 / calls), ("rss", 1 / MB))
            ]
            name = f"{scenario.name}, a call" if calls > 1 else scenario.name
            rows.append([name, client, *([f"failed: {failure}", "", ""] if failure else cells)])
    table = _table(["", "client", "CPU, ms", "wall clock, ms", "peak memory, MB"], rows)
    return table.replace("| --- | ---: |", "| --- | --- |", 1)


def _targets(results: Results) -> str:
    def row(target: Target) -> list[str]:
        place = target.scheme, target.scenario, target.client
        reached = results.ratio(*place, target.measure, target.relative_to)
        scenario = target.scenario + (", plain" if target.scheme == "http" else "")
        client = target.client + (f" / {target.relative_to}" if target.relative_to != BASELINE else "")
        verdict = "not measured" if reached is None else "ok" if reached <= target.limit else "missed"
        measure = {"cpu": "CPU", "rss": "memory"}[target.measure]
        return [scenario, client, measure, f"{target.limit:.2f}", _ratio(reached), verdict]

    measured = [target for target in TARGETS if target.scenario in results.scenarios(target.scheme)]
    table = _table(["", "client", "", "at most", "reached", ""], map(row, measured))
    return table.replace("| --- | ---: | ---: |", "| --- | --- | --- |", 1)


def _setting(raw: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in raw["packages"].items())
    rounds = "one round" if raw["rounds"] == 1 else f"{raw['rounds']} rounds"
    machine = f"{raw['cores']} cores ({raw['cpu']}), {raw['kernel']}, {raw['python']}"
    lines = [f"Measured on {raw['date']} in {rounds}, on {machine}; {packages}."]
    if raw["quick"]:
        lines.append("**A quick run: its sizes are a small part of what the rows say, and its numbers mean nothing.**")
    if raw["missing"]:
        lines.append(f"Not installed: {', '.join(raw['missing'])}.")
    if any(entry.get("peak_of") == "ru_maxrss" for entry in raw["measurements"]):
        lines.append("The peak of memory could not be reset on this system and counts from the start of the process.")
    return "\n\n".join(lines)


def markdown(raw: dict[str, Any], plot: str = "") -> str:
    """The tables, between the two marks."""
    results = Results(raw)
    parts = [BEGIN, _setting(raw)]
    if plot:
        parts.append(f"![CPU of each client relative to {BASELINE}, by scenario]({plot})")
    if not raw["quick"]:
        parts += ["### Targets", f"Relative to {BASELINE} over TLS, unless the row says otherwise.", _targets(results)]
    for scheme, title in SCHEMES.items():
        if not results.scenarios(scheme):
            continue
        absolute = [f"<details>\n<summary>{title}: medians, and from least to most</summary>"]
        absolute += [_absolute(results, scheme), "</details>"]
        parts += [f"### {title}", f"CPU, {BASELINE} = 1.00", _ratios(results, scheme, "cpu")]
        parts += [f"Peak memory above that of the idle client, {BASELINE} = 1.00", _ratios(results, scheme, "rss")]
        parts += absolute
    if _ablated(results):
        parts += ["### Without a part of the engine", f"Over TLS, {OURS} (or {TO_FILE}) = 1.00", _ablations(results)]
    if any(scenario.through_link for scenario in SCENARIOS if scenario.name in results.scenarios("https")):
        words = "Wall-clock seconds a call, over TLS: the median, and from least to most."
        parts += ["### Through a link of 100 ms and 100 Mbit/s", words, _linked(results)]
    return "\n\n".join([*parts, END])


def _ablated(results: Results) -> bool:
    names = {ablation.name for ablation in ABLATIONS}
    return any(entry["client"] in names for entry in results.raw["measurements"])


def write(raw: dict[str, Any], folder: Path) -> None:
    """Writes performance.svg, and the part of performance.md that lies between the two marks."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "performance.md"
    before, mark, rest = (page.read_text(encoding="utf-8") if page.exists() else PREFACE).partition(BEGIN)
    after = rest.partition(END)[2] if mark else "\n"
    page.write_text(before + markdown(raw, "performance.svg") + after, encoding="utf-8")

    try:
        from .plot import draw
    except ImportError as problem:
        print(f"{folder / 'performance.svg'} is not drawn: {problem}; the group bench brings it (make bench)")
        return
    results = Results(raw)
    scheme = "https" if results.scenarios("https") else "http"
    ratios = {
        scenario: {client: results.ratio(scheme, scenario, client, "cpu") for client in results.clients(scheme)}
        for scenario in results.ordinary(scheme)
    }
    draw(folder / "performance.svg", ratios)
