"""Many cases, one program: sessions of its adapter, several at once, and a verdict on each case."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from .adapter import Adapter, AdapterError
from .cases import Case
from .play import Trace, play


@dataclass
class Verdict:
    """What came of a case. It passed where there are no problems; `missing` are features that it would have needed."""

    case: Case
    problems: list[str] = field(default_factory=list)
    missing: frozenset[str] = frozenset()
    words: str = ""
    """What the adapter wrote to stderr meanwhile."""
    trace: Trace | None = None
    """What it did; None where it got stuck, or the case was not played."""


class Runner:
    """Plays cases to one program, in a process that is started when it is needed, and anew after it got stuck.

    command: the adapter and its arguments. patience: seconds after which it counts as stuck. folder: where it runs.
    """

    def __init__(self, command: Sequence[str], *, patience: float = 20, folder: Path | None = None) -> None:
        self._command = list(command)
        self._patience = patience
        self._folder = folder
        self._adapter: Adapter | None = None

    @property
    def name(self) -> str:
        """What the program calls itself.

        Raises: AdapterError where it cannot be started.
        """
        return self._common().name

    def play(self, case: Case) -> Verdict:
        """Plays one case. Whatever the program does, it gives a verdict."""
        adapter: Adapter | None = None
        try:
            adapter = self._started(case.environment) if case.environment else self._common()
            if missing := case.needs - adapter.features:
                return Verdict(case, missing=frozenset(missing))
            trace = play(case, adapter, patience=self._patience)
            words = adapter.new_words()
            if case.key in words:
                trace.problems.append(trouble := "the key shows in stderr")
                trace.troubles.append(trouble)
            return Verdict(case, trace.problems, words=words, trace=trace)
        except AdapterError as exc:
            words = adapter.new_words() if adapter else ""
            if adapter is self._adapter:
                self.close()
            return Verdict(case, [f"the adapter is of no further use: {exc}"], words=words)
        finally:
            if adapter is not None and adapter is not self._adapter:
                adapter.close()

    def _common(self) -> Adapter:
        if self._adapter is None:
            self._adapter = self._started({})
        return self._adapter

    def _started(self, environment: object) -> Adapter:
        assert isinstance(environment, dict)
        return Adapter(self._command, patience=self._patience, environment=environment, folder=self._folder)

    def close(self) -> None:
        """Ends the program."""
        if self._adapter is not None:
            self._adapter.close()
            self._adapter = None


def play_all(
    cases: Sequence[Case],
    command: Sequence[str],
    *,
    jobs: int = 1,
    patience: float = 20,
    folder: Path | None = None,
) -> Iterator[Verdict]:
    """The verdicts on cases, in their order, from several processes of a program at once."""
    runners: list[Runner] = []
    own = threading.local()

    def judge(case: Case) -> Verdict:
        if not hasattr(own, "runner"):
            own.runner = Runner(command, patience=patience, folder=folder)
            runners.append(own.runner)
        verdict: Verdict = own.runner.play(case)
        return verdict

    try:
        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(judge, cases)
    finally:
        for runner in runners:
            runner.close()
