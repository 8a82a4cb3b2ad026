"""What a call costs, with this library and with others: CPU, wall-clock time and memory.

    python -m benchmarks                    # everything, into docs/; some twenty minutes
    python -m benchmarks --quick            # does it work at all?
    python -m benchmarks --scenario "16 MB answer" --client nanobanana --client google-genai --rounds 3
    python -m benchmarks --report-only      # the report again, from the last results

The server runs in a process of its own, and so does each measurement. In a round, the clients of a scenario run one
right after another, in an order that turns by one with each round, so that a slow minute of the machine meets
all of them. A run of a part prints its report and leaves docs/ alone, unless --output says where it shall go.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .picture import picture
from .scenarios import ABLATIONS, BASELINE, CLIENTS, KB, QUICK, QUICK_CLIENTS, SCENARIOS, Client, Scenario
from .surroundings import describe, environment, hidden_from, is_installed, trust

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "bench"
LIMIT, QUICK_LIMIT = 300.0, 30.0  # seconds that a measurement may take
BARE = Client("python -c pass", "pass", ())


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, help="how often each measurement is made (default 5)")
    parser.add_argument("--scenario", action="append", choices=[s.name for s in SCENARIOS], help="only these")
    parser.add_argument(
        "--client", action="append", choices=[c.name for c in (*CLIENTS, *ABLATIONS)], help="only these"
    )
    parser.add_argument("--quick", action="store_true", help="one round of little work, which measures nothing well")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where report, plot and raw results go")
    parser.add_argument("--report-only", action="store_true", help="write the report from the results that are there")
    return parser.parse_args()


@contextlib.contextmanager
def served(folder: Path) -> Iterator[dict[str, str]]:
    """The addresses of a server that runs meanwhile, by scheme."""
    with _beside("benchmarks.server", str(folder)) as line:
        addresses: dict[str, str] = json.loads(line)
        trust(folder / "authority.pem")
        with _beside("benchmarks.relay", addresses["https"].rpartition(":")[2]) as port:
            yield {**addresses, "link": f"https://127.0.0.1:{port.strip()}"}


@contextlib.contextmanager
def _beside(module: str, argument: str) -> Iterator[str]:
    """The first line that another process prints, which runs meanwhile."""
    command = [sys.executable, "-m", module, argument]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"{module} did not start")
        yield line


class Bench:
    """Makes measurements with one server."""

    def __init__(self, addresses: dict[str, str], folder: Path, limit: float) -> None:
        self._addresses, self._folder, self._limit = addresses, folder, limit
        self._environment = environment(folder / "authority.pem")
        self._hidden = {client.name: hidden_from(client) for client in (*CLIENTS, *ABLATIONS)}

    def measure(self, scenario: Scenario, client: Client, scheme: str) -> dict[str, Any]:
        """What one scenario took, or the reason why it failed."""
        url = f"{self._addresses['link' if scenario.through_link else scheme]}/{scenario.answer}"
        if scenario.kind == "import":
            result, _ = self._spawn(client, client.imports)
        elif scenario.kind == "start":
            result, _ = self._spawn(client, f"from benchmarks import worker; worker.start({client.name!r}, {url!r})")
        else:
            result = self._measure_calls(scenario, client, url)
        return {"scenario": scenario.name, "client": client.name, "scheme": scheme, "calls": scenario.calls, **result}

    def _measure_calls(self, scenario: Scenario, client: Client, url: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            work = {
                "client": client.name,
                "url": url,
                "kind": scenario.kind,
                "answer": scenario.answer,
                "calls": scenario.calls,
                "references": self._references(scenario),
                "send_buffer": scenario.send_buffer,
                "folder": folder if client.name.endswith("to file") or scenario.kind == "batch" else "",
            }
            result, printed = self._spawn(client, "from benchmarks import worker; worker.measure()", json.dumps(work))
        return result if "failed" in result else json.loads(printed.splitlines()[-1])

    def _references(self, scenario: Scenario) -> list[str]:
        """Files with the reference images, the same ones for all clients."""
        paths = [self._folder / f"{scenario.reference_bytes}-{number}.png" for number in range(scenario.references)]
        for path in paths:
            if not path.exists():
                path.write_bytes(picture(scenario.reference_bytes))
        return [str(path) for path in paths]

    def _spawn(self, client: Client, program: str, *arguments: str) -> tuple[dict[str, Any], str]:
        """Runs a program in a process that sees only what the client's installation brings."""
        hidden = self._hidden.get(client.name)
        if hidden:
            program = f"import sys; sys.modules.update(dict.fromkeys({hidden})); {program}"
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            began = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-c", program, *arguments],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
            timer = threading.Timer(self._limit, process.kill)
            timer.start()
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - began
            timer.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            printed, said = out.read().decode(), err.read().decode(errors="replace").strip()
        if process.returncode:
            last = said.splitlines()[-1] if said else f"exit {process.returncode}"
            return {"failed": f"more than {self._limit:g} s" if wall > self._limit else last[:120]}, ""
        return {"cpu": usage.ru_utime + usage.ru_stime, "wall": wall}, printed


