"""Batch: many pictures into one folder, each paid for once, whatever happens on the way.

task.py     a line becomes requests with keys and names of their own
store.py    the folder: exclusive creation, whole files, on a disk or any filesystem that can do that
ledger.py   what is claimed, done, failed or unknown, so that a re-run finishes the job and pays for nothing twice
runner.py   the work itself: concurrency, shared waits, stopping
worker.py   one request in a process of an executor, such as Dask's
lines.py    JSONL and CSV
"""

from .lines import read_lines
from .runner import AsyncBatch, Batch, Summary
from .task import BatchResult

__all__ = ["AsyncBatch", "Batch", "BatchResult", "Summary", "read_lines"]
