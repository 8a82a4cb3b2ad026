"""Ledger: what is claimed, done, failed or unknown, kept in the output folder beside the pictures.

For each picture there may be, under `.nanobanana/`, by its key:

    .claim, .claim-1 ...   made exclusively before the call is sent; the last one tells who sends, or sent
    .picture               the bytes of a picture that was paid for, until it has its place and its record
    .record                the line of results.jsonl, once nothing more can happen: done, or failed for good

A claim without a record is a call of which nobody knows the end. A runner that finds one sends nothing, unless it was
told to; so whatever moment a runner is killed at, the next one neither loses a picture nor pays for it twice.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from pathlib import Path
from typing import Any

import attrs

from ..errors import NanoBananaError
from ..pictures.generation import Generation
from ..pictures.header import digest
from ..pictures.image import GeneratedImage
from ..pictures.remote import Picture, RemoteImage
from ..pictures.rescue import rescue
from .store import Store
from .task import BatchResult, Task

_MARGIN = 60.0  # seconds after which a call that had its deadline is over for certain


@attrs.define
class Turn:
    """The right to send a task, held by a claim."""

    task: Task
    claim: str
    began: float = attrs.field(factory=time.monotonic)
    tries: int = 0


class Ledger:
    """What is known of each picture of a batch. Its methods read or write the folder, which takes milliseconds."""

    def __init__(self, store: Store, *, timeout: float, retry_unknown: bool, retry_failed: bool) -> None:
        self._store = store
        self._timeout = timeout
        self._retry_unknown = retry_unknown
        self._retry_failed = retry_failed
        self._runner = secrets.token_hex(8)
        self._host = socket.gethostname()
        store.enter(self._runner)

    def close(self) -> None:
        """Tells other runners that this one is gone."""
        self._store.leave()

    def begin(self, task: Task) -> Turn | BatchResult:
        """The right to send the task or, where it must not be sent, what is known of it."""
        record = self._get(task, "record")
        if record is not None and not (record["status"] == "failed" and self._retry_failed):
            return self._known(task, record)
        first = claim = self._name(task, "claim")
        held, number = None, 0
        while (newer := self._store.claimed(claim)) is not None:
            held, number = newer, number + 1
            claim = f"{first}-{number}"
        if held is not None:
            known = self._of_claim(task, held, is_final=record is not None)
            if known is not None:
                return known
        about = {"runner": self._runner, "host": self._host, "pid": os.getpid(), "time": time.time()}
        if self._store.claim(claim, json.dumps(about)):
            return Turn(task, claim)
        return BatchResult(task.line, "taken", task.id, task.key)

    def _known(self, task: Task, record: dict[str, Any]) -> BatchResult:
        self._store.delete(self._name(task, "picture"))
        return _result(record, line=task.line, status="skipped" if record["status"] == "done" else "failed")

    def _of_claim(self, task: Task, held: str, *, is_final: bool) -> BatchResult | None:
        """What is known of a task that somebody claimed; None where it may be sent again."""
        if is_final:
            return None
        if self._is_at_work(held):
            return BatchResult(task.line, "taken", task.id, task.key)
        record = self._get(task, "record")  # it may have come, and its writer gone, since we looked
        if record is not None:
            return self._known(task, record)
        saved = self._store.get(self._name(task, "picture"))
        if saved is not None:
            return self._settle(task, GeneratedImage(saved), {"recovered": True})
        if self._retry_unknown:
            return None
        message = "it was sent in an earlier run that did not live to see the answer"
        error = {"class": "OutcomeUnknownError", "message": message, "billed": "unknown"}
        return BatchResult(task.line, "unknown", task.id, task.key, error=error)

    def _is_at_work(self, held: str) -> bool:
        """Whether the runner that made a claim may still wait for its answer."""
        try:
            claim = json.loads(held)
            runner, host, began = str(claim["runner"]), claim["host"], float(claim["time"])
        except (ValueError, KeyError, TypeError):
            return False
        is_alive = self._store.is_alive(runner)
        if is_alive is not None and (is_alive or host == self._host):
            return is_alive
        return time.time() < began + self._timeout + _MARGIN

    def spool_folder(self, turn: Turn) -> Path | None:
        """Where the picture may arrive."""
        return self._store.spool_folder(turn.claim)

    def succeed(self, turn: Turn, generation: Generation) -> BatchResult:
        """Writes the picture and its record, and returns the result.

        A picture that cannot be written or fetched is failed, paid for; where it is then, the message says.
        """
        image = generation.image
        try:
            if isinstance(image, RemoteImage):
                image = image.download()
            content = self._store.put(self._name(turn.task, "picture"), image.content)
        except (OSError, NanoBananaError) as error:
            return self._rescue(turn, image, error)
        details = {
            "tokens": generation.usage.total_tokens,
            "request_id": generation.request_id,
            "seconds": round(time.monotonic() - turn.began, 3),
            "tries": turn.tries,
        }
        if generation.text:
            details["text"] = generation.text
        return self._settle(turn.task, attrs.evolve(image, data=content), details)

    def _rescue(self, turn: Turn, image: Picture, error: Exception) -> BatchResult:
        if isinstance(image, RemoteImage):
            message = f"the picture was made and lies at {image.url}, but could not be fetched: {error}"
            told = {"class": "DownloadError", "message": message, "billed": "probably"}
            record = {**turn.task.about(), "status": "failed", "tries": turn.tries, "error": told}
            self._put(turn.task, "record", record)
            return _result(record)
        path = rescue(image, *filter(None, [self._store.spool_folder(turn.claim)]))
        where = f"; it is safe in {path}" if path is not None else " anywhere"
        message = f"the picture was made but could not be written ({error}){where}"
        told = {"class": "SaveError", "message": message, "billed": "probably"}
        return BatchResult(turn.task.line, "failed", turn.task.id, turn.task.key, tries=turn.tries, error=told)

    def _settle(self, task: Task, image: GeneratedImage, details: dict[str, Any]) -> BatchResult:
        """Gives a saved picture its place, then its record."""
        number, path = 1, f"{task.id}{image.extension}"
        while not self._store.place(path, image.content, self._name(task, "picture")):
            if self._store.get(path) == image.data:
                break  # we were here before, and did not come to write the record
            number += 1
            path = f"{task.id}-{number}{image.extension}"
        record = {
            **task.about(),
            "status": "done",
            "path": path,
            "sha256": digest(image.content),
            **details,
        }
        self._put(task, "record", record)
        self._store.delete(self._name(task, "picture"))
        return _result(record)

    def fail(self, turn: Turn, error: NanoBananaError) -> BatchResult:
        """Notes a failure: one that cost nothing gives the claim back, one that was paid for is final, and one of which
        nobody knows keeps the claim."""
        status = {"no": "failed", "probably": "failed", "unknown": "unknown"}[error.billed]
        record = {
            **turn.task.about(),
            "status": status,
            "request_id": getattr(error, "request_id", None),
            "seconds": round(time.monotonic() - turn.began, 3),
            "tries": turn.tries,
            "error": {"class": type(error).__name__, "message": error.message, "billed": error.billed},
        }
        if error.billed == "no":
            self.give_back(turn)
        elif error.billed == "probably":
            self._put(turn.task, "record", record)
        return _result(record)

    def give_back(self, turn: Turn) -> None:
        """Takes the claim away, as nothing was sent or nothing was done with it."""
        self._store.delete(turn.claim)

    def _name(self, task: Task, kind: str) -> str:
        return f".nanobanana/{task.key[:2]}/{task.key}.{kind}"

    def _get(self, task: Task, kind: str) -> dict[str, Any] | None:
        content = self._store.get(self._name(task, kind))
        return None if content is None else dict(json.loads(content))

    def _put(self, task: Task, kind: str, value: dict[str, Any]) -> None:
        self._store.put(self._name(task, kind), json.dumps(value, ensure_ascii=False).encode())


_RESULT_FIELDS = {field.name for field in attrs.fields(BatchResult)}


def _result(record: dict[str, Any], **changes: Any) -> BatchResult:
    result = BatchResult(**{name: value for name, value in record.items() if name in _RESULT_FIELDS})
    return attrs.evolve(result, **changes)
