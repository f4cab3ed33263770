"""Finished runs and what notebooks make: kept by content, swept on cores or a cluster, never repeated."""

from fabric.experiments.runs._columns import close, free, mean_over_seeds
from fabric.experiments.runs._config import (
    Checked,
    Natural,
    NaturalFloat,
    Positive,
    PositiveFloat,
    Rule,
    RunConfig,
    Share,
    one_of,
    run_key,
)
from fabric.experiments.runs._provenance import provenance
from fabric.experiments.runs._results import Results
from fabric.experiments.runs._store import DamagedRecord, Record, RunStore, write_atomically, write_lines
from fabric.experiments.runs._sweep import Measured, record_of, sweep
from fabric.experiments.runs._threads import one_thread

__all__ = [
    "Checked",
    "DamagedRecord",
    "Measured",
    "Natural",
    "NaturalFloat",
    "Positive",
    "PositiveFloat",
    "Record",
    "Results",
    "Rule",
    "RunConfig",
    "RunStore",
    "Share",
    "close",
    "free",
    "mean_over_seeds",
    "one_of",
    "one_thread",
    "provenance",
    "record_of",
    "run_key",
    "sweep",
    "write_atomically",
    "write_lines",
]