def plan(scenarios: Sequence[Scenario], clients: Sequence[Client], rounds: int) -> list[tuple[Scenario, Client, str]]:
    """All measurements in their order."""
    steps = []
    for number in range(rounds):
        for scenario in scenarios:
            taking_part = [client for client in clients if scenario.has(client.name)]
            if scenario.kind == "import":
                taking_part.append(BARE)
            turn = number % max(len(taking_part), 1)
            for scheme in scenario.schemes:
                if number < scenario.rounds:
                    steps += [
                        (scenario, client, scheme)
                        for client in taking_part[turn:] + taking_part[:turn]
                        if scheme == "https" or client not in ABLATIONS
                    ]
    return steps


def run(args: argparse.Namespace, raw: Path) -> dict[str, Any]:
    """Makes all measurements asked for and keeps them in the file `raw`."""
    names = args.client or (QUICK_CLIENTS if args.quick else [client.name for client in (*CLIENTS, *ABLATIONS)])
    asked = [client for client in (*CLIENTS, *ABLATIONS) if client.name in names]
    clients = [client for client in asked if is_installed(client)]
    scenarios = [s for s in (QUICK if args.quick else SCENARIOS) if not args.scenario or s.name in args.scenario]
    rounds = args.rounds or (1 if args.quick else 5)
    results: dict[str, Any] = {
        **describe(),
        "rounds": rounds,
        "quick": args.quick,
        "missing": [client.name for client in asked if client not in clients],
        "measurements": [],
    }
    steps = plan(scenarios, clients, rounds)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as addresses:
        bench = Bench(addresses, Path(folder), QUICK_LIMIT if args.quick else LIMIT)
        for client in clients:  # what is imported for the first time is compiled; that is no part of any measurement
            bench.measure(Scenario("warm-up", "calls"), client, "http")
        for number, (scenario, client, scheme) in enumerate(steps, 1):
            result = bench.measure(scenario, client, scheme)
            results["measurements"].append(result)
            said = result.get("failed") or f"{result['cpu']:.3f} s CPU, {result['wall']:.3f} s"
            if "rss" in result:
                said += f", {result['rss'] / KB / KB:.1f} MB"
            print(f"{number}/{len(steps)} {scheme:<5} {scenario.name}: {client.name}: {said}", file=sys.stderr)
            raw.write_text(json.dumps(results, indent=1))
    return results


def main() -> None:
    """Measures, unless only the report is asked for, and reports."""
    args = options()
    part = bool(args.quick or args.scenario or args.client)
    folder = args.output or CACHE
    folder.mkdir(parents=True, exist_ok=True)
    raw = folder / ("partial.json" if part and not args.output else "results.json")
    if args.report_only and not raw.exists():
        raise SystemExit(f"There are no results in {raw} yet.")
    results = json.loads(raw.read_text()) if args.report_only else run(args, raw)
    if BASELINE not in {entry["client"] for entry in results["measurements"]}:
        print(f"There are no ratios, as {BASELINE} took no part.", file=sys.stderr)

    from . import report

    if part and not args.output:
        print(report.markdown(results))
    else:
        report.write(results, args.output or ROOT / "docs")


if __name__ == "__main__":
    main()
