"""What the papers print, and what runs say about it: intervals and verdicts."""

from fabric.experiments.statements._equivalence import by_margin, equivalent, margin
from fabric.experiments.statements._holm import holm, together
from fabric.experiments.statements._intervals import CONFIDENCE, Interval, exactly, interval, p_value, summarise
from fabric.experiments.statements._published import (
    WITHOUT_VERDICT,
    all_published,
    committed_runs,
    devices,
    predefined_tables,
    published,
)
from fabric.experiments.statements._verdicts import (
    OUTCOMES,
    Verdict,
    above,
    agrees,
    as_printed,
    at_least,
    at_most,
    beside,
    by_design,
    cells,
    counted,
    higher,
    rounded,
    single_run,
)

__all__ = [
    "CONFIDENCE",
    "OUTCOMES",
    "WITHOUT_VERDICT",
    "Interval",
    "Verdict",
    "above",
    "agrees",
    "all_published",
    "as_printed",
    "at_least",
    "at_most",
    "beside",
    "by_design",
    "by_margin",
    "cells",
    "committed_runs",
    "counted",
    "devices",
    "equivalent",
    "exactly",
    "higher",
    "holm",
    "interval",
    "margin",
    "p_value",
    "predefined_tables",
    "published",
    "rounded",
    "single_run",
    "summarise",
    "together",
]
