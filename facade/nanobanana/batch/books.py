"""Books: the folder, the ledger and results.jsonl of a batch, kept together.

Nothing that can go wrong here reaches another task: whatever is raised becomes the result of the task that met it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from ..errors import ConfigurationError, NanoBananaError, plain
from ..pictures.image import GeneratedImage
from ..pictures.remote import RemoteImage
from ..pictures.rescue import rescue
from .decision import Options, State, decide
from .drawn import Drawn
from .folder import STATE, Folder, LocalFolder, UrlFolder, open_folder
from .journal import NAME, Journal
from .ledger import Ledger, Row, as_line
from .takeover import known_before
from .task import BatchResult, Task

_SEEN_AFTER = 5.0  # seconds in which a file of another machine shows here


@attrs.define(eq=False)
class Claim:
    """The right to send a task."""

    task: Task
    stem: str
    before: Row | None = None
    """What was known of it before."""
    began: float = attrs.field(factory=time.monotonic)
    tries: int = 0
    has_left: bool = False
    """Whether a call for it may be on its way, or have been."""


@attrs.frozen
class Known:
    """A picture that was paid for and lies elsewhere, to be fetched."""

    claim: Claim
    drawn: Drawn


class Books:
    """What a batch knows, and keeps. `stop` is called with the reason, where nothing more can be kept.

    Its methods take milliseconds, and may be called by several threads. They raise nothing but KeyboardInterrupt and
    its kin.
    """

    def __init__(self, folder: Folder, ledger: Ledger, options: Options, stop: Callable[[str], None]) -> None:
        self.folder = folder
        self._ledger = ledger
        self._options = options
        self._stop = stop
        self._open: set[Claim] = set()
        self._naming, self._named = threading.Lock(), set[str]()
        self._journal = Journal(
            folder.root / NAME if isinstance(folder, LocalFolder) else ledger.path.with_suffix(".jsonl")
        )

    @classmethod
    def open(cls, address: str, ledger_dir: str | None, options: Options, stop: Callable[[str], None]) -> Books:
        """Takes hold of a folder and tries all that will be needed of it, before anything is paid for.

        Raises: ConfigurationError.
        """
        ledger = None
        try:
            folder = open_folder(address)
            folder.try_out()
            ledger = Ledger(_ledger_path(address, ledger_dir))
            books = cls(folder, ledger, options, stop)
            if ledger.is_new:
                ledger.take_over(known_before(folder))
            ledger.forget_wrong()
            folder.clear()
            books._journal.write(ledger.records())
        except BaseException as exc:
            if ledger is not None:
                with contextlib.suppress(Exception):
                    ledger.close()
            if isinstance(exc, ConfigurationError | Warning) or not isinstance(exc, Exception):
                raise
            problem = f"{address} cannot be used: {plain(str(exc), 500) or type(exc).__name__}"
        else:
            return books
        raise ConfigurationError(problem, advice="Give a folder that can be written to")

    def close(self) -> None:
        """Writes results.jsonl whole, and lets go of the folder."""
        for claim in [claim for claim in self._open if not claim.has_left]:
            self.give_back(claim)
        try:
            self._journal.write(self._ledger.records())
            if isinstance(self.folder, UrlFolder):
                self.folder.write(NAME, self._journal.path.read_bytes())
        except Exception as exc:
            self._stop(f"results.jsonl could not be written: {exc}")
        finally:
            for close in (self._journal.close, self._ledger.close, self._ledger.close):  # come what may, it is let go
                try:
                    close()
                except Exception as exc:
                    self._stop(f"the ledger could not be closed: {_words(exc)}")

    # ------------------------------------------------------------------ before a call

    def begin(self, task: Task) -> Claim | Known | BatchResult:
        """The right to send a task or, where it is not to be sent, what is known of it."""
        try:
            return self._begin(task)
        except Exception as exc:
            problem = f"nothing was sent, as the ledger or the folder failed: {_words(exc)}"
            self._stop(problem)
            return _failure(task, "failed", "SaveError", problem, "no")

    def _begin(self, task: Task) -> Claim | Known | BatchResult:
        row = self._ledger.row(task.key)
        state = row.state if row else None
        there = None if state == "done" else self._picture(task, row)
        match decide(state, self._options, is_there=there is not None):
            case "skip" | "tell" as action if row is not None:
                return self._told(task, row, "skipped" if action == "skip" else None)
            case "recover" if there is not None:
                return self._recovered(task, row, there, {"recovered": True})
            case "fetch" if row is not None:
                known = row.record["error"]
                image = RemoteImage(url=known["url"], is_foreign=known.get("is_foreign", True))
                told = {name: row.record.get(name) for name in ("tokens", "request_id", "text")}
                return Known(self._claim(task, row, commit=False), Drawn(image, told))
        return self._claim(task, row)

    def _picture(self, task: Task, row: Row | None) -> str | Path | None:
        """Where the picture of a task is, if it is anywhere."""
        if row is not None and row.refuge is not None:
            if os.path.isabs(row.refuge) and os.path.isfile(row.refuge):
                return Path(row.refuge)
            if not os.path.isabs(row.refuge):
                return row.refuge
        if row is not None and row.stem is not None:
            return self.folder.find(row.stem)
        return self.folder.known(task)

    def _claim(self, task: Task, row: Row | None, *, commit: bool = True) -> Claim:
        if row is not None and row.stem is not None:
            stem = row.stem
        else:
            with self._naming:  # two may want the same name at once
                stem = self.folder.stem(task, self._is_free)
                self._named.add(stem.casefold())
        claim = Claim(task, stem, row)
        try:
            if commit:
                self.claim_again(claim)
        finally:
            if commit:
                self._named.discard(stem.casefold())
        return claim

    def _is_free(self, stem: str) -> bool:
        return stem.casefold() not in self._named and self._ledger.is_free(stem)

    def claim_again(self, claim: Claim) -> None:
        """Commits a claim; until then nothing may be sent. Raises: whatever the ledger does."""
        error = _error("OutcomeUnknownError", _DIED, "unknown")
        self._open.add(claim)
        self._ledger.put("claimed", claim.task.about() | {"status": "unknown", "error": error}, stem=claim.stem)

    def _told(self, task: Task, row: Row, status: Any) -> BatchResult:
        record = row.record | {"line": task.line, "id": task.id}
        if record != row.record:  # the lines are in another order now
            self._ledger.put(row.state, row.record | task.about(), stem=row.stem, refuge=row.refuge)
        return BatchResult.of(record, **({"status": status} if status else {}))

    # ------------------------------------------------------------------ after a call

    def keep(self, claim: Claim, drawn: Drawn) -> BatchResult:
        """Puts what was paid for on disk, first of all, and then writes down that it is done."""
        try:
            if drawn.image is not None:
                drawn = drawn.placed(self.folder, claim.stem)
            elif not self._shows(drawn):
                where = f"{drawn.path} of {self.folder.address} on {drawn.host}"
                problem = f"the picture was made and put into {where}, which does not show here: workers must share it"
                self._stop(problem)
                return self._ended(claim, "paid", "SaveError", problem, "probably", **drawn.told)
        except Exception as exc:
            return self._rescued(claim, drawn, exc)
        return self._done(claim, drawn)

    def _shows(self, drawn: Drawn) -> bool:
        until = time.monotonic() + _SEEN_AFTER
        while not (found := self.folder.find(os.path.splitext(drawn.path or "")[0])) and time.monotonic() < until:
            time.sleep(0.1)
        return found is not None

    def _done(self, claim: Claim, drawn: Drawn) -> BatchResult:
        record = claim.task.about() | {"status": "done", "path": drawn.path, "sha256": drawn.sha256}
        self._open.discard(claim)
        return self._noted("done", record | self._about_call(claim) | drawn.told, claim.stem)

    def _recovered(self, task: Task, row: Row | None, there: str | Path, told: dict[str, Any]) -> BatchResult:
        """Gives a picture that was paid for its record, and its place where it has none."""
        data = there.read_bytes() if isinstance(there, Path) else self.folder.read(there)
        if isinstance(there, str) and not there.startswith(f"{STATE}/"):
            path, stem, sha256 = there, os.path.splitext(there)[0], hashlib.sha256(data).hexdigest()
        else:
            stem = self._claim(task, row, commit=False).stem
            path, sha256 = self.folder.place(stem, GeneratedImage(data))
        record = task.about() | {"status": "done", "path": path, "sha256": sha256} | told
        return self._noted("done", record, stem)

    def revisit(self, claim: Claim, error: Exception) -> BatchResult:
        """What came of a call whose worker did not live to tell: its picture may be there all the same."""
        try:
            there = self.folder.find(claim.stem)
            if there is not None:
                return self._recovered(claim.task, None, there, self._about_call(claim) | {"recovered": True})
        except Exception as exc:
            error = exc
        message = f"it is not known what came of it: {type(error).__name__}: {_words(error)}"
        return self._ended(claim, "unknown", "OutcomeUnknownError", message, "unknown")

    def fail(self, claim: Claim, error: NanoBananaError) -> BatchResult:
        """Writes down a failure: free, where it cost nothing; paid; or unknown."""
        states: dict[str, State] = {"no": "free", "probably": "paid", "unknown": "unknown"}
        request_id = getattr(error, "request_id", None)
        return self._ended(
            claim, states[error.billed], type(error).__name__, error.message, error.billed, request_id=request_id
        )

    def lies_elsewhere(self, claim: Claim, drawn: Drawn, why: str) -> BatchResult:
        """Writes down the address of a picture that was paid for and is not here."""
        image = drawn.image
        assert isinstance(image, RemoteImage)  # noqa: S101 - all others are here
        message = f"the picture was made and lies at {plain(image.url, 1000)}; {why}"
        about = {"url": image.url, "is_foreign": image.is_foreign}
        return self._ended(claim, "elsewhere", "DownloadError", message, "probably", about, **drawn.told)

    def give_back(self, claim: Claim) -> None:
        """Takes a claim back, as nothing was billed so far: what was known before is all there is."""
        try:
            self._open.discard(claim)
            self._named.add(claim.stem.casefold())  # it may be claimed again, after a wait
            if claim.before is None:
                self._ledger.forget(claim.task.key)
            else:
                self._ledger.put(
                    claim.before.state, claim.before.record, stem=claim.before.stem, refuge=claim.before.refuge
                )
        except Exception as exc:
            self._stop(f"a claim could not be taken back: {_words(exc)}")

    def wrong(self, result: BatchResult) -> BatchResult:
        """Writes down a line that is no task."""
        record = attrs.asdict(result, filter=lambda field, value: field.name != "image" and value not in (None, "", 0))
        try:
            self._ledger.put_wrong(record)
            self._journal.append(as_line(record))
        except Exception as exc:
            self._stop(f"a result could not be written down: {_words(exc)}")
        return result

    def _ended(
        self,
        claim: Claim,
        state: State,
        kind: str,
        message: str,
        billed: str,
        more: dict[str, Any] | None = None,
        **told: Any,
    ) -> BatchResult:
        if state == "free" and claim.before is not None and claim.before.state != "free":
            self.give_back(claim)  # nothing came of paying again; what may have been paid for before is not forgotten
            return BatchResult.of(
                claim.task.about(), status="failed", error=_error(kind, message, billed), tries=claim.tries
            )
        error = _error(kind, message, billed) | (more or {})
        record = claim.task.about() | {"status": "unknown" if state == "unknown" else "failed", "error": error}
        stem = None if state == "free" else claim.stem
        self._open.discard(claim)
        return self._noted(state, record | self._about_call(claim) | told, stem)

    def _about_call(self, claim: Claim) -> dict[str, Any]:
        return {"seconds": round(time.monotonic() - claim.began, 3), "tries": claim.tries}

    def _noted(self, state: State, record: dict[str, Any], stem: str | None, refuge: str | None = None) -> BatchResult:
        try:
            self._ledger.put(state, record, stem=stem, refuge=refuge)
            self._journal.append(as_line(record))
        except Exception as exc:  # the result reaches the caller all the same; the next run finds picture and claim
            self._stop(f"a result could not be written down: {_words(exc)}")
        return BatchResult.of(record)

    def _rescued(self, claim: Claim, drawn: Drawn, error: Exception) -> BatchResult:
        """Puts a picture that the folder does not take elsewhere, and stops: no more is paid for."""
        image = drawn.image
        assert isinstance(image, GeneratedImage)  # noqa: S101 - others are in the folder, or elsewhere
        refuge = rescue(image, *([self.folder.root] if isinstance(self.folder, LocalFolder) else []))
        where = f"safe in {refuge}" if refuge else "in memory only, as `image` of this result"
        problem = f"the picture was made but could not be written ({_words(error)}); it is {where}"
        self._stop(problem)
        told = _error("SaveError", problem, "probably")
        record = claim.task.about() | {"status": "failed", "error": told} | self._about_call(claim) | drawn.told
        result = self._noted("paid", record, claim.stem, str(refuge) if refuge else None)
        return attrs.evolve(result, image=None if refuge else image)


_DIED = "it was sent by a run that did not live to see the answer"


def _error(kind: str, message: str, billed: str) -> dict[str, Any]:
    return {"class": kind, "message": message, "billed": billed}


def _words(error: Exception) -> str:
    return plain(str(error), 300) or type(error).__name__


def _failure(task: Task, status: Any, kind: str, message: str, billed: str) -> BatchResult:
    return BatchResult(task.line, status, task.id, task.key, error=_error(kind, message, billed))


def _ledger_path(address: str, ledger_dir: str | None) -> Path:
    if "://" not in address and ledger_dir is None:
        return Path(address).absolute() / "ledger.sqlite"
    target = address.rstrip("/") if "://" in address else os.path.realpath(address)
    folder = Path(ledger_dir) if ledger_dir is not None else _state_home() / "nanobanana" / "batches"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.absolute() / f"{hashlib.sha256(target.encode()).hexdigest()[:16]}.sqlite"


def _state_home() -> Path:
    given = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(given) if given else Path.home() / ".local" / "state"
