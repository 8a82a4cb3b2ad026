"""Books: the folder, the ledger and results.jsonl of a batch, kept together.

Nothing that can go wrong here reaches another task: whatever is raised becomes the result of the task that met it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from .._engine.content import digest
from ..errors import ConfigurationError, NanoBananaError, plain
from ..pictures.image import GeneratedImage
from ..pictures.remote import RemoteImage
from ..pictures.rescue import rescue
from ..pictures.saving import reason
from .decision import Options, decide, state_of
from .drawn import Drawn
from .folder import STATE, UrlFolder, open_folder
from .journal import NAME, Journal
from .ledger import Ledger, Row, as_line, claimed
from .takeover import known_before
from .task import BatchResult, Task, as_error

_SEEN_AFTER = 5.0  # seconds in which a file of another machine shows here


@attrs.define(eq=False)
class Claim:
    """The right to send a task or, where it was paid for and its picture lies elsewhere, to fetch what was drawn."""

    task: Task
    before: Row | None
    """What was known of it before."""
    stem: str = ""
    drawn: Drawn | None = None
    began: float = attrs.field(factory=time.monotonic)
    tries: int = 0

    def told(self) -> dict[str, Any]:
        """What `results.jsonl` says of its call."""
        return {"seconds": round(time.monotonic() - self.began, 3), "tries": self.tries}


class Books:
    """What a batch knows, and keeps. `stop` is called with the reason, where nothing more can be kept.

    Making them takes hold of the folder and tries all that will be needed of it, before anything is paid for. Their
    methods take milliseconds, and may be called by several threads. They raise nothing but KeyboardInterrupt and its
    kin.

    Raises: ConfigurationError.
    """

    def __init__(
        self, address: str, ledger_dir: str | None, options: Options, stop: Callable[[str], None], place: str
    ) -> None:
        self._options, self._stop = options, stop
        self._unsent: list[Claim] = []
        try:
            with contextlib.ExitStack() as undo:
                self.folder = open_folder(address)
                self.folder.try_out()
                path = _ledger_path(address, ledger_dir)
                self._ledger = undo.enter_context(contextlib.closing(Ledger(path)))
                if self._ledger.is_new:
                    self._ledger.take_over(known_before(self.folder))
                if (before := self._ledger.place(place)) != place:
                    problem = f"{address} holds what was drawn by {before}, and this run would ask {place}"
                    raise ConfigurationError(problem, advice="Take a folder for each of them")
                self.folder.clear()
                root = self.folder.root
                self._journal = Journal(path.with_suffix(".jsonl") if root is None else root / NAME)
                self._journal.write(self._ledger.records())
                undo.pop_all()
        except (ConfigurationError, Warning):
            raise
        except Exception as exc:
            problem = f"{address} cannot be used: {_words(exc)}"
            raise ConfigurationError(problem, advice="Give a folder that can be written to") from None

    def close(self) -> None:
        """Writes results.jsonl whole, and lets go of the folder."""
        for claim in self._unsent[:]:
            self.give_back(claim)
        try:
            with contextlib.ExitStack() as closing:
                for close in (self._ledger.close, self._ledger.close, self._journal.close):
                    closing.callback(close)  # the ledger twice: come what may, it is let go
                self._journal.write(self._ledger.records())
                if isinstance(self.folder, UrlFolder):
                    self.folder.write(NAME, self._journal.path.read_bytes())
        except Exception as exc:
            self._stop(f"results.jsonl could not be written: {_words(exc)}")

    # ------------------------------------------------------------------ before a call

    def begin(self, task: Task) -> Claim | BatchResult:
        """The right to send a task, committed, or to fetch what came of it; or else what is known of it."""
        claim = None
        try:
            claim = Claim(task, self._ledger.row(task.key))
            return self._begin(claim)
        except Exception as exc:
            problem = f"nothing was sent, as the ledger or the folder failed: {_words(exc)}"
            self._stop(problem)
            if claim is not None:
                self.give_back(claim)
            return BatchResult.of(task.about(), status="failed", error=as_error("SaveError", problem, "no"))

    def _begin(self, claim: Claim) -> Claim | BatchResult:
        task, row = claim.task, claim.before
        there = None if row is not None and row.state == "done" else self._there(task, row)
        action = decide(row.state if row else None, self._options, is_there=there is not None)
        if there is not None and action == "recover":
            return self._recovered(task, row, there)
        if row is None or action == "send":
            claim.stem = self._named(task, claimed(task.about(), stem=row.stem if row else None))
            return claim
        if action == "fetch":
            error = row.record["error"]
            image = RemoteImage(url=error["url"], is_foreign=error.get("is_foreign", True))
            told = {name: row.record.get(name) for name in ("tokens", "request_id", "text")}
            claim.stem, claim.drawn = self._named(task, row), Drawn(image, told)
            return claim
        record = row.record | {"line": task.line, "id": task.id}
        if record != row.record:  # the lines are in another order now
            self._ledger.put(attrs.evolve(row, record=record | task.about()))
        return BatchResult.of(record | ({"status": "skipped"} if action == "skip" else {}))

    def _there(self, task: Task, row: Row | None) -> str | None:
        """The picture of a task, if it is anywhere: its name in the folder, or the whole path of one outside."""
        if row is not None and row.refuge is not None:
            is_there = os.path.isfile if os.path.isabs(row.refuge) else self.folder.has
            if is_there(row.refuge):
                return row.refuge
        if row is not None and row.stem is not None:
            return self.folder.find(row.stem)
        return self.folder.known(task)

    def _named(self, task: Task, row: Row) -> str:
        return self._ledger.name(row, self.folder.stems(task) if row.stem is None else [row.stem])

    # ------------------------------------------------------------------ after a call

    def keep(self, claim: Claim, drawn: Drawn) -> BatchResult:
        """Puts what was paid for on disk, first of all, and then writes down that it is done."""
        try:
            if drawn.image is not None:
                drawn = drawn.placed(self.folder, claim.stem)
            else:
                self._look_for(drawn.told["path"])
        except Exception as exc:
            return self._rescued(claim, drawn, exc)
        return self._done(claim.task, claim.stem, drawn.told | claim.told())

    def _look_for(self, path: str) -> None:
        until = time.monotonic() + _SEEN_AFTER
        while self.folder.find(os.path.splitext(path)[0]) is None:
            if time.monotonic() > until:
                raise FileNotFoundError("it does not show here: workers must share the folder")
            time.sleep(0.1)

    def _done(self, task: Task, stem: str, told: dict[str, Any]) -> BatchResult:
        row = Row(task.about() | {"status": "done"} | told, stem)
        return self._noted(row.record, partial(self._ledger.put, row))

    def _recovered(self, task: Task, row: Row | None, there: str, **told: Any) -> BatchResult:
        """Gives a picture that was paid for its line, and its place where it has none."""
        image = GeneratedImage(Path(there).read_bytes() if os.path.isabs(there) else self.folder.read(there))
        stem = os.path.splitext(there)[0]
        if row is not None and there == row.refuge:
            stem = self._named(task, row)
            there = self.folder.place(stem, image)
        told |= {"path": there, "sha256": digest(image.content), "recovered": True}
        return self._done(task, stem, told)

    def revisit(self, claim: Claim, error: Exception) -> BatchResult:
        """What came of a call whose worker did not live to tell: its picture may be there all the same."""
        try:
            there = self.folder.find(claim.stem)
            if there is not None:
                return self._recovered(claim.task, None, there, **claim.told())
        except Exception as exc:
            error = exc
        message = f"it is not known what came of it: {type(error).__name__}: {_words(error)}"
        return self._ended(claim, as_error("OutcomeUnknownError", message, "unknown"))

    def fail(self, claim: Claim, error: NanoBananaError) -> BatchResult:
        """Writes down a failure: free, where it cost nothing; paid; or unknown."""
        message, content = error.message, getattr(error, "content", b"")
        if content:  # it may hold what was paid for
            try:
                path = self.folder.place(f"{STATE}/answers/{claim.stem}", GeneratedImage(content))
                message = f"{message.rstrip('.')}; the answer, as far as it came, is in {path}"
            except Exception as exc:
                self._stop(f"an answer could not be kept: {_words(exc)}")
        told = as_error(type(error).__name__, message, error.billed)
        return self._ended(claim, told, {"request_id": getattr(error, "request_id", None)})

    def lies_elsewhere(self, claim: Claim, drawn: Drawn) -> BatchResult:
        """Writes down the address of a picture that was paid for and is not here."""
        image = drawn.image
        assert isinstance(image, RemoteImage)  # noqa: S101 - all others are here
        why = "it is fetched only where that is allowed (fetch_remote), then without paying again"
        if self._options.fetch_remote:
            why = "it could not be fetched from there"
        message = f"the picture was made and lies at {plain(image.url, 1000)}; {why}"
        address = {"url": image.url, "is_foreign": image.is_foreign}
        return self._ended(claim, as_error("DownloadError", message, "probably") | address, drawn.told)

    def _rescued(self, claim: Claim, drawn: Drawn, error: Exception) -> BatchResult:
        """Puts a picture that the folder does not take elsewhere, and stops: no more is paid for."""
        image, refuge = None, None
        if isinstance(drawn.image, GeneratedImage):
            refuge = rescue(drawn.image, *filter(None, [self.folder.root]))
            image = None if refuge else drawn.image
            where = f"safe in {refuge}" if refuge else "in memory only, as `image` of this result"
            problem = f"the picture was made but could not be written ({_words(error)}); it is {where}"
        else:
            where = f"{drawn.told['path']} of {self.folder.address}"
            problem = f"the picture was made and a worker on {drawn.host} put it into {where}, but {_words(error)}"
        self._stop(problem)
        told = {name: value for name, value in drawn.told.items() if name not in ("path", "sha256")}
        result = self._ended(claim, as_error("SaveError", problem, "probably"), told, str(refuge) if refuge else None)
        return attrs.evolve(result, image=image)

    def give_back(self, claim: Claim) -> None:
        """Takes a claim back, as nothing was billed so far: what was known before is all there is."""
        try:
            if claim.before is None:
                self._ledger.forget(claim.task.key)
            else:
                self._ledger.put(claim.before)
        except Exception as exc:
            self._stop(f"a claim could not be taken back: {_words(exc)}")
            self._unsent.append(claim)  # it is tried once more at the end

    def _ended(
        self, claim: Claim, error: dict[str, Any], told: dict[str, Any] | None = None, refuge: str | None = None
    ) -> BatchResult:
        status = "unknown" if error["billed"] == "unknown" else "failed"
        record = claim.task.about() | {"status": status, "error": error} | claim.told() | (told or {})
        is_free = state_of(record) == "free"
        if is_free and claim.before is not None and claim.before.state != "free":
            self.give_back(claim)  # nothing came of paying again; what may have been paid for before is not forgotten
            return BatchResult.of(record)
        row = Row(record, None if is_free else claim.stem, refuge)
        return self._noted(record, partial(self._ledger.put, row))

    def wrong(self, result: BatchResult) -> BatchResult:
        """Writes down a line that is no task."""
        record = {name: value for name, value in result.to_dict().items() if value not in (None, "", 0)}
        return self._noted(record, partial(self._ledger.put_wrong, record))

    def _noted(self, record: dict[str, Any], put: Callable[[], None]) -> BatchResult:
        """Writes down a result. It reaches the caller in any case; the next run finds picture and claim."""
        try:
            put()
            self._journal.append(as_line(record))
        except Exception as exc:
            self._stop(f"a result could not be written down: {_words(exc)}")
        return BatchResult.of(record)


def _words(error: Exception) -> str:
    where = f": {error.filename}" if isinstance(error, OSError) and error.filename else ""
    return plain(f"{reason(error)}{where}", 300)


def _ledger_path(address: str, ledger_dir: str | None) -> Path:
    if "://" not in address and ledger_dir is None:
        return Path(address).absolute() / "ledger.sqlite"
    target = address.rstrip("/") if "://" in address else os.path.realpath(address)
    if ledger_dir is None:
        state = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".local" / "state"
        ledger_dir = os.path.join(state, "nanobanana", "batches")
    folder = Path(ledger_dir).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{hashlib.sha256(target.encode()).hexdigest()[:16]}.sqlite"
