"""Finished runs and what notebooks leave behind: kept by content, swept on cores or a cluster, never repeated."""

from fabric.experiments.runs._columns import close, free, mean_over_seeds
from fabric.experiments.runs._provenance import provenance
from fabric.experiments.runs._results import Results
from fabric.experiments.runs._store import Record, RunStore, run_key, write_atomically, write_lines
from fabric.experiments.runs._sweep import sweep
from fabric.experiments.runs._threads import one_thread

__all__ = [
    "Record",
    "Results",
    "RunStore",
    "close",
    "free",
    "mean_over_seeds",
    "one_thread",
    "provenance",
    "run_key",
    "sweep",
    "write_atomically",
    "write_lines",
]
