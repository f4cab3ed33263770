"""What the papers print, and what runs say about it: intervals and verdicts."""

from fabric.experiments.statements._published import committed_runs, devices, predefined_tables, published
from fabric.experiments.statements._verdicts import (
    CONFIDENCE,
    Interval,
    Verdict,
    above,
    agrees,
    as_good,
    as_printed,
    at_least,
    at_most,
    counted,
    exactly,
    higher,
    interval,
    no_benefit,
    rounded,
    summarise,
)

__all__ = [
    "CONFIDENCE",
    "Interval",
    "Verdict",
    "above",
    "agrees",
    "as_good",
    "as_printed",
    "at_least",
    "at_most",
    "committed_runs",
    "counted",
    "devices",
    "exactly",
    "higher",
    "interval",
    "no_benefit",
    "predefined_tables",
    "published",
    "rounded",
    "summarise",
]
