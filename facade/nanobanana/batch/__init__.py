"""Batch: many pictures into one folder, each paid for once, whatever happens on the way.

lines.py      requests from files, data frames and iterables, one at a time
task.py       a line becomes tasks, with keys and names of their own
decision.py   what to do with a task, by what is known of it
ledger.py     what is known: one SQLite file, which one run holds at a time
folder.py     the pictures, on a disk or any filesystem that fsspec knows
takeover.py   what is known of a folder without a ledger
journal.py    results.jsonl
books.py      folder, ledger and results.jsonl together: what is done before and after a call
drawn.py      what came of a call, here or in a worker of an executor
waits.py      what a failed call means for the others
runner.py     the work itself: many calls at once, shared waits, stopping
batch.py      what people iterate, with an event loop of their own or without
gallery.py    a page that shows it all
"""

from .batch import AsyncBatch, Batch, OnResult
from .decision import Options
from .drawn import Recipe
from .ledger import LedgerWarning
from .lines import Line, Lines, read_lines
from .runner import Summary
from .task import BatchResult

__all__ = [
    "AsyncBatch",
    "Batch",
    "BatchResult",
    "LedgerWarning",
    "Line",
    "Lines",
    "OnResult",
    "Options",
    "Recipe",
    "Summary",
    "read_lines",
]
