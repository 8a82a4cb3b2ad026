"""Journal: what the sandbox was asked and what it answered, in memory and, if wanted, in a file."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Iterator
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

from attrs import define, field

from .intake import encoded

_REMEMBERED = 100_000  # requests
_LETTERS = 64 * 1024 * 1024  # of all prompts and messages together
_PICTURES = 64 * 1024 * 1024  # bytes of pictures kept for the page
_ON_PAGE = 200  # requests that the page shows

_log = logging.getLogger("nanobanana_sandbox")


@define(eq=False)
class Entry:
    """One request. `fields` is what the log says of it; its `status` is None until it is answered."""

    fields: dict[str, Any]
    revision: int = 0
    weight: int = 0

    def note(self, **fields: Any) -> None:
        """Adds to what is known of the request."""
        self.fields.update(fields)


@define(eq=False)
class Journal:
    """All requests that are remembered, oldest first. It is used on the event loop alone."""

    file: FileIO | None = None
    revision: int = 0
    cleared: int = 0
    """How many times it was emptied: a page that shows it begins anew when this has changed."""
    _entries: deque[Entry] = field(factory=deque)
    _pictures: OrderedDict[str, tuple[bytes, str]] = field(factory=OrderedDict)
    _weight: int = 0
    _picture_bytes: int = 0

    def begin(self, request_id: str, method: str, path: str) -> Entry:
        """Notes a request that has come in."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        entry = Entry({"request_id": request_id, "time": now, "method": method, "path": path[:2000], "status": None})
        self._entries.append(entry)
        self._changed(entry)
        if len(self._entries) > _REMEMBERED:
            self._forget_oldest()
        return entry

    def finish(self, entry: Entry, **fields: Any) -> None:
        """Notes how a request was answered, and writes its line to the file."""
        entry.note(**fields)
        self._changed(entry)
        line = encoded(entry.fields)
        entry.weight = len(line)
        self._weight += entry.weight
        while self._weight > _LETTERS and len(self._entries) > 1:
            self._forget_oldest()
        if self.file is not None:
            try:
                self.file.write(line + b"\n")
            except (OSError, ValueError) as error:
                self.file = None
                _log.warning("The log of requests is no longer written: %s", error)

    def keep(self, entry: Entry, picture: bytes, mime_type: str) -> None:
        """Keeps the picture of a request, for the page, as long as there is room."""
        self._pictures[entry.fields["request_id"]] = picture, mime_type
        self._picture_bytes += len(picture)
        while self._picture_bytes > _PICTURES:
            _, (oldest, _) = self._pictures.popitem(last=False)
            self._picture_bytes -= len(oldest)

    def picture(self, request_id: str) -> tuple[bytes, str] | None:
        """The picture of a request and its type; None where it is no longer kept."""
        return self._pictures.get(request_id)

    def all(self) -> list[dict[str, Any]]:
        """All requests, oldest first; copies, which other threads may read."""
        return [dict(entry.fields) for entry in self._entries]

    def news(self, revision: int, cleared: int) -> dict[str, Any]:
        """What the page has not seen yet, newest first."""
        seen = revision if cleared == self.cleared else 0
        newest = self._newest(_ON_PAGE)
        return {
            "revision": self.revision,
            "cleared": self.cleared,
            "total": len(self._entries),
            "entries": [
                {**entry.fields, "has_picture": entry.fields["request_id"] in self._pictures}
                for entry in newest
                if entry.revision > seen
            ],
        }

    def clear(self) -> None:
        """Forgets all requests and their pictures; the file keeps its lines."""
        self._entries.clear()
        self._pictures.clear()
        self._weight = self._picture_bytes = 0
        self.cleared += 1
        self.revision += 1

    def _newest(self, most: int) -> Iterator[Entry]:
        for entry, _ in zip(reversed(self._entries), range(most), strict=False):
            yield entry

    def _changed(self, entry: Entry) -> None:
        self.revision += 1
        entry.revision = self.revision

    def _forget_oldest(self) -> None:
        oldest = self._entries.popleft()
        self._weight -= oldest.weight
        gone = self._pictures.pop(oldest.fields["request_id"], None)
        if gone:
            self._picture_bytes -= len(gone[0])


def opened(path: str | Path | None) -> FileIO | None:
    """The file to which the log is written, one line of JSON for each request, after what it holds already.

    Raises: OSError where it cannot be written.
    """
    return None if path is None else Path(path).open("ab", buffering=0)
